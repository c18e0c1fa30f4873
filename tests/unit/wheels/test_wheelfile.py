"""Wheels that mean harm, wheels that are sloppy, and what is read from good ones."""

from __future__ import annotations

import base64
import hashlib
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.tags import Tag
from packaging.version import Version

from fixtures.wheels import EPOCH, WheelSpec, build_wheel, record_hash
from lockhouse.errors import StorageError, UnsafeWheel
from lockhouse.wheels.commands import EntryPoint
from lockhouse.wheels.wheelfile import Issue, read_wheel, read_wheel_metadata

Members = dict[str, bytes]


def issue_of(path: Path, *, windows: bool = False) -> Issue:
    with pytest.raises(UnsafeWheel) as caught:
        read_wheel(path, windows=windows)
    assert caught.value.filename == path.name
    return Issue(caught.value.issue)


def packed(
    folder: Path, members: Members, *, mode: Callable[[str], int] = lambda _: 0o100644, name: str = "a-1.0"
) -> Path:
    """An archive of exactly these members, in this order."""
    path = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            info = zipfile.ZipInfo(member, EPOCH)
            info.external_attr = mode(member) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def with_member(folder: Path, member: str, data: bytes = b"x", mode: int = 0o100644) -> Path:
    """A good wheel but for one member, which RECORD lists truly."""
    members = WheelSpec("a", files={"a.py": "", member: data}).members()
    return packed(folder, members, mode=lambda path: mode if path == member else 0o100644)


def with_record(folder: Path, change: Callable[[str], str]) -> Path:
    members = WheelSpec("a").members()
    record = members["a-1.0.dist-info/RECORD"].decode()
    return WheelSpec("a", record=change(record)).build(folder)


def test_everything_is_read_from_a_good_wheel(tmp_path: Path) -> None:
    spec = WheelSpec(
        "Some.Thing",
        "1.0+cpu",
        requires=["numpy"],
        tag="cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64",
        files={"some/__init__.py": "x = 1\n"},
        data={"scripts/tool": "#!python\n", "purelib/more.py": ""},
        console_scripts={"Run-It": "some:main [gpu]"},
    )
    wheel = read_wheel(spec.build(tmp_path))
    assert (wheel.name, wheel.version, wheel.filename) == ("some-thing", Version("1.0+cpu"), spec.filename)
    assert wheel.tags == {
        Tag("cp311", "abi3", "manylinux_2_17_x86_64"),
        Tag("cp311", "abi3", "manylinux2014_x86_64"),
    }
    assert (wheel.dist_info, wheel.data_dir) == ("Some.Thing-1.0+cpu.dist-info", "Some.Thing-1.0+cpu.data")
    assert wheel.metadata.requires == ("numpy",)
    assert not wheel.root_is_purelib
    assert wheel.entry_points == (EntryPoint(name="Run-It", target="some:main [gpu]", gui=False),)
    entry = wheel.record["some/__init__.py"]
    assert (entry.algorithm, entry.digest, entry.size) == ("sha256", hashlib.sha256(b"x = 1\n").hexdigest(), 6)
    assert {member.path for member in wheel.members} - set(wheel.record) == {f"{wheel.dist_info}/RECORD"}


def test_modes_say_what_is_executable(tmp_path: Path) -> None:
    wheel = read_wheel(with_member(tmp_path, "bin/tool", mode=0o100755))
    assert [member.path for member in wheel.members if member.executable] == ["bin/tool"]


@pytest.mark.parametrize(
    ("member", "issue"),
    [
        ("/etc/passwd", Issue.ABSOLUTE_PATH),
        ("\\\\host\\share\\x", Issue.ABSOLUTE_PATH),
        ("C:/x", Issue.ABSOLUTE_PATH),
        ("c:x", Issue.ABSOLUTE_PATH),
        ("../x.py", Issue.PATH_LEAVES_TREE),
        ("a/../../x.py", Issue.PATH_LEAVES_TREE),
        ("a\\..\\..\\x.py", Issue.PATH_LEAVES_TREE),
        ("a\\b.py", Issue.PATH_UNUSABLE),
        ("a//b.py", Issue.PATH_UNUSABLE),
        ("a/./b.py", Issue.PATH_UNUSABLE),
        ("a/b\n.py", Issue.PATH_UNUSABLE),
        ("a/b\x7f.py", Issue.PATH_UNUSABLE),
        ("a-1.0.data/evil/x", Issue.UNKNOWN_SCHEME),
        ("a-1.0.data/scripts", Issue.UNKNOWN_SCHEME),
        ("A.PY", Issue.DUPLICATE_MEMBER),
        ("a-1.0.data/purelib/a.py", Issue.DUPLICATE_MEMBER),
        ("a.py/b.py", Issue.FILE_AND_FOLDER),
        ("A.py/b.py", Issue.FILE_AND_FOLDER),
    ],
)
def test_paths_that_do_harm_are_refused(tmp_path: Path, member: str, issue: Issue) -> None:
    assert issue_of(with_member(tmp_path, member)) == issue


