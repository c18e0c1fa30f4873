"""The phase download: what it takes for done, what it fetches, and what it leaves to the scan to refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.contexts import host_of
from fixtures.generations import INTERPRETER
from fixtures.index import Index, serving
from fixtures.values import TARGET, plan_of, planned
from fixtures.wheels import WheelSpec, build_wheel
from lockhouse.errors import OfflineError, UsageError
from lockhouse.events import Message, Progress
from lockhouse.manifest import BlacklistEntry, Manifest, PythonWish, VariantWish
from lockhouse.manifest import Index as WantedIndex
from lockhouse.phases.download import steps
from lockhouse.plan import PlannedDistribution
from lockhouse.plugins import Plugins
from lockhouse.project import Project
from lockhouse.state import State
from lockhouse.steps import Context, Options, Step
from lockhouse.store import Store


def manifest(**fields: Any) -> Manifest:
    return Manifest(name="demo", python=PythonWish(version="3.11"), stages=(), **fields)


def context_of(root: Path, wanted: Manifest, *items: PlannedDistribution, offline: bool = False) -> Context:
    project = Project(root=root, manifest=root / "demo.json", name="demo", pointer=root / ".venv")
    context = Context(
        project=project,
        manifest=wanted,
        options=Options(offline=offline),
        plugins=Plugins(()),
        state=State(project.state),
    )
    context.state.write(host_of(INTERPRETER))
    if items:
        context.state.write(plan_of(*items, target=replace(TARGET, python_version=INTERPRETER.release)))
    return context


def step_of(context: Context) -> Step:
    (step,) = steps(context.project, context.manifest)
    return step


def is_up_to_date(context: Context) -> bool:
    check = step_of(context).up_to_date
    assert check is not None
    return check(context)


def served(index: Index, name: str) -> PlannedDistribution:
    wheel = build_wheel(index.folder, name)
    return planned(name, url=f"{index.base}/files/{wheel.name}", wheel=wheel)


def test_step_comes_after_the_plan(tmp_path: Path) -> None:
    step = step_of(context_of(tmp_path, manifest()))
    assert (step.name, step.phase, step.needs) == ("download", "download", ("plan",))


def test_planned_wheels_come_in_once(tmp_path: Path, index: Index) -> None:
    items = [served(index, "a"), served(index, "b")]
    context = context_of(tmp_path, manifest(), *items)
    assert not is_up_to_date(context)
    events: list[object] = []
    context.emit = events.append
    step_of(context).run(context)
    assert {event.item for event in events if isinstance(event, Progress)} == {item.filename for item in items}
    size = sum(item.size for item in items)
    assert context.details["download"] == f"2 wheels, {size / 1000:.1f} kB (2 downloaded, {size / 1000:.1f} kB)"
    again = context_of(tmp_path, manifest())
    assert is_up_to_date(again)
    assert again.details["download"] == f"2 wheels, {size / 1000:.1f} kB"


def test_step_is_due_again_when_a_wheel_is_gone_or_damaged(tmp_path: Path, index: Index) -> None:
    context = context_of(tmp_path, manifest(), served(index, "a"))
    step_of(context).run(context)
    (wheel,) = context.project.wheelhouse.glob("*.whl")
    data = wheel.read_bytes()
    wheel.write_bytes(data[:-1] + b"x")
    assert not is_up_to_date(context)
    wheel.unlink()
    assert not is_up_to_date(context)
    step_of(context).run(context)
    assert wheel.read_bytes() == data


def test_without_a_plan_there_is_nothing_to_download(tmp_path: Path) -> None:
    context = context_of(tmp_path, manifest())
    assert not is_up_to_date(context)
    with pytest.raises(UsageError):
        step_of(context).run(context)


def test_blacklisted_wheel_is_not_fetched(tmp_path: Path, index: Index) -> None:
    context = context_of(
        tmp_path, manifest(blacklist=(BlacklistEntry(requirement="B"),)), served(index, "a"), served(index, "b")
    )
    step_of(context).run(context)
    assert [path.name for path in context.project.wheelhouse.glob("*.whl")] == ["a-1.0-py3-none-any.whl"]
    assert is_up_to_date(context)
    assert context.details["download"].startswith("1 wheel, ")


def test_offline_names_every_missing_wheel(tmp_path: Path, index: Index) -> None:
    items = [served(index, "a"), served(index, "b")]
    context = context_of(tmp_path, manifest(), *items, offline=True)
    with pytest.raises(OfflineError) as caught:
        step_of(context).run(context)
    assert caught.value.cause == "\n".join(item.filename for item in items)


def test_offline_with_a_full_wheelhouse_is_fine(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "wheelhouse", "a")
    context = context_of(tmp_path, manifest(), planned("a", wheel=wheel), offline=True)
    step_of(context).run(context)
    assert context.details["download"].startswith("1 wheel, ")
    assert "downloaded" not in context.details["download"]


@pytest.mark.parametrize(("from_index", "explicit"), [("default", False), ("variant", True), ("own", True)])
def test_mirrors_of_the_manifest_step_in(tmp_path: Path, index: Index, from_index: str, explicit: bool) -> None:
    item = served(index, "a")
    index.faults.status[item.filename] = [404]
    with serving(tmp_path / "mirror") as mirror:
        build_wheel(mirror.folder, "a")
        wanted = manifest(
            indexes=(WantedIndex(name="own", url=index.url, explicit=explicit, mirrors=(mirror.url,)),),
            variants=(VariantWish(name="any", index="own"),),
        )
        moved = replace(item, index=from_index)
        context = context_of(tmp_path, wanted, moved)
        step_of(context).run(context)
    assert is_up_to_date(context)


def test_what_arrives_is_unpacked_when_the_run_goes_on_to_build(tmp_path: Path, index: Index) -> None:
    items = [served(index, "a"), served(index, "b")]
    context = context_of(tmp_path, manifest(), *items)
    context.building_next = True
    step_of(context).run(context)
    entries = [Store().entry(item.sha256) for item in items]
    assert [entry.filename for entry in entries if entry] == [item.filename for item in items]


def test_nothing_is_unpacked_when_downloading_is_all(tmp_path: Path, index: Index) -> None:
    item = served(index, "a")
    context = context_of(tmp_path, manifest(), item)
    step_of(context).run(context)
    assert Store().entry(item.sha256) is None


def test_wheel_that_cannot_be_unpacked_is_left_to_the_scan(tmp_path: Path, index: Index) -> None:
    wheel = WheelSpec("a", files={"a.py": "", "../outside.py": ""}).build(index.folder)
    item = planned("a", url=f"{index.base}/files/{wheel.name}", wheel=wheel)
    context = context_of(tmp_path, manifest(), item)
    context.building_next = True
    events: list[object] = []
    context.emit = events.append
    step_of(context).run(context)
    assert is_up_to_date(context)
    assert Store().entry(item.sha256) is None
    assert [event.level for event in events if isinstance(event, Message)] == ["detail"]
    assert not list(tmp_path.rglob("outside.py"))
