"""install, verify and lock: what is checked when, what becomes of an environment that fails, and what is written."""

from __future__ import annotations

import json
import marshal
import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.contexts import Listener, context_at, host_of, replan
from fixtures.generations import INTERPRETER, seal
from fixtures.wheels import WheelSpec
from lockhouse import __version__
from lockhouse.discovery import Candidate
from lockhouse.environments.drift import find_drift
from lockhouse.environments.generations import Generation, Generations
from lockhouse.environments.guard import CONFIGURATION
from lockhouse.errors import (
    BuildError,
    CheckFailed,
    DriftFound,
    IntegrityError,
    LockhouseError,
    LockOutdated,
    NothingToVerify,
    UnsafeWheel,
)
from lockhouse.events import Message, Progress
from lockhouse.evidence import VerifyReport
from lockhouse.hookspecs import hookimpl
from lockhouse.host import AcceleratorReading, Device, Host
from lockhouse.lockfile import Lock, read_lock
from lockhouse.manifest import BlacklistEntry, Check, Manifest, Stage
from lockhouse.phases import create, destroy, install, lock, purge, verify
from lockhouse.plan import OmittedStage, Plan, PlannedDistribution
from lockhouse.plugins import Plugins
from lockhouse.steps import Context, Step
from lockhouse.verification.records import kept_report

PHASES = (destroy, create, install, purge, verify, lock)
ALPHA = WheelSpec("alpha", files={"alpha/__init__.py": "answer = 42\n"})
BROKEN = WheelSpec("alpha", "2.0", files={"alpha/__init__.py": "raise RuntimeError('alpha is broken')\n"})


def steps(context: Context) -> list[Step]:
    return [step for phase in PHASES for step in phase.steps(context.project, context.manifest)]


def run(context: Context) -> list[str]:
    """Run the steps as a run does; return the names of those that had work."""
    context.candidate = None
    worked = []
    for step in steps(context):
        assert step.up_to_date is not None
        if not step.up_to_date(context):
            step.run(context)
            worked.append(step.name)
    return worked


def verify_alone(context: Context) -> None:
    context.candidate = None
    next(step for step in steps(context) if step.name == "verify").run(context)


def change(context: Context, **fields: Any) -> Plan:
    """Change the plan, and the manifest's digest with it."""
    plan = context.state.read(Plan)
    assert plan is not None
    values = {name: getattr(plan, name) for name in plan.__dataclass_fields__}
    changed = Plan(**{**values, **fields})
    context.state.write(changed)
    return changed


def change_manifest(context: Context, **fields: Any) -> None:
    values = {name: getattr(context.manifest, name) for name in context.manifest.__dataclass_fields__}
    context.manifest = Manifest(**{**values, **fields})
    change(context, manifest=context.manifest.digest)


def change_distribution(context: Context, name: str, **fields: Any) -> None:
    plan = context.state.read(Plan)
    assert plan is not None

    def changed(item: PlannedDistribution) -> PlannedDistribution:
        return replace(item, **fields) if item.name == name else item

    change(context, distributions=tuple(map(changed, plan.distributions)))


def check(run: str, name: str = "c", **fields: Any) -> Check:
    return Check(name=name, run=run, **fields)


def with_checks(context: Context, *checks: Check) -> None:
    change_manifest(context, checks=checks)
    change(context, checks=checks)


def lock_path(context: Context) -> Path:
    return context.project.lock("any", "linux_x86_64", INTERPRETER.tag)


def lock_on_disk(context: Context) -> Lock:
    found = read_lock(lock_path(context))
    assert found is not None
    return found


def current(context: Context) -> Generation:
    found = Generations(context.project).current()
    assert found is not None
    return found


def numbers(context: Context) -> list[int]:
    return [item.number for item in Generations(context.project).all()]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Context, Listener]:
    """A project with alpha 1.0, planned and scanned; nothing is built."""
    return context_at(tmp_path / "project", specs=[ALPHA])


@pytest.fixture
def context(made: tuple[Context, Listener]) -> Context:
    return made[0]


