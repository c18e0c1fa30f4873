"""Trials of candidates in throw-away copies of a host: who breaks what is found, and the host is never touched."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures.hosts import HostSite, make_host
from fixtures.site import Site
from fixtures.wheels import WheelSpec
from lockhouse.diagnosis.bench import Bench, open_bench, parse_candidates
from lockhouse.diagnosis.bisecting import bisect
from lockhouse.errors import UsageError
from lockhouse.hosts.keeping import kept_inventory
from lockhouse.opening import open_context
from lockhouse.project import cache_directory
from lockhouse.run import run_verb
from lockhouse.steps import Options

NUMPY = WheelSpec(
    "numpy", "2.1.0", files={"numpy/__init__.py": "version = '2.1.0'\n", "numpy/core.py": "_center = 1\n"}
)


@pytest.fixture
def host(tmp_path: Path) -> HostSite:
    return make_host(tmp_path / "host", NUMPY, WheelSpec("helper", "1.0", ["numpy>=2"]))


@contextmanager
def bench(site: Site, host: HostSite, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> Iterator[Bench]:
    for name, value in site.variables().items():
        monkeypatch.setenv(name, value)
    site.manifest(
        "helper",
        python={"version": host.inventory().interpreter.release, "provider": "host"},
        environment={"path": str(host.root)},
        **{"protect": ["numpy"], **fields},
    )
    context = open_context(site.root, None, Options(), lambda _: None)
    run_verb("detect", context)
    inventory = kept_inventory(context.project)
    assert inventory is not None
    with open_bench(context, inventory) as opened:
        yield opened


def test_the_candidate_that_breaks_a_check_is_named_and_the_host_is_untouched(
    site: Site, host: HostSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.wheel("harmless", "1.0", "numpy>=1.20", "helper")
    site.wheel("harmful", "1.0", "numpy<2")
    site.wheel("numpy", "1.26.4", files={"numpy/__init__.py": "version = '1.26.4'\n"})
    site.wheel("dead", files={"dead/__init__.py": "raise ImportError('no such symbol')\n"})
    checks = [
        {"name": "center", "run": "from numpy.core import _center"},
        {"name": "broken before", "run": "import nothing_of_the_kind"},
    ]
    before = host.tree()
    with bench(site, host, monkeypatch, checks=checks) as opened:
        found = bisect(opened, ("harmless", "harmful", "dead", "unknown-to-all"))
    assert host.tree() == before
    assert found.protected == ("numpy",)
    assert [check.name for check in found.baseline.failed] == ["broken before"]
    guilty = {(culprit.check, culprit.candidates) for culprit in found.culprits}
    assert guilty == {
        ("numpy is 2.1.0", ("harmful",)),
        ("center", ("harmful",)),
        ("import dead", ("dead",)),
        ("", ("unknown-to-all",)),
    }
    assert found.harmless == ("harmless",)
    trial = next(trial for trial in found.trials if trial.candidates == ("harmful",))
    assert [(item.name, item.version, item.replaces) for item in trial.distributions] == [
        ("numpy", "1.26.4", "2.1.0"),
        ("harmful", "1.0", None),
    ]
    (told,) = [culprit.output for culprit in found.culprits if culprit.check == "numpy is 2.1.0"]
    assert "numpy is 1.26.4" in told
    assert "trial-" not in str(found)
    assert not list(opened.context.project.temporary.glob("trial-*"))


def test_what_breaks_only_together_is_narrowed_down(
    site: Site, host: HostSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three", "four", "five"):
        site.wheel(name)
    site.wheel("old", "1.0", "shared<2")
    site.wheel("new", "1.0", "shared>=2")
    site.wheel("shared", "1.0")
    site.wheel("shared", "2.0")
    code = "import importlib.util as u; assert not (u.find_spec('two') and u.find_spec('four')), 'both'"
    with bench(site, host, monkeypatch, checks=[{"name": "not both", "run": code}]) as opened:
        found = bisect(opened, ("one", "two", "three", "four", "five"))
        assert [(item.check, item.candidates) for item in found.culprits] == [("not both", ("two", "four"))]
        assert "both" in found.culprits[0].output
        assert [trial.candidates for trial in found.trials[:5]] == [
            ("one",),
            ("two",),
            ("three",),
            ("four",),
            ("five",),
        ]
        together = bisect(opened, ("old", "two", "one", "new", "four", "five"))
    assert [(item.check, item.candidates) for item in together.culprits] == [
        ("", ("old", "new")),
        ("not both", ("two", "four")),
    ]
    assert together.harmless == ("one", "five")
    assert together.trials[-1].candidates == ("one", "five")


def test_a_combination_is_found_where_several_fail_for_the_same_check(
    site: Site, host: HostSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        site.wheel(name)
    code = "import importlib.util as u; assert sum(map(bool, map(u.find_spec, ['one', 'two', 'three']))) < 2"
    with bench(site, host, monkeypatch, checks=[{"name": "at most one", "run": code}]) as opened:
        found = bisect(opened, ("one", "two", "three"))
    assert [item.candidates for item in found.culprits] == [("two", "three")]
    assert found.harmless == ("one",)


def test_whoever_interrupts_trials_gets_rid_of_their_copies(site: Site, host: HostSite, tmp_path: Path) -> None:
    started = tmp_path / "started"
    site.wheel("endless", files={"endless.py": f"open({str(started)!r}, 'w').close()\nimport time\ntime.sleep(600)\n"})
    before = host.tree()
    site.manifest(
        "helper",
        python={"version": host.inventory().interpreter.release, "provider": "host"},
        environment={"path": str(host.root)},
        protect=["numpy"],
    )
    process = site.start("diagnose", "endless", "--bisect")
    for _ in range(600):
        if started.exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert list((cache_directory() / "diagnosis").rglob("trial-*")) == []
    assert host.tree() == before


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "none was given"),
        (["numpy==="], "is no requirement"),
        (["a @ https://example.org/a.whl"], "points at an address"),
        (["a", "a"], "is there twice"),
        (["a-b>=1,<2", "A.B <2, >=1"], "'A.B <2, >=1' is there twice"),
    ],
)
def test_what_is_no_requirement_is_refused(lines: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_candidates(lines)
    assert told in str(caught.value.cause)
