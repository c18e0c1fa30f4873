from __future__ import annotations

from pathlib import Path

from packaging.tags import Tag

from benchmarks.wheelhouses import Wheels, copy_fitting, fitting, generate
from fixtures.wheels import WheelSpec
from lockhouse.wheels.wheelfile import read_wheel, read_wheel_metadata

TAGS = [Tag("cp311", "cp311", "linux_x86_64"), Tag("cp311", "abi3", "linux_x86_64"), Tag("py3", "none", "any")]


def chosen(*names: str) -> list[str]:
    return [path.name for path in fitting([Path(name) for name in names], TAGS)]


def test_wheels_for_others_are_left_out() -> None:
    assert chosen("a-1-py3-none-any.whl", "b-1-cp312-cp312-linux_x86_64.whl", "c-1-cp311-cp311-win_amd64.whl") == [
        "a-1-py3-none-any.whl"
    ]


def test_of_one_distribution_the_newest_is_taken_and_of_that_the_best_tag() -> None:
    assert chosen(
        "Some_Thing-2-py3-none-any.whl", "some_thing-10-py3-none-any.whl", "some_thing-10-cp311-cp311-linux_x86_64.whl"
    ) == ["some_thing-10-cp311-cp311-linux_x86_64.whl"]


def test_what_is_no_wheel_is_left_out() -> None:
    assert chosen("notes.whl", "a-1-py3-none-any.whl") == ["a-1-py3-none-any.whl"]


def test_the_wheelhouse_that_is_given_stays_as_it_is(tmp_path: Path) -> None:
    original = WheelSpec("alpha", "1.5").build(tmp_path / "given")
    WheelSpec("beta", tag="cp27-none-win32").build(tmp_path / "given")
    before = original.stat()

    wheels = copy_fitting(tmp_path / "given", tmp_path / "own")

    assert wheels.requirements == ("alpha==1.5",)
    assert (wheels.files, wheels.size) == (4, before.st_size)
    after = original.stat()
    assert (after.st_nlink, after.st_ctime_ns, after.st_mtime_ns) == (1, before.st_ctime_ns, before.st_mtime_ns)


def test_made_up_wheels_are_valid_and_have_the_files_asked_for(tmp_path: Path) -> None:
    wheels = generate(tmp_path / "wheels", 7, 100)

    stand_ins = Wheels.of(tmp_path / "wheels").files - 100
    assert stand_ins == 3 * 4
    assert len(wheels.requirements) == 7 + 3
    for path in (tmp_path / "wheels").glob("*.whl"):
        read_wheel(path)  # raises for anything that is not right


def test_made_up_wheels_are_the_same_every_time(tmp_path: Path) -> None:
    generate(tmp_path / "one", 2, 20)
    generate(tmp_path / "two", 2, 20)

    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two


def test_made_up_wheels_require_earlier_ones(tmp_path: Path) -> None:
    generate(tmp_path / "wheels", 4, 20, requires=2)
    lines = [read_wheel_metadata(path).requires for path in sorted((tmp_path / "wheels").glob("made_up_*"))]
    assert [len(line) for line in lines] == [0, 2, 4, 4]
    assert lines[3][0] == "made-up-0001<2,>=1.0; python_version >= '3.8'"
