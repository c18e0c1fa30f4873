"""Constraints of pip's configuration, read as pip reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockhouse.errors import UsageError
from lockhouse.wheels.constraints import read_constraints


def read(*locations: Path | str, pages: dict[str, str] | None = None) -> tuple[list[str], list[str]]:
    told: list[str] = []
    found = read_constraints(map(str, locations), lambda url: (pages or {})[url], told.append)
    return [f"{line.requirement} | {line.origin}" for line in found], told


def test_every_line_that_is_a_requirement_counts(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_text(
        "\ufeff# all of us\n\nTorch <= 2.14.1  # no further\nnumpy==2.0; python_version < '3.12' \\\n"
        "    --hash=sha256:00 \\\n    --hash=sha256:11\nsix\\\n==1.16\n"
    )
    assert read(path) == (
        [
            f"Torch<=2.14.1 | {path}, line 3",
            f'numpy==2.0; python_version < "3.12" | {path}, line 4',
            f"six==1.16 | {path}, line 7",
        ],
        [],
    )


def test_other_files_are_read_from_beside_and_each_once(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "c.txt").write_text("-c more/d.txt\n-cmore/d.txt\n--constraint=more/d.txt\n")
    (tmp_path / "more" / "d.txt").write_text("-r ../c.txt\na<1\n")
    assert read(tmp_path / "c.txt")[0] == [f"a<1 | {tmp_path}/more/d.txt, line 2"]


def test_pages_are_asked_for_and_shown_without_credentials() -> None:
    pages = {"https://me:pw@h.example/x/c.txt": "-c d.txt\n", "https://me:pw@h.example/x/d.txt": "a<1"}
    assert read("https://me:pw@h.example/x/c.txt", pages=pages)[0] == ["a<1 | https://h.example/x/d.txt, line 1"]


def test_what_cannot_be_a_constraint_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_text("--index-url https://me:pw@h.example\na @ https://h.example/a-1-py3-none-any.whl\nb[x]<2\nc<3\n")
    found, told = read(path)
    assert found == [f"c<3 | {path}, line 4"]
    assert [line.partition(" does not count")[0] for line in told] == [
        f"{path}, line 1: --index-url",
        f"{path}, line 2: a",
        f"{path}, line 3: b",
    ]
    assert "pw" not in "".join(told)


@pytest.mark.parametrize("line", ["a<<1", "./folder", "a b"])
def test_line_that_is_nothing_is_an_error_with_its_place(tmp_path: Path, line: str) -> None:
    path = tmp_path / "c.txt"
    path.write_text(f"\n{line}\n")
    with pytest.raises(UsageError) as caught:
        read(path)
    assert f"{path}, line 2" in str(caught.value.cause)
