"""What is asked of a Mac, and which macOS torch needs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest

from fixtures.accelerators import BUILT_IN, recorded
from lockhouse.accelerators import Question
from lockhouse_metal.accelerator import oldest_macos
from lockhouse_metal.questions import questions
from lockhouse_pytorch.versions import parse


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Question]:
    monkeypatch.setattr("lockhouse_metal.questions.sys.platform", "darwin")
    return questions()


def test_a_mac_is_asked_by_programs_that_every_mac_has(asked: list[Question]) -> None:
    assert {item.name: item.ask[0] for item in asked if item.kind == "command"} == {
        "macos": "/usr/bin/sw_vers",
        "displays": "/usr/sbin/system_profiler",
    }


def test_the_kernel_is_asked_with_the_standard_library_alone(asked: list[Question]) -> None:
    (program,) = (item.ask[0] for item in asked if item.kind == "python")
    imported = {
        alias.name for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Import) for alias in node.names
    }
    assert imported == {"ctypes", "json"}


@pytest.mark.skipif(sys.platform == "win32", reason="no libc of that kind")
def test_what_a_kernel_does_not_know_is_null(asked: list[Question]) -> None:
    (program,) = (item.ask[0] for item in asked if item.kind == "python")
    # Linux has no such function: this one stands in for a kernel that knows none of the names.
    code = program.replace("libc.sysctlbyname(", "(lambda *_: -1)(")
    ended = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    told = json.loads(ended.stdout)
    assert set(told) == {"hw.optional.arm64", "sysctl.proc_translated", "hw.memsize", "machdep.cpu.brand_string"}
    assert set(told.values()) == {None}


def test_elsewhere_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lockhouse_metal.questions.sys.platform", "linux")
    assert questions() == []


def test_later_releases_never_need_an_older_macos() -> None:
    needed = [parse(macos) for macos in oldest_macos().values()]
    assert all(needed)
    assert needed == sorted(needed)


def test_a_linux_machine_is_no_mac_whatever_was_read() -> None:
    mps = BUILT_IN["mps"]
    reading = recorded("mps", "m2-max").replay(mps)
    host = recorded("cuda", "no-driver").host_with(reading)
    assert mps.support("mps", reading, host).reason == "Metal is there on Macs only"
