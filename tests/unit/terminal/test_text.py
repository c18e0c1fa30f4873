from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lockhouse.terminal.text import clean, clip, fold, table


def test_clean_takes_out_what_steers_a_terminal() -> None:
    assert clean("\x1b[31mred\x1b[0m \x1b]0;title\x07end\r\nnext\rover") == "red end\nnext\nover"
    assert clean("abc\u202egpj.exe\x00") == "abc\N{REPLACEMENT CHARACTER}gpj.exe\N{REPLACEMENT CHARACTER}"
    assert clean("tab\tand\nline stay: ✓ é 漢") == "tab\tand\nline stay: ✓ é 漢"


@given(st.text())
def test_clean_leaves_no_control_character(text: str) -> None:
    assert all(character in "\n\t" or character.isprintable() or ord(character) > 0x9F for character in clean(text))


def test_fold_hangs_under_the_first_line() -> None:
    lines = fold("one two three four five six", 16, first="error: ")
    assert lines == ["error: one two", "  three four", "  five six"]


def test_fold_keeps_the_indentation_of_lines() -> None:
    text = "python ended with status 1:\nTraceback:\n  File x\n    boom"
    assert fold(text, 80, first="because: ") == [
        "because: python ended with status 1:",
        "  Traceback:",
        "    File x",
        "      boom",
    ]


def test_fold_keeps_the_lines_of_a_tree_that_it_folds() -> None:
    text = "demo\n├─ alpha 1.0, asked for as alpha==1.0 by the manifest\n│  └─ beta 2.0, asked for as beta"
    assert fold(text, 34) == [
        "demo",
        "  ├─ alpha 1.0, asked for as",
        "  │  alpha==1.0 by the manifest",
        "  │  └─ beta 2.0, asked for as",
        "  │     beta",
    ]


def test_fold_leaves_a_long_word_whole() -> None:
    address = "https://index.example/" + "x" * 80
    assert f"  {address}" in fold(f"see {address} for more", 40)


def test_fold_without_width_only_indents() -> None:
    assert fold("a " * 100 + "\nb", None, first="try: ") == ["try: " + ("a " * 100).strip(), "  b"]


@given(st.text(), st.integers(20, 100))
def test_fold_loses_no_word(text: str, width: int) -> None:
    assert " ".join(fold(clean(text), width, first="error: ")).split() == ["error:", *clean(text).split()]


def test_clip() -> None:
    assert clip("short", 10) == "short"
    assert clip("rather long", 8) == "rather …"
    assert clip("rather long", 8, "...") == "rathe..."
    assert clip("rather long", 2, "...") == ".."


def test_table_aligns_columns() -> None:
    assert table([("NAME", "VERSION"), ("a", "1.0"), ("bcdefg", "2")]) == [
        "NAME    VERSION",
        "a       1.0",
        "bcdefg  2",
    ]


def test_table_gives_way_where_it_is_widest() -> None:
    lines = table([("a", "x" * 50, "end"), ("b", "y", "end")], 20)
    assert lines == ["a  xxxxxxxxxxx…  end", "b  y             end"]


def test_table_of_nothing() -> None:
    assert table([]) == []


def test_advice_within_a_text_hangs_under_itself() -> None:
    assert fold("why\n  try: this or that", 16, rest="  ") == ["why", "    try: this or", "         that"]
