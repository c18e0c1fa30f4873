"""Rule: what was compiled against numpy was compiled for the planned numpy.

It is read out of the compiled files, not guessed from names and versions: requirements often allow a numpy that came
out years later and broke them.
"""

from __future__ import annotations

from collections.abc import Iterable

from packaging.specifiers import SpecifierSet

from lockhouse.audits import Subject
from lockhouse.audits.cures import another_version, moving, ways_out
from lockhouse.audits.telling import about, several
from lockhouse.extensions.numpyabi import numpy_use
from lockhouse.findings import Finding

__all__ = ["NumpyAbi"]


class NumpyAbi:
    """Refuse extensions that were compiled for numpy 1 in a plan that has numpy 2."""

    name = "numpy-abi"
    needs_wheels = True

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each distribution that could not be imported beside the planned numpy."""
        version = subject.version_of("numpy")
        if version is None:
            return
        planned = subject.plan.distribution("numpy") is not None
        whose = "the plan" if planned else "the host"
        for item in subject.plan.distributions:
            facts = subject.facts.get(item.name)
            if facts is None or item.name == "numpy":
                continue
            use = numpy_use(facts.extensions)
            if not use.fails_under(version):
                continue
            files = [extension.path for extension in facts.extensions if extension.numpy == "1"]
            yield about(
                subject,
                item.name,
                "numpy-abi.old",
                "refuse",
                f": {use}, {whose} has numpy {version}, beside which they cannot be imported: " + several(files, 3),
                cures=(
                    *another_version(subject, item.name),
                    *(moving(subject, "numpy", SpecifierSet("<2")) if planned else ()),
                    *ways_out(subject, item.name),
                ),
            )
