"""What is known of wheels goes when nobody needs it, and only then."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from fixtures.wheels import WheelSpec
from lockhouse.state import TEMPORARY
from lockhouse.wheels.facts import known_facts, recall_facts, remember_facts
from lockhouse.wheels.forgetting import facts_folder, find_forgettable, forget
from lockhouse.wheels.wheelhouse import hash_file


def gathered(tmp_path: Path, name: str) -> str:
    path = WheelSpec(name).build(tmp_path)
    sha256 = hash_file(path)
    known_facts(path, sha256)
    return sha256


def place(sha256: str) -> Path:
    return facts_folder() / sha256[:2] / f"{sha256}.json"


def test_facts_about_wheels_that_nobody_needs_are_freed_with_their_size(tmp_path: Path) -> None:
    needed, other = gathered(tmp_path, "needed"), gathered(tmp_path, "other")
    size = place(other).stat().st_size
    assert find_forgettable({needed}) == (place(other),)
    assert forget({needed}) == size > 0
    assert recall_facts(needed) is not None
    assert recall_facts(other) is None
    assert forget({needed}) == 0


def test_facts_that_would_be_gathered_anew_are_freed(tmp_path: Path) -> None:
    stale, torn = gathered(tmp_path, "stale"), gathered(tmp_path, "torn")
    facts = recall_facts(stale)
    assert facts is not None
    remember_facts(stale, replace(facts, reader="0"))
    place(torn).write_text("[")
    assert set(find_forgettable({stale, torn})) == {place(stale), place(torn)}


def test_what_is_being_written_stays_and_what_a_killed_process_wrote_goes(tmp_path: Path) -> None:
    sha256 = gathered(tmp_path, "needed")
    folder = place(sha256).parent
    (folder / f"{TEMPORARY}now").write_text("{")
    before = folder / f"{TEMPORARY}before"
    before.write_text("{")
    os.utime(before, (time.time() - 86400,) * 2)
    assert find_forgettable({sha256}) == (before,)


def test_where_there_are_no_facts_nothing_is_freed() -> None:
    assert forget(()) == 0