def test_everything_is_built_proven_locked_and_taken_into_use(context: Context) -> None:
    with_checks(context, check("import alpha; assert alpha.answer == 42", "alpha answers"))

    worked = run(context)

    assert worked == ["create", "install:base", "purge", "verify", "lock"]
    generation = current(context)
    assert generation.state == "committed"
    found = lock_on_disk(context)
    assert found.environment_digest == generation.environment_digest
    assert found.evidence.proven == {"interpreter", "distributions", "blacklist", "alpha answers"}
    assert found.evidence.versions["lockhouse"]
    report = context.state.read(VerifyReport)
    assert report is not None
    assert report.ok
    assert context.details["lock"].endswith(found.environment_digest[:12])


def test_again_there_is_nothing_to_do_and_no_byte_changes(context: Context) -> None:
    run(context)
    before = lock_path(context).read_bytes(), lock_path(context).stat().st_mtime_ns

    assert run(context) == []
    assert (lock_path(context).read_bytes(), lock_path(context).stat().st_mtime_ns) == before


def test_steps_follow_one_another(context: Context) -> None:
    change_manifest(context, stages=(Stage(name="one", requirements=()), Stage(name="two", requirements=())))

    assert {step.name: step.needs for step in steps(context)} == {
        "destroy": ("scan",),
        "create": ("destroy",),
        "install:one": ("create",),
        "install:two": ("install:one",),
        "purge": ("install:one", "install:two"),
        "verify": ("purge",),
        "lock": ("verify",),
    }


def test_a_stage_that_is_left_out_says_why_and_does_nothing(context: Context) -> None:
    change(context, omitted=(OmittedStage(name="base", reason="nobody wants it"),))
    plan = context.state.read(Plan)
    assert plan is not None
    change(context, distributions=plan.in_stage("create"))

    run(context)

    assert context.details["install:base"] == "left out: nobody wants it"
    assert not list(current(context).path.rglob("alpha*"))


def test_only_what_was_listed_is_marked_as_requested(context: Context) -> None:
    change_distribution(context, "alpha", requirement="alpha")

    run(context)

    marked = {path.parent.name for path in current(context).path.rglob("REQUESTED")}
    assert marked == {"alpha-1.0.dist-info"}


def test_progress_is_told_file_by_file_and_check_by_check(made: tuple[Context, Listener]) -> None:
    context, listener = made
    with_checks(context, check("pass", "one"), check("pass", "two"))

    run(context)

    told = [(item.step, item.item, item.done, item.total) for item in listener.events if isinstance(item, Progress)]
    assert ("create", "linking", 9, 9) in told
    assert ("install:base", "linking", 3, 3) in told
    unpacked = [(done, total) for step, item, done, total in told if (step, item) == ("create", "unpacking")]
    assert unpacked[0][0] == 0
    assert unpacked[-1][0] == unpacked[-1][1]
    assert ("verify", "checks", 2, 2) in told


def test_a_wheel_that_changed_since_the_scan_is_not_installed(context: Context) -> None:
    (wheel,) = context.project.wheelhouse.glob("alpha-*.whl")
    WheelSpec("alpha", files={"alpha/__init__.py": "answer = 666\n"}).build(context.project.wheelhouse)

    with pytest.raises(BuildError, match=wheel.name):
        run(context)

    assert numbers(context) == []


@pytest.mark.parametrize("where", ["stage", "critical"])
def test_a_check_right_after_its_stage_removes_what_was_built(context: Context, where: str) -> None:
    context, _ = context_at(context.project.root.parent / "other", specs=[BROKEN])
    plan = context.state.read(Plan)
    assert plan is not None
    if where == "stage":
        stages = tuple(
            replace(stage, checks=(check("import alpha", "imports"),)) if stage.name == "base" else stage
            for stage in plan.stages
        )
        change(context, stages=stages)
    else:
        change_distribution(context, "alpha", critical=True)

    with pytest.raises(CheckFailed, match="base") as caught:
        run(context)

    assert "alpha is broken" in str(caught.value.cause)
    assert "there was no environment before" in str(caught.value.cause)
    assert numbers(context) == []
    assert context.candidate is None
    assert "verify" not in context.details
    assert not lock_path(context).exists()


