"""Downloads in turns, by uv, lockhouse and pip, from one server with latency and a limit per connection.

    python -m benchmarks.download --rounds 5

uv fetches from a lock, unpacks and links into a fresh environment: it has no command that only downloads. lockhouse is
measured once for what ``download`` does, wheels in the wheelhouse and nothing else, and once for ``install``, which
ends with a verified environment and a lock. pip downloads without looking at dependencies. All begin with empty caches.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from urllib.parse import quote

from benchmarks.measuring import Command as Program
from benchmarks.measuring import CommandFailed, Contender, Sample, take_turns
from benchmarks.server import serving
from benchmarks.spread import spread_of
from benchmarks.tools import clear, isolated, program
from benchmarks.wheelhouses import EPOCH, Wheels, copy_fitting, generate

__all__ = ["Site", "wheelhouses"]

MANIFEST = "downloaded"
MEMBER = 48_000
"""Bytes of a made-up file, about the mean of what real wheels of compiled code hold."""

EVEN = [5_000_000] * 60
SKEWED = [120_000_000, 50_000_000, 30_000_000, 20_000_000, 12_000_000] + [4_000_000] * 10 + [620_000] * 45
"""Bytes of 60 wheels, 300 MB in all: as large as each other, and as in a real stack, where one is a third of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where one series is measured: the wheels, their server, and a scratch folder."""

    wheels: Wheels
    url: str
    scratch: Path

    @property
    def project(self) -> Path:
        return self.scratch / "project"

    def prepare(self) -> None:
        """Write what the tools are asked to fetch, and let lockhouse make its plan."""
        path = self.project / "manifests" / f"{MANIFEST}.json"
        path.parent.mkdir(parents=True)
        entries = ['lock-version = "1.0"', 'created-by = "benchmarks"']
        lines = []
        for wheel in sorted(self.wheels.folder.glob("*.whl")):
            name, version = wheel.name.split("-")[:2]
            with wheel.open("rb") as file:  # not in one piece: what this process holds would count as its children's
                digest = file_digest(file, "sha256").hexdigest()
            entries += [
                "[[packages]]",
                f'name = "{name.lower().replace("_", "-")}"',
                f'version = "{version}"',
                "[[packages.wheels]]",
                f'url = "{self.url}/files/{quote(wheel.name)}"',
                f"size = {wheel.stat().st_size}",
                f'hashes = {{sha256 = "{digest}"}}',
            ]
            lines.append(f"{name}=={version}")
        (self.scratch / "pylock.toml").write_text("\n".join(entries), encoding="utf-8")
        (self.scratch / "requirements.txt").write_text("\n".join(lines), encoding="utf-8")
        manifest = {
            "name": MANIFEST,
            "python": {"version": f"{sys.version_info.major}.{sys.version_info.minor}"},
            "closure": "explicit",
            "indexes": [{"name": "server", "url": f"{self.url}/simple/"}],
            "stages": [{"name": "all", "requirements": lines}],
        }
        path.write_text(json.dumps(manifest), encoding="utf-8")

    def uv(self) -> Contender:
        """Fetch, unpack and link, with an empty cache."""
        place = self.scratch / "uv-environment"
        uv = program("uv")
        python = str(place / "bin" / "python")
        return self._contender(
            "uv",
            (place, self.scratch / "uv-cache"),
            Program(name="uv venv", argv=(uv, "venv", "--quiet", "--python", sys.executable, str(place))),
            Program(name="uv pip sync", argv=(uv, "pip", "sync", "--quiet", "--python", python, "pylock.toml")),
        )

    def download(self) -> Contender:
        """Fetch what is planned into an empty wheelhouse."""
        argv = (program("lockhouse"), "-C", str(self.project), "--json", "download")
        gone = (self.project / "wheelhouse", self.scratch / "lockhouse-cache")
        return self._contender("lockhouse download", gone, Program(name="lockhouse download", argv=argv))

    def install(self) -> Contender:
        """Fetch, unpack, scan, install and verify."""
        argv = (program("lockhouse"), "-C", str(self.project), "--json", "install")
        gone = (
            self.project / "wheelhouse",
            self.project / ".venv",
            self.project / ".lockhouse" / MANIFEST / "generations",
            self.scratch / "lockhouse-cache",
        )
        return self._contender("lockhouse install", gone, Program(name="lockhouse install", argv=argv, phases=_phases))

    def pip(self) -> Contender:
        """Fetch into an empty folder."""
        place = self.scratch / "pip-wheels"
        argv = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:")
        options = ("--index-url", f"{self.url}/simple/", "--dest", str(place), "--requirement", "requirements.txt")
        return self._contender("pip download", (place,), Program(name="pip download", argv=(*argv, *options)))

    def _contender(self, name: str, gone: Sequence[Path], *commands: Program) -> Contender:
        return Contender(
            name=name,
            commands=commands,
            environment=isolated(self.scratch),
            folder=self.scratch,
            prepare=lambda: clear(*gone),
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write JSON where it is asked for."""
    asked = _parser().parse_args(argv)
    scratch = Path(tempfile.mkdtemp(prefix="lockhouse-download-", dir=asked.scratch))
    series = []
    try:
        for name, wheels in wheelhouses(asked.wheelhouse, scratch):
            with serving(wheels.folder, latency=asked.latency, rate=asked.rate) as url:
                site = Site(wheels=wheels, url=url, scratch=scratch / name / "work")
                site.prepare()
                contenders = [site.uv(), site.download(), *([] if asked.no_install else [site.install()])]
                contenders += [] if asked.no_pip else [site.pip()]
                series.append(_series(name, wheels, contenders, asked.rounds))
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        clear(scratch)
    terms = {"latency": asked.latency, "rate": asked.rate, "rounds": asked.rounds, "cores": os.cpu_count()}
    print(_table(series))
    if asked.json:
        Path(asked.json).write_text(json.dumps({**terms, "series": series}, indent=1) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.download", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wheelhouse", type=Path, help="also fetch the wheels of this folder")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count [%(default)s]; one more warms up")
    parser.add_argument("--latency", type=float, default=0.04, help="seconds that each request waits [%(default)s]")
    parser.add_argument("--rate", type=float, default=5e6, help="bytes a second and connection [%(default)s]")
    parser.add_argument("--no-pip", action="store_true", help="leave pip out: it takes a minute each time")
    parser.add_argument("--no-install", action="store_true", help="leave lockhouse install out")
    parser.add_argument("--scratch", type=Path, help="where to work: the file system that is measured")
    parser.add_argument("--json", metavar="FILE", help="write the results there")
    return parser


