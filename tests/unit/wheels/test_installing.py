"""Wheels unpacked by the rules of the standard, against RECORD, and never over another distribution's file."""

from __future__ import annotations

import csv
import hashlib
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fixtures.stores import admitted
from fixtures.wheels import WheelSpec
from lockhouse.environments import Scheme
from lockhouse.errors import BuildError, IntegrityError, UnsafeWheel
from lockhouse.store import LinkMode, Store
from lockhouse.wheels.installing import DamagedEntries, Installation, Wanted

RELEASE = f"python{sys.version_info.major}.{sys.version_info.minor}"


class Room:
    """A folder laid out like an environment, with this interpreter in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.wheels = root.parent / "wheels"
        site = root / "lib" / RELEASE / "site-packages"
        self.site = site
        self.scheme = Scheme(
            python=root / "bin" / "python",
            purelib=site,
            platlib=site,
            scripts=root / "bin",
            data=root,
            headers=root / "include" / "site" / RELEASE,
        )
        (root / "bin").mkdir(parents=True)
        (root / "bin" / "python").symlink_to(sys.executable)
        self.store = Store(root.parent / "store")
        self.installation = Installation(root, self.scheme, "hardlink")

    def install(self, *specs: WheelSpec, requested: bool = False) -> None:
        wheels = [spec.build(self.wheels) for spec in specs]
        self.installation.install([Wanted(entry=admitted(self.store, wheel), requested=requested) for wheel in wheels])

    def record(self, stem: str) -> dict[str, tuple[str, str]]:
        with (self.site / f"{stem}.dist-info" / "RECORD").open(newline="") as file:
            return {path: (hashed, size) for path, hashed, size in csv.reader(file)}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "environment")


def test_a_wheel_arrives_whole_with_notes_of_who_installed_it(room: Room) -> None:
    room.install(WheelSpec("alpha", files={"alpha/__init__.py": "x = 1\n", "alpha/data.bin": b"\0\xff"}))

    info = room.site / "alpha-1.0.dist-info"
    assert (room.site / "alpha" / "data.bin").read_bytes() == b"\0\xff"
    assert (info / "INSTALLER").read_text() == "lockhouse\n"
    assert not (info / "REQUESTED").exists()
    record = room.record("alpha-1.0")
    assert record["alpha-1.0.dist-info/RECORD"] == ("", "")
    assert record["alpha/data.bin"][1] == "2"
    assert {path.relative_to(room.site).as_posix() for path in room.site.rglob("*") if path.is_file()} == set(record)


def test_what_was_asked_for_is_marked_as_requested(room: Room) -> None:
    room.install(WheelSpec("alpha"), requested=True)

    assert (room.site / "alpha-1.0.dist-info" / "REQUESTED").read_bytes() == b""


def test_record_names_every_file_with_its_true_hash(room: Room) -> None:
    from base64 import urlsafe_b64encode

    room.install(
        WheelSpec(
            "alpha",
            console_scripts={"alpha": "alpha:main"},
            data={"scripts/tool": "#!python\nprint(1)\n", "headers/alpha.h": "int x;\n", "data/share/a.txt": "a"},
        )
    )

    for path, (hashed, size) in room.record("alpha-1.0").items():
        data = (room.site / path).read_bytes()
        if path.endswith("/RECORD"):
            continue
        assert size == str(len(data)), path
        assert hashed == "sha256=" + urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("="), path


def test_parts_of_a_wheel_go_where_they_belong(room: Room) -> None:
    room.install(
        WheelSpec(
            "alpha",
            data={
                "purelib/pure.py": "",
                "platlib/plat.py": "",
                "headers/alpha.h": "",
                "data/etc/alpha.toml": "",
                "scripts/tool": "#!/bin/sh\n",
            },
        )
    )

    assert (room.site / "pure.py").is_file()
    assert (room.site / "plat.py").is_file()
    assert (room.root / "include" / "site" / RELEASE / "alpha" / "alpha.h").is_file()
    assert (room.root / "etc" / "alpha.toml").is_file()
    assert (room.root / "bin" / "tool").read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize("place", ["short", "a longer path with spaces " + "x" * 120])
def test_scripts_run_by_the_environments_interpreter_wherever_it_is(tmp_path: Path, place: str) -> None:
    room = Room(tmp_path / place / "environment")
    print_it = "import os, sys\nprint(os.path.abspath(sys.executable), *sys.argv[1:])\n"
    room.install(
        WheelSpec(
            "alpha",
            files={"alpha.py": "def main():\n    print('entered')\n"},
            console_scripts={"enter": "alpha:main"},
            data={"scripts/tool": f"#!python\n{print_it}", "scripts/windowed": f"#!pythonw\n{print_it}"},
        )
    )

    for name in ("tool", "windowed"):
        answer = subprocess.run([room.root / "bin" / name, "a b"], capture_output=True, text=True, check=True)
        assert answer.stdout == f"{room.scheme.python} a b\n"
    environ = {**os.environ, "PYTHONPATH": str(room.site)}
    answer = subprocess.run([room.root / "bin" / "enter"], env=environ, capture_output=True, text=True, check=True)
    assert answer.stdout == "entered\n"


def with_mode(wheel: Path, member: str, mode: int) -> Path:
    """Give a member of a wheel another file mode."""
    with zipfile.ZipFile(wheel) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(wheel, "w") as archive:
        for info, data in members:
            if info.filename == member:
                info.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(info, data)
    return wheel


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_modes_follow_the_wheel_and_not_the_umask(room: Room) -> None:
    spec = WheelSpec(
        "alpha",
        files={"alpha/__init__.py": "", "alpha/__main__.py": "#!/usr/bin/env python\n"},
        console_scripts={"enter": "alpha:main"},
        data={"scripts/tool": "#!python\n"},
    )
    wheel = with_mode(spec.build(room.wheels), "alpha/__main__.py", 0o700)
    before = os.umask(0o077)
    try:
        room.installation.install([Wanted(entry=admitted(room.store, wheel))])
    finally:
        os.umask(before)

    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(room.root / "bin" / "tool") == 0o755
    assert mode(room.root / "bin" / "enter") == 0o755
    assert mode(room.site / "alpha" / "__init__.py") == 0o444
    assert mode(room.site / "alpha" / "__main__.py") == 0o555


def tamper(wheel: Path, member: str, content: bytes) -> None:
    """Replace a member and nothing else: RECORD still speaks of the old one."""
    with zipfile.ZipFile(wheel) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, content if name == member else data)


@pytest.mark.parametrize("member", ["alpha/__init__.py", "alpha-1.0.data/scripts/tool"])
def test_a_file_that_record_contradicts_is_refused_by_name(room: Room, member: str) -> None:
    wheel = WheelSpec("alpha", files={"alpha/__init__.py": "x = 1"}, data={"scripts/tool": "#!python"}).build(
        room.wheels
    )
    with zipfile.ZipFile(wheel) as archive:
        size = archive.getinfo(member).file_size
    tamper(wheel, member, b"#!pithon"[:size].ljust(size, b"#"))

    with pytest.raises(IntegrityError) as caught:
        admitted(room.store, wheel)

    assert member in caught.value.summary
    assert wheel.name in caught.value.summary


def test_bytes_that_rotted_in_the_archive_are_refused(room: Room) -> None:
    wheel = WheelSpec("alpha", padding=5000).build(room.wheels)
    data = bytearray(wheel.read_bytes())
    with zipfile.ZipFile(wheel) as archive:
        start = archive.getinfo("alpha/ballast.bin").header_offset
    data[start + 200] ^= 0xFF
    wheel.write_bytes(data)

    with pytest.raises((UnsafeWheel, IntegrityError)):
        admitted(room.store, wheel)


def test_two_distributions_with_different_content_for_a_file_are_both_named(room: Room) -> None:
    room.install(WheelSpec("alpha", files={"shared.py": "x = 1\n"}))

    with pytest.raises(BuildError, match=r"alpha-1\.0 and beta both bring .*shared\.py"):
        room.install(WheelSpec("beta", files={"shared.py": "x = 2\n"}))


def test_a_file_of_an_earlier_stage_is_found_by_its_record(room: Room) -> None:
    room.install(WheelSpec("alpha", data={"scripts/tool": "#!/bin/sh\necho alpha\n"}))
    room.installation = Installation(room.root, room.scheme, "hardlink")

    with pytest.raises(BuildError, match=r"alpha-1\.0 and beta both bring bin/tool"):
        room.install(WheelSpec("beta", data={"scripts/tool": "#!/bin/sh\necho beta\n"}))


def test_the_same_content_from_two_distributions_is_tolerated(room: Room) -> None:
    room.install(WheelSpec("alpha", files={"shared/__init__.py": "", "shared/alpha.py": ""}))
    room.install(WheelSpec("beta", files={"shared/__init__.py": "", "shared/beta.py": ""}))
    room.installation = Installation(room.root, room.scheme, "hardlink")
    room.install(WheelSpec("gamma", files={"shared/__init__.py": "", "shared/gamma.py": ""}))

    assert sorted(path.name for path in (room.site / "shared").iterdir()) == [
        "__init__.py",
        "alpha.py",
        "beta.py",
        "gamma.py",
    ]
    assert "shared/__init__.py" in room.record("gamma-1.0")


@pytest.mark.parametrize("path", ["data/bin/python", "scripts/python", "data/pyvenv.cfg"])
def test_no_distribution_replaces_a_part_of_the_environment_itself(room: Room, path: str) -> None:
    (room.root / "pyvenv.cfg").write_text("home = /usr/bin\n")

    with pytest.raises(BuildError, match="the environment itself"):
        room.install(WheelSpec("alpha", data={path: "mine"}))

    assert (room.root / "bin" / "python").is_symlink()
    assert (room.root / "pyvenv.cfg").read_text() == "home = /usr/bin\n"


@pytest.mark.parametrize("path", ["data/.lockhouse/generation.json", "data/.LockHouse/seal.json"])
def test_no_distribution_writes_where_the_environment_is_described(room: Room, path: str) -> None:
    with pytest.raises(BuildError, match="no distribution may write"):
        room.install(WheelSpec("alpha", data={path: "{}"}))

    assert not list(room.root.glob(".[lL]*"))


def test_a_file_where_another_has_a_folder_is_refused(room: Room) -> None:
    room.install(WheelSpec("alpha", files={"thing/__init__.py": ""}))

    with pytest.raises(BuildError, match=r"alpha|environment itself"):
        room.install(WheelSpec("beta", files={"thing": "a file"}))
    with pytest.raises(BuildError):
        room.install(WheelSpec("gamma", files={"thing/__init__.py/deeper.py": ""}))


@pytest.mark.parametrize("target", ["alpha", "alpha:", "alpha:main; import os", ":main", "a b:c"])
def test_a_command_that_is_none_is_refused(room: Room, target: str) -> None:
    with pytest.raises(UnsafeWheel) as caught:
        room.install(WheelSpec("alpha", console_scripts={"enter": target}))

    assert caught.value.issue == "command"
    assert not (room.root / "bin" / "enter").exists()


def test_bytecode_in_a_wheel_stays_out(room: Room) -> None:
    room.install(
        WheelSpec("alpha", files={"alpha/__init__.py": "", "alpha/__pycache__/__init__.cpython-311.pyc": b"x"})
    )

    assert not list(room.root.rglob("__pycache__"))
    assert not any("__pycache__" in path for path in room.record("alpha-1.0"))


def test_a_wheel_does_not_say_who_installed_it(room: Room) -> None:
    room.install(
        WheelSpec(
            "alpha",
            files={
                "alpha.py": "",
                "alpha-1.0.dist-info/INSTALLER": "somebody\n",
                "alpha-1.0.dist-info/direct_url.json": "{}",
                "alpha-1.0.dist-info/REQUESTED": "",
            },
        )
    )

    info = room.site / "alpha-1.0.dist-info"
    assert (info / "INSTALLER").read_text() == "lockhouse\n"
    assert not (info / "direct_url.json").exists()
    assert not (info / "REQUESTED").exists()


def test_wheels_that_share_a_folder_are_installed_together(room: Room) -> None:
    names = [f"package{i}" for i in range(12)]
    room.install(
        *(
            WheelSpec(name, files={"common/__init__.py": "", f"common/{name}.py": name}, padding=40_000)
            for name in names
        )
    )

    assert {path.stem for path in (room.site / "common").glob("package*.py")} == set(names)
    for name in names:
        assert "common/__init__.py" in room.record(f"{name}-1.0")


def test_wheels_that_are_installed_together_and_contradict_each_other_are_named(room: Room) -> None:
    with pytest.raises(BuildError, match=r"(alpha and beta|beta and alpha) both bring"):
        room.install(WheelSpec("alpha", files={"shared.py": "1"}), WheelSpec("beta", files={"shared.py": "2"}))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_the_same_content_is_executable_if_one_wheel_says_so(room: Room) -> None:
    room.install(WheelSpec("alpha", files={"shared.py": "1"}))
    wheel = with_mode(WheelSpec("beta", files={"shared.py": "1"}).build(room.wheels), "shared.py", 0o755)
    room.installation.install([Wanted(entry=admitted(room.store, wheel))])

    assert os.access(room.site / "shared.py", os.X_OK)
    assert room.store.damaged(admitted(room.store, room.wheels / "alpha-1.0-py3-none-any.whl")) is False


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_disk_that_is_full_is_a_storage_error(tmp_path: Path) -> None:
    room = Room(tmp_path / "environment")
    limits = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))"
    code = (
        f"import sys, signal; {limits}; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from pathlib import Path\n"
        "from lockhouse.errors import StorageError\n"
        "from lockhouse.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "try:\n"
        "    store.admit(Path(sys.argv[2]), '0' * 64)\n"
        "except StorageError as error:\n"
        "    print('storage', error.summary, len(store.entries()))\n"
    )
    wheel = WheelSpec("alpha", padding=50_000).build(room.wheels)
    answer = subprocess.run(
        [sys.executable, "-B", "-c", code, str(tmp_path / "store"), str(wheel)],  # -B: half of it would be written
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.startswith("storage")
    assert answer.stdout.endswith(" 0\n")


def test_an_installation_that_is_given_up_ends_at_once(room: Room) -> None:
    told: list[int] = []

    def advanced(files: int) -> None:
        told.append(files)
        room.installation.abandon()

    room.installation = Installation(room.root, room.scheme, "hardlink", advanced)
    with pytest.raises(BuildError, match="given up"):
        room.install(WheelSpec("alpha", files={f"alpha/{i}/{j}.py": "" for i in range(100) for j in range(100)}))

    assert sum(1 for _ in room.site.rglob("*.py")) < 5_000


def test_every_file_that_is_linked_is_told(room: Room) -> None:
    told: list[int] = []
    room.installation = Installation(room.root, room.scheme, "hardlink", told.append)

    room.install(WheelSpec("alpha", files={"alpha.py": "", "__pycache__/alpha.cpython-311.pyc": ""}))

    assert told[-1] == len(["alpha.py", "METADATA", "WHEEL"])


@pytest.mark.parametrize("lost", [True, False], ids=["a file is gone", "a file was edited"])
def test_of_a_damaged_entry_nothing_comes_and_all_of_it_when_it_was_unpacked_anew(room: Room, lost: bool) -> None:
    alpha = WheelSpec("alpha", files={"alpha.py": "x = 1\n", "shared.py": ""}, data={"data/etc/alpha.toml": "a"})
    beta = WheelSpec("beta", files={"beta.py": "", "shared.py": ""})
    wheels = [spec.build(room.wheels) for spec in (alpha, beta)]
    entries = [admitted(room.store, wheel) for wheel in wheels]
    file = entries[0].folder / "alpha.py"
    file.unlink() if lost else edit(file)

    with pytest.raises(DamagedEntries) as caught:
        room.installation.install([Wanted(entry) for entry in entries])
    assert caught.value.cause == "alpha-1.0-py3-none-any.whl"
    assert not (room.site / "alpha.py").exists()
    assert not (room.root / "etc" / "alpha.toml").exists()
    assert not (room.site / "beta.py").exists()

    sound = room.store.sound({entry.sha256: wheel for entry, wheel in zip(entries, wheels, strict=True)})
    Installation(room.root, room.scheme, "hardlink").install([Wanted(sound[entry.sha256]) for entry in entries])
    assert (room.site / "alpha.py").read_text() == "x = 1\n"
    assert (room.root / "etc" / "alpha.toml").read_text() == "a"
    assert (room.site / "shared.py").read_text() == ""
    assert "shared.py" in room.record("alpha-1.0")
    assert "shared.py" in room.record("beta-1.0")


@pytest.mark.parametrize("lost", [True, False], ids=["it is gone", "it was edited"])
def test_a_script_that_is_written_anew_is_one_of_the_wheel(room: Room, lost: bool) -> None:
    wheel = WheelSpec("alpha", data={"scripts/tool": "#!python\nprint(1)\n"}).build(room.wheels)
    entry = admitted(room.store, wheel)
    script = entry.folder / "alpha-1.0.data/scripts/tool"
    script.unlink() if lost else edit(script)

    with pytest.raises(DamagedEntries):
        room.installation.install([Wanted(entry)])
    assert not (room.site / "alpha").exists()

    sound = room.store.sound({entry.sha256: wheel})[entry.sha256]
    Installation(room.root, room.scheme, "hardlink").install([Wanted(sound)])
    assert (room.root / "bin" / "tool").read_text().endswith("print(1)\n")


@pytest.mark.parametrize("mode", ["hardlink", "copy"])
@pytest.mark.parametrize("damage", ["a file is gone", "all is gone", "the shared file was edited"])
def test_files_of_others_stay_when_a_damaged_entry_is_taken_back(room: Room, mode: LinkMode, damage: str) -> None:
    room.install(WheelSpec("beta", files={"ns/common.py": "1"}, data={"scripts/other": "#!/bin/sh\n"}))
    spec = WheelSpec(
        "alpha", files={"ns/aaa.py": "", "ns/common.py": "2"}, data={"scripts/aaa": "", "scripts/python": ""}
    )
    entry = admitted(room.store, spec.build(room.wheels))
    for path in {"a file is gone": ["ns/aaa.py", "alpha-1.0.data/scripts/aaa"], "all is gone": entry.paths}.get(
        damage, []
    ):
        (entry.folder / path).unlink()
    if damage == "the shared file was edited":
        edit(entry.folder / "ns/common.py")

    with pytest.raises(DamagedEntries):
        Installation(room.root, room.scheme, mode).install([Wanted(entry)])

    assert (room.site / "ns/common.py").read_text() == "1"
    assert (room.root / "bin" / "python").is_symlink()
    assert not (room.site / "ns/aaa.py").exists()


def test_a_damaged_file_that_two_wheels_bring_is_in_nobodys_way_afterwards(room: Room) -> None:
    wheels = [
        WheelSpec(name, files={"shared.py": "", f"{name}.py": ""}).build(room.wheels) for name in ("alpha", "beta")
    ]
    entries = [admitted(room.store, wheel) for wheel in wheels]
    edit(entries[0].folder / "shared.py")

    with pytest.raises(DamagedEntries):
        room.installation.install([Wanted(entry) for entry in entries])
    sound = room.store.sound({entry.sha256: wheel for entry, wheel in zip(entries, wheels, strict=True)})
    room.installation.install([Wanted(sound[entry.sha256]) for entry in entries])

    assert (room.site / "shared.py").read_text() == ""
    assert "shared.py" in room.record("beta-1.0")


def edit(path: Path) -> None:
    path.chmod(0o644)
    path.write_text("x = 2, and more\n")


def test_importlib_understands_what_was_installed(tmp_path: Path) -> None:
    room = Room(tmp_path / "environment")
    room.install(WheelSpec("Alpha-One", "1.0+cu1", console_scripts={"enter": "alpha_one:main"}))
    code = (
        "import importlib.metadata as m, sys\n"
        "d = m.distribution('alpha-one')\n"
        "assert d.version == '1.0+cu1', d.version\n"
        "assert all(f.locate().exists() for f in d.files), d.files\n"
        "assert [e.value for e in d.entry_points] == ['alpha_one:main']\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(room.site)}
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)