def test_a_check_that_is_not_critical_warns_and_is_recorded(made: tuple[Context, Listener]) -> None:
    context, listener = made
    with_checks(context, check("raise SystemExit('slow disk')", "speed", critical=False))

    run(context)

    assert any("speed failed: slow disk" in text for text in listener.warnings)
    assert [(item.name, item.outcome) for item in lock_on_disk(context).evidence.unproven] == [("speed", "failed")]


def test_a_failing_environment_is_withdrawn_and_the_earlier_one_serves(context: Context) -> None:
    run(context)
    before = current(context), lock_path(context).read_bytes()
    with_checks(context, check("raise SystemExit('not good enough')", "quality"))

    with pytest.raises(CheckFailed) as caught:
        run(context)

    assert "quality" in caught.value.summary
    assert "not good enough" in str(caught.value.cause)
    assert "generation 1" in str(caught.value.cause)
    assert "untouched" in str(caught.value.cause)
    assert (current(context), lock_path(context).read_bytes()) == before
    assert numbers(context) == [1]
    report = context.state.read(VerifyReport)
    assert report is not None
    assert not report.ok


def test_all_failing_checks_are_reported_together(context: Context) -> None:
    with_checks(context, check("1/0", "one"), check("pass", "two"), check("raise SystemExit('three')", "three"))

    with pytest.raises(CheckFailed) as caught:
        run(context)

    assert "one, three" in caught.value.summary
    assert "ZeroDivisionError" in str(caught.value.cause)


def test_a_check_that_changes_the_environment_is_found_out(context: Context) -> None:
    code = "import alpha, pathlib; pathlib.Path(alpha.__file__).with_name('cache.bin').write_text('x')"
    with_checks(context, check(code, "writes"))

    with pytest.raises(CheckFailed) as caught:
        run(context)

    assert caught.value.summary == "generation 1 failed its checks: they changed it"
    assert "alpha/cache.bin" in str(caught.value.cause)
    assert [hint.code for hint in caught.value.hints] == ["write-elsewhere"]
    assert numbers(context) == []


def test_a_check_that_edits_a_file_is_not_said_to_have_left_the_one_in_use_alone(context: Context) -> None:
    run(context)
    code = "import alpha, os; os.chmod(alpha.__file__, 0o644); open(alpha.__file__, 'a').write('# edited')"
    with_checks(context, check(code, "edits"))

    with pytest.raises(CheckFailed) as caught:
        run(context)

    assert "files that both share may have changed" in str(caught.value.cause)
    assert [hint.code for hint in caught.value.hints] == ["write-elsewhere", "run-verify"]
    assert find_drift(current(context)).modified  # through the name that the store and it have in common


MARKER = "import pathlib, sys; marker = pathlib.Path(sys.prefix, '.lockhouse', 'generation.json'); "


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("marker.unlink()", "missing"),
        ("marker.write_text('{}')", "changed"),
        ("marker.write_text(marker.read_text().replace('sealed', 'committed'))", "changed"),
        ("import shutil; shutil.rmtree(sys.prefix + '/.lockhouse')", "missing"),
        ("import shutil; shutil.rmtree(sys.prefix)", "missing"),
    ],
    ids=["removed", "emptied", "changed", "all that lockhouse knows", "everything"],
)
@pytest.mark.parametrize("where", ["verify", "stage"])
def test_a_check_that_makes_an_environment_unrecognisable_leaves_nothing_of_it(
    context: Context, code: str, kind: str, where: str
) -> None:
    run(context)
    before = current(context)
    replan(context, WheelSpec("alpha", "3.0"))
    breaking = check(MARKER + code + ("" if where == "verify" else "; raise SystemExit('spoilt')"), "breaks")
    if where == "verify":
        with_checks(context, breaking)
    else:
        plan = context.state.read(Plan)
        assert plan is not None
        change(context, stages=(plan.stages[0], replace(plan.stages[1], checks=(replace(breaking, stage="base"),))))

    with pytest.raises(CheckFailed) as caught:
        run(context)

    assert (kind if where == "verify" else "spoilt") in str(caught.value.cause)
    assert current(context) == before
    assert [path.name for path in context.project.generations.iterdir() if path.is_dir()] == [before.path.name]


