from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.accelerators import Accelerator, Question, Support
from lockhouse.hookspecs import hookimpl
from lockhouse.host import AcceleratorReading, Host, Probe
from lockhouse.manifest import Check, VariantWish, Wish
from lockhouse.plan import Target


class Fake:
    """An accelerator of nobody's, whose builds of tensor and vision carry labels."""

    namespace = "fake"
    family = frozenset({"tensor", "vision", "kernels"})
    labelled = frozenset({"tensor", "vision"})

    def questions(self) -> Sequence[Question]:
        return ()

    def fingerprint(self) -> str:
        return ""

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        return AcceleratorReading(namespace=self.namespace, present=True)

    def claims(self, variant: str) -> bool:
        return variant.startswith("fk")

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        return Support(supported=True, reason="always")

    def index_url(self, variant: str) -> str | None:
        return None

    def label(self, variant: str, host: Host) -> str | None:
        return variant

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        return ()

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        return {}


@hookimpl
def lockhouse_accelerators() -> Iterable[Accelerator]:
    return [Fake()]


def case_of(
    tmp_path: Path,
    versions: dict[str, str],
    *,
    label: str | None = "fk2.0",
    accelerator: str | None = "fake",
    requirements: Mapping[str, Wish] | None = None,
    requires: Mapping[str, Sequence[str]] | None = None,
) -> Case:
    target = Target(
        platform="linux_x86_64", python_tag="cp311", python_version="3.11", variant="fk2.0", accelerator=accelerator
    )
    manifest: dict[str, Any] = {"variants": (VariantWish(name="fk2.0", requirements=requirements or {}),)}
    wheels = [WheelSpec(name, version, (requires or {}).get(name, ())) for name, version in versions.items()]
    return Case(
        tmp_path,
        wheels,
        {"base": list(versions)},
        manifest=manifest,
        plan_fields={"target": target, "label": label},
        plugins=[SimpleNamespace(lockhouse_accelerators=lockhouse_accelerators)],
    )


def test_builds_with_the_variants_label_pass_and_others_need_none(tmp_path: Path) -> None:
    case = case_of(tmp_path, {"tensor": "2.0+fk2.0", "vision": "1.0+fk2.0", "kernels": "1.0", "other": "1.0+local"})
    assert case.judge().findings == ()


def test_an_unlabelled_build_is_refused_in_a_labelled_variant(tmp_path: Path) -> None:
    finding = case_of(tmp_path, {"tensor": "2.0"}).only("labels.missing")
    assert finding.severity == "refuse"
    assert finding.message.startswith("tensor 2.0 carries no label, so it is not the build for fk2.0 (+fk2.0)")
    assert "came from the index default" in finding.message


@pytest.mark.parametrize("written", ["tensor==2.0", "tensor", "tensor>=2"])
def test_an_unlabelled_build_passes_where_the_variant_itself_asks_for_it(tmp_path: Path, written: str) -> None:
    case = case_of(tmp_path, {"tensor": "2.0"}, requirements={"tensor": Wish(requirement=written)})
    assert case.judge().ok


def test_an_unlabelled_build_from_the_variant_s_own_index_is_no_statement_about_another_one(tmp_path: Path) -> None:
    case = case_of(tmp_path, {"tensor": "2.0"}, requirements={"tensor": Wish(requirement="tensor==2.0")})
    own = tuple(replace(item, index="variant") for item in case.plan.distributions)
    case.plan = replace(case.plan, distributions=own)
    finding = case.only("labels.missing")
    assert '{"tensor": {"requirement": "tensor==2.0", "index": "default"}}' in finding.hint


@pytest.mark.parametrize(
    ("version", "fits"), [("1.0", True), ("1.0+fk2.0", True), ("1.0+git12", True), ("1.0+fk1.0", False)]
)
def test_what_need_not_carry_a_label_may_not_carry_that_of_another_variant(
    tmp_path: Path, version: str, *, fits: bool
) -> None:
    case = case_of(tmp_path, {"tensor": "2.0+fk2.0", "kernels": version})
    assert case.judge().ok == fits
    assert fits or case.only("labels.other").distribution == "kernels"


def test_asking_for_a_label_does_not_excuse_its_absence(tmp_path: Path) -> None:
    case = case_of(tmp_path, {"tensor": "2.0"}, requirements={"tensor": Wish(requirement="tensor==2.0+fk2.0")})
    assert case.only("labels.missing").distribution == "tensor"


def test_the_excuse_of_one_does_not_excuse_another(tmp_path: Path) -> None:
    case = case_of(
        tmp_path, {"tensor": "2.0", "vision": "1.0"}, requirements={"tensor": Wish(requirement="tensor==2.0")}
    )
    assert case.only("labels.missing").distribution == "vision"


def test_a_build_for_another_variant_is_refused(tmp_path: Path) -> None:
    finding = case_of(tmp_path, {"tensor": "2.0+fk2.0", "vision": "1.0+cpu"}).only("labels.other")
    assert finding.severity == "refuse"
    assert finding.message.startswith("vision 1.0+cpu is built for +cpu, the plan is for fk2.0 (+fk2.0)")
    assert "vision==1.0+fk2.0" in finding.hint


def test_another_label_is_refused_even_where_the_unlabelled_build_would_pass(tmp_path: Path) -> None:
    case = case_of(tmp_path, {"tensor": "2.0+cpu"}, requirements={"tensor": Wish(requirement="tensor==2.0")})
    assert case.only("labels.other").severity == "refuse"


def test_spelling_of_a_label_does_not_matter(tmp_path: Path) -> None:
    assert case_of(tmp_path, {"tensor": "2.0+fk2.0"}, label="FK2-0").judge(with_wheels=False).ok


def test_where_the_variant_has_no_label_none_is_needed_but_they_must_agree(tmp_path: Path) -> None:
    assert case_of(tmp_path / "a", {"tensor": "2.0", "vision": "1.0"}, label=None).judge().ok
    assert case_of(tmp_path / "b", {"tensor": "2.0+x", "vision": "1.0+x"}, label=None).judge().ok
    finding = case_of(tmp_path / "c", {"tensor": "2.0+x", "vision": "1.0+y"}, label=None).only("labels.mixed")
    assert finding.severity == "refuse"
    assert "+x" in finding.message
    assert "+y" in finding.message
    assert [cure.changes[0].requirement for cure in finding.cures] == ["vision==1.0+x", "tensor==2.0+y"]


def test_without_an_accelerator_neighbours_with_different_labels_are_a_warning(tmp_path: Path) -> None:
    versions = {"tensor": "2.0+x", "vision": "1.0+y", "other": "1.0+z"}
    case = case_of(tmp_path, versions, label=None, accelerator=None, requires={"vision": ["tensor"]})
    finding = case.only("labels.mixed")
    assert (finding.severity, finding.distribution) == ("warn", "vision")


def test_without_an_accelerator_strangers_may_have_any_label(tmp_path: Path) -> None:
    case = case_of(tmp_path, {"tensor": "2.0+x", "other": "1.0+z"}, label=None, accelerator=None)
    assert case.judge().findings == ()
