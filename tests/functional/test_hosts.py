"""Adding to a host as a person does: planned beside what is there, rehearsed, added as one change, taken back whole."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from fixtures.hosts import HostSite, make_host
from fixtures.site import Site
from fixtures.wheels import WheelSpec

NUMPY = WheelSpec("numpy", "2.1.0", files={"numpy/__init__.py": "version = '2.1.0'\n", "numpy/core.py": ""})


@pytest.fixture
def host(tmp_path: Path) -> HostSite:
    return make_host(tmp_path / "host", NUMPY, WheelSpec("helper", "1.0", ["numpy>=2"]))


def manifest(site: Site, host: HostSite, *requirements: Any, **fields: Any) -> None:
    site.manifest(
        *requirements,
        python={"version": f"{host.inventory().interpreter.release}", "provider": "host"},
        environment={"path": str(host.root)},
        **{"protect": ["numpy"], **fields},
    )


def contents(host: HostSite) -> dict[str, tuple[str, int, int]]:
    return {path: value for path, value in host.tree().items() if not (host.root / path).is_dir()}


def test_what_is_missing_is_added_and_all_else_stays_and_comes_back(site: Site, host: HostSite) -> None:
    site.wheel("wanted", "1.0", "numpy>=1.26", "other", console_scripts={"wanted": "wanted:main"})
    site.wheel("other")
    site.wheel("numpy", "9.0")
    manifest(site, host, "wanted", "helper", checks=[{"name": "beside", "run": "import wanted, numpy, helper, other"}])
    before = host.tree()

    site.installed()

    assert host.run("import wanted, numpy; print(numpy.version)") == "2.1.0\n"
    kept = contents(host)
    assert {path: kept[path] for path in before if path in kept} == {
        path: value for path, value in before.items() if not (host.root / path).is_dir()
    }
    plan = site.run("--json", "plan").document
    assert {item["name"] for item in plan["distributions"]} == {"wanted", "other"}

    again = site.run("install")
    assert again.status == 0, again.err
    assert "lock: up to date" in again.err
    assert f"host {host.root} has generation 1, digest " in again.out

    assert site.run("verify").status == 0

    back = site.run("rollback")
    assert back.status == 0, back.err
    assert f"nothing of this manifest is added to host {host.root}" in back.out
    assert host.tree() == before
    assert site.run("rollback", "0").status == 2
    assert "verify adds nothing" in site.run("verify").err

    forward = site.run("rollback")
    assert forward.status == 0, forward.err
    assert host.run("import wanted, other") == ""


def test_a_plan_that_would_replace_a_protected_distribution_is_refused_with_its_chain(
    site: Site, host: HostSite
) -> None:
    site.wheel("harmful", "1.0", "middle")
    site.wheel("middle", "1.0", "numpy<2")
    site.wheel("numpy", "1.26.4")
    manifest(site, host, "harmful")
    before = host.tree()
    result = site.run("install")
    assert result.status == 3, result.err
    assert "numpy 1.26.4 would replace numpy 2.1.0 of the host, which is protected" in result.err
    assert "middle 1.0, asked for as middle" in result.err
    assert "numpy 1.26.4, asked for as numpy<2" in result.err
    assert host.tree() == before
    assert not list((site.root / "wheelhouse").glob("numpy*"))


def test_what_is_not_protected_is_replaced_only_if_it_is_listed(site: Site, host: HostSite) -> None:
    site.wheel("needs-newer", "1.0", "helper>=2")
    site.wheel("helper", "2.0")
    manifest(site, host, "needs-newer")
    before = host.tree()
    result = site.run("install")
    assert result.status == 3, result.err
    assert "only what the manifest lists itself may" in result.err
    assert host.tree() == before

    manifest(site, host, "needs-newer", "helper>=2")
    site.installed()
    assert host.inventory().effective["helper"].version == "2.0"
    assert site.run("rollback", "0").status == 0
    assert host.tree() == before


def test_a_check_that_fails_only_in_the_host_takes_everything_back(site: Site, host: HostSite) -> None:
    site.wheel("wanted")
    code = f"import sys, wanted; assert sys.prefix != {str(host.root)!r}, 'not here'"
    manifest(site, host, "wanted", checks=[{"name": "elsewhere", "run": code}])
    before = host.tree()
    result = site.run("install")
    assert result.status == 1, result.err
    assert "not here" in result.err
    assert "as it was before" in result.err
    assert host.tree() == before


def test_drift_in_the_host_is_found_and_mended(site: Site, host: HostSite) -> None:
    site.wheel("wanted")
    manifest(site, host, "wanted")
    site.installed()
    (host.packages / "wanted/__init__.py").write_text("changed = True\n")
    found = site.run("verify")
    assert found.status == 1
    assert "wanted/__init__.py" in found.err
    site.installed()
    assert host.run("import wanted; print(wanted.__version__)") == "1.0\n"
    (host.packages / "numpy/core.py").write_text("damaged = True\n")
    found = site.run("verify")
    assert found.status == 1
    assert "protected numpy 2.1.0 is damaged: numpy/core.py" in found.err


def test_a_host_that_was_changed_by_others_is_planned_for_anew(site: Site, host: HostSite) -> None:
    site.wheel("wanted", "1.0", "extra-thing")
    site.wheel("extra-thing")
    manifest(site, host, "wanted")
    site.installed()
    host.put(WheelSpec("helper-two"))
    assert "lock: up to date" in site.installed().err
    site.run("rollback")
    host.put(WheelSpec("extra-thing", "0.9"))
    site.installed()
    plan = site.run("--json", "plan").document
    assert [item["name"] for item in plan["distributions"]] == ["wanted"]


def test_an_upgrade_replaces_what_was_added(site: Site, host: HostSite) -> None:
    site.wheel("wanted")
    manifest(site, host, "wanted")
    before = host.tree()
    site.installed()
    site.wheel("wanted", "2.0")
    assert site.run("upgrade").status == 0
    assert host.run("import wanted; print(wanted.__version__)") == "2.0\n"
    assert site.run("rollback").status == 0
    assert host.run("import wanted; print(wanted.__version__)") == "1.0\n"
    assert site.run("rollback", "0").status == 0
    assert host.tree() == before


def test_a_file_that_the_host_has_is_a_collision_that_names_its_owner(site: Site, host: HostSite) -> None:
    site.wheel("intruder", files={"numpy/core.py": "mine = True\n", "intruder.py": ""})
    manifest(site, host, "intruder")
    before = host.tree()
    result = site.run("install")
    assert result.status == 3, result.err
    assert "brings 1 file that numpy 2.1.0 has in the host" in result.err
    assert host.tree() == before


def test_a_host_that_was_made_anew_gets_what_the_project_knows(site: Site, host: HostSite, tmp_path: Path) -> None:
    site.wheel("wanted")
    manifest(site, host, "wanted")
    site.installed()
    shutil.rmtree(host.root)
    make_host(host.root, NUMPY)
    found = site.run("verify")
    assert found.status == 1
    assert "is not in the host" in found.err
    assert "create: up to date" in site.installed().err
    assert host.run("import wanted") == ""


def test_one_lock_gives_the_same_everywhere_or_says_why_not(site: Site, host: HostSite, tmp_path: Path) -> None:
    site.wheel("wanted", "1.0", "numpy")
    manifest(site, host, "wanted")
    site.installed()
    digest = site.run("--json", "verify").document["environment-digest"]
    site.run("rollback", "0")
    shutil.rmtree(site.root / ".lockhouse")
    shutil.rmtree(host.root)
    make_host(host.root, NUMPY)
    again = site.run("--json", "--locked", "install")
    assert again.status == 0, again.err
    assert again.document["environment-digest"] == digest
    site.run("rollback", "0")
    shutil.rmtree(host.root)
    make_host(host.root, WheelSpec("numpy", "2.2.0"))
    refused = site.run("--locked", "install")
    assert refused.status == 1
    assert "numpy is 2.2.0 on the host, and was 2.1.0" in refused.err


def test_an_interrupted_run_is_undone_by_the_next_one(site: Site, host: HostSite) -> None:
    site.wheel("wanted", padding=3 << 20)
    sleeping = f"import sys, time; time.sleep(60 if sys.prefix == {str(host.root)!r} else 0)"
    manifest(site, host, "wanted", checks=[{"name": "slow", "run": sleeping}])
    before = host.tree()
    process = site.start("install")
    for _ in range(600):
        if (host.packages / "wanted").exists():
            break
        time.sleep(0.1)
    process.kill()
    process.communicate()
    assert (host.packages / "wanted").exists()
    seen = site.run("detect")
    assert seen.status == 0, seen.err
    assert "it is whole again" in seen.err
    assert host.tree() == before
