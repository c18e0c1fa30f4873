"""Which torch releases were built with which toolkits, from ``data/builds.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

__all__ = ["builds_hint", "builds_of", "variants_by", "variants_of"]

DATA = Path(__file__).with_name("data") / "builds.json"
MISSING = re.compile(r"\bno (?:version of )?torch==(\d+\.\d+)")
"""How the resolver says that an index has no such build."""

Builds = Mapping[str, Mapping[str, tuple[str, ...]]]


@cache
def builds_of() -> Builds:
    """Load the table: toolkit (``cuda``, ``rocm``, ``xpu``) to torch release (``2.13``) to toolkit versions."""
    data = json.loads(DATA.read_text(encoding="utf-8"))
    return {
        toolkit: {release: tuple(versions) for release, versions in data[toolkit].items()}
        for toolkit in ("cuda", "rocm", "xpu")
    }


def variants_of(release: str) -> tuple[str, ...]:
    """Names of the variants that a torch release (``2.13``) was built for, without ``cpu``."""
    table = builds_of()
    return (
        *(f"cu{version.replace('.', '')}" for version in table["cuda"].get(release, ())),
        *(f"rocm{version}" for version in table["rocm"].get(release, ())),
        *table["xpu"].get(release, ()),
    )


def variants_by(toolkit: str) -> tuple[str, ...]:
    """Names of all variants of a toolkit (``cuda``, ``rocm``, ``xpu``) that any release was built for, newest first."""
    prefix = {"cuda": "cu", "rocm": "rocm"}.get(toolkit, "")
    versions = {version for release in builds_of()[toolkit].values() for version in release}
    newest = sorted(versions, key=lambda version: [int(part) for part in re.findall(r"\d+", version)], reverse=True)
    return tuple(prefix + (version.replace(".", "") if toolkit == "cuda" else version) for version in newest)


def builds_hint(complaint: str) -> str | None:
    """Say what a release of torch was built for, if a complaint is about one that the table knows."""
    found = MISSING.search(complaint)
    variants = variants_of(found[1]) if found else ()
    if found is None or not variants:
        return None
    return (
        f"PyTorch publishes torch {found[1]} for {', '.join(variants)} and cpu: choose a variant or a release that fits"
    )
