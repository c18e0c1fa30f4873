"""What is sealed: one store under several environments, and bytecode that is part of the seal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.index import Index
from fixtures.site import RELEASE, Site

TAG = sys.implementation.cache_tag
MODULE = f"lib/python{RELEASE}/site-packages/alpha/__init__.py"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the layout of POSIX")


@pytest.fixture
def other(site: Site, tmp_path: Path, index: Index) -> Site:
    """A second project with the same environment, from the same store."""
    other = Site(tmp_path / "other", index)
    site.wheel("alpha", files={"alpha/__init__.py": "answer = 41\n", "alpha/inner.py": "from alpha import answer\n"})
    for project in (site, other):
        project.manifest("alpha", environment={"path": ".venv", "link-mode": "hardlink"})
        project.installed()
    return other


def edit_in_place(path: Path) -> None:
    """Write through the name, as an editor does that keeps the file; its size stays."""
    path.chmod(0o644)
    path.write_text(path.read_text().replace("41", "42"))


def test_environments_share_the_files_of_the_store(site: Site, other: Site) -> None:
    one, two = ((project.venv / MODULE).stat() for project in (site, other))
    assert one.st_ino == two.st_ino
    assert one.st_nlink == 3
    assert not one.st_mode & 0o222


def test_an_edit_of_a_shared_file_is_found_wherever_it_is_and_goes_with_a_rebuild(site: Site, other: Site) -> None:
    edit_in_place(site.venv / MODULE)

    for project in (site, other):
        for deep in ((), ("--deep",)):
            result = project.run("--json", "verify", *deep)
            assert result.status == 1
            assert result.document["drift"]["modified"] == [MODULE]

    site.installed()
    assert (site.venv / MODULE).read_text() == "answer = 41\n"
    assert site.run("verify", "--deep").status == 0
    assert other.run("verify").status == 1  # it still has the edited file, and nobody but its own install changes it
    other.installed()
    assert other.run("verify", "--deep").status == 0
    assert site.digest() == other.digest()


def test_a_replaced_file_concerns_no_other_environment(site: Site, other: Site) -> None:
    path = site.venv / MODULE
    path.unlink()
    path.write_text("answer = 42\n")
    assert site.run("verify").status == 1
    assert other.run("verify", "--deep").status == 0


def test_an_edit_that_hides_its_time_is_found_by_the_deep_proof(site: Site, other: Site) -> None:
    path = site.venv / MODULE
    before = path.stat()
    edit_in_place(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    path.chmod(before.st_mode & 0o777)
    assert site.run("verify").status == 0  # the price of sharing: docs/security.md
    result = other.run("--json", "verify", "--deep")
    assert result.status == 1
    assert result.document["drift"]["modified"] == [MODULE]


def test_a_copy_that_hides_its_time_is_found_by_the_quick_proof(site: Site) -> None:
    site.wheel("alpha", files={"alpha/__init__.py": "answer = 41\n"})
    site.manifest("alpha", environment={"path": ".venv", "link-mode": "copy"})
    site.installed()
    path = site.venv / MODULE
    before = path.stat()
    edit_in_place(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert site.run("verify").status == 1


@pytest.fixture
def sealed(site: Site) -> Site:
    """A project whose bytecode is sealed, with a check that imports."""
    site.wheel("alpha", files={"alpha/__init__.py": "answer = 41\n", "alpha/inner.py": "from alpha import answer\n"})
    site.manifest(
        "alpha",
        environment={"path": ".venv", "bytecode": "seal"},
        checks=[{"name": "alpha imports", "run": "import alpha.inner; print(alpha.__cached__)"}],
    )
    site.installed()
    return site


def test_sealed_bytecode_serves_the_first_import_and_stays_what_it_was(sealed: Site) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    argv = [str(sealed.python), "-v", "-c", "import alpha.inner"]
    ran = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True)
    loaded = [line for line in ran.stderr.splitlines() if line.startswith("# code object from")]
    assert any(f"alpha/__pycache__/inner.{TAG}.pyc" in line for line in loaded)
    assert sealed.run("verify", "--deep").status == 0
    document = sealed.run("--json", "install").document
    assert all(phase["up-to-date"] for phase in document["phases"]), document["phases"]


def test_checks_use_sealed_bytecode(sealed: Site) -> None:
    (check,) = (
        check for check in sealed.run("--json", "verify").document["checks"] if check["name"] == "alpha imports"
    )
    assert "alpha/__pycache__/__init__" in check["output"]


def test_changed_bytecode_is_drift_and_made_anew(sealed: Site) -> None:
    (path,) = sealed.venv.glob(f"lib/*/site-packages/alpha/__pycache__/inner.{TAG}.pyc")
    path.chmod(0o644)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"?")
    result = sealed.run("--json", "verify")
    assert result.document["drift"]["modified"] == [path.relative_to(sealed.venv).as_posix()]
    sealed.installed()
    assert path.read_bytes() == data
    assert sealed.run("verify", "--deep").status == 0


def test_the_digest_is_the_same_with_and_without_bytecode(sealed: Site) -> None:
    digest = sealed.digest()
    sealed.manifest("alpha", checks=[{"name": "alpha imports", "run": "import alpha.inner"}])
    sealed.installed()
    assert not list(sealed.site_packages().rglob("*.pyc"))
    assert sealed.digest() == digest
