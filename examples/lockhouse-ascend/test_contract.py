"""The plugin keeps the contract of accelerators, and reads every recorded machine as it should."""

from __future__ import annotations

from pathlib import Path

from lockhouse.testing.contract import check_contract


def test_contract() -> None:
    """Also: ``python -m lockhouse.testing ascend --machines machines``."""
    check_contract("lockhouse_ascend", machines=Path(__file__).with_name("machines"))
