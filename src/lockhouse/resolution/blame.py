"""A contradiction in the words of the manifest: where what was asked for stands, and what may have been meant."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from lockhouse.errors import Hint, ResolutionError
from lockhouse.manifest import Manifest, VariantWish
from lockhouse.resolution.explaining import RELAX, Unsolvable
from lockhouse.values import dataclass
from lockhouse.wheels.constraints import Constraint

__all__ = ["Blame", "meant_by"]

CLOSE = 0.8
"""How alike two names must be for one to be taken for the other; ``difflib``'s measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """Knows where requirements stand. ``known`` are names that may be meant where another one is written."""

    manifest: Manifest
    variant: VariantWish | None
    constraints: Sequence[Constraint]
    known: Iterable[str]
    offline: bool

    def explain(self, error: Unsolvable) -> ResolutionError:
        """Return the error to raise in place of the resolver's."""
        proof, places = error.proof, dict(self._places())
        lines = [*self._missing(error), *map(self._without_constraints, proof.facts)]
        lines += self._asked(proof.asked, places)
        lines += proof.remarks
        summary = error.summary
        if proof.unknown:
            summary = f"{', '.join(proof.unknown)} cannot be found"
        elif proof.only_source:
            summary = f"{', '.join(name for name, _ in proof.only_source)} has no wheel that fits"
        hints = [*self._hints(error, places)]
        if hints or self.offline:  # there is something better to do than to relax a requirement
            hints += [hint for hint in error.hints if hint.code != RELAX]
        else:
            hints += error.hints
        return ResolutionError(summary, cause="\n".join(lines), hints=hints)

    def _missing(self, error: Unsolvable) -> Iterator[str]:
        for name in error.proof.unknown:
            yield f"there is no local wheel of {name}" if self.offline else f"no index knows {name}"
        for name, version in error.proof.only_source:
            yield f"{name} {version} is there only as a source distribution, and only wheels can be planned"

    def _asked(self, asked: Iterable[str], places: Mapping[str, str]) -> Iterator[str]:
        listed = []
        for text in asked:
            origin = self._constraint(text)
            name = _name(text)
            if origin is not None:
                yield f"pip's configuration constrains {text} ({origin})"
            elif name in places:
                listed.append(f"{text} ({places[name]})")
            else:
                listed.append(text)
        if listed:
            yield f"the manifest asks for {' and '.join(filter(None, (', '.join(listed[:-1]), listed[-1])))}"

    def _without_constraints(self, fact: str) -> str:
        """The resolver counts a constraint among the requirements of whoever needs the name."""
        before, _, last = fact.rpartition(" and ")
        origin = self._constraint(last) if before else None
        return f"{before}; pip's configuration constrains {last} ({origin})" if origin is not None else fact

    def _constraint(self, text: str) -> str | None:
        wanted = _parsed(text)
        for line in self.constraints:
            if wanted is not None and wanted == _parsed(line.requirement):
                return line.origin
        return None

    def _hints(self, error: Unsolvable, places: Mapping[str, str]) -> Iterator[Hint]:
        for name in error.proof.unknown:
            if name not in places:
                continue
            meant = meant_by(name, self.known)
            if meant is not None:
                yield Hint("did-you-mean", f"did you mean {meant}? ({places[name]})")
            elif not self.offline:
                yield Hint("check-name", f"correct {places[name]}, or list an index that serves {name}")
        if error.proof.only_source:
            yield Hint("bring-wheel", "ask for a version that has a wheel, or put one that you built into find-links")
        if any("requires Python" in fact for fact in error.proof.facts):
            yield Hint("change-python", "change python.version in the manifest, or ask for another version of these")

    def _places(self) -> Iterator[tuple[str, str]]:
        replaced = self.variant.requirements if self.variant else {}
        for i, stage in enumerate(self.manifest.stages):
            for j, wish in enumerate(stage.requirements):
                yield _name(wish.requirement), f"stages[{i}].requirements[{j}]"
        for name in replaced:
            yield name, f"variants.{self.variant.name if self.variant else ''}.requirements.{name}"


def meant_by(name: str, known: Iterable[str]) -> str | None:
    """Return the distribution that is probably meant by a canonical name that nobody serves."""
    table = json.loads((files("lockhouse.resolution") / "names.json").read_text(encoding="utf-8"))
    if name in table["imports"]:
        meant: str = table["imports"][name]
        return meant
    names = [other for other in dict.fromkeys((*known, *table["distributions"])) if other != name]
    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=CLOSE)), None)


def _name(text: str) -> str:
    return canonicalize_name(Requirement(text).name)


def _parsed(text: str) -> tuple[str, SpecifierSet] | None:
    """Name and versions of a requirement, however they are spelled; None for what is none."""
    try:
        requirement = Requirement(text)
    except ValueError:
        return None
    return canonicalize_name(requirement.name), requirement.specifier
