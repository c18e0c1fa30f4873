"""The local manifest beside the published one."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.values import plan_of, planned, report_of
from lockhouse.doctor.addresses import addresses_of
from lockhouse.doctor.comparing import compare
from lockhouse.doctor.remarks import Comparison
from lockhouse.lockfile import Lock, lock_from
from lockhouse.manifest import Manifest
from lockhouse.manifestfile import parse_manifest

URL = "https://example.org/demo.json"


def manifest(*requirements: str, **fields: Any) -> Manifest:
    stages = [{"name": "base", "requirements": list(requirements)}]
    return parse_manifest({"name": "demo", "python": {"version": "3.11"}, "stages": stages} | fields, "demo.json")


def lock_on(*versions: tuple[str, str]) -> Lock:
    plan = plan_of(*(planned(name, version) for name, version in versions))
    return lock_from(plan, report_of(plan), {}, time="2026-01-02T03:04:05Z")


def compared(here: Manifest, published: Manifest, **options: Any) -> Comparison:
    return compare(here, published, url=URL, **options)


def test_the_same_manifest_is_equal_however_it_is_written() -> None:
    found = compared(manifest("alpha"), manifest("alpha", closure="resolved"))
    assert (found.relation, found.differences) == ("equal", ())


@pytest.mark.parametrize(
    ("here", "published", "changed", "relation"),
    [
        ("1.9", "1.10", (200.0, 100.0), "older"),
        ("1.10", "1.9", (100.0, 200.0), "newer"),
        ("1.0", "1.0", (100.0, 200.0), "older"),
        ("1.0", "1.0", (200.0, 100.0), "newer"),
        (None, "1.0", (200.0, 100.0), "newer"),
        (None, None, (200.0, None), "different"),
        ("of last week", "1.0", (None, 100.0), "different"),
    ],
)
def test_versions_decide_which_is_older_and_else_times_do(
    here: str | None, published: str | None, changed: tuple[float | None, float | None], relation: str
) -> None:
    versions = [{"version": text} if text else {} for text in (here, published)]
    found = compared(manifest("alpha", **versions[0]), manifest("beta", **versions[1]), changed=changed)
    assert found.relation == relation, found.because


def test_every_requirement_that_differs_says_what_would_move() -> None:
    lock = lock_on(("alpha", "1.0"), ("beta", "2.0"), ("gamma", "3.0"))
    here = manifest("alpha==1.0", "beta==2.0", "gamma", "same")
    published = manifest("alpha==1.1", "beta>=2", "delta", "same")
    found = {item.what: item for item in compared(here, published, lock=lock).differences}
    assert found["alpha in stage base"].effect == "alpha would move from 1.0, which is locked"
    assert found["beta in stage base"].effect == "nothing would move: beta 2.0, which is locked, fits"
    assert found["gamma in stage base"].published is None
    assert "gamma 3.0 stays only if something else needs it" in found["gamma in stage base"].effect
    assert found["delta in stage base"].here is None
    assert found["delta in stage base"].effect == "delta would be asked for"
    assert not any("same" in what for what in found)


def test_requirements_of_variants_and_other_fields_are_compared_too() -> None:
    here = manifest("alpha", variants={"cpu": {}}, blacklist=["torchao"], protect=["numpy"])
    published = manifest(
        "alpha",
        variants={"cpu": {"requirements": {"alpha": "alpha<2"}}},
        blacklist=[{"requirement": "torchao", "reason": "it crashes"}],
        python={"version": "3.12"},
    )
    found = {item.what: (item.here, item.published) for item in compared(here, published).differences}
    assert found == {
        "alpha in variant cpu": (None, "alpha<2"),
        "python.version": ("3.11", "3.12"),
        "blacklist torchao": ("requirement torchao", "requirement torchao, reason it crashes"),
        "protect numpy": ("listed", None),
    }


def test_files_at_github_have_a_mirror() -> None:
    raw = "https://raw.githubusercontent.com/owner/repo/main/manifests/llm.json"
    mirror = "https://cdn.jsdelivr.net/gh/owner/repo@main/manifests/llm.json"
    assert addresses_of(raw) == (raw, mirror)
    assert addresses_of("https://github.com/owner/repo/blob/main/manifests/llm.json") == (raw, mirror)
    assert addresses_of(raw.replace("/main/", "/refs/heads/main/")) == (raw, mirror)
    assert addresses_of(URL) == (URL,)
