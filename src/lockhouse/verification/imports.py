"""Import packages of a distribution, for the check that a critical one can be imported at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lockhouse.environments import Scheme
from lockhouse.manifest import Check
from lockhouse.names import canonical_name

__all__ = ["import_check", "import_names"]

MODULE = re.compile(r"([^./]+)(?:\.[^/]+)?\.(?:py|so|pyd)")
# What some distributions leave at the top by mistake; nobody imports it.
NOT_MEANT = frozenset({"test", "tests", "testing", "doc", "docs", "example", "examples", "benchmark", "benchmarks"})


def import_names(distribution: str, paths: Iterable[str]) -> tuple[str, ...]:
    """Return what to import of a distribution, sorted; empty for one that brings no Python code.

    ``paths`` are its files relative to the folder of import packages, with ``/``. It is the import package named like
    the distribution (canonical name), else every public one. Of a namespace (a folder without ``__init__.py``) it is
    the packages in it.
    """
    roots = [path for path in paths if not path.startswith("../")]
    folders = {root.rpartition("/")[0] for root in roots if root.endswith("/__init__.py")}
    modules = {match[1] for root in roots if "/" not in root and (match := MODULE.fullmatch(root))}
    packages = {folder.replace("/", ".") for folder in folders if not any(map(folders.__contains__, _above(folder)))}
    found = {name for name in packages | modules if all(part.isidentifier() for part in name.split("."))}
    named = (distribution.replace("-", "_"), distribution.replace("-", "."))
    same = {name for name in found if name.lower() in named}
    public = {name for name in found if not name.startswith("_") and name.partition(".")[0] not in NOT_MEANT}
    return tuple(sorted(same or public or found))


def _above(folder: str) -> Iterator[str]:
    """Folders that a folder is in, the nearest first."""
    while "/" in folder:
        folder = folder.rpartition("/")[0]
        yield folder


def import_check(distribution: str, stage: str, scheme: Scheme) -> Check | None:
    """Make the check of a critical distribution from its RECORD in an environment; None where it is not installed.

    One without Python code must at least be known to the interpreter.
    """
    for site in dict.fromkeys((scheme.purelib, scheme.platlib)):
        for folder in sorted(site.glob("*.dist-info")):
            if canonical_name(folder.name.removesuffix(".dist-info").rpartition("-")[0]) == distribution:
                names = import_names(distribution, _recorded(folder))
                run = "\n".join(f"import {name}" for name in names)
                if not names:
                    run = f"import importlib.metadata\nimportlib.metadata.version({distribution!r})"
                return Check(name=f"import {', '.join(names) or distribution}", run=run, stage=stage, critical=True)
    return None


def _recorded(dist_info: Path) -> list[str]:
    """Files of a distribution as far as :func:`import_names` looks at them: there may be tens of thousands."""
    import csv

    try:
        text = (dist_info / "RECORD").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if "__init__.py" in line or "/" not in line.partition(",")[0]]
        return [os.path.normpath(row[0]).replace(os.sep, "/") for row in csv.reader(lines) if row]
    except (OSError, UnicodeDecodeError, csv.Error):  # drift: the check for it says more
        return []
