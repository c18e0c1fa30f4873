"""What is read out of compiled files, and what is made of those that cannot be read."""

from __future__ import annotations

import hashlib
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile

from fixtures.elves import AARCH64, I386, elf
from lockhouse.extensions import Extension, may_be_compiled, module_tag
from lockhouse.extensions.looking import look_at
from lockhouse.extensions.passage import HEAD, TAIL, Passage

OLD, NEW = b"\0numpy.core._multiarray_umath\0", b"\0numpy._core._multiarray_umath\0"


class Passages:
    """A file that passes by in blocks of ``step`` bytes; ``read`` counts them all."""

    def __init__(self, data: bytes, step: int = 1 << 16) -> None:
        self.data, self.step, self.read = data, step, 0
        self.passage = Passage(len(data), self.blocks)

    def blocks(self) -> Iterator[bytes]:
        for place in range(0, len(self.data), self.step):
            block = self.data[place : place + self.step]
            self.read += len(block)
            yield block


def looked(data: bytes, step: int = 1 << 16) -> Extension:
    return look_at("a/b.so", Passages(data, step).passage, lambda _: None)


def test_everything_that_the_loader_needs_is_read() -> None:
    found = looked(
        elf(
            needed=["libcudart.so.12", "libc.so.6"],
            soname="liba.so.1",
            runpath="$ORIGIN/../nvidia/lib:/opt/lib",
            rpath="/ignored",
            versions={"libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.17", "GLIBC_2.4"], "libstdc++.so.6": ["GLIBCXX_3.4.21"]},
        )
    )
    assert found == Extension(
        path="a/b.so",
        size=found.size,
        kind="elf",
        machine="x86_64",
        soname="liba.so.1",
        needed=("libcudart.so.12", "libc.so.6"),
        search=("$ORIGIN/../nvidia/lib", "/opt/lib"),
        versions={"GLIBC": "2.17", "GLIBCXX": "3.4.21"},
    )


@pytest.mark.parametrize("step", [64, 1000, 1 << 20])
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("strings_last", [True, False])
def test_word_size_byte_order_layout_and_blocks_do_not_matter(
    wide: bool, order: str, strings_last: bool, step: int
) -> None:
    data = elf(
        needed=["liba.so"],
        rpath="$ORIGIN",
        versions={"libc.so.6": ["GLIBC_2.31"]},
        wide=wide,
        order=order,
        strings_last=strings_last,
        distance=5000,
    )
    found = looked(data, step)
    assert (found.kind, found.needed, found.search, found.versions) == (
        "elf",
        ("liba.so",),
        ("$ORIGIN",),
        {"GLIBC": "2.31"},
    )


@pytest.mark.parametrize("strings_last", [True, False])
def test_a_large_file_passes_by_once_and_a_little(strings_last: bool) -> None:
    data = elf(needed=["liba.so"], versions={"libc.so.6": ["GLIBC_2.31"]}, distance=40 << 20, strings_last=strings_last)
    passages = Passages(data, 1 << 20)
    found = look_at("a.so", passages.passage, lambda _: None)
    assert (found.needed, found.versions) == (("liba.so",), {"GLIBC": "2.31"})
    assert passages.read == len(data)


def test_names_in_the_middle_of_a_large_file_cost_a_passage_to_where_they_are() -> None:
    data = elf(needed=["liba.so"], content=bytes(HEAD + (6 << 20)), distance=20 << 20)
    passages = Passages(data, 1 << 20)
    assert look_at("a.so", passages.passage, lambda _: None).needed == ("liba.so",)
    assert len(data) < passages.read < 2 * len(data)


@pytest.mark.parametrize(("machine", "name"), [(AARCH64, "aarch64"), (I386, "i686"), (9999, "machine 9999")])
def test_the_machine_is_named_as_platforms_are(machine: int, name: str) -> None:
    assert looked(elf(machine=machine)).machine == name


def test_versions_of_bundled_libraries_and_private_ones_do_not_count() -> None:
    wanted = {"libstdc++-1a2b.so.6": ["GLIBCXX_3.4.30"], "libc.so.6": ["GLIBC_PRIVATE", "GLIBC_2.5"]}
    assert looked(elf(versions=wanted)).versions == {"GLIBC": "2.5"}


def test_a_version_that_is_named_for_what_it_brings_is_known() -> None:
    assert looked(elf(versions={"libc.so.6": ["GLIBC_ABI_DT_RELR", "GLIBC_2.34"]})).versions == {"GLIBC": "2.36"}


@pytest.mark.parametrize(
    ("content", "verdict"),
    [(b"", "none"), (OLD, "1"), (NEW, "2"), (NEW + OLD, "2"), (OLD + NEW, "2"), (b"numpy.core.multiarray", "none")],
)
@pytest.mark.parametrize("step", [7, 4096])
def test_numpys_c_api_is_found_wherever_blocks_end(content: bytes, verdict: str, step: int) -> None:
    assert looked(elf(content=bytes(1000) + content), step).numpy == verdict


