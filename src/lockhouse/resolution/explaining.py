"""What the resolver says, in the words of the manifest: why there is no solution, and what it warns of.

uv writes for people. Its sentences are matched here and nowhere else, and tests run the real one to hold them: a
release that words them differently fails there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lockhouse.errors import Hint, NetworkError, ResolutionError, SubprocessFailed
from lockhouse.wheels.configuration import without_credentials

__all__ = ["PROJECT", "failure", "yanked_in"]

PROJECT = "lockhouse-plan"
"""The name under which the requirements of a manifest are given to the resolver."""

YANKED = re.compile(
    r"""^warning: `(?P<pin>[^`\n]+)` is yanked(?: \(reason: "(?P<reason>.*?)"\))?$(?=\n\w+: |\n?\Z)""",
    re.MULTILINE | re.DOTALL,
)


def yanked_in(output: str) -> Mapping[str, str]:
    """Find what the resolver took although its index has withdrawn it: reasons by ``name==version``."""
    return {match["pin"]: " ".join((match["reason"] or "").split()) for match in YANKED.finditer(output)}


UNREACHABLE = re.compile(
    r"failed to fetch|error sending request|dns error|timed out|connection (refused|reset)", re.IGNORECASE
)


DECORATION = re.compile(r"^[^\w`'\"(]*(error: |cause: |caused by: |hint: )?", re.IGNORECASE)


def failure(argv: Sequence[str], status: int, output: str, offline: bool) -> Exception:
    """Make an error of what the resolver wrote before it ended with ``status``."""
    text = _readable(output)
    if "No solution found" in output or "not found in the" in output or "unsatisfiable" in output:
        hints = [Hint("relax-requirement", "relax one of the requirements named above, or exclude an edge")]
        if offline:
            hints.insert(0, Hint("go-online", "run once without --offline, or put the missing wheels into wheelhouse/"))
        return ResolutionError("no set of wheels satisfies the manifest", cause=text, hints=hints)
    if UNREACHABLE.search(output):
        address = re.search(r"https?://[^\s`'\")]+", output)
        return NetworkError(
            "an index could not be reached while planning",
            url=without_credentials(address.group()) if address else "",
            cause=text,
            hints=[
                Hint(
                    "check-network", "check the connection, and the index addresses in the manifest or pip's settings"
                ),
                Hint("offline", "with a full wheelhouse, run with --offline"),
            ],
        )
    return SubprocessFailed("the resolver failed", argv=argv, status=status, output=text)


def _readable(output: str) -> str:
    """Say it in the words of the manifest, and without credentials."""
    lines = []
    for line in output.splitlines():
        words = DECORATION.sub("", line).strip()
        if words and words != "No solution found when resolving dependencies" and words not in lines:
            lines.append(words)
    text = "\n".join(lines).replace(f"{PROJECT} depends on", "the manifest asks for").replace(PROJECT, "the manifest")
    return re.sub(r"https?://[^\s`'\")]+", lambda match: without_credentials(match.group()), text)