def test_name_that_is_cut_at_nul_is_judged_as_written(tmp_path: Path) -> None:
    path = with_member(tmp_path, "bXc.py")
    path.write_bytes(path.read_bytes().replace(b"bXc.py", b"b\0c.py"))
    assert issue_of(path) == Issue.PATH_UNUSABLE


@pytest.mark.parametrize(
    ("member", "issue"),
    [
        ("a/aux.py", Issue.RESERVED_NAME),
        ("a/COM1", Issue.RESERVED_NAME),
        ("nul/x.py", Issue.RESERVED_NAME),
        ("a/b.", Issue.PATH_UNUSABLE),
        ("a /b", Issue.PATH_UNUSABLE),
        ("a/b:stream", Issue.PATH_UNUSABLE),
        ("a/what?.py", Issue.PATH_UNUSABLE),
    ],
)
def test_names_that_windows_cannot_have_are_refused_only_there(tmp_path: Path, member: str, issue: Issue) -> None:
    path = with_member(tmp_path, member)
    assert member in read_wheel(path, windows=False).record
    assert issue_of(path, windows=True) == issue


def test_names_that_differ_only_in_composition_are_one_file_on_some_systems(tmp_path: Path) -> None:
    members = WheelSpec("a", files={"caf\u00e9.py": "", "cafe\u0301.py": ""}).members()
    assert issue_of(packed(tmp_path, members)) == Issue.DUPLICATE_MEMBER


def test_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = WheelSpec("a").build(tmp_path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a/__init__.py", "import os")
    assert issue_of(path) == Issue.DUPLICATE_MEMBER


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK, stat.S_IFDIR])
def test_links_and_special_files_are_refused(tmp_path: Path, kind: int) -> None:
    assert issue_of(with_member(tmp_path, "a/b", b"/etc/passwd", kind | 0o777)) == Issue.SPECIAL_FILE


def patched(path: Path, member: str, offset: int, form: str, value: int) -> Path:
    """Change a field of a member's entry in the central directory (APPNOTE.TXT, 4.3.12)."""
    data = bytearray(path.read_bytes())
    name = member.encode()
    start = data.rindex(b"PK\x01\x02", 0, data.rindex(name))
    struct.pack_into(form, data, start + offset, value)
    path.write_bytes(data)
    return path


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    assert issue_of(patched(with_member(tmp_path, "b.py"), "b.py", 8, "<H", 1)) == Issue.ENCRYPTED


def test_unknown_compression_is_refused(tmp_path: Path) -> None:
    assert issue_of(patched(with_member(tmp_path, "b.py"), "b.py", 10, "<H", 14)) == Issue.COMPRESSION


def test_absurd_ratio_is_a_bomb(tmp_path: Path) -> None:
    assert issue_of(patched(with_member(tmp_path, "b.py"), "b.py", 24, "<L", 0xFFFFFFF0)) == Issue.BOMB


def test_honest_zeros_are_no_bomb(tmp_path: Path) -> None:
    wheel = read_wheel(with_member(tmp_path, "zeros.bin", bytes(20_000_000)))
    (member,) = [member for member in wheel.members if member.path == "zeros.bin"]
    assert member.size / member.compressed_size > 900


def test_members_that_are_larger_together_than_the_archive_are_refused(tmp_path: Path) -> None:
    path = with_member(tmp_path, "b.py", hashlib.sha256(b"x").digest() * 9)
    assert issue_of(patched(path, "b.py", 20, "<L", 100_000)) == Issue.OVERLAP


def test_zip64_is_understood(tmp_path: Path) -> None:
    members = WheelSpec("a").members()
    path = tmp_path / "a-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            with archive.open(zipfile.ZipInfo(name, EPOCH), "w", force_zip64=True) as file:
                file.write(data)
    assert set(read_wheel(path).record) == set(members) - {"a-1.0.dist-info/RECORD"}


@pytest.mark.parametrize("data", [b"", b"PK", b"<html>404</html>", b"PK\x05\x06" + bytes(17)])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a-1.0-py3-none-any.whl"
    path.write_bytes(data)
    assert issue_of(path) == Issue.NO_ARCHIVE


