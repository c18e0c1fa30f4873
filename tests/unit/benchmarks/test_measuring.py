from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.measuring import Command, CommandFailed, Contender, measure, take_turns


def contender(folder: Path, name: str, *codes: str, prepare: Callable[[], None] = lambda: None) -> Contender:
    commands = [Command(name=f"step {n}", argv=(sys.executable, "-c", code)) for n, code in enumerate(codes)]
    return Contender(name=name, commands=tuple(commands), environment=dict(os.environ), folder=folder, prepare=prepare)


def noting(folder: Path, text: str) -> str:
    return f"open({str(folder / 'log')!r}, 'a').write({text!r})"


def test_contenders_take_turns_and_warm_up_first(tmp_path: Path) -> None:
    both = [contender(tmp_path, name, noting(tmp_path, name)) for name in "AB"]

    seen = [(number, name) for number, name, _ in take_turns(both, 2)]

    assert seen == [(0, "A"), (0, "B"), (1, "A"), (1, "B"), (2, "A"), (2, "B")]
    assert (tmp_path / "log").read_text() == "ABABAB"


def test_preparation_comes_before_every_run_and_is_no_phase(tmp_path: Path) -> None:
    def prepare() -> None:
        with (tmp_path / "log").open("a") as log:
            log.write("p")

    sample = measure(contender(tmp_path, "A", noting(tmp_path, "1"), noting(tmp_path, "2"), prepare=prepare))

    assert (tmp_path / "log").read_text() == "p12"
    assert list(sample.phases) == ["step 0", "step 1"]
    assert sample.seconds == pytest.approx(sum(sample.phases.values()))


def test_phases_are_read_from_what_the_command_says(tmp_path: Path) -> None:
    command = Command(
        name="whole", argv=(sys.executable, "-c", "print('{\"link\": 0.25}')"), phases=lambda text: json.loads(text)
    )

    sample = measure(
        Contender(name="A", commands=(command,), environment=dict(os.environ), folder=tmp_path, prepare=lambda: None)
    )

    assert sample.phases == {"link": 0.25}


def test_peak_is_that_of_the_largest_process_children_included(tmp_path: Path) -> None:
    large = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'b = bytes(range(256)) * 400_000'], check=True)"
    )

    sample = measure(contender(tmp_path, "A", large, "pass"))

    assert sample.peak > 256 * 400_000


def test_work_of_children_counts_and_waiting_does_not(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}], check=True)"

    working = measure(contender(tmp_path, "A", nested))
    waiting = measure(contender(tmp_path, "B", "import time; time.sleep(0.3)"))

    assert working.cpu >= 0.3
    assert waiting.cpu < waiting.seconds
    assert waiting.seconds >= 0.3


def test_a_command_that_fails_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"status 3:\n.*out of luck"):
        measure(contender(tmp_path, "A", "import sys; print('out of luck', file=sys.stderr); sys.exit(3)"))
