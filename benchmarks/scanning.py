"""Scans: all rules over hundreds of wheels, whose facts are remembered or have to be gathered."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.measuring import Command, CommandFailed, Contender
from benchmarks.tools import clear, isolated, program
from benchmarks.wheelhouses import Wheels, generate

__all__ = ["FILES", "KNOWN", "UNKNOWN", "WHEELS", "scan_case"]

WHEELS, FILES, REQUIRES = 500, 50_000, 8
"""Made-up wheels and the files in them; each requires so many others. Of real wheels half have fewer than 40 files."""

KNOWN, UNKNOWN = "lockhouse scan, wheels known", "lockhouse scan, wheels new"
MANIFEST = "scanned"


def scan_case(scratch: Path) -> Case:
    """Make up the wheels, plan them, and give the case: the whole command each time, planned and downloaded before."""
    scan = _Scan(scratch=scratch, wheels=generate(scratch / "project" / "wheelhouse", WHEELS, FILES, requires=REQUIRES))
    scan.begin()
    title = f"all rules over {WHEELS} wheels with {FILES:,} files and {2 * WHEELS * REQUIRES:,} requirements"
    return Case(name="scan", title=title, contenders=(scan.known(), scan.unknown()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    scratch: Path
    wheels: Wheels

    def begin(self) -> None:
        """Write the manifest and scan once, which makes the plan."""
        path = self._project / "manifests" / f"{MANIFEST}.json"
        path.parent.mkdir()
        manifest = {
            "name": MANIFEST,
            "python": {"version": f"{sys.version_info.major}.{sys.version_info.minor}"},
            "closure": "explicit",
            "stages": [{"name": "all", "requirements": list(self.wheels.requirements)}],
        }
        path.write_text(json.dumps(manifest), encoding="utf-8")
        contender = self.known()
        (command,) = contender.commands
        ended = subprocess.run(
            command.argv, cwd=contender.folder, env=contender.environment, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise CommandFailed(command.argv, ended.returncode, ended.stdout + ended.stderr)

    def known(self) -> Contender:
        """Scan wheels whose facts are remembered."""
        return self._contender(KNOWN, self._report)

    def unknown(self) -> Contender:
        """Scan wheels that this user has never scanned; they have been hashed, as a download does."""
        return self._contender(UNKNOWN, self._report, Path(isolated(self.scratch)["LOCKHOUSE_CACHE_DIR"]) / "facts")

    @property
    def _project(self) -> Path:
        return self.wheels.folder.parent

    @property
    def _report(self) -> Path:
        return self._project / ".lockhouse" / MANIFEST / "scan.json"

    def _contender(self, name: str, *unknown: Path) -> Contender:
        return Contender(
            name=name,
            commands=(
                Command(
                    name="lockhouse scan",
                    argv=(program("lockhouse"), "-C", str(self._project), "--offline", "--json", "scan"),
                ),
            ),
            environment=isolated(self.scratch) | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels.folder)},
            folder=self.scratch,
            prepare=lambda: clear(*unknown),
        )