def test_checks_leave_no_bytecode(context: Context) -> None:
    with_checks(context, check("import alpha, json"))
    change_distribution(context, "alpha", critical=True)

    run(context)

    assert not list(current(context).path.rglob("*.pyc"))


def test_a_blacklisted_import_package_fails_the_environment(tmp_path: Path) -> None:
    context, _ = context_at(tmp_path, specs=[WheelSpec("alpha", files={"alpha.py": "", "torchao/__init__.py": ""})])
    change_manifest(context, blacklist=(BlacklistEntry(requirement="torchao"),))

    with pytest.raises(CheckFailed) as caught:
        run(context)

    assert "torchao can be imported" in str(caught.value.cause)


def test_a_wheel_that_lies_about_a_file_leaves_nothing(context: Context) -> None:
    spec = WheelSpec("alpha", files={"alpha/__init__.py": "answer = 42\n"})
    true = spec.members()["alpha-1.0.dist-info/RECORD"].decode()
    lying = WheelSpec(
        "alpha", files={"alpha/__init__.py": "answer = 43\n"}, record=true.replace("answer = 42", "answer = 43")
    ).build(context.project.wheelhouse)
    import hashlib

    change_distribution(context, "alpha", sha256=hashlib.sha256(lying.read_bytes()).hexdigest())

    with pytest.raises(IntegrityError, match=r"alpha/__init__\.py"):
        run(context)

    assert numbers(context) == []


SAME_FILE = WheelSpec("beta", files={"alpha/__init__.py": "answer = 43\n"})
FOLDER_IN_ITS_PLACE = WheelSpec("beta", files={"alpha/__init__.py/inner.py": ""})
PART_OF_THE_ENVIRONMENT = WheelSpec("beta", data={"data/pyvenv.cfg": "home = /nowhere\n"})
NO_COMMAND = WheelSpec("beta", console_scripts={"beta": "beta.main()"})
SAME_COMMAND = WheelSpec("beta", files={"beta.py": ""}, data={"scripts/python": "#!python\n"})


@pytest.mark.parametrize(
    "unfit",
    [SAME_FILE, FOLDER_IN_ITS_PLACE, PART_OF_THE_ENVIRONMENT, NO_COMMAND, SAME_COMMAND],
    ids=["same file", "folder in its place", "part of the environment", "no command", "same command"],
)
@pytest.mark.parametrize("earlier", [True, False], ids=["beside an environment", "from nothing"])
def test_what_cannot_be_installed_leaves_nothing_and_what_served_serves(
    context: Context, unfit: WheelSpec, earlier: bool
) -> None:
    before: tuple[Generation, bytes] | None = None
    if earlier:
        run(context)
        before = current(context), lock_path(context).read_bytes()
    replan(context, ALPHA, unfit)

    with pytest.raises((BuildError, UnsafeWheel), match="beta"):
        run(context)

    assert [path.name for path in context.project.generations.iterdir() if path.is_dir()] == (
        [before[0].path.name] if before else []
    )
    assert context.candidate is None
    if before:
        assert (current(context), lock_path(context).read_bytes()) == before
        assert not find_drift(current(context))
    else:
        assert not os.path.lexists(context.project.pointer)
        assert not lock_path(context).exists()


# --- the lock --------------------------------------------------------------------------------------------------------


def test_a_rebuild_of_the_same_keeps_the_lock_as_it_is(context: Context) -> None:
    run(context)
    before = lock_path(context).read_bytes()
    shutil.rmtree(context.project.home / "demo" / "generations")
    context.project.pointer.unlink()

    run(context)

    assert lock_path(context).read_bytes() == before


def test_a_lock_that_is_gone_is_written_again_with_the_same_bytes(context: Context) -> None:
    run(context)
    before = lock_path(context).read_bytes()
    lock_path(context).unlink()

    assert run(context) == ["lock"]
    assert lock_path(context).read_bytes() == before


