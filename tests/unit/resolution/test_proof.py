"""Why there is no solution, asked of the real resolver: another wording of it fails here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.tags import sys_tags

from fixtures.wheels import WheelSpec, build_wheel
from lockhouse.errors import ResolutionError
from lockhouse.resolution.explaining import Unsolvable
from lockhouse.resolution.proof import Proof
from lockhouse.resolution.uv import Request, resolve
from lockhouse.wheels.configuration import read_pip_configuration

RELEASE = f"{sys.version_info.major}.{sys.version_info.minor}"


def proof(folder: Path, *requirements: str, constraints: tuple[str, ...] = (), offline: bool = False) -> Proof:
    """The proof that these requirements cannot be met from a folder of wheels."""
    folder.mkdir(exist_ok=True)
    request = Request(
        python=sys.executable,
        release=RELEASE,
        tags=tuple(str(tag) for tag in sys_tags()),
        requirements=requirements,
        constraints=constraints,
        find_links=(str(folder),),
        closed=True,
        offline=offline,
    )
    with pytest.raises(Unsolvable) as caught:
        resolve(request, read_pip_configuration(), folder)
    return caught.value.proof


def test_contradiction_of_two_dependents(tmp_path: Path) -> None:
    build_wheel(tmp_path, "alpha", "1.0", "beta<2")
    build_wheel(tmp_path, "gamma", "1.0", "beta>=2")
    for version in ("1.0", "2.0"):
        build_wheel(tmp_path, "beta", version)
    found = proof(tmp_path, "alpha", "gamma")
    assert set(found.asked) == {"alpha", "gamma"}
    assert set(found.facts) == {"every version of alpha needs beta<2", "every version of gamma needs beta>=2"}


def test_version_that_does_not_exist(tmp_path: Path) -> None:
    build_wheel(tmp_path, "alpha", "1.0")
    found = proof(tmp_path, "alpha==3")
    assert (found.asked, found.facts) == (("alpha==3",), ("there is no alpha==3",))


@pytest.mark.parametrize("offline", [False, True])
def test_name_that_nobody_knows(tmp_path: Path, *, offline: bool) -> None:
    build_wheel(tmp_path, "alpha", "1.0", "No.Such_thing>=1")
    found = proof(tmp_path, "alpha", offline=offline)
    assert found.unknown == ("no-such-thing",)
    assert found.facts == ("every version of alpha needs no-such-thing>=1",)
    assert found.remarks == ()


def test_wheels_for_others_are_named_with_their_tags(tmp_path: Path) -> None:
    build_wheel(tmp_path, "alpha", "1.0", tag="cp311-cp311-win_amd64")
    build_wheel(tmp_path, "alpha", "1.0", tag="cp311-cp311-macosx_11_0_arm64")
    found = proof(tmp_path, "alpha")
    assert any(fact.startswith("no wheel of alpha 1.0 is for this ") for fact in found.facts)
    assert "win_amd64" in "".join(found.remarks)


def test_wheels_for_other_pythons_say_which(tmp_path: Path) -> None:
    for version, python in (("1.0", ">=3.98"), ("2.0", ">=3.99")):
        WheelSpec("alpha", version, requires_python=python).build(tmp_path)
    assert proof(tmp_path, "alpha").facts == ("alpha 1.0 requires Python >=3.98", "alpha 2.0 requires Python >=3.99")


def test_source_without_a_wheel(tmp_path: Path) -> None:
    (tmp_path / "alpha-2.0.tar.gz").write_bytes(b"")
    build_wheel(tmp_path, "alpha", "1.0")
    found = proof(tmp_path, "alpha>1")
    assert found.only_source == (("alpha", "2.0"),)
    assert found.remarks == ()


def test_constraint_is_among_what_was_asked(tmp_path: Path) -> None:
    build_wheel(tmp_path, "beta", "1.0")
    assert set(proof(tmp_path, "beta>=1", constraints=("beta<1",)).asked) == {"beta>=1", "beta<1"}


def test_many_versions_are_told_in_few_words(tmp_path: Path) -> None:
    for i in range(12):
        build_wheel(tmp_path, "top", f"{i}.0", f"mid=={i}.0")
        build_wheel(tmp_path, "mid", f"{i}.0", f"low=={i}.0", f"other>={i}")
        build_wheel(tmp_path, "low", f"{i}.0")
    build_wheel(tmp_path, "other", "3.0")
    found = proof(tmp_path, "top>=2", "low>=8", "other")
    assert set(found.asked) == {"top>=2", "low>=8"}
    assert "only other==3.0 is there" in found.facts
    assert len(found.facts) <= 13
    assert any(fact.startswith("and so on for ") for fact in found.facts)


def test_unsolvable_is_an_error_of_resolution() -> None:
    assert issubclass(Unsolvable, ResolutionError)
    assert Unsolvable.code == "resolution"