def test_numpys_c_api_is_found_in_libraries_of_windows_and_macos_too() -> None:
    found = looked(b"MZ" + bytes(100) + OLD)
    assert (found.kind, found.numpy, found.needed) == ("pe", "1", ())
    assert looked(b"\xcf\xfa\xed\xfe" + bytes(100) + NEW).kind == "mach-o"


@pytest.mark.parametrize("data", [b"", b"\x7fEL", b"INPUT(liba.so.1)\n", b"!<arch>\n"])
def test_what_is_no_compiled_file_is_told(data: bytes) -> None:
    assert looked(data).kind == "other"


def broken(**places: int) -> bytes:
    data = bytearray(elf(needed=["liba.so"]))
    for place, value in places.items():
        data[int(place[1:])] = value
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF",
        elf()[:60],
        elf()[:100],
        broken(_4=9),
        broken(_5=0),
        broken(_33=0xFF, _39=0xFF),  # program headers beyond the end
        broken(_54=1),  # of a size that is none
        broken(_57=0xFF),  # tens of thousands of them
        elf(needed=["a" * 2000]),
        elf(needed=[f"lib{number}.so" for number in range(2000)]),
        elf(needed=["liba.so"])[:-40],
    ],
)
def test_what_begins_as_elf_and_is_none_is_damaged(data: bytes) -> None:
    assert looked(data).kind == "damaged"


def test_an_elf_file_of_random_bytes_is_read_or_damaged() -> None:
    source = random.Random(3)
    good = elf(needed=["liba.so"], versions={"libc.so.6": ["GLIBC_2.5"]}, content=bytes(50))
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(source.randint(1, 6)):
            data[source.randrange(4, len(data))] = source.randrange(256)
        assert looked(bytes(data)).kind in ("elf", "damaged")


def test_a_static_file_needs_nothing() -> None:
    data = bytearray(elf())
    data[56] = 1  # no second program header: no dynamic section
    assert (looked(bytes(data)).kind, looked(bytes(data)).needed) == ("elf", ())


def test_whoever_watches_sees_every_byte() -> None:
    data, digest = elf(distance=HEAD + TAIL + 77), hashlib.sha256()
    look_at("a.so", Passages(data).passage, digest.update)
    assert digest.hexdigest() == hashlib.sha256(data).hexdigest()


def real() -> list[Path]:
    """Extension modules and libraries of the interpreter that runs the tests."""
    folders = {sysconfig.get_config_var(name) for name in ("DESTSHARED", "LIBDIR")} - {None}
    return [path for folder in sorted(folders) for path in sorted(Path(folder).glob("*.so*")) if path.is_file()][:80]


@pytest.mark.skipif(not real(), reason="this interpreter has no ELF files")
def test_real_files_are_read_as_pyelftools_reads_them() -> None:
    for path in real():
        data = path.read_bytes()
        if data[:4] != b"\x7fELF":
            continue
        found = looked(data, 1 << 18)
        assert (found.kind, *_by_pyelftools(path)) == ("elf", found.soname, list(found.needed), list(found.search)), (
            path
        )


def _by_pyelftools(path: Path) -> tuple[str | None, list[str], list[str]]:
    with path.open("rb") as file:
        tags: list[Any] = [
            tag
            for segment in ELFFile(file).iter_segments()
            if isinstance(segment, DynamicSegment)
            for tag in segment.iter_tags()
        ]
        names = {tag.entry.d_tag for tag in tags}
        search = "runpath" if "DT_RUNPATH" in names else "rpath"
        return (
            next((tag.soname for tag in tags if tag.entry.d_tag == "DT_SONAME"), None),
            [tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"],
            [
                part
                for tag in tags
                if tag.entry.d_tag == f"DT_{search.upper()}"
                for part in getattr(tag, search).split(":")
                if part
            ],
        )


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("m.cpython-311-x86_64-linux-gnu.so", "cp311"),
        ("m.cpython-313t-x86_64-linux-gnu.so", "cp313t"),
        ("m.pypy39-pp73-x86_64-linux-gnu.so", "pp39"),
        ("m.cp311-win_amd64.pyd", "cp311"),
        ("m.abi3.so", "abi3"),
        ("m.so", "any"),
        ("m.pyd", "any"),
        ("libm.so", None),
        ("libm.so.12", None),
        ("m.dll", None),
        ("m.other.so", None),
        (".so", None),
        ("m.py", None),
    ],
)
def test_the_name_says_which_python_imports_it(name: str, tag: str | None) -> None:
    assert module_tag(name) == tag


def test_names_of_compiled_files() -> None:
    compiled = ["a/b.so", "a/libc.so.1.2", "libssl.so.1.1.1k", "m.pyd", "m.DLL", "libm.dylib"]
    assert [may_be_compiled(name) for name in compiled] == [True] * 6
    assert not any(map(may_be_compiled, ["a.py", "so", "a.so.py", "a.so.x", "a/b.sock"]))
