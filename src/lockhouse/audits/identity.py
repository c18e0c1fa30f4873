"""Which rules have judged: their names and versions, without what they need to judge."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

import lockhouse
from lockhouse.audits import Audit

__all__ = ["is_own", "rules_of", "version_of"]


def rules_of(rules: Iterable[Audit]) -> tuple[str, ...]:
    """Name rules with their versions, as a report records them."""
    return tuple(f"{rule.name} {version_of(rule)}" for rule in rules)


def is_own(rule: Audit) -> bool:
    """Whether a rule comes with lockhouse."""
    return type(rule).__module__.startswith(f"{__package__}.")


def version_of(rule: Audit) -> str:
    """Give the version of a rule: what passed an older one must be judged again."""
    if is_own(rule):
        return lockhouse.__version__
    if (version := getattr(rule, "version", None)) is not None:
        return str(version)
    try:
        source = Path(str(sys.modules[type(rule).__module__].__file__)).read_bytes()
    except (KeyError, AttributeError, OSError):
        return "0+unknown"
    return f"sha256:{hashlib.sha256(source).hexdigest()[:12]}"
