"""pip, uv, lockhouse and sha256sum at work: what each is asked to do, and what is put away before it is timed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Command, CommandFailed, Contender
from benchmarks.wheelhouses import Wheels

__all__ = ["Lockhouse", "Pip", "Sha256sum", "Uv", "clear", "isolated", "program"]

MANIFEST = "measured"


def isolated(scratch: Path) -> dict[str, str]:
    """Give the environment of every command: no settings of the user, caches of our own, no network."""
    foreign = ("PIP_", "UV_", "LOCKHOUSE_", "PYTHON", "VIRTUAL_ENV", "CONDA_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return kept | {
        "LOCKHOUSE_CACHE_DIR": str(scratch / "lockhouse-cache"),
        "UV_CACHE_DIR": str(scratch / "uv-cache"),
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def program(name: str) -> str:
    """Find a program, first of all beside this interpreter; raise FileNotFoundError if there is none."""
    here = Path(sys.executable).parent / name
    found = str(here) if here.exists() else shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is needed and was not found")
    return found


def clear(*paths: Path) -> None:
    """Remove files, links and trees, whatever their permissions; what is not there is no problem."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            for folder, _, _ in os.walk(path):
                Path(folder).chmod(0o755)
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tool:
    scratch: Path
    wheels: Wheels
    python: str

    def _contender(self, name: str, prepare: object, *commands: Command) -> Contender:
        assert callable(prepare)
        return Contender(
            name=name, commands=commands, environment=isolated(self.scratch), folder=self.scratch, prepare=prepare
        )

    def _requirements(self) -> str:
        path = self.scratch / "requirements.txt"
        path.write_text("".join(f"{line}\n" for line in self.wheels.requirements), encoding="utf-8")
        return str(path)


class Uv(_Tool):
    """uv with hard links from its cache, resolving nothing."""

    __slots__ = ()

    def cold(self) -> Contender:
        """Build with an empty cache."""
        return self._build(lambda: clear(self._environment, self.scratch / "uv-cache"))

    def warm(self) -> Contender:
        """Build where there is no environment yet, with everything unpacked in the cache."""
        return self._build(lambda: clear(self._environment))

    def rebuild(self) -> Contender:
        """Remove an environment and build it again."""
        return self._build(self._ensure, "--clear")

    def nothing(self) -> Contender:
        """Find that there is nothing to do."""
        return self._contender("uv", self._ensure, Command(name="uv pip sync", argv=self._pip("sync")))

    @property
    def _environment(self) -> Path:
        return self.scratch / "uv-environment"

    def _build(self, prepare: object, *options: str) -> Contender:
        venv = (program("uv"), "venv", "--quiet", "--offline", "--python", self.python, *options)
        return self._contender(
            "uv",
            prepare,
            Command(name="uv venv", argv=(*venv, str(self._environment))),
            Command(name="uv pip install", argv=self._pip("install", "--no-deps", "-r")),
        )

    def _pip(self, verb: str, *options: str) -> tuple[str, ...]:
        offline = ("--quiet", "--offline", "--no-index", "--find-links", str(self.wheels.folder))
        target = ("--python", str(self._environment / "bin" / "python"))
        return (program("uv"), "pip", verb, *offline, *target, *options, self._requirements())

    def _ensure(self) -> None:
        if not (self._environment / "bin" / "python").exists():
            _run_all(self.warm())


class Pip(_Tool):
    """pip as it comes with the interpreter; it keeps nothing unpacked, so cold and warm are the same for it."""

    __slots__ = ()

    def build(self, *, compiling: bool) -> Contender:
        """Build an environment, with bytecode as pip does by itself, or without as uv and lockhouse do."""
        environment = self.scratch / "pip-environment"
        offline = ("--quiet", "--no-index", "--find-links", str(self.wheels.folder), "--no-deps")
        options = () if compiling else ("--no-compile",)
        pip = (str(environment / "bin" / "python"), "-m", "pip", "install", *offline, *options)
        return self._contender(
            "pip" if compiling else "pip --no-compile",
            lambda: clear(environment),
            Command(name="venv", argv=(self.python, "-m", "venv", str(environment))),
            Command(name="pip install", argv=(*pip, "-r", self._requirements())),
        )


