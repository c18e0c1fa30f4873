"""Whatever bytes come in: a value or one of our errors comes out, and what is accepted is harmless."""

from __future__ import annotations

import contextlib
import tempfile
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.elves import elf
from fixtures.wheels import WheelSpec
from lockhouse.errors import UnsafeWheel
from lockhouse.extensions.looking import look_at
from lockhouse.extensions.passage import Passage
from lockhouse.wheels.commands import is_command
from lockhouse.wheels.gathering import gather_facts
from lockhouse.wheels.issues import Issue
from lockhouse.wheels.listing import html_links, json_links
from lockhouse.wheels.members import inspect_members
from lockhouse.wheels.metadata import MetadataError, parse_metadata
from lockhouse.wheels.record import read_record
from lockhouse.wheels.wheelfile import read_wheel

with tempfile.TemporaryDirectory() as folder:
    GOOD = WheelSpec("a", requires=["b"], console_scripts={"a": "a:main"}).build(Path(folder)).read_bytes()
    FULL = (
        WheelSpec(
            "a",
            files={"a/m.so": elf(needed=["libb.so"]), "a.pth": "import a\n", "sitecustomize.py": "", "b.py": "x" * 99},
            data={"scripts/tool": "#!python\n", "purelib/c.py": ""},
            console_scripts={"a": "a:main"},
        )
        .build(Path(folder))
        .read_bytes()
    )

LIBRARY = elf(
    needed=["liba.so", "libb.so.1"],
    soname="libc.so",
    runpath="$ORIGIN:/opt",
    versions={"libc.so.6": ["GLIBC_2.5", "GLIBC_2.17"], "libstdc++.so.6": ["GLIBCXX_3.4"]},
    content=b"numpy.core._multiarray_umath",
)

PARTS = st.sampled_from(
    ["a", "A", "..", ".", "", "a-1.0.data", "purelib", "scripts", "aux", "C:", "é", "e\u0301", "x "]
)
SEPARATORS = st.sampled_from(["/", "\\"])
PATHS = st.one_of(
    st.text(min_size=1, max_size=20),
    st.lists(st.one_of(PARTS, st.text(max_size=3)), min_size=1, max_size=5).map("/".join),
    st.tuples(SEPARATORS, st.lists(PARTS, min_size=1, max_size=4)).map(lambda pair: pair[0].join(pair[1])),
).filter(bool)


@given(st.binary(max_size=400))
def test_metadata_of_any_bytes_is_read_or_refused(data: bytes) -> None:
    try:
        metadata = parse_metadata(data)
    except MetadataError:
        return
    assert metadata.name
    assert metadata.version


@given(st.lists(st.from_regex(r"(Name|Version|Requires-Dist|Requires-Python|Provides-Extra): .{0,20}", fullmatch=True)))
def test_metadata_of_any_headers_is_read_or_refused(lines: list[str]) -> None:
    with contextlib.suppress(MetadataError):
        parse_metadata("\n".join([*lines, "Name: a", "Version: 1"]).encode("utf-8", "replace"))


@given(st.one_of(st.binary(max_size=300), st.text(alphabet="ab,\"'\r\n=0sha256md5", max_size=200).map(str.encode)))
def test_record_of_any_bytes_is_read_or_has_issues(data: bytes) -> None:
    issues: list[tuple[Issue, str]] = []
    for entry in read_record(data, issues).values():
        assert entry.path
        bytes.fromhex(entry.digest)


@given(st.lists(PATHS, max_size=6, unique=True))
def test_accepted_paths_stay_inside_and_apart(paths: list[str]) -> None:
    issues: list[tuple[Issue, str]] = []
    infos = [zipfile.ZipInfo(path.replace("\0", "") or "x") for path in paths]
    for info in infos:
        info.header_offset = 0  # what an archive's directory says of every member
    members = inspect_members(infos, "a-1.0.data", 10_000, issues, windows=True)
    if issues:
        return
    for member in members:
        for flavour in (PurePosixPath(member.path), PureWindowsPath(member.path)):
            assert not flavour.is_absolute()
            assert not flavour.drive
            assert ".." not in flavour.parts
            assert "/".join(flavour.parts) == member.path
    folded = [member.path.casefold() for member in members]
    assert len(set(folded)) == len(folded)


