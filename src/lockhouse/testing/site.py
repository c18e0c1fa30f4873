"""A project on disk with a manifest, the index that serves it, and the tool run on it as a person would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lockhouse.testing.index import Index
from lockhouse.testing.wheels import WheelSpec, build_tools

__all__ = ["RELEASE", "Result", "Site"]

RELEASE = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The Python that runs the tests, as a manifest names it."""


@dataclass(frozen=True)
class Result:
    """How a run of the tool ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document of a run with ``--json``."""
        return json.loads(self.out)


@dataclass
class Site:
    """A project directory, whose default index is ``index``."""

    root: Path
    index: Index
    environment: dict[str, str] = field(default_factory=dict)
    """Variables of a run beside the test's own."""
    dodo: str = "from lockhouse.tasks import *\n"
    """The front door of plain doit."""
    runner: str = sys.executable
    """The interpreter that has lockhouse."""

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        build_tools(self.index.folder)

    def manifest(self, *requirements: Any, name: str = "demo", **fields: Any) -> Path:
        """Write the manifest: one stage ``base`` of ``requirements`` unless ``stages`` says otherwise."""
        document: dict[str, Any] = {
            "name": name,
            "python": {"version": RELEASE},
            "stages": [{"name": "base", "requirements": list(requirements)}],
            **fields,
        }
        path = self.root / "manifests" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")
        return path

    def wheel(self, name: str, version: str = "1.0", *requires: str, **fields: Any) -> Path:
        """Put a wheel on the index."""
        return WheelSpec(name, version, requires, **fields).build(self.index.folder)

    def variables(self) -> dict[str, str]:
        """Environment of a run: the test's own, with the index as pip's default."""
        return {**os.environ, "PIP_INDEX_URL": self.index.url, "PIP_TIMEOUT": "10", **self.environment}

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """Start the console command and do not wait for it."""
        return subprocess.Popen(
            [self.runner, "-m", "lockhouse", "-C", str(self.root), *argv],
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *argv: str) -> Result:
        """Run the console command to its end."""
        process = self.start(*argv)
        out, err = process.communicate(timeout=300)
        return Result(process.returncode, out, err)

    def doit(self, *argv: str) -> Result:
        """Run plain doit."""
        dodo = self.root / "dodo.py"
        if not dodo.exists():
            dodo.write_text(self.dodo, encoding="utf-8")
        ended = subprocess.run(
            [self.runner, "-m", "doit", *argv],
            cwd=self.root,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        return Result(ended.returncode, ended.stdout, ended.stderr)

    def installed(self) -> Result:
        """Install, and expect it to work."""
        result = self.run("install")
        assert result.status == 0, result.out + result.err
        return result

    @property
    def venv(self) -> Path:
        """The environment in use."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter of the environment in use."""
        return self.venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def site_packages(self) -> Path:
        """Where the environment in use keeps its distributions."""
        return next(self.venv.glob("lib/python*/site-packages"))

    def digest(self) -> str:
        """The tree digest that the environment's own marker records."""
        marker = json.loads((self.venv / ".lockhouse" / "generation.json").read_text(encoding="utf-8"))
        digest: str = marker["environment-digest"]
        return digest

    def lock(self) -> Path:
        """The only lock beside the manifests."""
        (lock,) = (self.root / "manifests").glob("pylock.*.toml")
        return lock
