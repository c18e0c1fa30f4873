"""Why there is no solution: the resolver's proof, cut down to the facts that it starts from.

uv derives step by step ("because A and B, we can conclude that C, and because D …"). People need A, B and D.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from lockhouse.values import dataclass

__all__ = ["PROJECT", "Proof", "proof_in"]

PROJECT = "lockhouse-plan"
"""The name under which the requirements of a manifest are given to the resolver."""

MOST = 12
"""Facts that are told; more explain nothing more."""

ALIKE = 3
"""Versions of one distribution of which the same kind of fact is told one by one."""

NAME = r"[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?"
PREMISES = re.compile(r"[Bb]ecause (?P<premises>.*?),? we can conclude that", re.DOTALL)
CLAUSE = re.compile(
    rf" and (?=(?:all versions of|any of|one of|all of|only|there (?:is|are)|we know from|the requested) "
    rf"|{NAME}(?:[=<>!~]\S*)? (?:depends? on|was|were|has|have|requires?|cannot|is|are|needs?) )"
)
LISTED = re.compile(r",? and |, ")
REMARK = re.compile(r"^hint: (.*?)(?=^hint: |\Z)", re.MULTILINE | re.DOTALL)

UNKNOWN = re.compile(rf"(?P<name>{NAME}) was not found in .*|there are no versions of (?P<other>{NAME})$")
ONLY_SOURCE = re.compile(rf"(?P<name>{NAME})==(?P<version>\S+) has no usable wheels$")
NO_TAG = re.compile(
    rf"(?P<wheel>{NAME}\S*) has no wheels with a matching (?P<what>.+?) tag \(e\.g\., `(?P<tag>[^`]+)`\)$"
)
OTHER_TAGS = re.compile(r"`(?P<name>[^`]+)` \(v(?P<version>[^)]+)\) .*?following [^:]*: (?P<tags>`.*`)$")
NEEDS = re.compile(rf"(?P<who>all versions of {NAME}|{NAME}\S*) depends? on (?P<what>.+)$")
VERSIONS = re.compile(rf"only the following versions of {NAME} are available: (?P<all>.+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The facts that exclude each other. ``asked`` are requirements that were given to the resolver, as it spells them.

    ``unknown`` are names that nothing serves, ``only_source`` pairs of name and version without any wheel. ``facts``
    are sentences about the rest, ``remarks`` what may help.
    """

    asked: tuple[str, ...]
    unknown: tuple[str, ...]
    only_source: tuple[tuple[str, str], ...]
    facts: tuple[str, ...]
    remarks: tuple[str, ...]


def proof_in(output: str) -> Proof | None:
    """Find the proof in what the resolver wrote; None if there is none that is understood."""
    text = " ".join(output.partition("\nhint: ")[0].split())
    premises = [
        " ".join(clause.split())
        for match in PREMISES.finditer(text)
        for clause in CLAUSE.split(match["premises"])
        if not clause.startswith("we know from")  # derived earlier
    ]
    if not premises:
        return None
    asked: dict[str, None] = {}
    unknown: dict[str, None] = {}
    source: dict[tuple[str, str], None] = {}
    others: dict[str, None] = {}
    for premise in premises:
        if premise.startswith(f"{PROJECT} depends on "):
            asked |= dict.fromkeys(LISTED.split(premise.removeprefix(f"{PROJECT} depends on ")))
        elif match := UNKNOWN.match(premise):
            unknown[canonicalize_name((match["name"] or match["other"]).partition("[")[0])] = None
        elif match := ONLY_SOURCE.match(premise):
            source[canonicalize_name(match["name"]), match["version"]] = None
        else:
            others[premise] = None
    return Proof(
        asked=tuple(asked),
        unknown=tuple(unknown),
        only_source=tuple(source),
        facts=tuple(_short(list(others))),
        remarks=tuple(dict.fromkeys(_remarks(output))),
    )


def _short(premises: list[str]) -> Iterator[str]:
    """Say each in few words, and of many versions only the first and the last."""
    told: dict[tuple[str, ...], list[str]] = {}
    for premise in premises:
        if not _is_said_otherwise(premise, premises):
            words = re.sub(r"[=<>!~]\S*", "", premise).split()
            told.setdefault(tuple(words), []).append(_said(premise))
    facts = []
    for alike in told.values():
        if len(alike) <= ALIKE:
            facts += alike
        else:
            facts += [alike[0], f"and so on for {len(alike) - 2} more versions", alike[-1]]
    yield from facts[:MOST]
    if len(facts) > MOST:
        yield f"and {len(facts) - MOST} more facts of this kind"


def _is_said_otherwise(premise: str, premises: list[str]) -> bool:
    """Whether a list of all versions adds nothing: something is said of each."""
    match = VERSIONS.match(premise)
    if not match:
        return False
    others = " ".join(other for other in premises if other != premise)
    versions = match["all"].split()
    return len(versions) > MOST or all(version in others for version in versions)


def _said(premise: str) -> str:
    if match := NEEDS.match(premise):
        who = match["who"].replace("all versions of", "every version of")
        return f"{_plain(who)} needs {match['what']}"
    if match := NO_TAG.match(premise):
        what = "platform" if "platform" in match["what"] else "Python"
        return f"no wheel of {_plain(match['wheel'])} is for this {what} ({match['tag']})"
    if match := VERSIONS.match(premise):
        return f"only {', '.join(match['all'].split())} are there"
    premise = premise.replace("there is no version of", "there is no").replace(" is available", " is there")
    return _plain(premise)


def _remarks(output: str) -> Iterator[str]:
    for match in REMARK.finditer(output):
        text = " ".join(match[1].split())
        if tags := OTHER_TAGS.search(text):
            yield f"wheels of {tags['name']} {tags['version']} are for {tags['tags'].replace('`', '')}"
        elif "--no-build" not in text and "network was disabled" not in text:
            # What is left of an advice for users of uv are the sentences without its options.
            kept = [
                part for part in re.split(r"(?<=[.)])\s+(?=[A-Z])", text) if "`--" not in part and " uv " not in part
            ]
            if kept:
                yield " ".join(kept).replace("`", "")


def _plain(text: str) -> str:
    """``alpha 1.0`` for ``alpha==1.0``, at the beginning of a sentence."""
    return re.sub(rf"^({NAME})==(\d\S*)", r"\1 \2", text)