def wheelhouses(given: Path | None, scratch: Path) -> Iterator[tuple[str, Wheels]]:
    """Give names and wheels, one after the other: each is gone when the next is asked for."""
    if given is not None:
        yield "given", copy_fitting(given, scratch / "given" / "wheels")
        shutil.rmtree(scratch / "given" / "wheels")
    for name, sizes in (("even", EVEN), ("skewed", SKEWED)):
        yield name, _made_up(scratch / name / "wheels", sizes)
        shutil.rmtree(scratch / name / "wheels")


def _made_up(folder: Path, sizes: Sequence[int]) -> Wheels:
    """Make wheels of about the sizes given in bytes; half of their content is redundant, as in real ones."""
    generate(folder, 0, 0)
    for number, size in enumerate(sizes):
        name, info = f"package_{number:02d}", f"package_{number:02d}-1.0.dist-info"
        source = random.Random(number)
        records: list[str] = []
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:

            def add(path: str, data: bytes, archive: zipfile.ZipFile = archive, records: list[str] = records) -> None:
                member = zipfile.ZipInfo(path, EPOCH)
                member.external_attr = 0o100644 << 16
                archive.writestr(member, data, zipfile.ZIP_DEFLATED, 1)
                digest = urlsafe_b64encode(sha256(data).digest()).decode().rstrip("=")
                records.append(f"{path},sha256={digest},{len(data)}\n")

            count = 0
            while archive.start_dir < size:
                content = source.randbytes(MEMBER // 2).hex().encode()
                add(f"{name}/part_{count // 100:02d}/module_{count:04d}.py", content)
                count += 1
            add(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode())
            add(f"{info}/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(zipfile.ZipInfo(f"{info}/RECORD", EPOCH), "".join(records) + f"{info}/RECORD,,\n")
    return Wheels.of(folder)


def _series(name: str, wheels: Wheels, contenders: Sequence[Contender], rounds: int) -> dict[str, object]:
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for number, who, sample in take_turns(contenders, rounds):
        print(f"{name}: round {number} of {rounds}: {who}: {sample.seconds:.2f} s", file=sys.stderr)
        if number:
            samples[who].append(sample)
    first = spread_of([sample.seconds for sample in samples[contenders[0].name]]).median
    rows = []
    for who, taken in samples.items():
        spread = spread_of([sample.seconds for sample in taken])
        rows.append(
            {
                "by": who,
                "seconds": [round(sample.seconds, 3) for sample in taken],
                "median": round(spread.median, 3),
                "least": round(spread.least, 3),
                "most": round(spread.most, 3),
                "ratio": round(spread.median / first, 3),
                "peak": max(sample.peak for sample in taken),
                "phases": {
                    phase: round(spread_of([sample.phases[phase] for sample in taken]).median, 3)
                    for phase in taken[0].phases
                },
            }
        )
    return {"name": name, "wheels": len(wheels.requirements), "bytes": wheels.size, "by": rows}


def _table(series: Sequence[dict[str, object]]) -> str:
    lines = [
        "| wheels | MB | by | median s | min | max | ratio | peak MB |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for item in series:
        rows = item["by"]
        assert isinstance(rows, list)
        lines += [
            f"| {item['name']}, {item['wheels']} | {int(str(item['bytes'])) / 1e6:.0f} | {row['by']} "
            f"| {row['median']:.2f} | {row['least']:.2f} | {row['most']:.2f} | {row['ratio']:.2f} "
            f"| {row['peak'] / 1e6:.0f} |"
            for row in rows
        ]
    return "\n".join(lines)


def _phases(output: str) -> dict[str, float]:
    return {phase["name"]: phase["seconds"] for phase in json.loads(output)["phases"]}


if __name__ == "__main__":
    sys.exit(main())
