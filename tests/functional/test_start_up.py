"""What a run with nothing to do imports: nothing that only work needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fixtures.site import Site

HEAVY = frozenset(
    {
        *("doit", "filelock", "installer", "jsonschema", "packaging", "platformdirs", "psutil", "requests", "rich"),
        *("tomli_w", "urllib3", "uv"),
        # of the standard library: what takes milliseconds, and the way to all of them
        *("asyncio", "concurrent.futures", "email", "http", "importlib.metadata", "importlib.resources", "logging"),
        *("multiprocessing", "socket", "ssl", "subprocess", "tempfile", "tomllib", "urllib.request", "zipfile"),
    }
)

RUN = """
import sys
from lockhouse.cli import main
status = main(sys.argv[1:])
print(status, *sorted(sys.modules), file=sys.stderr)
"""


def imported(site: Site, *argv: str) -> set[str]:
    """Run the command in an interpreter that says in the end what it had to import."""
    argv = ("-C", str(site.root), *argv)
    # -S: what the interpreter's own site imports (.pth files of editable installs) is not ours.
    path = {"PYTHONPATH": ":".join(entry for entry in sys.path if entry)}
    ended = subprocess.run(
        [sys.executable, "-S", "-c", RUN, *argv],
        env={**site.variables(), **path},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    status, *modules = ended.stderr.splitlines()[-1].split()
    assert status == "0", ended.stderr
    return set(modules)


@pytest.mark.parametrize("options", [(), ("--json",), ("--offline", "--locked")], ids=["plain", "json", "locked"])
def test_an_install_with_nothing_to_do_imports_nothing_that_only_work_needs(
    site: Site, options: tuple[str, ...]
) -> None:
    site.wheel("alpha", "1.0", "beta>=2")
    site.wheel("beta", "2.1")
    site.manifest(
        {"requirement": "alpha", "critical": True},
        blacklist=["gamma"],
        variants={"cpu": {}},
        checks=[{"name": "alpha imports", "run": "import alpha"}],
    )
    site.installed()
    site.installed()  # what is remembered, is remembered from now on
    assert not imported(site, *options, "install") & HEAVY


def test_a_lock_that_was_changed_is_read_with_suspicion_again(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    lock = site.lock()
    lock.write_text(lock.read_text().replace('version = "99.0"', 'version = "98.0"', 1))
    result = site.run("install")
    assert result.status == 2, result.err
    assert lock.name in result.err


def test_an_install_with_nothing_to_do_remembers_nothing_about_a_manifest_that_changed(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    site.manifest("alpha", checks=[{"name": "broken", "run": "no python"}])
    result = site.run("install")
    assert result.status == 2
    assert "is not Python" in result.err
