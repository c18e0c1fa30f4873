"""A contradiction in the words of the manifest."""

from __future__ import annotations

from typing import Any

import pytest

from lockhouse.errors import ResolutionError
from lockhouse.manifestfile import parse_manifest
from lockhouse.resolution.blame import Blame, meant_by
from lockhouse.resolution.explaining import Unsolvable
from lockhouse.resolution.proof import Proof
from lockhouse.wheels.constraints import Constraint

NOTHING = Proof(asked=(), unknown=(), only_source=(), facts=(), remarks=())


def explained(*constraints: Constraint, offline: bool = False, **facts: Any) -> ResolutionError:
    manifest = parse_manifest(
        {
            "name": "demo",
            "python": {"version": "3.11"},
            "variants": {"cpu": {"requirements": {"torch": "torch==2.5"}}},
            "stages": [
                {"name": "base", "requirements": ["numpy<2", "torch"]},
                {"name": "more", "requirements": [{"requirement": "Some.Thing>=1"}]},
            ],
        },
        "demo.json",
    )
    blame = Blame(
        manifest=manifest,
        variant=manifest.variant("cpu"),
        constraints=constraints,
        known=("some-think",),
        offline=offline,
    )
    proof = Proof(**{**{name: getattr(NOTHING, name) for name in NOTHING.__slots__}, **facts})
    return blame.explain(Unsolvable("no set", proof=proof, cause="uv's words", hints=[]))


def test_requirements_stand_where_they_were_written() -> None:
    error = explained(asked=("numpy<2", "some-thing>=1", "torch==2.5"), facts=("some-thing 1.0 needs numpy>=2",))
    assert str(error.cause).splitlines() == [
        "some-thing 1.0 needs numpy>=2",
        "the manifest asks for numpy<2 (stages[0].requirements[0]), some-thing>=1 (stages[1].requirements[0]) and "
        "torch==2.5 (variants.cpu.requirements.torch)",
    ]


def test_constraints_are_not_blamed_on_others() -> None:
    constraint = Constraint(requirement="numpy>=1, <1.5", origin="/c.txt, line 1")
    error = explained(
        constraint, asked=("numpy<1.5,>=1",), facts=("every version of x needs numpy>=2 and numpy>=1,<1.5",)
    )
    assert str(error.cause).splitlines() == [
        "every version of x needs numpy>=2; pip's configuration constrains numpy>=1,<1.5 (/c.txt, line 1)",
        "pip's configuration constrains numpy<1.5,>=1 (/c.txt, line 1)",
    ]


def test_name_that_nobody_knows_is_first_and_what_may_be_meant_is_asked() -> None:
    error = explained(unknown=("some-thing",), asked=("some-thing>=1",))
    assert error.summary == "some-thing cannot be found"
    assert str(error.cause).splitlines()[0] == "no index knows some-thing"
    assert [hint.text for hint in error.hints] == ["did you mean some-think? (stages[1].requirements[0])"]
    assert str(explained(unknown=("x",), offline=True).cause).startswith("there is no local wheel of x")


def test_source_alone_is_named_with_its_version() -> None:
    error = explained(only_source=(("numpy", "1.5"),), asked=("numpy<2",))
    assert error.summary == "numpy has no wheel that fits"
    assert "numpy 1.5 is there only as a source distribution" in str(error.cause)
    assert [hint.code for hint in error.hints] == ["bring-wheel"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("sklearn", "scikit-learn"), ("tranformers", "transformers"), ("cv2", "opencv-python-headless"), ("zzz", None)],
)
def test_well_known_names_are_meant(written: str, meant: str | None) -> None:
    assert meant_by(written, ()) == meant