def test_locked_never_writes_the_lock(context: Context) -> None:
    run(context)
    path = lock_path(context)
    path.write_text(path.read_text().replace('time = "', 'time = "1'))  # other bytes, the same content
    before = path.read_bytes()
    shutil.rmtree(context.project.home / "demo" / "generations")
    context.project.pointer.unlink()
    context.options = replace(context.options, locked=True)

    run(context)

    assert path.read_bytes() == before
    assert run(context) == []


def test_another_digest_than_the_locks_is_refused(context: Context) -> None:
    run(context)
    path = lock_path(context)
    digest = lock_on_disk(context).environment_digest
    path.write_text(path.read_text().replace(digest, "0" * 64))
    shutil.rmtree(context.project.home / "demo" / "generations")
    context.project.pointer.unlink()

    with pytest.raises(CheckFailed) as caught:
        run(context)

    assert caught.value.summary == "generation 1 failed to be what the lock promises"
    assert digest[:12] in str(caught.value.cause)
    assert [hint.code for hint in caught.value.hints] == ["restore-lock"]
    assert not context.project.pointer.is_symlink()
    assert "earned that lock" not in str(caught.value.cause)
    path.unlink()  # as the hint says
    run(context)
    assert lock_on_disk(context).environment_digest == digest


def test_another_digest_by_another_lockhouse_is_told(context: Context) -> None:
    run(context)
    path = lock_path(context)
    text = path.read_text().replace(lock_on_disk(context).environment_digest, "0" * 64)
    path.write_text(text.replace(f'lockhouse = "{__version__}"', 'lockhouse = "0.0.1"'))
    shutil.rmtree(context.project.home / "demo" / "generations")
    context.project.pointer.unlink()

    with pytest.raises(CheckFailed) as caught:
        run(context)

    assert f"; lockhouse 0.0.1 earned that lock, this is {__version__}" in str(caught.value.cause)


class Probing:
    """A plugin with one more check."""

    def __init__(self, *checks: Check) -> None:
        self.given = checks

    @hookimpl
    def lockhouse_checks(self, plan: Plan, host: Host) -> Iterable[Check]:
        return self.given


def plugins(*checks: Check) -> Plugins:
    plugin = Probing(*checks)
    return Plugins(
        [Candidate(name="probing", version="3.1", distribution="probing", origin="entry-point", load=lambda: plugin)]
    )


def test_a_plugins_new_check_is_run_on_the_environment_in_use_and_improves_the_lock(context: Context) -> None:
    run(context)
    number = current(context).number
    context.plugins = plugins(check("import alpha", "by plugin"))

    assert run(context) == ["verify", "lock"]
    assert current(context).number == number
    proof = lock_on_disk(context).evidence
    assert "by plugin" in proof.proven
    assert proof.versions["probing"] == "3.1"
    assert run(context) == []


def test_the_environment_in_use_stays_when_a_new_check_fails(context: Context) -> None:
    run(context)
    before = current(context), lock_path(context).read_bytes()
    context.plugins = plugins(check("raise SystemExit(1)", "by plugin"))

    with pytest.raises(CheckFailed):
        run(context)

    assert (current(context), lock_path(context).read_bytes()) == before


def test_the_same_code_is_run_once_and_names_stay_apart(context: Context) -> None:
    with_checks(context, check("import alpha", "mine"))
    context.plugins = plugins(check("import alpha", "theirs"), check("pass", "mine"), check("pass  # !", "blacklist"))

    run(context)

    assert lock_on_disk(context).evidence.proven == {
        "interpreter",
        "distributions",
        "blacklist",
        "mine",
        "mine (2)",
        "blacklist (2)",
    }


def test_a_check_that_a_stage_names_is_one_check(context: Context) -> None:
    named = check("import alpha", "imports")
    with_checks(context, named)
    plan = context.state.read(Plan)
    assert plan is not None
    stages = tuple(replace(item, checks=(replace(named, stage=item.name),)) for item in plan.stages[1:])
    change(context, stages=(plan.stages[0], *stages))

    run(context)

    assert [item.name for item in lock_on_disk(context).evidence.checks][3:] == ["imports"]