@settings(max_examples=300)
@given(st.data())
def test_damaged_wheel_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a-1.0-py3-none-any.whl"
        path.write_bytes(content)
        with contextlib.suppress(UnsafeWheel):
            assert read_wheel(path).name == "a"


@settings(max_examples=300)
@given(st.data())
def test_facts_of_a_damaged_wheel_are_gathered_or_it_is_refused(data: st.DataObject) -> None:
    content = damaged(data, FULL)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a-1.0-py3-none-any.whl"
        path.write_bytes(content)
        with contextlib.suppress(UnsafeWheel):
            facts = gather_facts(path)
            assert facts.name == "a"
            assert all(len(digest) == 64 for digest in facts.digests.values())


def damaged(data: st.DataObject, good: bytes) -> bytes:
    """Some bytes changed, some runs of them repeated or taken out, the end cut off."""
    content = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["byte", "word", "repeat", "remove"])):
            case "byte":
                content[place] = data.draw(st.integers(0, 255))
            case "word":
                value = data.draw(st.sampled_from([0, 1, 0x7FFF_FFFF, 0xFFFF_FFFF, len(content)]))
                content[place : place + 4] = value.to_bytes(4, "little")
            case "repeat":
                content[place:place] = content[place : place + data.draw(st.integers(1, 60))]
            case "remove":
                del content[place : place + data.draw(st.integers(1, 60))]
        content = content or bytearray(b"x")
    return bytes(content[: data.draw(st.one_of(st.just(len(content)), st.integers(1, len(content))))])


@settings(max_examples=500)
@given(st.data(), st.integers(1, 400))
def test_any_bytes_as_a_library_are_read_or_told_to_be_none(data: st.DataObject, step: int) -> None:
    content = data.draw(st.one_of(st.binary(max_size=200), st.just(b"\x7fELF").map(lambda magic: magic + bytes(80))))
    content = damaged(
        data, data.draw(st.sampled_from([LIBRARY, elf(wide=False, order=">", needed=["a"]), content or b"x"]))
    )
    blocks = [content[place : place + step] for place in range(0, len(content), step)]
    found = look_at("a.so", Passage(len(content), lambda: iter(blocks)), lambda _: None)
    assert found.kind in ("elf", "pe", "mach-o", "damaged", "other")
    assert all(found.needed)
    assert not any("\0" in text for text in (*found.needed, *found.search))


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_command_is_a_file_name_and_nothing_but_names(name: str, target: str) -> None:
    if is_command(name, target):
        assert not set(name) & set("/\\:=\n\r\0")
        assert name == name.strip()
        module, _, attribute = target.partition("[")[0].partition(":")
        assert all(part.isidentifier() for part in [*module.strip().split("."), *attribute.strip().split(".")])


@given(st.text(max_size=300))
def test_any_text_as_html_page_gives_links_or_none(text: str) -> None:
    html_links(text, "https://h.example/simple/a/", "a")


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "filename": st.one_of(st.just("a-1-py3-none-any.whl"), st.text(max_size=20), st.none()),
                "url": st.one_of(st.text(max_size=30), st.integers()),
                "hashes": st.one_of(st.none(), st.dictionaries(st.just("sha256"), st.text(max_size=70))),
                "size": st.one_of(st.none(), st.integers(), st.text(max_size=3)),
                "yanked": st.one_of(st.booleans(), st.text(max_size=3), st.none()),
                "requires-python": st.one_of(st.none(), st.integers(), st.text(max_size=5)),
                "core-metadata": st.one_of(st.booleans(), st.dictionaries(st.just("sha256"), st.integers())),
            }
        ),
        max_size=4,
    )
)
def test_any_json_page_gives_links_or_none(files: list[dict[str, object]]) -> None:
    import json

    for link in json_links(json.dumps({"files": files}), "https://h.example/simple/a/", "a"):
        assert "/" not in link.filename
        assert link.url.startswith(("http://", "https://"))
