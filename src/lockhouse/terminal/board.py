"""The part of the terminal that moves: what is being worked on, how far it is, and what is under way in it."""

from __future__ import annotations

import time

from rich.text import Text

from lockhouse.events import Progress
from lockhouse.quantities import duration, portion, rate
from lockhouse.terminal.device import SIGNS, Signs, name_width
from lockhouse.terminal.tally import Clock, Tally
from lockhouse.terminal.text import clean, clip

__all__ = ["Board"]

SHOWN_ITEMS = 5
LEAST_BAR = 10
MOST_BAR = 40
FRAMES_PER_SECOND = 10


class Board:
    """The steps that are running. Not thread-safe: whoever draws it guards it."""

    def __init__(self, signs: Signs = SIGNS, clock: Clock = time.monotonic) -> None:
        self._signs = signs
        self._clock = clock
        self._started: dict[str, float] = {}
        self._tallies: dict[str, Tally] = {}

    def start(self, step: str) -> None:
        """Put a step on the board."""
        self._started.setdefault(step, self._clock())

    def note(self, progress: Progress) -> None:
        """Take in progress; a step that nobody announced has begun with it."""
        self.start(progress.step)
        self._tallies.setdefault(progress.step, Tally(self._clock)).note(progress)

    def finish(self, step: str) -> None:
        """Take a step off the board."""
        self._started.pop(step, None)
        self._tallies.pop(step, None)

    def lines(self, width: int, height: int) -> list[Text]:
        """Draw the board, none of its lines wider than ``width`` and no more of them than ``height``."""
        lines: list[Text] = []
        for step, started in self._started.items():
            lines.append(self._step(step, started, width))
            tally = self._tallies.get(step)
            if tally is not None:
                lines.append(self._bar(tally, width))
                lines += self._items(tally.active, width)
        return lines[: max(1, height)]

    def _step(self, step: str, started: float, width: int) -> Text:
        frames = self._signs.spinner
        frame = frames[int(self._clock() * FRAMES_PER_SECOND) % len(frames)]
        head = f"{frame} {clean(step):<{name_width(width)}}"
        line = clip(f"{head} {duration(self._clock() - started):>8}", width, self._signs.ellipsis)
        text = Text(line)
        text.stylize("cyan", 0, len(frame))
        text.stylize("dim", min(len(head), len(line)))
        return text

    def _bar(self, tally: Tally, width: int) -> Text:
        left, indent = tally.remaining(), "  "
        speed = tally.rate()
        amount = portion(tally.done, tally.total, tally.unit)
        pace = rate(speed, tally.unit) if speed and tally.unit == "bytes" else ""
        rest = f"{duration(left)} left" if left is not None and tally.done != tally.total else ""
        if tally.share is None:
            return Text(clip(indent + "  ".join(filter(None, (amount, pace))), width, self._signs.ellipsis))
        percent = f"{int(tally.share * 100):>3}%"
        for words in ((percent, amount, pace, rest), (percent, amount, rest), (percent, rest), (percent,)):
            tail = "  ".join(filter(None, words))
            room = width - len(indent) - len(tail) - 1
            if room >= LEAST_BAR:
                break
        bar = self._drawn(tally.share, max(0, min(MOST_BAR, room)))
        return Text.assemble(indent, bar, " ", tail)

    def _drawn(self, share: float, width: int) -> Text:
        full = int(share * width)
        head = self._signs.bar_end if 0 < full < width else ""
        done = self._signs.bar * (full - len(head)) + head
        return Text.assemble((done, "green" if share >= 1 else "cyan"), (self._signs.bar_rest * (width - full), "dim"))

    def _items(self, items: tuple[Progress, ...], width: int) -> list[Text]:
        shown = items[:SHOWN_ITEMS]
        lines = [self._item(item, width) for item in shown]
        if len(items) > len(shown):
            lines.append(Text(clip(f"    and {len(items) - len(shown)} more", width, self._signs.ellipsis), "dim"))
        return lines

    def _item(self, item: Progress, width: int) -> Text:
        amount = portion(item.done, item.total, item.unit)
        if item.total:
            percent = f"{min(100, item.done * 100 // item.total):>3}%"
            amount = f"{amount:>18} {percent}" if width >= 72 else percent
        room = min(width, 100) - len(amount) - 6
        name = clip(clean(item.item).replace("\n", " "), max(8, room), self._signs.ellipsis)
        line = f"    {name:<{max(8, room)}}  {amount}"
        return Text(line[:width], "dim")
