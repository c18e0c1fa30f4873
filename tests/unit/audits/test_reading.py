"""Reading the wheels of a plan: by processes, by threads, or remembered, the facts are the same."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse import cores, sharing
from lockhouse.audits import reading
from lockhouse.audits.reading import read_wheels
from lockhouse.errors import StorageError
from lockhouse.wheels.facts import WheelFacts, known_facts, recall_facts

NAMES = [f"w{number}" for number in range(12)]


@pytest.fixture(params=["processes", "threads", "one run"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(cores, "_cores", lambda: 2)
    monkeypatch.setattr(reading, "WORTH_A_PROCESS", 1 << 60 if request.param == "one run" else 1)
    if request.param == "processes":
        if sys.platform != "linux":
            pytest.skip("only Linux is forked on")
        beside = threading.active_count()
        monkeypatch.setattr(threading, "active_count", lambda active=threading.active_count: active() - beside + 1)
    else:
        monkeypatch.setattr(sharing, "can_fork", lambda: False)
    return str(request.param)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    files = {"__init__.py": b"x = 1\n", "m.so": b"\x7fELF" + bytes(100)}
    wheels = [
        WheelSpec(name, requires=["b; extra == 'x'"], files={f"{name}/{path}": data for path, data in files.items()})
        for name in NAMES
    ]
    return Case(tmp_path, wheels, {"base": NAMES})


def read(case: Case) -> dict[str, WheelFacts]:
    return dict(read_wheels(case.plan.distributions, case.wheelhouse, case.events.append))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_what_is_read_is_what_is_remembered(case: Case, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forks: list[int] = []
    real = os.fork

    def fork() -> int:
        forks.append(pid := real())
        return pid

    monkeypatch.setattr(os, "fork", fork)
    found = read(case)
    assert sorted(found) == sorted(NAMES)
    assert bool(forks) == (how == "processes")
    for item in case.plan.distributions:
        assert found[item.name] == recall_facts(item.sha256)
    assert found["w0"].modules == ("w0",)
    forks.clear()
    assert read(case) == found
    assert not forks


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_wheels_that_are_missing_changed_or_unsafe_are_left_out(case: Case, how: str) -> None:
    case.built["w1"].unlink()
    case.built["w2"].write_bytes(b"another")
    case.built["w3"].write_bytes(b"no archive")
    case.change("w3", sha256=case.wheelhouse.sha256(case.built["w3"]))
    assert sorted(read(case)) == sorted(set(NAMES) - {"w1", "w2", "w3"})


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_wheel_that_the_system_does_not_give_is_an_error(
    case: Case, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, sha256: str) -> WheelFacts:
        if path.name.startswith("w5-"):
            raise StorageError(f"cannot read {path}", cause="Input/output error")
        return known_facts(path, sha256)

    monkeypatch.setattr(reading, "known_facts", refused)
    with pytest.raises(StorageError, match="w5-"):
        read(case)
