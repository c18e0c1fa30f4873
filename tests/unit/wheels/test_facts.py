"""What is gathered of a wheel, and that it is gathered once."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.elves import elf
from fixtures.wheels import EPOCH, WheelSpec
from lockhouse.errors import StorageError, UnsafeWheel
from lockhouse.wheels.facts import StartUpHook, WheelFacts, known_facts, recall_facts, remember_facts
from lockhouse.wheels.gathering import gather_facts
from lockhouse.wheels.issues import Issue
from lockhouse.wheels.wheelhouse import hash_file


def facts_of(tmp_path: Path, files: dict[str, bytes | str], **fields: object) -> WheelFacts:
    return gather_facts(WheelSpec("a", files=files, **fields).build(tmp_path))  # type: ignore[arg-type]


def test_top_level_modules_and_namespaces_are_told_apart(tmp_path: Path) -> None:
    facts = facts_of(
        tmp_path,
        {
            "single.py": "",
            "fast.cpython-311-x86_64-linux-gnu.so": elf(),
            "package/__init__.py": "",
            "package/inner/__init__.py": "",
            "compiled/__init__.abi3.so": elf(),
            "space/inner/__init__.py": "",
            "space/readme.txt": "",
            "data/table.csv": "",
            "not-a-name/__init__.py": "",
            "LICENSE": "",
            "libfast.so.1": elf(),
        },
        data={"purelib/more/__init__.py": "", "platlib/other.py": "", "scripts/tool": "#!python\n", "data/share/x": ""},
    )
    assert facts.modules == ("compiled", "fast", "more", "other", "package", "single")
    assert facts.namespaces == ("space",)
    assert {"LICENSE", "data", "not-a-name", "a-1.0.dist-info", "more", "other.py"} <= set(facts.roots)
    assert facts.elsewhere == ("a-1.0.data/scripts/tool", "a-1.0.data/data/share/x")


def test_contents_are_what_an_installation_brings(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, {"a.py": "x = 1\n", "b c.py": "", "__pycache__/a.cpython-311.pyc": "z"})
    assert set(facts.digests) == {"a.py", "b c.py", "a-1.0.dist-info/METADATA", "a-1.0.dist-info/WHEEL"}
    assert facts.digests["a.py"] == hashlib.sha256(b"x = 1\n").hexdigest()


def test_a_file_with_another_hash_in_record_is_hashed(tmp_path: Path) -> None:
    spec = WheelSpec("a", files={"a.py": "x = 1\n"})
    value = base64.urlsafe_b64encode(hashlib.sha512(b"x = 1\n").digest()).decode().rstrip("=")
    rows = spec.members()["a-1.0.dist-info/RECORD"].decode().splitlines(keepends=True)
    spec.record = "".join(f"a.py,sha512={value},6\n" if row.startswith("a.py") else row for row in rows)
    assert gather_facts(spec.build(tmp_path)).digests["a.py"] == hashlib.sha256(b"x = 1\n").hexdigest()


def test_start_up_hooks_are_lines_that_run_paths_and_customising_modules(tmp_path: Path) -> None:
    text = "\ufeff# comment\n\nimport os; os.getcwd()\r\nimport\tsys\nimportant\n../elsewhere\n"
    facts = facts_of(
        tmp_path,
        {"hook.pth": text, "deeper/not.pth": "import os", "sitecustomize.py": "", "usercustomize/__init__.py": ""},
        data={"purelib/late.pth": "import late"},
    )
    assert [(hook.path, hook.kind, hook.text) for hook in facts.hooks] == [
        ("hook.pth", "code", "import os; os.getcwd()"),
        ("hook.pth", "code", "import\tsys"),
        ("hook.pth", "path", "important"),
        ("hook.pth", "path", "../elsewhere"),
        ("sitecustomize.py", "module", ""),
        ("usercustomize/__init__.py", "module", ""),
        ("a-1.0.data/purelib/late.pth", "code", "import late"),
    ]
    assert StartUpHook(path="hook.pth", kind="path", text="important") in facts.hooks


def test_compiled_files_are_looked_into_wherever_they_lie(tmp_path: Path) -> None:
    facts = facts_of(
        tmp_path,
        {"a/m.so": elf(needed=["libb.so"]), "a.libs/libb.so": elf(soname="libb.so")},
        data={"data/x.so": elf()},
    )
    assert [(item.path, item.kind, item.needed, item.soname) for item in facts.extensions] == [
        ("a/m.so", "elf", ("libb.so",), None),
        ("a.libs/libb.so", "elf", (), "libb.so"),
        ("a-1.0.data/data/x.so", "elf", (), None),
    ]


@pytest.mark.parametrize("path", ["a/m.so", "a.pth"])
def test_what_is_looked_into_must_be_what_record_names(tmp_path: Path, path: str) -> None:
    spec = WheelSpec("a", files={path: elf()})
    record = spec.members()["a-1.0.dist-info/RECORD"].decode()
    spec.files = {path: elf(machine=3)}
    spec.record = record
    with pytest.raises(UnsafeWheel) as caught:
        gather_facts(spec.build(tmp_path))
    assert caught.value.issue == Issue.RECORD_HASH
    assert path in caught.value.detail


def lying(tmp_path: Path, declared: int, member: str = "a/m.so", content: bytes = bytes(3_000_000)) -> Path:
    """A wheel with a member that unpacks to another size than the table of the archive declares."""
    path = tmp_path / "a-1.0-py3-none-any.whl"
    members = WheelSpec("a", files={member: content}).members()
    info = "a-1.0.dist-info/RECORD"
    members[info] = members[info].replace(f",{len(content)}\n".encode(), f",{declared}\n".encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
    packed = bytearray(path.read_bytes())
    entry = packed.rindex(b"PK\x01\x02", 0, packed.rindex(member.encode()))
    header = int.from_bytes(packed[entry + 42 : entry + 46], "little")
    packed[entry + 24 : entry + 28] = packed[header + 22 : header + 26] = declared.to_bytes(4, "little")
    path.write_bytes(packed)
    return path


@pytest.mark.parametrize(("declared", "issue"), [(2_000_000, Issue.BOMB), (3_000_001, Issue.NO_ARCHIVE)])
def test_a_file_that_unpacks_to_another_size_than_declared_is_refused(
    tmp_path: Path, declared: int, issue: Issue
) -> None:
    with pytest.raises(UnsafeWheel) as caught:
        gather_facts(lying(tmp_path, declared))
    assert caught.value.issue == issue


def test_sizes_in_long_form_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "a-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in WheelSpec("a").members().items():
            with archive.open(zipfile.ZipInfo(name, EPOCH), "w", force_zip64=True) as file:
                file.write(data)
    assert gather_facts(path).modules == ("a",)


def test_damaged_content_is_refused(tmp_path: Path) -> None:
    path = WheelSpec("a", files={"a/m.so": hashlib.sha256(b"x").digest() * 500}).build(tmp_path)
    data = bytearray(path.read_bytes())
    data[40:60] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(UnsafeWheel) as caught:
        gather_facts(path)
    assert caught.value.issue == Issue.NO_ARCHIVE


def test_facts_are_gathered_once(tmp_path: Path) -> None:
    path = WheelSpec("a").build(tmp_path)
    sha256 = hash_file(path)
    assert recall_facts(sha256) is None
    facts = known_facts(path, sha256)
    assert recall_facts(sha256) == facts
    path.write_bytes(b"")  # nobody looks
    assert known_facts(path, sha256) == facts


def test_facts_of_another_reader_or_under_another_name_are_gathered_anew(tmp_path: Path) -> None:
    path = WheelSpec("a").build(tmp_path)
    sha256 = hash_file(path)
    facts = known_facts(path, sha256)
    for stale in (replace(facts, reader="0"), replace(facts, filename="b.whl"), replace(facts, windows=True)):
        remember_facts(sha256, stale)
        assert known_facts(path, sha256) == facts == recall_facts(sha256)
    with pytest.raises(UnsafeWheel):
        known_facts(path.rename(tmp_path / "b-1.0-py3-none-any.whl"), sha256)


def test_facts_that_cannot_be_remembered_are_gathered_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOCKHOUSE_CACHE_DIR", str(tmp_path / "file"))
    path = WheelSpec("a").build(tmp_path)
    assert known_facts(path, hash_file(path)).name == "a"


def test_a_wheel_that_is_gone_is_no_unsafe_wheel(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        gather_facts(tmp_path / "a-1.0-py3-none-any.whl")
