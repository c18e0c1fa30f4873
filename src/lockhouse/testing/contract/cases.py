"""The cases in which a reading is asked for beside the recorded machines: broken answers, alone and together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from lockhouse.host import Probe
from lockhouse.testing.contract.garbage import BROKEN, FAILURES, Said, mutations

__all__ = ["NOTHING", "broken_cases", "generated"]

NOTHING: tuple[tuple[str, dict[str, Said]], ...] = (("nothing was asked", {}),)
"""The one case that every witness tries."""

MOST_MUTATIONS = 1500
"""Damaged versions of recorded answers that are tried; of more, evenly spread ones are."""


def broken_cases(names: Sequence[str], good: Sequence[Mapping[str, Probe]]) -> Iterator[tuple[str, dict[str, Said]]]:
    """Give every combination that is tried: all sources silent or broken at once, and one among good ones."""
    yield from NOTHING
    for what, error in FAILURES.items():
        yield f"every source: {what}", {name: Said(error=error) for name in names}
    for what, text in BROKEN.items():
        yield f"every source: {what}", {name: Said(answer=text) for name in names}
    base = {name: Said(probe.answer, probe.error) for name, probe in good[0].items()}
    for name in names:
        for what, text in BROKEN.items():
            yield f"{name}: {what}", {**base, name: Said(answer=text)}
        for what, error in FAILURES.items():
            yield f"{name}: {what}", {**base, name: Said(error=error)}
        yield f"{name}: not asked", {key: item for key, item in base.items() if key != name}
    damaged = [(number, whole, change) for number, whole in enumerate(good) for change in mutations(_answers(whole))]
    for number, whole, (name, done, text) in damaged[:: 1 + len(damaged) // MOST_MUTATIONS]:
        said = {key: Said(probe.answer, probe.error) for key, probe in whole.items()}
        yield f"{name} {done} ({number})", {**said, name: Said(answer=text)}


def _answers(probes: Mapping[str, Probe]) -> dict[str, str]:
    return {name: probe.answer for name, probe in probes.items() if probe.answer is not None}


def generated(names: Iterable[str], trouble: Callable[[Mapping[str, Said]], str | None]) -> str:
    """Play what hypothesis thinks of, where it is installed.

    ``trouble`` says what is wrong with the reading of some answers; raises AssertionError with the shortest that it
    finds fault with.
    """
    try:
        from hypothesis import HealthCheck, given, settings
        from hypothesis import strategies as st
    except ImportError:
        return "hypothesis is not installed"
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)
    answers = st.text().map(lambda text: Said(answer=text)) | values.map(lambda value: Said(answer=json.dumps(value)))
    errors = st.sampled_from([Said(error=error) for error in FAILURES.values()])

    @settings(max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.fixed_dictionaries({}, optional=dict.fromkeys(names, answers | errors)))
    def play(said: dict[str, Said]) -> None:
        problem = trouble(said)
        assert problem is None, f"{problem}; the answers were {said!r:.300}"

    play()
    return "played"
