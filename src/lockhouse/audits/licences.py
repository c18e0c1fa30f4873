"""Rule: under which licences the plan's distributions are, by their own metadata, in one note.

It says what the metadata says and is no legal advice: the expression (PEP 639) counts, else classifiers, else the old
free text where that is a name and not the whole licence.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from lockhouse.audits import Subject
from lockhouse.audits.telling import about, several
from lockhouse.findings import Finding
from lockhouse.wheels.metadata import Metadata

__all__ = ["Licences", "licence_of"]

SHOWN = 8
NAMED = 6
LONGEST = 60
"""Characters of a free text that may still be a name."""

COPYLEFT = re.compile(r"(?<![A-Za-z])A?GPL|GNU (Affero )?General Public")
LESSER = re.compile(r"\bLGPL|\b(lesser|library) general public", re.IGNORECASE)
CLASSIFIED: Mapping[str, str] = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}
WRITTEN: Mapping[str, str] = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "apache-2.0 license": "Apache-2.0",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd license": "BSD",
    "mit license": "MIT",
    "the mit license": "MIT",
    "the mit license (mit)": "MIT",
}
"""Names that are written so in many wheels, and what SPDX calls them."""


class Licences:
    """Note the licences of all wheels together, and those under a GPL by name."""

    name = "licences"
    needs_wheels = True

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a summary, and a finding for each distribution under a GPL."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, facts in subject.facts.items():
            licence = licence_of(facts.metadata)
            found[licence or ""].append(name)
            if licence and _is_copyleft(licence):
                yield about(
                    subject,
                    name,
                    "licences.copyleft",
                    "note",
                    f" is under {licence}, which asks the same of what is distributed together with it",
                    hint="make sure that it suits what you distribute",
                )
        unknown = found.pop("", [])
        if not found:
            return
        counted = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
        parts = [f"{licence} {len(names)}" for licence, names in counted[:SHOWN]]
        if len(counted) > SHOWN:
            parts.append(f"others {sum(len(names) for _, names in counted[SHOWN:])}")
        if unknown:
            parts.append(f"not told {len(unknown)} ({several(sorted(unknown), NAMED)})")
        yield Finding(
            rule=self.name,
            code="licences.summary",
            severity="note",
            distribution="",
            chain=(),
            message=f"licences of {len(subject.facts)} distributions by their own metadata: {', '.join(parts)}",
            hint="nothing to do",
        )


def licence_of(metadata: Metadata) -> str | None:
    """Name the licence that metadata tells, None where it tells none."""
    if metadata.licence_expression:
        return metadata.licence_expression
    classified = [text.rpartition("::")[2].strip() for text in metadata.licence_classifiers]
    names = [CLASSIFIED.get(text, text) for text in classified if text and text != "OSI Approved"]
    if names:
        return " OR ".join(dict.fromkeys(names))
    text = (metadata.licence or "").strip()
    if not text or len(text) > LONGEST or text.upper() == "UNKNOWN":
        return None
    return WRITTEN.get(text.lower(), text)


def _is_copyleft(licence: str) -> bool:
    """Whether a licence is a GPL, the lesser one not counted, with no other one to choose."""
    choices = re.split(r"\s+OR\s+", licence)
    return all(COPYLEFT.search(choice) and not LESSER.search(choice) for choice in choices)
