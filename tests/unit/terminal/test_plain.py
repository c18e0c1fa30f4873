from __future__ import annotations

import io

from lockhouse.events import Event, Message, Progress, StepFinished, StepStarted
from lockhouse.terminal.plain import PlainListener


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Gone(io.StringIO):
    """A stream whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def told(*events: Event, quiet: bool = False, debug: bool = False) -> list[str]:
    stream = io.StringIO()
    listener = PlainListener(stream, quiet=quiet, debug=debug)
    for event in events:
        listener(event)
    listener.close()
    return stream.getvalue().splitlines()


def finished(step: str, outcome: str = "done", detail: str = "") -> StepFinished:
    return StepFinished(step=step, outcome=outcome, seconds=1.25, detail=detail)  # type: ignore[arg-type]


EVERYTHING: tuple[Event, ...] = (
    finished("detect", "up-to-date", "cuda"),
    finished("plan", "up-to-date"),
    StepStarted(step="scan"),
    Message(level="detail", text="rule closure"),
    Message(level="info", text="2 notes"),
    Message(level="warning", text="\x1b[31mold wheel\x1b[0m"),
    Message(level="warning", text="old wheel"),
    finished("scan", "done", "6 wheels"),
    StepStarted(step="create"),
    finished("create", "failed"),
)


def test_every_step_has_its_lines_and_every_warning_one() -> None:
    assert told(*EVERYTHING) == [
        "detect: up to date, cuda",
        "plan: up to date",
        "scan: started",
        "2 notes",
        "warning: old wheel",
        "scan: done in 1.2 s: 6 wheels",
        "create: started",
        "create: failed after 1.2 s",
    ]


def test_quiet_tells_warnings_only() -> None:
    assert told(*EVERYTHING, quiet=True) == ["warning: old wheel"]
    assert told(*EVERYTHING, quiet=True, debug=True) == ["warning: old wheel"]


def test_details_are_told_to_who_asks() -> None:
    assert "rule closure" in told(*EVERYTHING, debug=True)


def test_long_download_is_told_every_few_seconds() -> None:
    clock, stream = Clock(), io.StringIO()
    listener = PlainListener(stream, clock=clock)
    listener(StepStarted(step="download"))
    for second in range(25):
        clock.now = 100.0 + second
        listener(Progress(step="download", item="torch", done=second * 10_000_000, total=1_000_000_000, unit="bytes"))
    assert stream.getvalue().splitlines() == [
        "download: started",
        "download: 0.1 of 1.0 GB (10 %), 10.0 MB/s, 1 min 30 s left",
        "download: 0.2 of 1.0 GB (20 %), 10.0 MB/s, 1 min 20 s left",
    ]


def test_a_reader_that_went_away_stops_nothing() -> None:
    listener = PlainListener(Gone())
    for event in EVERYTHING:
        listener(event)


def test_signs_are_spelled_where_the_encoding_does_not_know_them() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii", newline="\n") as stream:
        PlainListener(stream)(Message(level="info", text="a → b └─ c…"))
        stream.flush()
        assert raw.getvalue() == b"a -> b `- c...\n"
