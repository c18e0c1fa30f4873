"""Documents and answers of the verbs, from values on disk and the events of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.documents import valid
from fixtures.generations import INTERPRETER, make_generation
from fixtures.values import passed, plan_of, planned, report_of
from lockhouse.errors import CheckFailed, ScanRefused
from lockhouse.events import StepFinished, discard
from lockhouse.evidence import CheckResult, Drift
from lockhouse.findings import Chain, ChainStep, Finding, ScanReport
from lockhouse.host import AcceleratorReading, Device, Host, Probe, Readings
from lockhouse.manifest import VariantWish
from lockhouse.opening import open_context
from lockhouse.plan import OmittedStage, Selection
from lockhouse.steps import Context, Options
from lockhouse.terminal.answers import Page, answer_lines, conclusion
from lockhouse.terminal.device import SIGNS
from lockhouse.terminal.documents import FIELDS, document
from lockhouse.terminal.record import Record
from lockhouse.upkeep import clean

HOST = Host(
    platform="linux_x86_64",
    system="Linux",
    machine="x86_64",
    libc="glibc 2.36",
    macos=None,
    platform_tags=("manylinux_2_36_x86_64",),
    interpreters=(INTERPRETER,),
    accelerators=(
        AcceleratorReading(
            namespace="cpu", present=True, devices=(Device(index=0, name="Chip", memory=None, capability=None),)
        ),
        AcceleratorReading(
            namespace="cuda",
            present=True,
            driver="550.54",
            runtime="12.4",
            devices=tuple(Device(index=i, name="Test GPU", memory=80_000_000_000, capability="9.0") for i in range(2)),
            notes=("nvidia-smi did not answer",),
        ),
    ),
    fingerprint="f",
    readings=Readings(memory_total=16_000_000_000, memory_available=8_000_000_000, disk_free=10**11, cpus=4),
    probes=(Probe(name="cuda:nvml", answer=None, seconds=0.5, error="no driver"),),
)
PLAN = replace(
    plan_of(planned("alpha", requirement="alpha"), planned("beta", "2.0", required_by=["alpha"])),
    omitted=(OmittedStage(name="vision", reason="no wheel for it"),),
)
REFUSED = ScanReport(
    plan=PLAN.digest,
    rules=("blacklist 1",),
    wheels=2,
    findings=(
        Finding(
            rule="blacklist",
            code="blacklist.listed",
            severity="refuse",
            distribution="beta",
            chain=("alpha", "beta"),
            message="beta is blacklisted",
            hint="drop alpha",
        ),
    ),
)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "manifests").mkdir()
    release = ".".join(INTERPRETER.version.split(".")[:2])
    manifest = {"name": "demo", "python": {"version": release}, "stages": [{"name": "base", "requirements": ["alpha"]}]}
    (tmp_path / "manifests" / "demo.json").write_text(json.dumps(manifest))
    return open_context(tmp_path, None, Options(), discard)


def recorded(context: Context, *, during: Callable[[], None] | None = None, **steps: str) -> Record:
    """The record of a run in which steps ended as said; ``during`` is what else happened in it."""
    record = Record()
    record.begin(context)
    if during is not None:
        during()
    for step, outcome in steps.items():
        record(StepFinished(step=step, outcome=outcome, seconds=0.5, detail="so"))  # type: ignore[arg-type]
    return record


def lines(verb: str, record: Record, width: int | None = None) -> list[str]:
    return answer_lines(verb, Page(record, width, SIGNS, debug=False))


@pytest.mark.parametrize("verb", sorted(FIELDS))
def test_failure_before_anything_is_known_has_all_fields(verb: str) -> None:
    error = CheckFailed("no")
    assert not valid(document(verb, Record(), error))["ok"]


def test_detect(context: Context) -> None:
    record = recorded(context, during=lambda: context.state.write(HOST), detect="done")
    made = valid(document("detect", record, None))
    assert (made["platform"], made["python"], made["variant"]) == ("linux_x86_64", INTERPRETER.version, "any")
    assert made["accelerator"] == "cuda"
    assert [device["name"] for device in made["devices"]] == ["Test GPU", "Test GPU", "Chip"]
    assert made["probes"] == [{"name": "cuda:nvml", "answer": None, "seconds": 0.5, "error": "no driver"}]
    shown = "\n".join(lines("detect", record))
    assert "2 x Test GPU, 80.0 GB, 9.0; driver 550.54; runtime 12.4; nvidia-smi did not answer" in shown


def test_detect_explains_every_variant(context: Context) -> None:
    names = ("cu130", "cu124", "npu9", "cpu")
    context.manifest = replace(context.manifest, variants=tuple(VariantWish(name=name) for name in names))
    hidden = Device(index=2, name="Old GPU", memory=8_000_000_000, capability="3.0")
    cpu, cuda = HOST.accelerators
    devices = (*cuda.devices, hidden)
    absent = AcceleratorReading(namespace="rocm", present=False)
    host = replace(HOST, accelerators=(cpu, replace(cuda, devices=devices), absent))
    record = recorded(context, during=lambda: context.state.write(host), detect="done")
    made = valid(document("detect", record, None))
    assert (made["variant"], made["rule"]) == ("cu124", "first-supported")
    assert [(item["name"], item["accelerator"], item["supported"]) for item in made["variants"]] == [
        ("cu130", "cuda", False),
        ("cu124", "cuda", True),
        ("npu9", None, False),
        ("cpu", "cpu", True),
    ]
    lost = "device 2 (Old GPU) will not be usable: CUDA 12.4 no longer supports compute capability 3.0"
    assert made["variants"][1]["lost"] == [lost]
    shown = lines("detect", record)
    assert "not found  rocm" in shown
    assert "cu130  no: driver 550.54 supports CUDA 12.4, cu130 needs 13.0: driver 580.65.06 or newer" in shown
    assert any(line.startswith("cu124  yes, taken: Test GPU") and line.endswith(lost) for line in shown)
    assert "npu9   no: no plugin knows this variant" in shown
    assert "cpu    yes: the CPU build runs on every machine" in shown


def test_detect_says_what_was_taken_by_hand(context: Context) -> None:
    context.manifest = replace(context.manifest, variants=(VariantWish(name="cu130"), VariantWish(name="cpu")))
    context.options = replace(context.options, selection=Selection(accelerator="cu130"))
    record = recorded(context, during=lambda: context.state.write(HOST), detect="done")
    made = valid(document("detect", record, None))
    assert (made["variant"], made["rule"], made["variants"][0]["supported"]) == ("cu130", "override", False)
    assert any(
        line.startswith("cu130  no, taken because of the override: driver 550.54") for line in lines("detect", record)
    )


def test_plan(context: Context) -> None:
    context.state.write(PLAN)
    record = recorded(context, plan="up-to-date")
    made = valid(document("plan", record, None))
    assert [(item["name"], item["version"], item["required-by"]) for item in made["distributions"]] == [
        ("alpha", "1.0", []),
        ("beta", "2.0", ["alpha"]),
    ]
    assert made["omitted"] == [{"name": "vision", "reason": "no wheel for it"}]
    shown = lines("plan", record)
    assert shown[1].split() == ["alpha", "1.0", "base", "26", "B", "manifest"]
    assert "left out: stage vision: no wheel for it" in shown
    assert shown[-1].startswith("2 wheels, 51 B, variant any, digest ")


def test_value_of_an_earlier_run_is_no_answer_of_one_that_failed(context: Context) -> None:
    context.state.write(PLAN)
    made = valid(document("plan", recorded(context, plan="failed"), CheckFailed("no")))
    assert made["distributions"] == []
    assert made["variant"] is None


def test_refused_scan_lists_what_it_refused(context: Context) -> None:
    record = recorded(context, during=lambda: context.state.write(REFUSED), plan="done", scan="failed")
    made = valid(document("scan", record, ScanRefused("no")))
    assert made["findings"][0]["chain"] == ["alpha", "beta"]
    assert made["findings"][0]["severity"] == "refuse"


def test_scan_that_passed_tells_its_warnings_with_chains_and_cures_and_then_its_notes(context: Context) -> None:
    steps = (
        ChainStep(name="alpha", version="1.0", requirement="alpha"),
        ChainStep(name="beta", version="2.0", requirement="beta[x]>=1"),
    )
    (refused,) = REFUSED.findings
    warning = replace(
        refused,
        severity="warn",
        message="beta 2.0 is old (stage base: alpha → beta[x]>=1)",
        hint="take a newer one; or do without",
        chains=(Chain(stage="base", steps=steps),),
    )
    note = replace(refused, severity="note", message="licences: MIT", distribution="", chain=())
    context.state.write(replace(REFUSED, findings=(warning, note)))
    expected = [
        "! beta 2.0",
        "  alpha 1.0, listed in stage base: alpha",
        "  └─ beta 2.0, asked for as beta[x]>=1",
        "  beta 2.0 is old",
        "  try: take a newer one",
        "  try: do without",
        "· licences: MIT",
        "2 wheels judged by 1 rule: nothing refused, 1 warning, 1 note",
    ]
    assert lines("scan", recorded(context, scan="up-to-date")) == expected
    assert lines("scan", recorded(context, scan="done")) == expected


def test_failed_install_names_the_environment_that_still_serves(context: Context) -> None:
    make_generation(context.project, current=True)
    record = recorded(context, detect="up-to-date", scan="failed")
    made = valid(document("install", record, CheckFailed("no")))
    assert made["environment"] == str(context.project.pointer)
    assert (made["generation"], made["environment-digest"]) == (1, "d" * 64)
    assert [(item["name"], item["up-to-date"]) for item in made["phases"]] == [("detect", True), ("scan", False)]


def test_verify_tells_checks_and_drift_of_a_failed_proof(context: Context) -> None:
    make_generation(context.project, current=True)
    failed = CheckResult(name="boom", outcome="failed", critical=True, seconds=1.0, output="no such thing")
    report = replace(report_of(PLAN, passed("fine"), failed), drift=Drift(modified=("lib/a.py",)))
    record = recorded(context, during=lambda: context.state.write(report), verify="failed")
    made: dict[str, Any] = valid(document("verify", record, CheckFailed("no")))
    assert [(check["name"], check["ok"]) for check in made["checks"]] == [("fine", True), ("boom", False)]
    assert made["drift"] == {"modified": ["lib/a.py"], "missing": [], "extra": []}
    assert made["environment-digest"] == "e" * 64


def test_verify_shows_what_could_not_be_proven(context: Context) -> None:
    make_generation(context.project, current=True)
    skipped = CheckResult(name="gpu", outcome="skipped", critical=True, seconds=0.0, output="no cuda here\nmore")
    soft = CheckResult(name="soft", outcome="failed", critical=False, seconds=2.0, output="boom")
    record = recorded(
        context, during=lambda: context.state.write(report_of(PLAN, passed("a"), skipped, soft)), verify="done"
    )
    shown = lines("verify", record)
    assert [line.split() for line in shown[:3]] == [
        ["✓", "a", "0.2", "s"],
        ["-", "gpu", "skipped", "no", "cuda", "here"],
        ["✗", "soft", "2.0", "s", "failed,", "and", "is", "not", "critical"],
    ]


def test_conclusion_names_generation_digest_and_proof(context: Context) -> None:
    from lockhouse.environments.generations import Generations
    from lockhouse.verification.records import keep_report

    assert conclusion(context) == "there is no environment at .venv"
    generation = make_generation(context.project, plan=PLAN.digest, current=True)
    assert conclusion(context) == "environment .venv is generation 1, digest dddddddddddd"
    skipped = CheckResult(name="gpu", outcome="skipped", critical=True, seconds=0.0, output="")
    proof = keep_report(generation, report_of(PLAN, passed("a"), passed("b"), skipped, environment_digest="d" * 64))
    Generations(context.project).advance(generation, "verified", proof=proof)
    assert conclusion(context) == (
        "environment .venv is generation 1, digest dddddddddddd, "
        "verified by 2 checks, 1 check not possible on this machine"
    )


def test_generations(context: Context) -> None:
    from lockhouse.environments.history import list_generations

    record = recorded(context)
    record.result = list_generations(context.project)
    assert lines("generations", record) == ["there are no generations yet"]
    make_generation(context.project)
    make_generation(context.project, current=True)
    record.result = list_generations(context.project, sizes=True)
    made = valid(document("generations", record, None))
    assert [(item["number"], item["current"]) for item in made["generations"]] == [(1, False), (2, True)]
    shown = lines("generations", record)
    assert [line.split()[:2] for line in shown[1:]] == [["1", "committed"], ["*", "2"]]


@pytest.mark.parametrize("dry_run", [True, False])
def test_clean_frees_what_is_not_kept_and_a_dry_run_nothing(dry_run: bool, context: Context) -> None:
    abandoned = make_generation(context.project, "building")
    make_generation(context.project, current=True)
    record = recorded(context)
    record.result = clean(context, dry_run=dry_run)
    made = valid(document("clean", record, None))
    assert [(item["kind"], item["path"]) for item in made["freed"]] == [("abandoned", str(abandoned.path))]
    assert made["bytes"] > 0
    assert abandoned.path.exists() == dry_run
    shown = lines("clean", record)
    assert shown[0].split()[0] == "abandoned"
    assert shown[-1].endswith("would be freed" if dry_run else "freed")
    if not dry_run:
        record.result = clean(context)
        assert lines("clean", record) == ["there is nothing to free"]


def test_answers_fit_a_narrow_terminal(context: Context) -> None:
    make_generation(context.project, current=True)
    context.state.write(HOST)
    context.state.write(PLAN)
    context.state.write(report_of(PLAN))
    record = recorded(context, detect="up-to-date", plan="up-to-date", verify="up-to-date")
    executable = next(line for line in lines("detect", record) if INTERPRETER.executable in line)
    for verb in ("detect", "plan", "install", "verify", "download"):
        for line in lines(verb, record, 40):
            assert len(line) <= 40 or line.strip() in executable
