"""The environment provider ``venv``: a virtual environment made by the wanted interpreter's own standard library."""

from __future__ import annotations

import sys
from pathlib import Path

from lockhouse.environments import Scheme
from lockhouse.errors import BuildError, Hint, InterpreterNotFound, SubprocessFailed
from lockhouse.host import Interpreter

__all__ = ["VenvProvider"]

# Takes a tenth of a second; a minute and more has been seen on network file systems and under virus scanners.
TIMEOUT = 300.0


class VenvProvider:
    """Makes virtual environments (PEP 405) with no distribution in them."""

    name = "venv"

    def create(self, path: Path, interpreter: Interpreter) -> None:
        """Make an empty virtual environment in the existing folder ``path``; no bytecode is left behind.

        What is in it besides interpreter links and activation scripts depends on the release of Python: ``lib64`` is a
        link to ``lib`` on 64-bit Linux, 3.13 and later add a ``.gitignore``.
        """
        from lockhouse.environments.templates import repeat_template

        prompt = _prompt(path)

        def make(place: Path, prompt: str) -> None:
            links = "--copies" if sys.platform == "win32" else "--symlinks"
            # -I: neither the user's site-packages nor PYTHON* variables take part. -B: no bytecode beside its sources.
            argv = [interpreter.executable, "-I", "-B", "-m", "venv", "--without-pip", links, "--prompt", prompt]
            _run([*argv, str(place)], interpreter)

        # On Windows an environment holds copies of programs.
        if sys.platform == "win32" or not repeat_template(path, prompt, interpreter, make):
            make(path, prompt)
        _check_version(path, interpreter)

    def scheme(self, path: Path, interpreter: Interpreter) -> Scheme:
        """Say where things are; follows from path and version alone, nothing need exist yet.

        This is the scheme ``venv`` of :mod:`sysconfig`: pure and compiled distributions go to the same folder.
        """
        if sys.platform == "win32":
            site_packages = path / "Lib" / "site-packages"
            scripts, python = path / "Scripts", path / "Scripts" / "python.exe"
            headers = path / "Include" / "site" / f"python{interpreter.release}"
        else:
            kind = "pypy" if interpreter.implementation == "pypy" else "python"
            site_packages = path / "lib" / f"{kind}{interpreter.release}" / "site-packages"
            scripts, python = path / "bin", path / "bin" / "python"
            headers = path / "include" / "site" / f"{kind}{interpreter.release}"
        return Scheme(
            python=python, purelib=site_packages, platlib=site_packages, scripts=scripts, data=path, headers=headers
        )


def _prompt(path: Path) -> str:
    """What a shell shows when the environment is active: a manifest's name says more than a generation's."""
    return path.parent.parent.name if path.parent.name == "generations" else path.name


def _run(argv: list[str], interpreter: Interpreter) -> None:
    import subprocess

    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        output = expired.output.decode(errors="replace") if isinstance(expired.output, bytes) else expired.output or ""
        raise SubprocessFailed(
            f"no virtual environment within {TIMEOUT:.0f} s", argv=argv, status=None, output=output
        ) from expired
    except OSError as error:
        raise InterpreterNotFound(
            interpreter.version,
            cause=f"{interpreter.executable}, which was there before: {error.strerror or error}",
        ) from error
    if done.returncode:
        raise SubprocessFailed(
            f"Python {interpreter.version} could not make a virtual environment",
            argv=argv,
            status=done.returncode,
            output=done.stdout,
            hints=[Hint("complete-python", "install the whole standard library of this Python (package python3-venv)")],
        )


def _check_version(path: Path, interpreter: Interpreter) -> None:
    """Make sure that the environment runs the Python that was planned: an interpreter may be replaced in place."""
    for line in (path / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "version":
            if value.strip() != interpreter.version and _release(value.strip()) != _release(interpreter.version):
                raise BuildError(
                    f"{interpreter.executable} is not the Python that was detected",
                    cause=f"it was {interpreter.version} and is {value.strip()}",
                    hints=[Hint("detect-again", "run the command again")],
                )
            return
    raise BuildError(f"{path} is no virtual environment", cause="pyvenv.cfg does not name a version")


def _release(version: str) -> tuple[int, ...] | None:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version).release
    except InvalidVersion:
        return None
