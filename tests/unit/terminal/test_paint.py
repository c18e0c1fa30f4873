from __future__ import annotations

import io

import pytest

from lockhouse.terminal.paint import paint

LINES = ["because: ✗ bad 1.0", "  └─ bad", "  try: this", "! old", "· note", "error: no"]


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class File(io.StringIO):
    encoding = "utf-8"


class Ascii(io.StringIO):
    encoding = "ascii"


def test_without_a_terminal_there_are_no_colours() -> None:
    stream = File()
    paint(LINES, stream)
    assert stream.getvalue().splitlines() == LINES


def test_on_a_terminal_what_matters_stands_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    paint(LINES, stream)
    shown = stream.getvalue().splitlines()
    assert shown[0].startswith("\x1b[1;31m")
    assert shown[1] == "  └─ bad"
    assert shown[2] == "\x1b[1;32m  try:\x1b[0m this"
    assert "\x1b[" in shown[3]


def test_no_color_takes_the_colours_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    paint(LINES[:1], stream)
    assert "31m" not in stream.getvalue()


def test_what_the_encoding_does_not_know_is_spelled() -> None:
    stream = Ascii()
    paint(LINES[:3] + LINES[4:5], stream)
    assert stream.getvalue().splitlines() == ["because: x bad 1.0", "  `- bad", "  try: this", "- note"]
