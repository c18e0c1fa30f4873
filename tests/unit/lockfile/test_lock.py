"""The lock as a file: standard, deterministic, portable, and read with suspicion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from fixtures.values import passed, plan_of, planned, report_of
from fixtures.wheels import build_wheel
from lockhouse.errors import InternalError, LockUnusable
from lockhouse.evidence import CheckResult
from lockhouse.lockfile import Lock, lock_from, plan_from_lock, read_lock, render_lock, write_lock
from lockhouse.lockfile.pylock import read_table

TIME = "2026-01-02T03:04:05Z"


def make_lock(*checks: CheckResult, time: str = TIME) -> Lock:
    plan = plan_of(
        planned("pip", "25.0", "create", requirement="pip"),
        planned("beta", required_by=["alpha"]),
        planned("alpha", "2.0", requires=["beta>=1"], requirement="alpha>=2", critical=True, requires_python=">=3.9"),
    )
    return lock_from(plan, report_of(plan, *checks), {"lockhouse": "0.1.0", "cuda": "0.1.0"}, time=time)


def skipped(name: str) -> CheckResult:
    return CheckResult(name=name, outcome="skipped", critical=True, seconds=0, output="no cuda device on this machine")


def test_the_file_is_what_the_standard_asks_for(tmp_path: Path) -> None:
    path = tmp_path / "pylock.demo.toml"
    write_lock(path, make_lock())

    document = tomllib.loads(path.read_text())
    Pylock.from_dict(document).validate()
    assert document["requires-python"] == "==3.11.*"
    assert [package["name"] for package in document["packages"]] == ["alpha", "beta", "pip"]
    alpha = document["packages"][0]
    assert alpha["dependencies"] == [{"name": "beta"}]
    assert alpha["requires-python"] == ">=3.9"
    assert alpha["wheels"][0]["url"] == "https://index.invalid/files/alpha-2.0-py3-none-any.whl"
    assert alpha["tool"]["lockhouse"] == {
        "index": "default",
        "requirement": "alpha>=2",
        "critical": True,
        "requires": ["beta>=1"],
    }
    table = document["tool"]["lockhouse"]
    assert [(stage["name"], stage["distributions"]) for stage in table["stages"]] == [
        ("create", ["pip"]),
        ("base", ["beta", "alpha"]),
    ]
    assert table["environment-digest"] == "e" * 64
    assert table["evidence"]["hardware"]["driver"] == "550.54.14"
    assert table["evidence"]["time"] == TIME


def test_the_table_is_what_its_schema_says(tmp_path: Path) -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads((Path(__file__).parents[3] / "schemas" / "lock.schema.json").read_text())
    path = tmp_path / "pylock.demo.toml"

    table = tomllib.loads(render_lock(path, make_lock(passed("a"), skipped("gpu"))).decode())["tool"]["lockhouse"]

    Draft202012Validator(schema).validate(table)
    del table["environment-digest"]
    assert not Draft202012Validator(schema).is_valid(table)


def test_unproven_checks_are_recorded_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "pylock.demo.toml"
    write_lock(path, make_lock(passed("a"), skipped("gpu")))

    lock = read_lock(path)

    assert lock is not None
    assert lock.evidence.proven == {"a"}
    assert [(check.name, check.reason) for check in lock.evidence.unproven] == [
        ("gpu", "no cuda device on this machine")
    ]


def test_nothing_unproven_is_ever_locked() -> None:
    plan = plan_of(planned("alpha"))
    failed = CheckResult(name="a", outcome="failed", critical=True, seconds=0, output="")
    with pytest.raises(InternalError):
        lock_from(plan, report_of(plan, failed), {}, time=TIME)
    with pytest.raises(InternalError):
        lock_from(plan, report_of(plan_of(planned("other"))), {}, time=TIME)


def test_local_wheels_are_addressed_so_that_the_project_can_move(tmp_path: Path) -> None:
    near = build_wheel(tmp_path / "project" / "wheelhouse", "near", "1.0+cu1")
    far = build_wheel(tmp_path / "elsewhere" / "wheels", "far")
    plan = plan_of(
        planned("near", "1.0+cu1", url=near.as_uri(), wheel=near), planned("far", url=far.as_uri(), wheel=far)
    )
    path = tmp_path / "project" / "manifests" / "pylock.demo.toml"
    write_lock(path, lock_from(plan, report_of(plan), {}, time=TIME))

    packages = {item["name"]: item["wheels"][0] for item in tomllib.loads(path.read_text())["packages"]}
    assert packages["near"]["path"] == f"../wheelhouse/{near.name}"
    assert packages["far"]["path"] == far.as_posix()
    (tmp_path / "project").rename(tmp_path / "moved")
    moved = read_lock(tmp_path / "moved" / "manifests" / "pylock.demo.toml")
    assert moved is not None
    addresses = {item.name: item.url for item in moved.distributions}
    assert addresses["near"] == (tmp_path / "moved" / "wheelhouse" / near.name).as_uri()
    assert addresses["far"] == far.as_uri()


def test_another_installer_takes_local_wheels_from_the_lock(tmp_path: Path) -> None:
    import uv

    alpha = build_wheel(tmp_path / "wheelhouse", "Alpha_One", "1.0+cu1", "beta")
    beta = build_wheel(tmp_path / "wheelhouse", "beta")
    plan = plan_of(
        planned("beta", url=beta.as_uri(), wheel=beta, required_by=["alpha-one"]),
        planned("alpha-one", "1.0+cu1", url=alpha.as_uri(), wheel=alpha),
        target=replace(plan_of().target, python_version=f"{sys.version_info.major}.{sys.version_info.minor}"),
    )
    path = tmp_path / "manifests" / "pylock.demo-any-linux_x86_64-cp311.toml"
    write_lock(path, lock_from(plan, report_of(plan), {}, time=TIME))
    target = tmp_path / "target"
    tool = os.fsdecode(uv.find_uv_bin())
    subprocess.run([tool, "venv", "--quiet", "--python", sys.executable, target], check=True)

    subprocess.run(
        [tool, "pip", "install", "--quiet", "--offline", "--python", target, "-r", path], check=True, cwd=tmp_path
    )

    (packages,) = target.glob("lib/python*/site-packages")
    assert {item.name for item in packages.glob("*.dist-info")} == {
        "Alpha_One-1.0+cu1.dist-info",
        "beta-1.0.dist-info",
    }


def test_an_address_with_credentials_is_never_written(tmp_path: Path) -> None:
    plan = plan_of(planned("alpha", url="https://user:secret@index.invalid/alpha-1.0-py3-none-any.whl"))
    path = tmp_path / "pylock.demo.toml"

    with pytest.raises(InternalError) as caught:
        write_lock(path, lock_from(plan, report_of(plan), {}, time=TIME))

    assert "secret" not in str(caught.value)
    assert not path.exists()


def test_code_of_checks_survives_whatever_its_line_ends(tmp_path: Path) -> None:
    from lockhouse.manifest import Check

    for code in ("import a\nassert a", "import a\r\nassert a\r\n", 'print("""x""")\\\n\ttab\x01'):
        plan = plan_of(planned("alpha"), checks=[Check(name="c", run=code)])
        path = tmp_path / "pylock.demo.toml"
        write_lock(path, lock_from(plan, report_of(plan), {}, time=TIME))
        lock = read_lock(path)
        assert lock is not None
        assert lock.checks[0].run == code


def test_no_file_is_no_lock(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "pylock.demo.toml") is None


DAMAGE: dict[str, tuple[Callable[[str], str], str]] = {
    "merge conflict": (lambda text: f"<<<<<<< ours\n{text}", "not TOML"),
    "cut short": (lambda text: text[: len(text) // 2], ""),
    "other bytes": (lambda text: text.replace("demo", "\udcff"), "not TOML"),
    "no hash": (lambda text: text.replace("sha256 =", "md5 ="), "wheels[0]: must have a size and a sha256"),
    "not the standard": (lambda text: text.replace('lock-version = "1.0"', ""), "lock-version"),
    "unknown field": (
        lambda text: text.replace("[tool.lockhouse]\n", "[tool.lockhouse]\nspeed = 1\n"),
        "tool.lockhouse.speed",
    ),
    "other wheel by hand": (lambda text: text.replace("beta-1.0-py3", "beta-1.0-1-py3"), "tool.lockhouse.plan"),
    "nested without end": (lambda text: f"{text}x = {'[' * 50_000}", "not TOML"),
    "number without end": (lambda text: f"{text}x = {'9' * 5000}", "not TOML"),
    "stage without package": (lambda text: text.replace('    "beta",\n', "").replace('"beta", ', ""), "stages"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named_with_its_place(tmp_path: Path, name: str) -> None:
    damage, where = DAMAGE[name]
    path = tmp_path / "pylock.demo.toml"
    text = render_lock(path, make_lock()).decode()
    path.write_bytes(damage(text).encode("utf-8", "surrogateescape"))
    assert path.read_text(errors="replace") != text

    with pytest.raises(LockUnusable) as caught:
        read_lock(path)

    assert path.name in caught.value.summary
    assert where in str(caught.value.cause)
    assert caught.value.hints
    assert caught.value.exit_status == 2


def test_a_lock_of_another_tool_is_not_taken_for_ours(tmp_path: Path) -> None:
    path = tmp_path / "pylock.demo.toml"
    path.write_text('lock-version = "1.0"\ncreated-by = "other-tool"\npackages = []\n')

    with pytest.raises(LockUnusable, match="not a lock of lockhouse") as caught:
        read_lock(path)

    assert "other-tool" in str(caught.value.cause)


def test_a_lock_of_a_later_format_says_so(tmp_path: Path) -> None:
    path = tmp_path / "pylock.demo.toml"
    text = render_lock(path, make_lock()).decode()
    path.write_text(text.replace("lockhouse.lock/1", "lockhouse.lock/2"))

    with pytest.raises(LockUnusable, match="another version"):
        read_lock(path)


def test_the_earlier_proof_stays_while_it_proves_as_much() -> None:
    known = make_lock(passed("a"), passed("gpu"))

    assert known.renewed(make_lock(passed("a"), skipped("gpu"), time="2027-01-01T00:00:00Z")) is known
    assert known.renewed(make_lock(passed("a"), passed("gpu"), time="2027-01-01T00:00:00Z")) is known


def test_a_proof_of_more_replaces_the_earlier_one() -> None:
    known = make_lock(passed("a"), skipped("gpu"))
    better = make_lock(passed("a"), passed("gpu"), time="2027-01-01T00:00:00Z")

    assert known.renewed(better) is better


def test_other_content_replaces_the_lock_whatever_it_proves() -> None:
    known = make_lock(passed("a"), passed("gpu"))
    other = replace(make_lock(passed("a")), environment_digest="f" * 64)

    assert known.renewed(other) is other


def test_the_plan_of_a_lock_belongs_to_the_given_manifest_and_host() -> None:
    lock = make_lock()

    plan = plan_from_lock(lock, "n" * 64, "o" * 64)

    assert (plan.manifest, plan.host) == ("n" * 64, "o" * 64)
    assert plan.digest != lock.plan
    assert plan_from_lock(lock, lock.manifest, "o" * 64).digest == lock.plan


@pytest.mark.parametrize("tail", [f"x = {'[' * 50_000}", f"x = {'9' * 5000}"], ids=["nested", "digits"])
def test_a_damaged_file_says_nothing_of_itself(tmp_path: Path, tail: str) -> None:
    path = tmp_path / "pylock.demo.toml"
    path.write_bytes(render_lock(path, make_lock()) + tail.encode())
    assert read_table(path) is None
