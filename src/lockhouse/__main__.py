"""The console command, from the first instant to the last: ``lockhouse`` and ``python -m lockhouse``."""

import gc
from typing import NoReturn

from lockhouse import interruption

__all__ = ["main"]


def main() -> NoReturn:
    """Run one command and end the process with its status."""
    interruption.attend()  # first of all: even what is imported next takes longer than a quick hand
    # Tens of thousands of short tuples are no garbage: looking for some takes a twentieth of a run with nothing to do.
    gc.set_threshold(200_000, 20, 20)
    from lockhouse.cli import main as command

    interruption.conclude(command())


if __name__ == "__main__":
    main()
