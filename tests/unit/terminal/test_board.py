from __future__ import annotations

import pytest

from lockhouse.events import Progress
from lockhouse.terminal.board import Board
from lockhouse.terminal.device import ASCII, SIGNS, Signs


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def busy_board(signs: Signs = SIGNS) -> Board:
    """A download of nine wheels, two of them with names that are too long, after three seconds."""
    clock = Clock()
    board = Board(signs, clock)
    board.start("download")
    names = [f"wheel{number}" for number in range(7)] + ["x" * 150, "y" * 150]
    for name in names:
        board.note(Progress(step="download", item=name, done=0, total=100_000_000, unit="bytes"))
    clock.now += 3
    for name in reversed(names):
        board.note(Progress(step="download", item=name, done=25_000_000, total=100_000_000, unit="bytes"))
    return board


@pytest.mark.parametrize("width", [10, 20, 40, 72, 80, 200])
@pytest.mark.parametrize("signs", [SIGNS, ASCII])
def test_no_line_is_wider_than_the_terminal(width: int, signs: Signs) -> None:
    assert all(line.cell_len <= width for line in busy_board(signs).lines(width, 30))


def test_board_is_no_higher_than_the_terminal() -> None:
    assert len(busy_board().lines(80, 3)) == 3
    assert len(busy_board().lines(80, -2)) == 1


def test_ascii_board_is_ascii() -> None:
    assert all(line.plain.isascii() for line in busy_board(ASCII).lines(40, 30))


def test_download_shows_total_rate_and_remaining_time_above_the_active_files() -> None:
    lines = [line.plain for line in busy_board().lines(100, 30)]
    assert lines[0].startswith("⠋ download ")
    assert lines[0].endswith("3.0 s")
    assert lines[1].endswith("  25%  225 of 900 MB  75.0 MB/s  9.0 s left")
    assert lines[2].startswith("    yyyy")
    assert lines[2].endswith("…      25.0 of 100 MB  25%")
    assert lines[4].split() == ["wheel6", "25.0", "of", "100", "MB", "25%"]
    assert lines[-1] == "    and 4 more"
    assert len(lines) == 8


def test_narrow_terminal_keeps_the_percentage_and_the_remaining_time() -> None:
    lines = [line.plain for line in busy_board().lines(40, 30)]
    assert lines[1].endswith("  25%  9.0 s left")
    assert lines[4].split() == ["wheel6", "25%"]


def test_unknown_total_shows_what_there_is() -> None:
    board = Board(SIGNS, Clock())
    board.note(Progress(step="purge", item="", done=12, total=None, unit="files"))
    assert [line.plain for line in board.lines(60, 10)][1] == "  12 files"


def test_finished_step_leaves_the_board() -> None:
    board = busy_board()
    board.start("scan")
    board.finish("download")
    board.finish("never started")
    assert [line.plain.split()[1] for line in board.lines(80, 10)] == ["scan"]
