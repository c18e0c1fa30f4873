"""The command: measures, prints the tables, and writes results and charts where it is told to."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.cases import SCALED, Case, cases_of
from benchmarks.download import Site, wheelhouses
from benchmarks.machine import describe
from benchmarks.measuring import CommandFailed, Sample, take_turns
from benchmarks.publishing import publish, report
from benchmarks.results import Measured, Point, Results, Series, dump, load
from benchmarks.scanning import scan_case
from benchmarks.server import serving
from benchmarks.tools import clear
from benchmarks.wheelhouses import Wheels, copy_fitting, generate

ROOT = Path(__file__).parents[1]
CASES = ("nothing", "deep", "warm", "rebuild", "cold", "first")
"""Those that delete caches come last: making folders took several times as long after them, on ext4 without a journal.
Why is suspected, not proven: it may pass over inodes that were freed a short while ago.
"""
LATENCY, RATE = 0.04, 5e6
"""Seconds that each request waits, and bytes a second and connection, of the server that is downloaded from."""

POINTS = ((10, 10_000), (100, 10_000), (1_000, 10_000), (100, 50_000), (100, 100_000), (100, 200_000), (1_000, 200_000))
"""Wheels and files of the scaling series: first cost by wheel, then by file, then both."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit status."""
    asked = _parser().parse_args(argv)
    docs = ROOT / "docs"
    if asked.render:
        publish(load((docs / "benchmarks.json").read_text(encoding="utf-8")), docs)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # so that nothing is left behind
    scratch = Path(tempfile.mkdtemp(prefix="lockhouse-benchmarks-", dir=asked.scratch))
    try:
        results = _measure(asked, scratch)
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if not asked.keep:
            clear(scratch)
    print(report(results))
    if asked.json:
        Path(asked.json).write_text(dump(results), encoding="utf-8")
    if asked.publish:
        publish(results, docs)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--wheelhouse", type=Path, default=ROOT / "wheelhouse", help="folder of wheels [%(default)s]")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count [%(default)s]; one more warms up")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES, help="only these")
    parser.add_argument("--no-pip", action="store_true", help="leave pip out: it takes most of the time")
    parser.add_argument("--downloads", action="store_true", help="also fetch 300 MB from a server with latency")
    parser.add_argument("--scan", action="store_true", help="also scan 500 made-up wheels")
    parser.add_argument("--scaling", action="store_true", help="also measure made-up wheelhouses of growing size")
    parser.add_argument("--scaling-rounds", type=int, default=3, help="rounds that count there [%(default)s]")
    parser.add_argument("--most-files", type=int, default=200_000, help="largest wheelhouse of the scaling series")
    parser.add_argument("--scratch", type=Path, help="where to work: the file system that is measured")
    parser.add_argument("--keep", action="store_true", help="leave behind what was built")
    parser.add_argument("--json", metavar="FILE", help="write the results there")
    parser.add_argument("--publish", action="store_true", help="write results, tables and charts into docs/")
    parser.add_argument(
        "--render", action="store_true", help="measure nothing: write docs/ again from docs/benchmarks.json"
    )
    return parser


def _measure(asked: argparse.Namespace, scratch: Path) -> Results:
    wheels = copy_fitting(asked.wheelhouse, scratch / "project" / "wheelhouse")
    if not wheels.requirements:
        sys.exit(f"error: no wheel in {asked.wheelhouse} fits this interpreter")
    machine = describe(scratch)
    measured = tuple(_cases(wheels, scratch, asked.cases, asked.rounds, pip=not asked.no_pip))
    if asked.downloads:
        measured += tuple(_downloads(scratch / "downloads", asked.rounds, pip=not asked.no_pip))
    if asked.scan:
        measured += (_case(scan_case(scratch / "scan"), asked.rounds, scratch),)
    points = tuple(_scaling(scratch, asked.scaling_rounds, asked.most_files)) if asked.scaling else ()
    return Results(
        taken=datetime.now(UTC).strftime("%Y-%m-%d"),
        machine=machine,
        rounds=asked.rounds,
        wheels=len(wheels.requirements),
        files=wheels.files,
        packed=wheels.size,
        unpacked=wheels.unpacked,
        cases=measured,
        scaling=points,
    )


def _scaling(scratch: Path, rounds: int, most: int) -> Iterable[Point]:
    for count, files in POINTS:
        if files > most:
            continue
        _tell(f"{count:,} wheels with {files:,} files")
        folder = scratch / "made-up"
        wheels = generate(folder / "project" / "wheelhouse", count, files)
        cases = tuple(_cases(wheels, folder, SCALED, rounds, pip=False))
        clear(folder)
        yield Point(wheels=count, files=files, cases=cases)


def _downloads(scratch: Path, rounds: int, *, pip: bool) -> Iterable[Measured]:
    for name, wheels in wheelhouses(None, scratch):
        with serving(wheels.folder, latency=LATENCY, rate=RATE) as url:
            site = Site(wheels=wheels, url=url, scratch=scratch / name / "work")
            site.prepare()
            title = (
                f"{len(wheels.requirements)} wheels, {wheels.size / 1e6:.0f} MB, {name} sizes, "
                f"{LATENCY * 1000:.0f} ms latency, {RATE / 1e6:.0f} MB/s for each connection"
            )
            contenders = (site.uv(), site.download(), site.install(), *((site.pip(),) if pip else ()))
            yield _case(Case(name=f"download {name}", title=title, contenders=contenders), rounds, scratch)


def _cases(wheels: Wheels, scratch: Path, names: Iterable[str], rounds: int, *, pip: bool) -> Iterable[Measured]:
    lockhouse, cases = cases_of(wheels, scratch, _python(), pip=pip)
    lockhouse.begin()
    for name in names:
        yield _case(cases[name], rounds, scratch)


def _case(case: Case, rounds: int, scratch: Path) -> Measured:
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in case.contenders}
    for number, name, sample in take_turns(case.contenders, rounds):
        _tell(f"{case.name}: round {number} of {rounds}: {name}: {sample.seconds:.3f} s")
        if number:
            samples[name].append(sample)
    series = []
    for contender in case.contenders:
        taken = samples[contender.name]
        parts = case.parts if contender.name == "lockhouse" else ()
        series.append(
            Series(
                name=contender.name,
                commands=tuple(_readable(command.argv, scratch) for command in contender.commands),
                seconds=tuple(sample.seconds for sample in taken),
                cpu=tuple(sample.cpu for sample in taken),
                peak=tuple(sample.peak for sample in taken),
                phases={name: tuple(sample.phases[name] for sample in taken) for name in taken[0].phases},
                parts={part.name: tuple(part.seconds(sample) for sample in taken) for part in parts},
            )
        )
    return Measured(name=case.name, title=case.title, series=tuple(series))


def _readable(argv: Sequence[str], scratch: Path) -> str:
    """A command as a person would write it, without the paths of this machine."""
    words = [word.replace(f"{scratch}/", "") for word in argv]
    return " ".join(
        [Path(words[0]).name, *(Path(word).name if Path(word).is_absolute() else word for word in words[1:])]
    )


def _python() -> str:
    """The interpreter that environments are made from: not that of an environment of ours."""
    return str(Path(sys.executable).resolve())


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
