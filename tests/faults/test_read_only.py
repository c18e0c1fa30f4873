"""A project in which nothing can be written: what is there is proven all the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.documents import valid
from fixtures.index import Index
from fixtures.site import Result, Site

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
SETPRIV = shutil.which("setpriv")
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="permissions are other ones there"),
    pytest.mark.skipif(ROOT and SETPRIV is None, reason="root writes everywhere, and there is no setpriv"),
]


@pytest.fixture
def read_only(tmp_path: Path, index: Index) -> Iterator[Site]:
    """A project with an environment, of which nobody may write any part."""
    site = Site(tmp_path / "project", index)
    site.wheel("alpha")
    site.manifest("alpha", checks=[{"name": "alpha imports", "run": "import alpha"}])
    site.installed()
    (site.root / ".lockhouse" / "demo" / "host.json").unlink()  # another machine has to look at itself first
    folders = [site.root, *(path for path in site.root.rglob("*") if path.is_dir() and not path.is_symlink())]
    for path in folders:
        path.chmod(0o555)
    for path in site.root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o555)
    yield site
    for path in folders:
        path.chmod(0o755)


def run(site: Site, *argv: str) -> Result:
    """Run the command as somebody whom permissions bind, which root is not."""
    bound = [str(SETPRIV), "--bounding-set=-dac_override,-dac_read_search,-fowner", "--inh-caps=-all"] if ROOT else []
    ended = subprocess.run(
        [*bound, sys.executable, "-m", "lockhouse", "-C", str(site.root), *argv],
        env=site.variables(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Result(ended.returncode, ended.stdout, ended.stderr)


def contents(site: Site) -> set[str]:
    return {str(path) for path in site.root.rglob("*")}


def test_verify_proves_what_is_there_and_says_that_it_keeps_nothing(read_only: Site) -> None:
    before = contents(read_only)

    result = run(read_only, "--json", "verify")

    assert result.status == 0, result.err
    document = valid(json.loads(result.out))
    assert document["ok"]
    assert document["environment-digest"] == read_only.digest()
    assert "alpha imports" in {check["name"] for check in document["checks"] if check["ok"]}
    assert "not kept" in result.err
    assert "Permission denied" in result.err
    assert contents(read_only) == before


def test_verify_finds_drift_there(read_only: Site) -> None:
    changed = read_only.site_packages() / "alpha" / "__init__.py"
    changed.chmod(0o644)
    changed.write_text("changed = True\n")
    result = run(read_only, "verify")
    assert result.status == 1
    assert "alpha/__init__.py" in result.err


def test_what_has_to_write_is_told_at_once_that_it_cannot(read_only: Site) -> None:
    result = run(read_only, "plan")
    assert result.status == 1
    assert result.err.splitlines()[-2:] == [
        f"error: cannot write {read_only.root}/.lockhouse/demo/host.json",
        "because: Permission denied",
    ]
