"""diagnose: what requirements would do to a host, as a person asks it."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from fixtures.documents import valid
from fixtures.hosts import HostSite, make_host
from fixtures.site import Site
from fixtures.wheels import WheelSpec

NUMPY = WheelSpec(
    "numpy", "2.1.0", files={"numpy/__init__.py": "version = '2.1.0'\n", "numpy/core.py": "_center = 1\n"}
)


@pytest.fixture
def host(tmp_path: Path) -> HostSite:
    return make_host(tmp_path / "host", NUMPY, WheelSpec("helper", "1.0", ["numpy>=2"]))


@pytest.fixture
def offered(site: Site) -> Site:
    site.wheel("harmless", "1.0", "numpy>=1.20")
    site.wheel("harmful", "1.0", "middle")
    site.wheel("middle", "1.0", "numpy<2")
    site.wheel("numpy", "1.26.4", files={"numpy/__init__.py": "version = '1.26.4'\n"})
    site.wheel("newer", "1.0", "helper>=2")
    site.wheel("helper", "2.0")
    site.wheel("intruder", files={"numpy/core.py": "mine = 1\n", "intruder.py": ""})
    return site


def manifest(site: Site, host: HostSite, **fields: Any) -> None:
    site.manifest(
        "helper",
        python={"version": host.inventory().interpreter.release, "provider": "host"},
        environment={"path": str(host.root)},
        **{"protect": ["numpy"], **fields},
    )


def test_each_requirement_gets_its_verdict_with_the_evidence(offered: Site, host: HostSite, tmp_path: Path) -> None:
    manifest(offered, host)
    before = host.tree()
    picture = tmp_path / "verdicts.svg"
    offered.wheel("overwriting", files={"helper/__init__.py": "other = 1\n"})
    asked = ("harmless", "harmful", "newer", "intruder", "helper", "helper>=2", "overwriting", "nobody-knows-it")
    result = offered.run("--json", "diagnose", *asked, "--graph", str(picture))
    assert result.status == 3, result.err
    document = valid(result.document)
    verdicts = {item["requirement"]: item for item in document["verdicts"]}
    assert {name: item["verdict"] for name, item in verdicts.items()} == {
        "harmless": "SAFE",
        "harmful": "UNSAFE",
        "newer": "RISKY",
        "intruder": "UNSAFE",
        "helper": "SAFE",
        "helper>=2": "RISKY",
        "overwriting": "RISKY",
        "nobody-knows-it": "RISKY",
    }
    assert "no compiled extension" in verdicts["harmless"]["reason"]
    harmful = verdicts["harmful"]
    assert "numpy 1.26.4 would replace numpy 2.1.0 of the host" in harmful["reason"]
    assert harmful["evidence"][0]["chain"] == ["harmful", "middle", "numpy"]
    assert harmful["evidence"][0]["requirements"] == ["harmful", "middle", "numpy<2"]
    assert harmful["files"] > 0
    assert {"name": "numpy", "version": "1.26.4", "replaces": "2.1.0"} in harmful["distributions"]
    assert "numpy 2.1.0 has in the host" in verdicts["intruder"]["reason"]
    assert verdicts["intruder"]["files"] == 1
    assert verdicts["helper>=2"]["reason"] == "helper 2.0 would replace helper 1.0 of the host"
    assert [name for name, item in verdicts.items() if not item["judged"]] == ["nobody-knows-it"]
    assert "stages[" not in result.out
    assert document["protected"] == [{"name": "numpy", "version": "2.1.0", "files": harmful["files"]}]
    assert document["error"]["code"] == "unsafe-for-host"
    assert host.tree() == before
    assert not (offered.root / "wheelhouse").exists()
    ET.fromstring(picture.read_text())
    assert "✗ UNSAFE" in picture.read_text()


def test_trials_prove_it(offered: Site, host: HostSite) -> None:
    manifest(offered, host, checks=[{"name": "center", "run": "from numpy.core import _center"}])
    before = host.tree()
    result = offered.run("diagnose", "harmless", "harmful", "--bisect")
    assert result.status == 3, result.err
    assert "harmful breaks center" in result.out
    assert "harmless: nothing breaks" in result.out
    assert "harmful would hurt the host" in result.err
    assert host.tree() == before
    document = valid(offered.run("--json", "diagnose", "harmful", "harmless", "--bisect").document)
    assert {item["check"] for item in document["bisection"]["culprits"]} == {"center", "numpy is 2.1.0"}
    cleaned = valid(offered.run("--json", "clean").document)
    assert all(item["size"] > 0 for item in cleaned["freed"])
    (wheelhouse,) = {Path(item["path"]) for item in cleaned["freed"] if item["path"].endswith("wheelhouse")}
    assert not wheelhouse.exists()
    assert [item["kind"] for item in cleaned["freed"]].count("facts") == 1
    assert valid(offered.run("--json", "clean").document)["freed"] == []


def test_a_folder_without_a_manifest_asks_about_the_environment_in_it(offered: Site) -> None:
    make_host(offered.root / ".venv", NUMPY)
    result = offered.run("diagnose", "harmless", "harmful")
    assert result.status == 3, result.err
    assert "protected: numpy 2.1.0" in result.out
    assert "UNSAFE  harmful" in result.out
    assert not (offered.root / ".lockhouse").exists()
    shutil.rmtree(offered.root / ".venv")
    make_host(offered.root / ".venv")
    alone = offered.run("diagnose", "harmless")
    assert alone.status == 0, alone.err
    assert "nothing of this host is protected: it has no numpy and no torch" in alone.err


def test_what_cannot_be_judged_is_no_success(offered: Site, host: HostSite) -> None:
    manifest(offered, host)
    elsewhere = "harmless; python_version < '3'"
    result = offered.run("diagnose", elsewhere, "nobody-knows-it", "harmless>=2")
    assert result.status == 1, result.err
    assert f"SAFE    {elsewhere}" in result.out
    assert "brings nothing: its condition does not hold" in result.out
    assert "cannot be judged: no set of wheels satisfies it" in result.out
    assert "you ask for harmless>=2" in result.out
    assert "nothing can be said of nobody-knows-it, harmless>=2" in result.err


def test_what_a_trial_breaks_is_unsafe_whatever_its_wheels_say(offered: Site, host: HostSite) -> None:
    offered.wheel("dead", files={"dead/__init__.py": "raise ImportError('no such symbol')\n"})
    for name in ("one", "two"):
        offered.wheel(name)
    code = "import importlib.util as u; assert not (u.find_spec('one') and u.find_spec('two')), 'both'"
    manifest(offered, host, protect=["numpy", "torch"], checks=[{"name": "not both", "run": code}])
    assert offered.run("diagnose", "dead").status == 0
    result = offered.run("--json", "diagnose", "dead", "one", "two", "--bisect")
    assert result.status == 3, result.err
    assert "torch is to be protected, and is not on the host" in result.err
    document = valid(result.document)
    verdicts = {item["requirement"]: (item["verdict"], item["reason"]) for item in document["verdicts"]}
    assert verdicts == {
        "dead": ("UNSAFE", "tried, it breaks import dead: ImportError: no such symbol"),
        "one": ("RISKY", "tried together with two, it breaks not both: AssertionError: both"),
        "two": ("RISKY", "tried together with one, it breaks not both: AssertionError: both"),
    }
    assert document["error"]["summary"] == "dead, one with two would hurt the host"


def test_a_check_that_hangs_is_stopped_and_counts_as_broken(offered: Site, host: HostSite) -> None:
    offered.wheel("slow", files={"slow.py": ""})
    code = "import importlib.util as u, time; time.sleep(600 if u.find_spec('slow') else 0)"
    manifest(offered, host, checks=[{"name": "quick", "run": code, "timeout": 2}])
    result = offered.run("diagnose", "slow", "harmless", "--bisect")
    assert result.status == 3, result.err
    assert "slow breaks quick: stopped at its time limit of 2 s" in result.out
    assert "harmless: nothing breaks" in result.out


def test_wrong_questions_are_refused(offered: Site, host: HostSite, tmp_path: Path) -> None:
    manifest(offered, host)
    assert offered.run("diagnose").status == 2
    assert offered.run("diagnose", "numpy===").status == 2
    assert offered.run("diagnose", "harmless", "--graph", str(tmp_path / "verdicts.png")).status == 2


def test_doit_asks_the_same(offered: Site, host: HostSite) -> None:
    manifest(offered, host)
    result = offered.doit("diagnose", "requirements=harmless helper")
    assert result.status == 0, result.out + result.err
    assert "SAFE    harmless" in result.out
