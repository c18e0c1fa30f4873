"""Names of distributions, spelled in one way.

The same as :func:`packaging.utils.canonicalize_name`, for the modules that every run needs: importing that one brings
all of versions, tags and specifiers along, which takes longer than all they do with it.
"""

from __future__ import annotations

import re

__all__ = ["canonical_name"]

SEPARATORS = re.compile(r"[-_.]+")


def canonical_name(name: str) -> str:
    """Spell a name as PEP 503, "Normalized Names", has it: ``Foo.Bar_baz`` as ``foo-bar-baz``."""
    return SEPARATORS.sub("-", name).lower()
