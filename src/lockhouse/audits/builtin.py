"""The built-in rules, registered like a stranger's. The order here is that of the scan report."""

from __future__ import annotations

from collections.abc import Iterable

from lockhouse.audits import Audit
from lockhouse.audits.blacklist import Blacklist
from lockhouse.audits.closure import Closure
from lockhouse.audits.consistency import Consistency
from lockhouse.audits.exclusions import Exclusions
from lockhouse.audits.integrity import Integrity
from lockhouse.audits.labels import Labels
from lockhouse.audits.metadata import MetadataAgreement
from lockhouse.audits.order import StageOrder
from lockhouse.audits.python import RequiresPython
from lockhouse.audits.tags import Tags
from lockhouse.hookspecs import hookimpl

__all__ = ["lockhouse_audits"]


@hookimpl
def lockhouse_audits() -> Iterable[Audit]:
    """Give the rules that come with lockhouse."""
    yield Consistency()
    yield Blacklist()
    yield Closure()
    yield RequiresPython()
    yield Labels()
    yield Tags()
    yield Integrity()
    yield MetadataAgreement()
    yield StageOrder()
    yield Exclusions()
