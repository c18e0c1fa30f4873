from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lockhouse import machine
from lockhouse.machine import platform_facts, platform_name, read_resources


def test_platform_names_are_those_of_locks() -> None:
    assert platform_name("linux-x86_64") == "linux_x86_64"
    assert platform_name("macosx-11.0-arm64") == "macosx_11_0_arm64"
    assert platform_name("win-amd64") == "win_amd64"


def test_the_facts_of_this_platform_fit_together() -> None:
    facts = platform_facts()
    assert facts.platform in facts.platform_tags
    assert facts.machine
    if sys.platform == "linux":
        assert facts.libc is not None
        assert facts.libc.split()[0] in ("glibc", "musl")
        assert facts.macos is None


def test_musl_is_known_by_its_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.confstr", lambda name: None, raising=False)
    assert machine._libc(("musllinux_1_2_x86_64", "musllinux_1_1_x86_64", "linux_x86_64")) == "musl 1.2"
    assert machine._libc(("win_amd64",)) is None


def test_resources_are_measured_where_the_folder_will_be(tmp_path: Path) -> None:
    resources = read_resources(tmp_path / "not" / "yet" / "there")
    assert 0 < resources.memory_available <= resources.memory_total
    assert resources.disk_free > 0
    assert resources.cpus >= 1


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_the_lowest_limit_of_version_2_control_groups_counts(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/jobs/one\n",
            "sys/fs/cgroup/jobs/one/memory.max": "max\n",
            "sys/fs/cgroup/jobs/memory.max": "1000000\n",
            "sys/fs/cgroup/jobs/memory.current": "400000\n",
            "sys/fs/cgroup/jobs/cpu.max": "150000 100000\n",
        },
    )
    groups = machine.ControlGroups(tmp_path)
    assert groups.memory() == (1000000, 400000)
    assert groups.cpus() == 2


def test_version_1_control_groups_are_read_too(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n",
            "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000000\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
        },
    )
    groups = machine.ControlGroups(tmp_path)
    assert groups.memory() == (2000000, None)
    assert groups.cpus() == 1


@pytest.mark.parametrize("text", ["", "garbage\n", "0::\n", "::::\n"])
def test_without_control_groups_there_is_no_limit(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"proc/self/cgroup": text})
    groups = machine.ControlGroups(tmp_path)
    assert groups.memory() == (None, None)
    assert groups.cpus() is None
