"""What the resolver says, in the words of the manifest: why there is no solution, and what it warns of.

uv writes for people. Its sentences are matched here and nowhere else, and tests run the real one to hold them: a
release that words them differently fails there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lockhouse.errors import Hint, NetworkError, ResolutionError, SubprocessFailed
from lockhouse.resolution.proof import PROJECT, Proof, proof_in
from lockhouse.wheels.configuration import without_credentials

__all__ = ["CHECK_NETWORK", "RELAX", "Unsolvable", "failure", "yanked_in"]

RELAX = "relax-requirement"

YANKED = re.compile(
    r"""^warning: `(?P<pin>[^`\n]+)` is yanked(?: \(reason: "(?P<reason>.*?)"\))?$(?=\n\w+: |\n?\Z)""",
    re.MULTILINE | re.DOTALL,
)


class Unsolvable(ResolutionError):
    """The requirements exclude each other; ``proof`` holds the facts. Who knows the manifest says it in its words."""

    def __init__(self, summary: str, *, proof: Proof, cause: str, hints: Sequence[Hint]) -> None:
        super().__init__(summary, cause=cause, hints=hints)
        self.proof = proof


def yanked_in(output: str) -> Mapping[str, str]:
    """Find what the resolver took although its index has withdrawn it: reasons by ``name==version``."""
    return {match["pin"]: " ".join((match["reason"] or "").split()) for match in YANKED.finditer(output)}


UNREACHABLE = re.compile(
    r"failed to fetch|error sending request|dns error|timed out|connection (refused|reset)", re.IGNORECASE
)
NO_INDEX = re.compile(r"received some unexpected (json|html)|(unsupported|missing) `content-type`", re.IGNORECASE)
BROKEN_WORD = re.compile(r"hash mismatch for package metadata", re.IGNORECASE)
REFUSED = re.compile(r"an index (?:url )?\((?P<url>[^)]+)\) (?:returned a 403|could not be queried)", re.IGNORECASE)
UNSOLVED = re.compile(r"no solution found|not found in the|unsatisfiable", re.IGNORECASE)
UNKNOWN = re.compile(r"was not found in the package registry", re.IGNORECASE)
ADDRESS = re.compile(r"https?://[^\s`'\")]+")

DECORATION = re.compile(r"^[^\w`'\"(]*(error: |cause: |caused by: |hint: )?", re.IGNORECASE)

CHECK_NETWORK = Hint("check-network", "check the connection, and the index addresses in the manifest or pip's settings")
OFFLINE = Hint("offline", "with a full wheelhouse, run with --offline")


def failure(argv: Sequence[str], status: int, output: str, offline: bool) -> Exception:
    """Make an error of what the resolver wrote before it ended with ``status``."""
    text = _readable(output)
    refused = REFUSED.search(output)
    if refused and UNKNOWN.search(output):
        # Some indexes answer 403 for what they do not have, so the name may be at fault as well.
        text_of_credentials = "give user and password for the index in pip's configuration or in ~/.netrc"
        hints = [
            Hint("check-credentials", text_of_credentials),
            Hint("check-name", "or correct the name, if it is wrong"),
        ]
        url = without_credentials(refused["url"])
        return NetworkError("an index refused to answer while planning", url=url, cause=text, hints=hints)
    if UNSOLVED.search(output):
        hints = [Hint(RELAX, "relax one of the requirements named above, or exclude an edge")]
        if offline:
            hints.insert(0, Hint("go-online", "run once without --offline, or put the missing wheels into wheelhouse/"))
        summary, proof = "no set of wheels satisfies the manifest", proof_in(output)
        if proof is None:
            return ResolutionError(summary, cause=text, hints=hints)
        return Unsolvable(summary, proof=proof, cause=text, hints=hints)
    address = ADDRESS.search(output)
    url = without_credentials(address.group()) if address else ""
    if UNREACHABLE.search(output):
        return NetworkError(
            "an index could not be reached while planning", url=url, cause=text, hints=[CHECK_NETWORK, OFFLINE]
        )
    if NO_INDEX.search(output):
        return NetworkError("what answered is no package index", url=url, cause=text, hints=[CHECK_NETWORK])
    if BROKEN_WORD.search(output):
        summary = "an index serves other metadata than it announces"
        return NetworkError(summary, url=url, cause=text, hints=[Hint("tell-index", "tell those who run the index")])
    return SubprocessFailed("the resolver failed", argv=argv, status=status, output=text)


def _readable(output: str) -> str:
    """Say it in the words of the manifest, and without credentials."""
    lines = []
    for line in output.splitlines():
        words = DECORATION.sub("", line).strip()
        if words and words != "No solution found when resolving dependencies" and words not in lines:
            lines.append(words)
    text = "\n".join(lines).replace(f"{PROJECT} depends on", "the manifest asks for").replace(PROJECT, "the manifest")
    return ADDRESS.sub(lambda match: without_credentials(match.group()), text)
