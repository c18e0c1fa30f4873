"""Where Python interpreters are kept on Linux, macOS and Windows. File look-ups only; nothing is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from lockhouse.values import dataclass

__all__ = ["Places", "base_interpreter", "is_script"]

NAMES = ("python3", "python", *(f"python3.{minor}" for minor in range(20, 7, -1)))
CLT_STUB = Path("/usr/bin/python3")
"""On macOS a stub that opens an installation dialog where the command line tools are missing: never started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The places of one machine, or of a folder that stands for one."""

    environ: Mapping[str, str]
    home: Path
    system: str
    root: Path = Path("/")

    @classmethod
    def here(cls) -> Places:
        """The places of this machine."""
        try:
            home = Path.home()
        except RuntimeError:  # a container under a user id that nobody has named
            home = Path(os.sep)
        return cls(environ=os.environ, home=home, system=sys.platform)

    def on_path(self) -> list[Path]:
        """Candidates on PATH in its order. Relative entries do not count: they mean another place tomorrow."""
        folders = [Path(entry) for entry in self.environ.get("PATH", "").split(os.pathsep) if entry]
        return self._usable(path for folder in folders if folder.is_absolute() for path in self._named(folder))

    def elsewhere(self) -> list[Path]:
        """Candidates where pyenv, uv, the system and its package managers put them, on PATH or not."""
        return self._usable(self._known())

    def selectors(self) -> list[Path]:
        """Files that decide which interpreter a shim starts."""
        return [self._pyenv() / "version"]

    def _known(self) -> Iterator[Path]:
        yield from self._each(self._pyenv() / "versions")
        yield from self._each(self._uv())
        for manager in (self._data() / "mise", self.home / ".asdf"):
            yield from self._each(manager / "installs/python")
        if self.system == "win32":
            yield from _registered()
            return
        folders = ["usr/local/bin", "usr/bin"]
        if self.system == "darwin":
            framework = "Library/Frameworks/Python.framework/Versions"
            yield from self._each(self.root / framework)
            for tools in ("Library/Developer/CommandLineTools", "Applications/Xcode.app/Contents/Developer"):
                yield self.root / tools / "usr/bin/python3"
            folders.insert(0, "opt/homebrew/bin")
        for folder in folders:
            yield from self._named(self.root / folder)

    def _pyenv(self) -> Path:
        root = self.environ.get("PYENV_ROOT") or self.environ.get("PYENV")
        return Path(root) if root else self.home / (".pyenv/pyenv-win" if self.system == "win32" else ".pyenv")

    def _uv(self) -> Path:
        """Where uv keeps interpreters (its reference, "Storage directories")."""
        if chosen := self.environ.get("UV_PYTHON_INSTALL_DIR"):
            return Path(chosen)
        if self.system == "win32":
            return Path(self.environ.get("APPDATA") or self.home / "AppData/Roaming") / "uv/data/python"
        return self._data() / "uv/python"

    def _data(self) -> Path:
        return Path(self.environ.get("XDG_DATA_HOME") or self.home / ".local/share")

    def _each(self, versions: Path) -> Iterator[Path]:
        """Interpreters of a folder that holds one installation per folder."""
        try:
            installations = sorted(versions.iterdir(), reverse=True)
        except OSError:
            return
        for installation in installations:
            # uv and framework installers keep short-cuts (cpython-3.11, Current) beside the installations.
            if not installation.is_symlink():
                yield from self._named(installation if self.system == "win32" else installation / "bin")

    def _named(self, folder: Path) -> Iterator[Path]:
        suffix = ".exe" if self.system == "win32" else ""
        # Each of pyenv's shims takes half a second, and all but the chosen version's fail; the versions are known.
        shims = folder == self._pyenv() / "shims"
        for name in ("python3",) if shims else NAMES:
            yield folder / f"{name}{suffix}"

    def _usable(self, paths: Iterator[Path]) -> list[Path]:
        usable: dict[Path, None] = {}
        for path in paths:
            if self.system == "darwin" and path == CLT_STUB:
                continue
            try:
                str(path).encode()  # a path that is no text cannot stand in any of our files
                # The Windows Store's aliases have no content; the Store's real interpreters are in the registry.
                if path.is_file() and os.access(path, os.X_OK) and path.stat().st_size > 0:
                    usable[path] = None
            except (OSError, UnicodeEncodeError):
                continue
        return list(usable)


def base_interpreter(path: Path) -> Path | None:
    """Return the interpreter that a virtual environment's one stands on; ``path`` itself outside of environments.

    None if the base is gone. Read from ``pyvenv.cfg`` (PEP 405; ``executable`` since Python 3.11, ``base-executable``
    by virtualenv): before Python 3.11 an interpreter started without ``site`` does not know its base.
    """
    for _ in range(5):
        settings = next(
            (file for file in (path.parent / "pyvenv.cfg", path.parent.parent / "pyvenv.cfg") if _is(file)), None
        )
        if settings is None:
            return path
        found = _base_named_in(settings, path)
        if found is None or found == path:
            return None
        path = found
    return None


def _base_named_in(settings: Path, path: Path) -> Path | None:
    try:
        lines = settings.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    values = {key.strip().lower(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    named = [Path(values[key]) for key in ("executable", "base-executable") if values.get(key)]
    if home := values.get("home"):
        release = ".".join((values.get("version") or values.get("version_info") or "3").split(".")[:2])
        names = (f"python{release}{path.suffix if path.suffix == '.exe' else ''}", path.name, "python3", "python")
        named += [Path(home) / name for name in names]
    return next((base for base in named if base.is_absolute() and _is(base)), None)


def _is(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def is_script(path: Path) -> bool:
    """Whether a candidate is a shim: a script that starts an interpreter chosen by settings of its own."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def _registered() -> Iterator[Path]:
    """Interpreters in the Windows registry (PEP 514), which the ``py`` launcher goes by as well."""
    if sys.platform != "win32":
        return
    import winreg

    hives = [
        (winreg.HKEY_CURRENT_USER, 0),
        (winreg.HKEY_LOCAL_MACHINE, winreg.KEY_WOW64_64KEY),
        (winreg.HKEY_LOCAL_MACHINE, winreg.KEY_WOW64_32KEY),
    ]
    for hive, view in hives:
        for company in _keys(hive, view, r"Software\Python"):
            # PEP 514, "Backwards Compatibility": PyLauncher holds settings of the launcher.
            if company != r"Software\Python\PyLauncher":
                for tag in _keys(hive, view, company):
                    yield from _installed(hive, view, tag)


def _keys(hive: int, view: int, path: str) -> list[str]:
    """Paths of the keys below a key; none where it does not exist."""
    if sys.platform != "win32":
        return []
    import winreg

    try:
        with winreg.OpenKey(hive, path, 0, winreg.KEY_READ | view) as key:
            return [rf"{path}\{winreg.EnumKey(key, number)}" for number in range(winreg.QueryInfoKey(key)[0])]
    except OSError:
        return []


def _installed(hive: int, view: int, tag: str) -> list[Path]:
    """The executable of one tag; nothing where the entry is incomplete."""
    if sys.platform != "win32":
        return []
    import winreg

    try:
        with winreg.OpenKey(hive, rf"{tag}\InstallPath", 0, winreg.KEY_READ | view) as key:
            try:
                return [Path(winreg.QueryValueEx(key, "ExecutablePath")[0])]
            except OSError:
                return [Path(winreg.QueryValue(key, None)) / "python.exe"]
    except OSError:
        return []