class Lockhouse(_Tool):
    """Lockhouse in a project of its own, whose manifest lists the wheels and no checks."""

    __slots__ = ()

    @property
    def project(self) -> Path:
        """The project; its ``wheelhouse/`` is the folder that all tools are given."""
        return self.wheels.folder.parent

    @property
    def environment(self) -> Path:
        """The environment in use."""
        return self.project / ".venv"

    def begin(self) -> None:
        """Write the manifest and install once, which makes plan and lock."""
        path = self.project / "manifests" / f"{MANIFEST}.json"
        path.parent.mkdir(exist_ok=True)
        manifest = {
            "name": MANIFEST,
            "python": {"version": f"{sys.version_info.major}.{sys.version_info.minor}"},
            "environment": {"keep": 1},
            "closure": "explicit",
            "variants": {"cpu": {}},
            "stages": [{"name": "all", "requirements": list(self.wheels.requirements)}],
        }
        path.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        _run_all(self._install(lambda: None, locked=False))

    def first(self) -> Contender:
        """Build in a fresh checkout with a lock and a full wheelhouse: machine, plan and wheels are unknown."""
        hashes = self.wheels.folder / ".hashes.json"
        return self._install(lambda: clear(self.environment, self.project / ".lockhouse", hashes, self._cache))

    def cold(self) -> Contender:
        """Build with an empty cache, after ``lockhouse scan``."""
        return self._install(lambda: clear(self.environment, self._generations, self._cache))

    def warm(self) -> Contender:
        """Build where there is no environment yet, with everything unpacked in the store."""
        return self._install(lambda: clear(self.environment, self._generations))

    def rebuild(self) -> Contender:
        """Remove an environment and build it again: what happens when a file of it is missing."""
        return self._install(self._lose_a_file)

    def nothing(self) -> Contender:
        """Prove that there is nothing to do."""
        return self._install(self._ensure)

    def deep(self) -> Contender:
        """Hash every file of the environment."""
        argv = self._argv("verify", *(["--deep"] if self._knows_deep() else []))
        return self._contender("lockhouse", self._ensure, Command(name="lockhouse verify", argv=argv))

    @property
    def _cache(self) -> Path:
        return self.scratch / "lockhouse-cache"

    @property
    def _generations(self) -> Path:
        return self.project / ".lockhouse" / MANIFEST / "generations"

    def _argv(self, *words: str) -> tuple[str, ...]:
        return (program("lockhouse"), "-C", str(self.project), "--offline", "--json", *words)

    def _install(self, prepare: object, *, locked: bool = True) -> Contender:
        argv = self._argv("--locked", "install") if locked else self._argv("install")
        return self._contender("lockhouse", prepare, Command(name="lockhouse install", argv=argv, phases=_phases))

    def _knows_deep(self) -> bool:
        """Before it had a quick proof, verify always hashed everything."""
        told = subprocess.run([program("lockhouse"), "verify", "--help"], capture_output=True, timeout=60, check=True)
        return b"--deep" in told.stdout

    def _lose_a_file(self) -> None:
        self._ensure()
        lost = min(self.environment.glob("lib/python*/site-packages/*.dist-info/WHEEL"))
        lost.unlink()

    def _ensure(self) -> None:
        if not self.environment.exists():
            _run_all(self.warm())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sha256sum:
    """The C tool over all files of an environment, one process for each core."""

    scratch: Path
    environment: Path

    def deep(self) -> Contender:
        """Hash every file; the list of them is made beforehand and not timed."""
        listed = self.scratch / "files"
        cores = str(os.cpu_count() or 1)
        argv = (program("xargs"), "-0", "-a", str(listed), "-P", cores, "-n", "256", program("sha256sum"))
        return Contender(
            name="sha256sum",
            commands=(Command(name="sha256sum", argv=argv),),
            environment=isolated(self.scratch),
            folder=self.scratch,
            prepare=lambda: self._list(listed),
        )

    def _list(self, listed: Path) -> None:
        found = []
        for folder, folders, files in os.walk(self.environment.resolve()):
            folders[:] = [name for name in folders if name != ".lockhouse"]
            found += [path for name in files if not os.path.islink(path := os.path.join(folder, name))]  # noqa: PTH114, PTH118
        listed.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in found))


def _phases(output: str) -> Mapping[str, float]:
    return {phase["name"]: phase["seconds"] for phase in json.loads(output)["phases"]}


def _run_all(contender: Contender) -> None:
    contender.prepare()
    for command in contender.commands:
        _run(command.argv, contender)


def _run(argv: Sequence[str], contender: Contender) -> None:
    ended = subprocess.run(
        argv,
        cwd=contender.folder,
        env=contender.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    if ended.returncode:
        raise CommandFailed(argv, ended.returncode, ended.stdout + ended.stderr)
