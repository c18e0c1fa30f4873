from __future__ import annotations

import pytest

from lockhouse.errors import InterpreterNotFound
from lockhouse.host import Host, Interpreter, Readings
from lockhouse.resolution.target import target_markers, target_tags

LINUX = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "linux_x86_64")


def test_tags_are_those_of_the_target_best_first() -> None:
    tags = target_tags("cp310", LINUX)
    assert tags[0] == "cp310-cp310-manylinux_2_28_x86_64"
    assert tags[-1] == "py30-none-any"
    assert "cp37-abi3-manylinux_2_17_x86_64" in tags
    assert "py3-none-any" in tags
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("tag", ["cp311-cp311-linux_x86_64", "cp310-cp310-win_amd64", "cp311-abi3-linux_x86_64"])
def test_another_python_or_system_is_not_accepted(tag: str) -> None:
    assert tag not in target_tags("cp310", LINUX)


def test_a_free_threaded_interpreter_takes_no_wheel_of_the_stable_abi() -> None:
    tags = target_tags("cp313t", LINUX)
    assert "cp313-cp313t-linux_x86_64" in tags
    assert "cp313-cp313-linux_x86_64" not in tags
    assert not any("-abi3-" in tag for tag in tags)


def test_what_is_no_interpreter_tag_is_an_error() -> None:
    with pytest.raises(ValueError, match="no interpreter tag"):
        target_tags("3.11", LINUX)


def test_markers_are_those_of_the_interpreter_that_the_plan_is_for() -> None:
    host = _host("3.12.1", "3.11.7")
    assert target_markers(host, "3.11")["python_full_version"] == "3.11.7"
    assert target_markers(host, "3.12.1")["python_full_version"] == "3.12.1"


def test_a_python_that_is_gone_is_named_with_those_that_are_here() -> None:
    with pytest.raises(InterpreterNotFound) as caught:
        target_markers(_host("3.12.1"), "3.11")
    assert caught.value.version == "3.11"
    assert "3.12.1" in (caught.value.cause or "")
    assert [hint.code for hint in caught.value.hints] == ["install-python"]


def _host(*versions: str) -> Host:
    return Host(
        platform="linux_x86_64",
        system="linux",
        machine="x86_64",
        libc="glibc 2.36",
        macos=None,
        platform_tags=LINUX,
        interpreters=tuple(
            Interpreter(
                executable=f"/opt/python{version}",
                version=version,
                implementation="cpython",
                markers={"python_full_version": version},
            )
            for version in versions
        ),
        accelerators=(),
        fingerprint="",
        readings=Readings(memory_total=1, memory_available=1, disk_free=1, cpus=1),
        probes=(),
    )
