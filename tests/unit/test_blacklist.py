"""The one judgement of the blacklist: download, scan and proof cannot disagree."""

from __future__ import annotations

import pytest

from fixtures.values import plan_of, planned
from lockhouse.blacklist import applying, blacklisted
from lockhouse.manifest import BlacklistEntry

MARKERS = {"sys_platform": "linux", "python_version": "3.11"}
PLAN = plan_of(planned("torch", "2.9.1"), planned("torch-ao", "0.16.0rc1+cpu"))


@pytest.mark.parametrize(
    ("entry", "refused"),
    [
        (BlacklistEntry(requirement="Torch_AO"), True),
        (BlacklistEntry(requirement="torch-ao<0.17"), True),
        (BlacklistEntry(requirement="torch-ao>=0.17"), False),
        (BlacklistEntry(requirement="torchao"), False),
        (BlacklistEntry(requirement="torch-ao", when="torch==2.9.*"), True),
        (BlacklistEntry(requirement="torch-ao", when="torch<2.9"), False),
        (BlacklistEntry(requirement="torch-ao", when="absent"), False),
        (BlacklistEntry(requirement="torch-ao", when="torch; sys_platform == 'win32'"), False),
        (BlacklistEntry(requirement="torch-ao; sys_platform == 'win32'"), False),
        (BlacklistEntry(requirement="torch-ao; sys_platform == 'linux'"), True),
    ],
)
def test_name_window_marker_and_company_decide(entry: BlacklistEntry, refused: bool) -> None:
    assert blacklisted([entry], PLAN, MARKERS) == ({"torch-ao": (entry,)} if refused else {})


def test_every_entry_that_names_a_distribution_is_given() -> None:
    entries = [BlacklistEntry(requirement=text) for text in ("torch-ao", "torch==2.9.*", "torch", "other")]
    found = blacklisted(entries, PLAN, MARKERS)
    assert {name: [entry.requirement for entry in named] for name, named in found.items()} == {
        "torch": ["torch==2.9.*", "torch"],
        "torch-ao": ["torch-ao"],
    }


def test_an_entry_counts_for_a_plan_that_does_not_hold_what_it_names() -> None:
    entries = [BlacklistEntry(requirement="absent"), BlacklistEntry(requirement="absent", when="torch<2")]
    assert applying(entries, PLAN, MARKERS) == (entries[0],)
