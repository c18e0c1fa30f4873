"""What a person sees: run on a pseudo-terminal."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

import pytest

from lockhouse.errors import Hint, LockhouseError
from lockhouse.events import Emit, Message, Progress, StepFinished, StepStarted
from lockhouse.terminal import listener, show_error
from lockhouse.terminal.live import LiveListener

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX", allow_module_level=True)
else:
    import fcntl
    import struct
    import termios

CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@dataclass
class Screen:
    """The other end of a pseudo-terminal: ``stream`` is written to, ``raw`` is what arrived."""

    stream: TextIO
    chunks: list[bytes] = field(default_factory=list)

    @property
    def raw(self) -> str:
        return b"".join(self.chunks).decode()

    @property
    def text(self) -> str:
        return CONTROL.sub("", self.raw).replace("\r\n", "\n")

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + 20
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            time.sleep(0.01)


@contextlib.contextmanager
def screen(columns: int, encoding: str = "utf-8") -> Iterator[Screen]:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    shown = Screen(io.TextIOWrapper(os.fdopen(slave, "wb", 0), encoding=encoding, write_through=True))

    def read() -> None:
        with contextlib.suppress(OSError):  # EIO: the other end was closed
            while chunk := os.read(master, 65536):
                shown.chunks.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield shown
    finally:
        shown.stream.close()
        reader.join()
        os.close(master)


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def finished(step: str, outcome: str = "done", detail: str = "") -> StepFinished:
    return StepFinished(step=step, outcome=outcome, seconds=1.25, detail=detail)  # type: ignore[arg-type]


def drive(show: Emit, shown: Screen) -> None:
    """A run with a bit of everything, slow enough to be seen."""
    show(finished("detect", "up-to-date"))
    show(StepStarted(step="download"))
    for done in (0, 50_000_000):
        show(Progress(step="download", item="torch.whl", done=done, total=100_000_000, unit="bytes"))
    shown.wait_for("50%")
    show(Message(level="warning", text="the mirror is slow"))
    show(Message(level="warning", text="the mirror is slow"))
    show(Message(level="detail", text="tried twice"))
    show(finished("download", "done", "1 wheel, 100 MB"))
    for stage in ("base", "torch"):
        show(finished(f"install:{stage}", "up-to-date"))
    show(finished("verify", "failed"))


def test_finished_steps_scroll_up_and_the_board_is_taken_away() -> None:
    with screen(80) as shown:
        live = listener(shown.stream)
        assert isinstance(live, LiveListener)
        drive(live, shown)
        live.close()
        live.close()
    text = shown.text
    assert "✓ up to date: detect\n" in text
    assert re.search(r"✓ download +1\.2 s  1 wheel, 100 MB\n", text)
    assert text.count("warning: the mirror is slow") == 1
    assert "tried twice" not in text
    assert "✓ up to date: install (2 stages)\n" in text
    assert re.search(r"✗ verify +1\.2 s\n", text)
    assert shown.raw.rindex("\x1b[?25h") > shown.raw.rindex("\x1b[?25l"), "the cursor is shown again"


def test_no_line_of_a_narrow_terminal_is_too_wide() -> None:
    with screen(40) as shown:
        live = listener(shown.stream, debug=True)
        drive(live, shown)
        live.close()
        error = LockhouseError("the wheel of a rather long name broke", cause="see https://x.example/" + "y" * 60)
        show_error(error, shown.stream, (Hint("a", "try something that takes more than one line to say"),))
    lines = [line for line in re.split(r"[\r\n]+", shown.text) if "https://" not in line]
    assert max(map(len, lines)) <= 40
    assert "tried twice" in shown.text
    assert "https://x.example/" + "y" * 60 in shown.text


def test_no_color_means_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with screen(80) as shown:
        live = listener(shown.stream)
        drive(live, shown)
        live.close()
        show_error(LockhouseError("no"), shown.stream)
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|38|9[0-7])[;m]", shown.raw)


def test_terminal_without_unicode_gets_ascii() -> None:
    with screen(80, "ascii") as shown:
        live = listener(shown.stream)
        drive(live, shown)
        live.close()
    assert "+ up to date: detect" in shown.text
    assert shown.raw.isascii()


def test_run_with_nothing_to_do_draws_nothing() -> None:
    with screen(80) as shown:
        live = listener(shown.stream)
        for step in ("detect", "plan", "install:base"):
            live(finished(step, "up-to-date"))
        live.close()
    assert shown.raw == "✓ up to date: detect, plan, install\r\n"


@pytest.mark.parametrize("chosen", ["quiet", "dumb"])
def test_quiet_and_dumb_terminals_see_nothing_move(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if chosen == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    with screen(80) as shown:
        plain = listener(shown.stream, quiet=chosen == "quiet")
        plain(StepStarted(step="scan"))
        plain(Message(level="warning", text="careful"))
        plain.close()
        show_error(LockhouseError("no"), shown.stream) if chosen == "dumb" else None
    assert "\x1b" not in shown.raw
    assert "warning: careful" in shown.text


def test_events_from_many_threads_are_all_taken() -> None:
    def work(name: str) -> None:
        for done in range(200):
            live(Progress(step="download", item=name, done=done, total=200, unit="bytes"))
        live(Message(level="info", text=f"{name} is here"))

    with screen(80) as shown:
        live = listener(shown.stream)
        live(StepStarted(step="download"))
        threads = [threading.Thread(target=work, args=(f"wheel-{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        live(finished("download"))
        live.close()
    assert all(f"wheel-{number} is here" in shown.text for number in range(8))


def test_terminal_that_goes_away_stops_nothing() -> None:
    master, slave = os.openpty()
    stream = io.TextIOWrapper(os.fdopen(slave, "wb", 0), encoding="utf-8", write_through=True)
    live = LiveListener(stream)
    os.close(master)
    live(StepStarted(step="scan"))
    live(Message(level="warning", text="careful"))
    live(finished("scan"))
    live(finished("plan", "up-to-date"))
    live.close()
    stream.close()
