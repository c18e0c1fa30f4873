"""Which torch releases were built with what, and when that is worth saying."""

from __future__ import annotations

import pytest

from fixtures.accelerators import ACCELERATORS
from lockhouse.errors import NetworkError, ResolutionError
from lockhouse_pytorch import lockhouse_hints
from lockhouse_pytorch.builds import builds_of, variants_of
from lockhouse_pytorch.index import family, labelled
from lockhouse_pytorch.versions import parse


def test_a_release_names_its_variants_in_the_way_that_manifests_do() -> None:
    assert variants_of("2.13") == ("cu126", "cu130", "cu132", "rocm7.1", "rocm7.2", "xpu")
    assert variants_of("2.5") == ("cu118", "cu121", "cu124", "rocm6.1", "rocm6.2")
    assert variants_of("99.0") == ()


def test_every_variant_of_the_table_is_claimed_by_an_accelerator() -> None:
    for releases in builds_of().values():
        for release in releases:
            for variant in variants_of(release):
                assert sum(item.claims(variant) for item in ACCELERATORS) == 1


def test_what_carries_a_label_is_of_the_family() -> None:
    for item in ACCELERATORS:
        assert labelled(item.namespace) <= family()


@pytest.mark.parametrize(
    "text", ["there is no torch==2.13.0", "Because there is no version of torch==2.13.0 and", "no torch==2.13 here"]
)
def test_a_build_that_could_not_be_found_is_told_with_those_there_are(text: str) -> None:
    (hint,) = lockhouse_hints(ResolutionError("no set of wheels satisfies the manifest", cause=text))
    assert hint.code == "torch-builds"
    assert "torch 2.13 for cu126, cu130, cu132, rocm7.1, rocm7.2, xpu and cpu" in hint.text


@pytest.mark.parametrize(
    "error",
    [
        ResolutionError("x", cause="every version of torch needs sympy==1.13.1, there is no sympy==1.13.1"),
        ResolutionError("x", cause="there is no torchaudio==2.5.1"),
        ResolutionError("x", cause="there is no torch==99.1"),
        ResolutionError("x"),
        NetworkError("x", url="y", cause="there is no torch==2.13.0"),
    ],
)
def test_about_anything_else_nothing_is_said(error: ResolutionError) -> None:
    assert list(lockhouse_hints(error)) == []


@pytest.mark.parametrize(
    ("text", "numbers"), [("550.54.15", (550, 54, 15)), (" 13.0", (13,)), ("6.8.0-52", (6, 8)), ("none", ()), ("", ())]
)
def test_numbers_are_compared_and_trailing_zeros_do_not_count(text: str, numbers: tuple[int, ...]) -> None:
    assert parse(text) == numbers
