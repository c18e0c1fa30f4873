"""Distributions that no wheel brought: ``.egg-info`` of setuptools and of distribution packages, links of development.

The formats are those of setuptools ("The Internal Structure of Python Eggs"). They have no RECORD: which files are
theirs is known only where pip has noted it in ``installed-files.txt``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["legacy_paths", "legacy_requires"]

SECTION = re.compile(r"\[(?P<extra>[^]:]*)(?::(?P<marker>[^]]*))?\]")


def legacy_requires(text: str) -> Iterator[str]:
    """Turn ``requires.txt`` into lines of ``Requires-Dist``: its sections are ``[extra]``, ``[extra:marker]``."""
    conditions: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if match := SECTION.fullmatch(line):
            conditions = [f"({match['marker']})"] if match["marker"] else []
            if match["extra"]:
                conditions.append(f'extra == "{match["extra"]}"')
        elif line and not line.startswith("#"):
            # a space, because a semicolon right after an address would belong to it
            yield f"{line} ; {' and '.join(conditions)}" if conditions else line


def legacy_paths(metadata: Path, site: Path) -> list[str] | None:
    """Paths of a distribution's files relative to ``site``, with ``/``; None where they are not known."""
    try:
        text = (metadata / "installed-files.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    inside = os.path.relpath(metadata, site)
    return [os.path.normpath(f"{inside}/{line}").replace(os.sep, "/") for line in text.splitlines() if line]
