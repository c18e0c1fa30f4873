"""Whatever a plan holds, its lock is a valid PEP 751 file that gives the same plan back."""

from __future__ import annotations

import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import Pylock

from fixtures.values import TARGET, passed, plan_of, planned, report_of
from lockhouse.errors import LockUnusable
from lockhouse.lockfile import lock_from, plan_from_lock, read_lock, render_lock, write_lock
from lockhouse.manifest import Check
from lockhouse.plan import ExcludedEdge, OmittedStage, Plan, PlannedDistribution, Selection

names = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,3})?", fullmatch=True)
versions = st.from_regex(r"[0-9]{1,2}\.[0-9](rc[0-9])?(\+cu[0-9]{2,3})?", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
checks = st.builds(Check, name=texts, run=texts, critical=st.booleans(), requires=st.none() | names)
addresses = st.sampled_from(["https://index.invalid/files/", "file:///srv/wheels/", "file:///srv/a%20b/"])
pythons = st.sampled_from([None, "", ">=3.9", ">=3.8, <4", ">=3.5.*", "~= 3.11", "nonsense"])


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    stages = ["create", *draw(st.lists(names.filter(lambda name: name != "create"), unique=True, max_size=3))]
    chosen = draw(st.lists(names, unique=True, max_size=6))
    by_stage: dict[str, list[PlannedDistribution]] = {stage: [] for stage in stages}
    for name in chosen:
        stage = draw(st.sampled_from(stages))
        version = draw(versions)
        filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        by_stage[stage].append(
            planned(
                name,
                version,
                stage,
                url=draw(addresses) + filename.replace("+", "%2B"),
                requires=draw(st.lists(texts, max_size=2)),
                required_by=sorted(draw(st.sets(st.sampled_from(chosen), max_size=3))),
                requirement=draw(st.none() | texts),
                critical=draw(st.booleans()),
                requires_python=draw(pythons),
                yanked=draw(st.none() | st.just("") | st.just("loses data")),
            )
        )
    plan = plan_of(*(item for stage in stages for item in by_stage[stage]), checks=draw(st.lists(checks, max_size=2)))
    fields = {name: getattr(plan, name) for name in plan.__dataclass_fields__}
    return Plan(
        **{
            **fields,
            "target": draw(st.sampled_from([TARGET])),
            "selection": Selection(with_stages=tuple(draw(st.lists(names, max_size=2)))),
            "variant_reason": draw(texts),
            "label": draw(st.none() | names),
            "omitted": tuple(draw(st.lists(st.builds(OmittedStage, name=names, reason=texts), max_size=2))),
            "excluded": tuple(
                draw(
                    st.lists(
                        st.builds(
                            ExcludedEdge,
                            distribution=names,
                            dependency=names,
                            requirement=texts,
                            reason=st.none() | texts,
                        ),
                        max_size=2,
                    )
                )
            ),
        }
    )


@settings(max_examples=60, deadline=None)
@given(plans())
def test_lock_gives_the_plan_back(plan: Plan) -> None:
    lock = lock_from(plan, report_of(plan, passed("a")), {"lockhouse": "1"}, time="2026-01-02T03:04:05Z")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pylock.demo.toml"
        write_lock(path, lock)
        first = path.read_bytes()
        document = tomllib.loads(first.decode())
        Pylock.from_dict(document)
        again = read_lock(path)
        assert again == lock
        write_lock(path, again)
        assert path.read_bytes() == first
    repeated = plan_from_lock(lock, plan.manifest, plan.host)
    assert repeated.digest == plan.digest
    assert (repeated.stages, repeated.checks, repeated.omitted) == (plan.stages, plan.checks, plan.omitted)
    assert [item.name for item in repeated.distributions] == [item.name for item in plan.distributions]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_lock_is_refused_or_still_means_the_same(data: st.DataObject) -> None:
    plan = plan_of(planned("alpha", required_by=["beta"]), planned("beta", requires=["alpha"], requirement="beta"))
    lock = lock_from(plan, report_of(plan, passed("a")), {"lockhouse": "1"}, time="2026-01-02T03:04:05Z")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pylock.demo.toml"
        lines = render_lock(path, lock).decode().splitlines()
        line = data.draw(st.integers(0, len(lines) - 1))
        key = lines[line].partition("=")[0]
        replacement = data.draw(
            st.sampled_from(["", f"{key}= 1", f"{key}= []", f"{key}= {{}}", f"{key}= 1979-05-27", f'{key}= ""', "[x]"])
        )
        lines[line] = replacement
        path.write_text("\n".join(lines))
        try:
            again = read_lock(path)
        except LockUnusable:
            return
        assert again is not None
        assert plan_from_lock(again, again.manifest, "").digest == again.plan == plan.digest