@pytest.mark.parametrize(
    ("code", "left_out"),
    [
        ("import alpha", True),
        ("from alpha import answer", True),
        ("import json, alpha.sub", True),
        ("try:\n    import alpha\nexcept ImportError:\n    pass", False),
        ("def later():\n    import alpha", False),
        ("import alphabet", False),
        ("from . import alpha", False),
        ("not python", False),
    ],
)
def test_a_critical_import_is_left_out_where_another_check_makes_it(
    context: Context, code: str, left_out: bool
) -> None:
    from lockhouse.verification.asking import scheme_of
    from lockhouse.verification.required import critical_imports

    change_distribution(context, "alpha", critical=True)
    run(context)
    plan = context.state.read(Plan)
    assert plan is not None
    scheme = scheme_of(context, current(context))

    found = [item.name for item in critical_imports(plan, scheme, besides=[check(code)])]

    assert found == ([] if left_out else ["import alpha"])
    for unfit in (check(code, requires="cuda"), check(code, critical=False)):
        assert [item.name for item in critical_imports(plan, scheme, besides=[unfit])] == ["import alpha"]


def test_a_check_of_a_stage_that_was_left_out_is_not_run(context: Context) -> None:
    with_checks(context, check("import absent", "of vision", stage="vision"))

    run(context)

    assert "of vision" not in {item.name for item in lock_on_disk(context).evidence.checks}


@pytest.mark.parametrize("damage", ["removed", "emptied", "embellished"])
def test_a_proof_that_is_not_the_one_that_was_given_counts_as_none(context: Context, damage: str) -> None:
    with_checks(context, check("raise SystemExit('slow disk')", "speed", critical=False))
    run(context)
    path = current(context).metadata / "verify.json"
    if damage == "removed":
        path.unlink()
    elif damage == "emptied":
        path.write_text("")
    else:
        path.write_text(path.read_text().replace('"failed"', '"passed"'))

    assert kept_report(current(context)) is None
    assert run(context) == ["verify"]
    assert "speed" not in lock_on_disk(context).evidence.proven
    assert run(context) == []


# --- the environment in use ------------------------------------------------------------------------------------------


def damaged(context: Context, change: Callable[[Path], None]) -> LockhouseError:
    """Change the environment in use, verify it, and return what is said."""
    run(context)
    (module,) = current(context).path.rglob("alpha/__init__.py")
    change(module)
    with pytest.raises(LockhouseError) as caught:
        verify_alone(context)
    return caught.value


def test_the_environment_in_use_is_proven_without_being_touched(context: Context) -> None:
    run(context)

    def listing() -> list[tuple[str, int]]:
        return sorted((str(path), path.lstat().st_mtime_ns) for path in current(context).path.rglob("*"))

    before = listing(), lock_path(context).read_bytes()
    verify_alone(context)

    assert (listing(), lock_path(context).read_bytes()) == before
    report = context.state.read(VerifyReport)
    assert report is not None
    assert report.ok


@pytest.mark.parametrize(
    ("change", "kind", "path"),
    [
        (lambda module: module.write_text("answer = 43\n"), "modified", "alpha/__init__.py"),
        (lambda module: module.unlink(), "missing", "alpha/__init__.py"),
        (lambda module: module.with_name("new.py").write_text(""), "extra", "alpha/new.py"),
    ],
)
def test_drift_is_named(context: Context, change: Callable[[Path], None], kind: str, path: str) -> None:
    error = damaged(context, change)

    assert isinstance(error, DriftFound)
    assert path in str(error.cause)
    report = context.state.read(VerifyReport)
    assert report is not None
    (named,) = getattr(report.drift, kind)
    assert named.endswith(path)


def test_many_changed_files_are_counted_and_the_first_are_named(context: Context) -> None:
    def add(module: Path) -> None:
        for i in range(20):
            module.with_name(f"new{i:02}.py").write_text("")

    error = damaged(context, add)

    assert "20 files" in error.summary
    assert "new04.py and 15 more" in str(error.cause)


def test_without_an_environment_it_says_what_to_run(context: Context) -> None:
    with pytest.raises(NothingToVerify) as caught:
        verify_alone(context)

    assert "install" in caught.value.hints[0].text


