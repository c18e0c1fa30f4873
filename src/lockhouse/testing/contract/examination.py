"""Examining a plugin: two witnesses are sent, and what they saw is judged by every clause."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockhouse.codec import encode
from lockhouse.errors import Hint, UsageError
from lockhouse.hookspecs import ANSWER_LIMIT
from lockhouse.probing import run_limited
from lockhouse.testing.contract.answering import ANSWER_CLAUSES
from lockhouse.testing.contract.conduct import PLUGIN_CLAUSES
from lockhouse.testing.contract.hearing import Breach, Hearing
from lockhouse.testing.contract.loading import recorded
from lockhouse.testing.contract.testimony import Subject, Testimony, testimony_of
from lockhouse.testing.contract.variants import VARIANT_CLAUSES
from lockhouse.testing.contract.witness import Job
from lockhouse.testing.machines import RecordedMachine

__all__ = ["ACCELERATOR_CLAUSES", "CLAUSES", "ContractBroken", "Verdict", "check_contract", "examine"]

ACCELERATOR_CLAUSES = (*ANSWER_CLAUSES, *VARIANT_CLAUSES)

CLAUSES = tuple(clause.name for clause in (*PLUGIN_CLAUSES, *ACCELERATOR_CLAUSES))
"""Names of all clauses, in the order in which they are judged."""

USUAL_VARIANTS = ("cpu", "cu118", "cu121", "cu124", "cu126", "cu128", "cu130", "mps", "rocm6.2", "rocm7.1", "xpu")
"""Names that manifests have; whose they are is asked."""

WITNESS_LIMIT = 300.0
"""Seconds for one witness altogether."""

WORDS = 12
"""Breaches of one clause that are told; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of an examination. ``accelerators`` are the namespaces that were found; ``kept`` the clauses kept."""

    target: str
    accelerators: tuple[str, ...]
    cases: int
    kept: tuple[str, ...]
    breaches: tuple[Breach, ...]

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return not self.breaches

    def lines(self) -> Iterator[str]:
        """Tell it, clause by clause."""
        who = ", ".join(self.accelerators) or "no accelerator"
        yield f"{self.target}: {who}, {self.cases} answers, {len(self.kept)} of {len(CLAUSES)} clauses kept"
        for clause in CLAUSES:
            broken = [breach for breach in self.breaches if breach.clause == clause]
            if not broken:
                continue
            yield ""
            yield f"broken: {clause}"
            yield from (f"  what: {_whose(breach)}{breach.what}" for breach in broken[:WORDS])
            if len(broken) > WORDS:
                yield f"  what: and {len(broken) - WORDS} more"
            yield f"  why:  {broken[0].why}"
            yield f"  try:  {broken[0].hint}"


class ContractBroken(AssertionError):
    """A plugin does not keep the contract; the text tells each clause that it breaks."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__("\n".join(verdict.lines()))
        self.verdict = verdict


def check_contract(
    target: str, *, machines: Path | None = None, variants: Sequence[str] = (), limit: float = ANSWER_LIMIT
) -> None:
    """Raise ContractBroken unless a plugin keeps every clause; arguments as for :func:`examine`."""
    verdict = examine(target, machines=machines, variants=variants, limit=limit)
    if not verdict.ok:
        raise ContractBroken(verdict)


def examine(
    target: str, *, machines: Path | None = None, variants: Sequence[str] = (), limit: float = ANSWER_LIMIT
) -> Verdict:
    """Examine a plugin and judge what was seen.

    ``target`` is the name of a registered plugin, a ``.py`` file, a module, or ``module:object``. ``machines`` holds
    recorded machines, or a folder of them named like the accelerator. ``variants`` are names of variants that it
    should claim. ``limit`` is how many seconds one answer may take. Raises UsageError for a folder that does not hold
    machines.
    """
    folder = machines.absolute() if machines is not None else None
    if folder is not None and not any(folder.glob("**/*.json")):
        raise UsageError(
            f"there are no recorded machines in {folder}",
            hints=[Hint("record-machine", "put one JSON file per machine there (lockhouse.testing.machines)")],
        )
    if target.endswith(".py"):
        target = str(Path(target).absolute())
    known = tuple(dict.fromkeys((*variants, *USUAL_VARIANTS)))
    first = _witness(target, folder, known, limit, thorough=True)
    # The other one has another order in its sets: what differs depends on it.
    second = _witness(target, folder, known, limit, thorough=False) if first.subjects else first
    found: dict[str, Sequence[RecordedMachine]] = {
        subject.namespace: recorded(str(folder) if folder else "", subject.namespace) for subject in first.subjects
    }
    hearing = Hearing(first=first, second=second, machines=found, limit=limit)
    breaches = tuple(_judge(hearing))
    broken = {breach.clause for breach in breaches}
    return Verdict(
        target=target,
        accelerators=tuple(subject.namespace for subject in first.subjects),
        cases=len(first.answers),
        kept=tuple(name for name in CLAUSES if name not in broken),
        breaches=breaches,
    )


def _judge(hearing: Hearing) -> Iterator[Breach]:
    whole = Subject(namespace="", mismatch=None)
    for clause in PLUGIN_CLAUSES:
        yield from clause.breaches(hearing, whole)
    for clause in ACCELERATOR_CLAUSES:
        for subject in hearing.first.subjects:
            if subject.mismatch is None:
                yield from clause.breaches(hearing, subject)


def _witness(
    target: str, machines: Path | None, variants: tuple[str, ...], limit: float, *, thorough: bool
) -> Testimony:
    with tempfile.TemporaryDirectory(prefix="lockhouse-contract-") as name:
        output = Path(name, "testimony")
        output.touch()
        job = Job(
            target=target,
            machines=str(machines or ""),
            variants=variants,
            limit=limit,
            thorough=thorough,
            output=str(output),
            path=tuple(str(Path(entry).absolute()) for entry in sys.path),
        )
        Path(name, "job").write_text(json.dumps(encode(job)), encoding="utf-8")
        code = "import sys; from lockhouse.testing.contract.witness import run; run(sys.argv[1])"
        argv = [sys.executable, "-c", code, str(Path(name, "job"))]
        settings = {
            "PYTHONHASHSEED": str(int(thorough)),
            "PYTHONIOENCODING": "utf-8",
            "HYPOTHESIS_STORAGE_DIRECTORY": name,
        }
        environ = {**os.environ, **settings}
        status, printed, complaint = run_limited(argv, max(WITNESS_LIMIT, limit), environ)
        if status is None:
            ended = f"was ended after {WITNESS_LIMIT:g} seconds"
        elif status < 0:
            ended = f"was killed by signal {-status}"
        else:
            ended = f"ended with status {status}"
        return testimony_of(output.read_text(encoding="utf-8"), ended=ended, printed=printed + complaint)


def _whose(breach: Breach) -> str:
    return f"{breach.namespace}: " if breach.namespace else ""