def test_member_that_begins_before_the_file_is_refused(tmp_path: Path) -> None:
    member = "a-1.0.dist-info/METADATA"
    assert issue_of(patched(WheelSpec("a").build(tmp_path), member, 42, "<L", 0xF0000000)) == Issue.NO_ARCHIVE


def test_wheel_that_cannot_be_read_is_no_unsafe_wheel(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        read_wheel(tmp_path / "a-1.0-py3-none-any.whl")


def test_half_a_wheel_is_refused(tmp_path: Path) -> None:
    path = WheelSpec("a", padding=100_000).build(tmp_path)
    path.write_bytes(path.read_bytes()[:50_000])
    assert issue_of(path) == Issue.NO_ARCHIVE


@pytest.mark.parametrize("name", ["a.whl", "a-one-py3-none-any.whl", "a-1.0.zip"])
def test_file_name_that_is_no_wheels_is_refused(tmp_path: Path, name: str) -> None:
    path = WheelSpec("a").build(tmp_path).rename(tmp_path / name)
    assert issue_of(path) == Issue.FILE_NAME


@pytest.mark.parametrize("name", ["b-1.0-py3-none-any.whl", "a-2.0-py3-none-any.whl", "a-1.0+cpu-py3-none-any.whl"])
def test_renamed_wheel_is_refused(tmp_path: Path, name: str) -> None:
    path = WheelSpec("a").build(tmp_path).rename(tmp_path / name)
    assert issue_of(path) == Issue.NAME_DISAGREES


def test_other_spelling_of_name_and_version_is_the_same(tmp_path: Path) -> None:
    path = WheelSpec("Some.Thing", "1.0").build(tmp_path).rename(tmp_path / "some_thing-1-py3-none-any.whl")
    assert read_wheel(path).dist_info == "Some.Thing-1.0.dist-info"
    assert read_wheel_metadata(path).name == "Some.Thing"


@pytest.mark.parametrize("changes", [{"metadata_name": "b"}, {"metadata_version": "2.0"}])
def test_metadata_of_another_distribution_is_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    path = WheelSpec("a", **changes).build(tmp_path)  # type: ignore[arg-type]
    assert issue_of(path) == Issue.NAME_DISAGREES
    with pytest.raises(UnsafeWheel):
        read_wheel_metadata(path)


def test_metadata_that_is_none_is_refused(tmp_path: Path) -> None:
    members = WheelSpec("a").members()
    members["a-1.0.dist-info/METADATA"] = b"\n\n"
    assert issue_of(packed(tmp_path, members)) == Issue.METADATA_UNREADABLE


@pytest.mark.parametrize("missing", ["METADATA", "WHEEL", "RECORD"])
def test_missing_part_of_dist_info_is_refused(tmp_path: Path, missing: str) -> None:
    members = WheelSpec("a").members()
    del members[f"a-1.0.dist-info/{missing}"]
    assert issue_of(packed(tmp_path, members)) == f"{missing.lower()}-missing"


def test_none_or_several_dist_info_folders_are_refused(tmp_path: Path) -> None:
    assert issue_of(packed(tmp_path, {"a.py": b""})) == Issue.DIST_INFO
    assert issue_of(with_member(tmp_path, "b-1.0.dist-info/METADATA")) == Issue.SEVERAL_DIST_INFO


@pytest.mark.parametrize("version", ["2.0", "", "x"])
def test_wheel_version_that_is_not_supported_is_refused(tmp_path: Path, version: str) -> None:
    members = WheelSpec("a").members()
    data = f"Wheel-Version: {version}\nRoot-Is-Purelib: true\n".encode()
    info = "a-1.0.dist-info"
    old = members[f"{info}/WHEEL"]
    members[f"{info}/WHEEL"] = data
    record = members[f"{info}/RECORD"].replace(
        f"{record_hash(old)},{len(old)}".encode(), f"{record_hash(data)},{len(data)}".encode()
    )
    members[f"{info}/RECORD"] = record
    assert issue_of(packed(tmp_path, members)) == Issue.WHEEL_VERSION


@pytest.mark.parametrize(
    ("change", "issue"),
    [
        (lambda text: text.replace("a/__init__.py,", "a/other.py,"), Issue.RECORD_INCOMPLETE),
        (lambda text: "", Issue.RECORD_INCOMPLETE),
        (lambda text: text + "a/ghost.py,,\n", Issue.RECORD_MISSING_FILE),
        (lambda text: text.replace(text.splitlines()[0], "a/__init__.py,,"), Issue.RECORD_NO_HASH),
        (lambda text: text.replace("a/__init__.py,sha256=", "a/__init__.py,md5="), Issue.RECORD_WEAK_HASH),
        (lambda text: text.replace("a/__init__.py,sha256=", "a/__init__.py,crc32="), Issue.RECORD_WEAK_HASH),
        (lambda text: text.replace(text.splitlines()[0], text.splitlines()[0] + "0"), Issue.RECORD_SIZE),
        (lambda text: text.replace("a/__init__.py,sha256=", "a/__init__.py,sha256=AA"), Issue.RECORD_UNREADABLE),
        (lambda text: text + text.splitlines()[0].replace("sha256=", "sha512="), Issue.RECORD_UNREADABLE),
        (lambda text: text + "just one column\n", Issue.RECORD_UNREADABLE),
        (lambda text: text + "a/x.py,sha256=,twelve\n", Issue.RECORD_UNREADABLE),
    ],
)
def test_record_that_lies_or_is_silent_is_refused(tmp_path: Path, change: Callable[[str], str], issue: Issue) -> None:
    assert issue_of(with_record(tmp_path, change)) == issue


def test_contradicting_lines_of_record_are_refused(tmp_path: Path) -> None:
    other = f"a/__init__.py,{record_hash(b'other')},5\n"
    assert issue_of(with_record(tmp_path, lambda text: text + other)) == Issue.RECORD_CONTRADICTS


def test_record_that_is_no_text_is_refused(tmp_path: Path) -> None:
    members = WheelSpec("a").members()
    members["a-1.0.dist-info/RECORD"] = b"\xff\xfe\x00"
    assert issue_of(packed(tmp_path, members)) == Issue.RECORD_UNREADABLE


def test_sloppy_record_is_understood(tmp_path: Path) -> None:
    data = WheelSpec("a").members()["a/__init__.py"]

    def sloppy(text: str) -> str:
        first, *rest = text.splitlines()
        no_size = first.rpartition(",")[0] + ","
        hashed_record = f"a-1.0.dist-info/RECORD,{record_hash(b'')},0"
        return "\r\n".join([no_size, no_size, "", "a/,,", hashed_record, "a-1.0.dist-info/RECORD.jws,,", *rest[:-1]])

    entry = read_wheel(with_record(tmp_path, sloppy)).record["a/__init__.py"]
    assert (entry.digest, entry.size) == (hashlib.sha256(data).hexdigest(), None)


def test_digests_in_hex_and_of_other_strong_algorithms_are_understood(tmp_path: Path) -> None:
    data = WheelSpec("a").members()["a/__init__.py"]
    hexed = f"sha256={hashlib.sha256(data).hexdigest()}"
    sha512 = "SHA512=" + base64.urlsafe_b64encode(hashlib.sha512(data).digest()).decode()
    for said in (hexed, sha512):
        path = with_record(tmp_path, lambda text, said=said: text.replace(record_hash(data), said))  # type: ignore[misc]
        entry = read_wheel(path).record["a/__init__.py"]
        assert entry.digest == hashlib.new(entry.algorithm, data).hexdigest()


def test_folders_in_the_archive_are_no_members(tmp_path: Path) -> None:
    members = {"a/": b"", "empty/": b""} | WheelSpec("a").members()
    wheel = read_wheel(packed(tmp_path, members, mode=lambda path: 0o40755 if path.endswith("/") else 0o100644))
    assert not [member for member in wheel.members if member.path.endswith("/")]


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", "with\\slash"])
def test_command_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    assert issue_of(WheelSpec("a", console_scripts={name: "a:main"}).build(tmp_path)) == Issue.COMMAND


def test_all_issues_are_told_at_once(tmp_path: Path) -> None:
    members = WheelSpec("a", files={"a.py": "", "/x": "", "../y": ""}).members()
    with pytest.raises(UnsafeWheel) as caught:
        read_wheel(packed(tmp_path, members))
    assert caught.value.issue == Issue.ABSOLUTE_PATH
    assert "'../y'" in caught.value.detail


def test_metadata_alone_needs_no_record(tmp_path: Path) -> None:
    path = WheelSpec("a", record="", requires=["b"]).build(tmp_path)
    assert read_wheel_metadata(path).requires == ("b",)


def test_plain_wheel_of_the_fixtures_is_safe_everywhere(tmp_path: Path) -> None:
    assert read_wheel(build_wheel(tmp_path, "a"), windows=True).root_is_purelib