def test_a_manifest_that_moved_on_is_told_with_what_differs(context: Context) -> None:
    run(context)
    stage = context.manifest.stages[0]
    from lockhouse.manifest import Wish

    more = replace(stage, requirements=(*stage.requirements, Wish(requirement="gamma")))
    values = {name: getattr(context.manifest, name) for name in context.manifest.__dataclass_fields__}
    context.manifest = Manifest(**{**values, "stages": (more,)})

    with pytest.raises(LockOutdated) as caught:
        verify_alone(context)

    assert "gamma" in str(caught.value.cause)


@pytest.mark.parametrize("edit", ["delete", "other"])
def test_a_lock_that_is_not_that_of_the_environment_is_told(context: Context, edit: str) -> None:
    run(context)
    path = lock_path(context)
    if edit == "delete":
        path.unlink()
    else:
        path.write_text(path.read_text().replace(lock_on_disk(context).environment_digest, "0" * 64))

    with pytest.raises(LockOutdated):
        verify_alone(context)


def test_a_check_that_fails_today_is_told_and_nothing_is_removed(context: Context, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    with_checks(context, check(f"import os; assert os.path.exists({str(flag)!r}), 'the flag is gone'", "flag"))
    run(context)
    flag.unlink()

    with pytest.raises(CheckFailed) as caught:
        verify_alone(context)

    assert "the flag is gone" in str(caught.value.cause)
    assert current(context).state == "committed"


def test_everything_that_is_wrong_is_told_at_once(context: Context) -> None:
    with_checks(context, check("import alpha; assert alpha.answer == 42, 'wrong answer'", "answer"))
    run(context)
    (module,) = current(context).path.rglob("alpha/__init__.py")
    module.write_text("answer = 43\n")
    lock_path(context).unlink()

    with pytest.raises(DriftFound) as caught:
        verify_alone(context)

    for text in ("alpha/__init__.py", "there is no lock", "wrong answer"):
        assert text in str(caught.value.cause)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (".lockhouse/plan.json", "removed"),
        (".lockhouse/plan.json", "emptied"),
        (".lockhouse/constraints.txt", "removed"),
        (".lockhouse/constraints.txt", "emptied"),
        (".lockhouse/scaffold.json", "removed"),
        (".lockhouse/placements.json", "emptied"),
        (CONFIGURATION, "removed"),
        ("_lockhouse_bytecode.pth", "emptied"),
    ],
)
def test_what_an_environment_promises_of_itself_is_proven_with_it(context: Context, name: str, damage: str) -> None:
    run(context)
    (path,) = current(context).path.rglob(name)
    if damage == "removed":
        path.unlink()
    else:
        path.write_text("")

    with pytest.raises(DriftFound, match=r"1 file of the environment is not as installed") as caught:
        verify_alone(context)

    assert name in str(caught.value.cause)
    report = context.state.read(VerifyReport)
    assert report is not None
    named = path.relative_to(current(context).path).as_posix()
    assert (report.drift.missing if damage == "removed" else report.drift.modified) == (named,)
    assert run(context)[0] == "create"  # and install does what verify says
    verify_alone(context)


def test_a_plan_of_another_version_is_no_drift_and_cannot_be_proven(context: Context) -> None:
    run(context)
    generation = current(context)
    path = generation.metadata / "plan.json"
    path.write_text(path.read_text().replace("lockhouse.plan/1", "lockhouse.plan/2"))
    Generations(context.project).advance(generation, "sealed", seal=seal(generation.path))

    with pytest.raises(CheckFailed, match="does not say what it was built from"):
        verify_alone(context)


def import_alpha(context: Context, place: Path | None = None) -> str:
    """What a program that uses the environment sees of alpha; it leaves bytecode behind, and uses what is there."""
    python = (place or context.project.pointer) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    argv = [str(python), "-c", "import alpha; print(alpha.answer)"]
    return subprocess.check_output(argv, env={}, text=True).strip()


def forge(context: Context) -> None:
    """Put other code into the bytecode of alpha, under the header that Python looks at."""
    (bytecode,) = current(context).path.rglob("alpha/*.pyc")
    bytecode.write_bytes(bytecode.read_bytes()[:16] + marshal.dumps(compile("answer = 666", "alpha", "exec")))


