"""What an environment says of itself, compared with the plan: in a real environment, without pip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.generations import INTERPRETER
from fixtures.stores import install_wheels
from fixtures.values import TARGET, plan_of, planned
from fixtures.wheels import WheelSpec
from lockhouse.environments.venv import VenvProvider
from lockhouse.evidence import CheckResult
from lockhouse.manifest import BlacklistEntry
from lockhouse.plan import Plan
from lockhouse.verification.facts import check_facts, names_of
from lockhouse.verification.running import Interpreter

MARKERS = {**INTERPRETER.markers, "sys_platform": "linux"}
HERE = replace(TARGET, python_version=INTERPRETER.release)
PLAN = plan_of(planned("alpha"), planned("beta", "2.0"), target=HERE)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An environment with alpha 1.0 and beta 2.0."""
    root = tmp_path / "environment"
    root.mkdir()
    VenvProvider().create(root, INTERPRETER)
    add(root, WheelSpec("alpha"), WheelSpec("beta", "2.0"))
    return root


def add(root: Path, *specs: WheelSpec) -> None:
    wheels = [spec.build(root.parent / "wheels") for spec in specs]
    install_wheels(root, VenvProvider().scheme(root, INTERPRETER), *wheels)


def facts(root: Path, plan: Plan = PLAN, blacklist: Sequence[BlacklistEntry] = ()) -> dict[str, CheckResult]:
    python = VenvProvider().scheme(root, INTERPRETER).python
    return {item.name: item for item in check_facts(Interpreter(python), root, plan, blacklist, MARKERS)}


def test_an_environment_as_planned_passes(root: Path) -> None:
    found = facts(root, blacklist=[BlacklistEntry(requirement="torchao")])

    assert {name: (item.outcome, item.output) for name, item in found.items()} == {
        "interpreter": ("passed", ""),
        "distributions": ("passed", ""),
        "blacklist": ("passed", ""),
    }


def test_what_is_missing_other_or_too_many_is_named(root: Path) -> None:
    add(root, WheelSpec("stranger", "0.1"), WheelSpec("beta", "2.1", files={"other.py": ""}))
    plan = plan_of(planned("alpha", "1.1"), planned("beta", "2.0"), planned("gamma"), target=HERE)

    result = facts(root, plan)["distributions"]

    assert result.outcome == "failed"
    assert result.output.splitlines() == [
        "alpha is 1.0; planned was 1.1",
        "beta is there more than once: 2.0, 2.1",
        "gamma 1.0 is not there",
        "stranger 0.1 is there and was not planned",
    ]


def test_a_version_spelled_otherwise_is_the_same(root: Path) -> None:
    plan = plan_of(planned("alpha", "1.0.0"), planned("beta", "2"), target=HERE)

    assert facts(root, plan)["distributions"].ok


def test_another_python_than_planned_is_named(root: Path) -> None:
    plan = plan_of(planned("alpha"), planned("beta", "2.0"), target=replace(TARGET, python_version="3.1"))

    result = facts(root, plan)["interpreter"]

    assert result.outcome == "failed"
    assert "planned was 3.1" in result.output


def test_an_environment_that_stands_elsewhere_is_named(root: Path) -> None:
    python = VenvProvider().scheme(root, INTERPRETER).python

    results = check_facts(Interpreter(python), root.parent / "other", PLAN, [], MARKERS)

    assert results[0].outcome == "failed"
    assert str(root) in results[0].output


@pytest.mark.parametrize(
    ("entry", "refused"),
    [
        (BlacklistEntry(requirement="torchao"), True),
        (BlacklistEntry(requirement="torchao<0.17"), True),
        (BlacklistEntry(requirement="torchao>=0.17"), False),
        (BlacklistEntry(requirement="Torch_AO"), False),
        (BlacklistEntry(requirement="TorchAO", when="beta==2.*"), True),
        (BlacklistEntry(requirement="torchao", when="beta<2"), False),
        (BlacklistEntry(requirement="torchao", when="absent"), False),
        (BlacklistEntry(requirement="torchao; sys_platform == 'linux'"), True),
        (BlacklistEntry(requirement="torchao; sys_platform == 'win32'"), False),
    ],
)
def test_a_blacklisted_distribution_is_found_in_its_window(root: Path, entry: BlacklistEntry, refused: bool) -> None:
    add(root, WheelSpec("torchao", "0.15.0"))

    result = facts(root, blacklist=[entry])["blacklist"]

    assert (result.outcome == "failed") == refused
    assert ("torchao 0.15.0 is installed" in result.output) == refused


def test_a_blacklisted_import_package_without_metadata_is_found(root: Path) -> None:
    site = VenvProvider().scheme(root, INTERPRETER).purelib
    (site / "pytorch_ao").mkdir()
    entry = BlacklistEntry(requirement="pytorch-ao", reason="it breaks torch")

    result = facts(root, blacklist=[entry])["blacklist"]

    assert result.outcome == "failed"
    assert "pytorch_ao can be imported from" in result.output
    assert "it breaks torch" in result.output


def test_a_module_of_the_standard_library_is_not_the_blacklisted_distribution(root: Path) -> None:
    assert facts(root, blacklist=[BlacklistEntry(requirement="dataclasses")])["blacklist"].ok


def test_names_are_asked_for_as_they_are_imported() -> None:
    entries = [BlacklistEntry(requirement="Pytorch.AO<1"), BlacklistEntry(requirement="torchao")]

    assert names_of(entries) == ("pytorch_ao", "torchao")


def test_noise_at_start_up_does_not_disturb(root: Path) -> None:
    site = VenvProvider().scheme(root, INTERPRETER).purelib
    (site / "noise.pth").write_text("import sys; print('noise', end=''); print('more', file=sys.stderr)\n")

    assert all(item.ok for item in facts(root).values())


def test_an_interpreter_that_does_not_start_fails_everything_and_says_why(root: Path) -> None:
    site = VenvProvider().scheme(root, INTERPRETER).purelib
    (site / "end.pth").write_text("import os; os.write(1, b'gone'); os._exit(3)\n")

    found = facts(root)

    assert {item.outcome for item in found.values()} == {"failed"}
    assert "gone" in found["interpreter"].output


def test_nothing_is_written_into_the_environment(root: Path) -> None:
    def listing() -> set[tuple[str, int]]:
        return {(str(path), path.lstat().st_mtime_ns) for path in root.rglob("*")}

    before = listing()
    facts(root, blacklist=[BlacklistEntry(requirement="torchao")])

    assert listing() == before
