"""Where things stand: the paths of a project and the discovery of its manifest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lockhouse.errors import Hint, UsageError
from lockhouse.values import dataclass

__all__ = [
    "MANIFEST_VARIABLE",
    "Project",
    "cache_directory",
    "find_manifest",
    "has_manifest",
    "home_of",
    "hosted_pointer",
]

MANIFEST_VARIABLE = "LOCKHOUSE_MANIFEST"
CACHE_VARIABLE = "LOCKHOUSE_CACHE_DIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The paths of one manifest in one project directory. ``root`` and ``manifest`` are absolute.

    ``name`` is the manifest's name; ``pointer`` is the path that people use (``.venv``).
    """

    root: Path
    manifest: Path
    name: str
    pointer: Path

    @property
    def home(self) -> Path:
        """Folder of everything lockhouse keeps for the project."""
        return home_of(self.root)

    @property
    def state(self) -> Path:
        """Folder of the manifest's values: host, plan, scan report and so on."""
        return self.home / self.name

    @property
    def lock_memory(self) -> Path:
        """File that remembers the lock as it was last read."""
        return self.state / "lock.json"

    @property
    def temporary(self) -> Path:
        """Folder of what lives no longer than one run; whoever has the project alone may clear it."""
        return self.state / "tmp"

    @property
    def generations(self) -> Path:
        """Folder of the manifest's environments."""
        return self.state / "generations"

    @property
    def wheelhouse(self) -> Path:
        """Folder of the project's wheels, shared by its manifests."""
        return self.root / "wheelhouse"

    @property
    def plugins(self) -> Path:
        """Folder of project-local plugins."""
        return self.root / "plugins"

    def lock(self, variant: str, platform: str, python_tag: str) -> Path:
        """Path of the lock for a target.

        PEP 751 allows no dot in ``pylock.<name>.toml``, so ``rocm6.2`` becomes ``rocm6_2``.
        """
        name = f"{self.name}-{variant}-{platform}-{python_tag}".replace(".", "_")
        return self.manifest.parent / f"pylock.{name}.toml"


def home_of(root: Path) -> Path:
    """Folder of everything lockhouse keeps for the project in ``root``."""
    return root / ".lockhouse"


def hosted_pointer(root: Path, name: str) -> Path:
    """Link to the generation of a manifest that was added to a host."""
    return home_of(root) / name / "added"


def cache_directory() -> Path:
    """The user's cache: ``LOCKHOUSE_CACHE_DIR``, else where the platform keeps caches."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("lockhouse", appauthor=False)


def find_manifest(root: Path, chosen: str | None = None) -> Path:
    """Find the manifest of a project directory.

    In order: ``chosen`` (a path, or the name of a file in ``manifests/`` without its ending), ``LOCKHOUSE_MANIFEST``,
    ``[tool.lockhouse] manifest`` in ``pyproject.toml``, the only file in ``manifests/``. Raises UsageError.
    """
    root = root.absolute()
    chosen = chosen or os.environ.get(MANIFEST_VARIABLE)
    if chosen:
        return _named(root, chosen)
    configured = _configured(root)
    if configured:
        return _named(root, configured)
    found = _manifests(root)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            "there is no manifest here",
            cause=f"{root} has neither manifests/*.json or *.toml nor [tool.lockhouse] manifest in pyproject.toml",
            hints=[Hint("start-project", "change to the project's directory, or name the manifest with -m")],
        )
    names = ", ".join(path.name for path in found)
    raise UsageError(
        f"there are {len(found)} manifests and none was chosen",
        cause=f"manifests/ holds {names}",
        hints=[Hint("choose-manifest", f"name one, e.g. -m {found[0].stem}, or manifest={found[0].stem} with doit")],
    )


def has_manifest(root: Path, chosen: str | None = None) -> bool:
    """Whether anything says which manifest a folder has; :func:`find_manifest` finds it, or says what is wrong."""
    return bool(chosen or os.environ.get(MANIFEST_VARIABLE) or _configured(root) or _manifests(root))


def _manifests(root: Path) -> list[Path]:
    folder = root / "manifests"
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.suffix in (".json", ".toml") and not path.name.startswith("pylock.")
    )


def _named(root: Path, chosen: str) -> Path:
    direct = root / Path(chosen).expanduser()
    if direct.is_file():
        return direct.absolute()
    for path in _manifests(root):
        if path.stem == chosen:
            return path
    known = ", ".join(path.stem for path in _manifests(root)) or "none"
    raise UsageError(
        f"there is no manifest {chosen!r}",
        cause=f"it is no file, and no name in manifests/ (there: {known})",
        hints=[Hint("choose-manifest", "give the path of a .json or .toml file")],
    )


def _configured(root: Path) -> str | None:
    pyproject = root / "pyproject.toml"
    if not pyproject.is_file():
        return None
    import tomllib

    try:
        data = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError("pyproject.toml cannot be read", cause=reason.partition(";")[0]) from error
    tables: Any = data
    for name in ("tool", "lockhouse"):
        tables = tables.get(name, {})
        if not isinstance(tables, dict):
            raise UsageError(f"pyproject.toml: {name} must be a table")
    manifest = tables.get("manifest")
    if manifest is not None and not isinstance(manifest, str):
        raise UsageError("pyproject.toml: tool.lockhouse.manifest must be a path")
    return manifest