@pytest.mark.parametrize("prove", [verify_alone, run], ids=["verify", "install"])
def test_bytecode_that_does_not_come_from_its_source_outlives_no_proof(
    context: Context, prove: Callable[[Context], object]
) -> None:
    run(context)
    assert import_alpha(context) == "42"
    forge(context)
    assert import_alpha(context) == "666"

    prove(context)

    assert import_alpha(context) == "42"
    assert run(context) == []
    assert not list(current(context).path.rglob("*.pyc"))


@pytest.mark.parametrize("planted", ["link", "folder with a link", "file", "hard link", "interrupted"])
def test_whatever_stands_in_the_place_of_bytecode_goes_and_no_link_is_followed(
    context: Context, tmp_path: Path, planted: str
) -> None:
    run(context)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    place = current(context).metadata / "bytecode"
    if planted == "link":
        place.symlink_to(outside)
    elif planted == "file":
        place.write_text("x")
    else:
        place.mkdir()
        if planted == "hard link":
            (place / "alpha.pyc").hardlink_to(outside / "precious")
        else:
            (place / "inner").symlink_to(outside)
    if planted == "interrupted":
        place.rename(place.with_name("bytecode.old"))

    verify_alone(context)

    assert not [path.name for path in current(context).metadata.iterdir() if path.name.startswith("bytecode")]
    assert (outside / "precious").read_text() == "x"


def test_a_link_in_the_place_of_lockhouses_own_folder_is_drift(context: Context, tmp_path: Path) -> None:
    run(context)
    metadata = current(context).metadata
    metadata.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "bytecode").mkdir()
    metadata.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(DriftFound, match="files of the environment"):
        verify_alone(context)

    assert (tmp_path / "elsewhere" / "bytecode").is_dir()


def test_programs_that_a_check_starts_use_no_bytecode_that_nobody_vouches_for(context: Context) -> None:
    program = "import alpha; assert alpha.answer == 42"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {program!r}], check=True)"
    with_checks(context, check(code, "in a program of its own"))
    run(context)
    import_alpha(context, current(context).path)
    forge(context)
    assert import_alpha(context, current(context).path) == "666"

    verify_alone(context)


def with_gpu(context: Context, driver: str) -> None:
    bare = host_of(INTERPRETER)
    reading = AcceleratorReading(
        namespace="cuda",
        present=True,
        driver=driver,
        devices=(Device(index=0, name="Test GPU", memory=None, capability="9.0"),),
    )
    values = {name: getattr(bare, name) for name in bare.__dataclass_fields__}
    context.state.write(Host(**{**values, "accelerators": (reading,)}))


def test_changed_hardware_is_noted_and_proven_anew(made: tuple[Context, Listener]) -> None:
    context, listener = made
    with_gpu(context, "550.54")
    plan = context.state.read(Plan)
    assert plan is not None
    change(context, target=replace(plan.target, accelerator="cuda"))
    run(context)
    assert lock_on_disk(context).evidence.hardware.driver == "550.54"
    with_gpu(context, "580.10")

    verify_alone(context)

    told = [event.text for event in listener.events if isinstance(event, Message)]
    assert any("550.54 then, 580.10 now" in text for text in told)
    assert run(context) == ["verify"]
    report = kept_report(current(context))
    assert report is not None
    assert report.hardware.driver == "580.10"
    assert lock_on_disk(context).evidence.hardware.driver == "550.54"  # where it was earned; nothing more was proven


def test_unproven_checks_are_told_and_locked_as_such(made: tuple[Context, Listener]) -> None:
    context, listener = made
    with_checks(context, check("raise SystemExit(1)", "gpu", requires="cuda"), check("pass", "plain"))

    run(context)

    told: Sequence[str] = [event.text for event in listener.events if isinstance(event, Message)]
    assert any("gpu is unproven" in text for text in told)
    assert "1 unproven" in context.details["verify"]
    document = tomllib.loads(lock_path(context).read_text())
    outcomes = {item["name"]: item["outcome"] for item in document["tool"]["lockhouse"]["evidence"]["checks"]}
    assert outcomes["gpu"] == "skipped"
    assert json.loads((current(context).metadata / "verify.json").read_text())["checks"]
