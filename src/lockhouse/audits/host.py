"""Rule: an environment that was there before keeps what it has.

Nothing that is protected is replaced or hidden, by whatever chain; what is not, only where the manifest lists it itself
and asks for another version. The other way round, what the host has must still be served by what is added.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lockhouse.audits import Subject
from lockhouse.audits.cures import ways_out
from lockhouse.audits.telling import about
from lockhouse.findings import Finding
from lockhouse.inventory import HostDistribution, Inventory
from lockhouse.plan import PlannedDistribution

__all__ = ["HostKept", "protected_names", "replaced_in"]

INSTALLER = "lockhouse"


class HostKept:
    """Refuse plans that would replace or hide what the host has to keep, or break what it has."""

    name = "host"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each distribution of the host that the plan concerns."""
        host = subject.host
        if host is None:
            return
        protected = protected_names(subject)
        for item in subject.plan.distributions:
            there = host.distribution(item.name)
            if there is not None:
                yield from self._replacing(subject, host, item, there, protected)
        yield from self._breaking(subject, host, protected)
        yield from self._absent(subject, host)

    def _replacing(
        self,
        subject: Subject,
        host: Inventory,
        item: PlannedDistribution,
        there: HostDistribution,
        protected: frozenset[str],
    ) -> Iterator[Finding]:
        name = item.name
        if name in protected:
            says = f" would replace {name} {there.version} of the host, which is protected"
            yield about(subject, name, "host.protected", "refuse", says, cures=ways_out(subject, name))
        elif item.requirement is None:
            yield about(
                subject,
                name,
                "host.replaces",
                "refuse",
                f" would replace {name} {there.version} of the host, and only what the manifest lists itself may",
                hint=f"list {name} {item.version} in a stage if the host may have it; or do without who asks for it",
                cures=ways_out(subject, name),
            )
        elif there.installer == INSTALLER:
            says = f" would replace {name} {there.version}, which another project has added to the host"
            yield about(subject, name, "host.added", "refuse", says, cures=ways_out(subject, name))
        else:
            yield self._listed(subject, host, item, there)

    def _listed(self, subject: Subject, host: Inventory, item: PlannedDistribution, there: HostDistribution) -> Finding:
        name = item.name
        old = f"{name} {there.version}"
        if os.path.realpath(there.site) == _site(host):
            if there.files is None:
                says = f" would replace {old} of the host, whose files are not known: it has no RECORD"
                return about(subject, name, "host.unknown-files", "refuse", says, cures=ways_out(subject, name))
            says = f" replaces {old} of the host, which is kept and comes back with rollback 0"
            return about(subject, name, "host.replaced", "note", says, hint="nothing to do: the manifest lists it")
        if _order(host, there.site) < _order(host, _site(host)):
            says = f" would never be imported: {old} of the host lies in {there.site}, which comes first"
            return about(subject, name, "host.hidden", "refuse", says, cures=ways_out(subject, name))
        says = f" hides {old} of the host, which stays in {there.site}"
        return about(
            subject, name, "host.hides", "warn", says, hint=f"make sure that {name} {item.version} may be used"
        )

    def _breaking(self, subject: Subject, host: Inventory, protected: frozenset[str]) -> Iterator[Finding]:
        """Find what the host has that cannot live with what is added. What it lacked before is its own affair."""
        planned = {item.name: item for item in subject.plan.distributions}
        for there in host.effective.values():
            if there.name in planned:
                continue
            for requirement in _requirements(there, planned.keys(), subject):
                item = planned[canonicalize_name(requirement.name)]
                before = host.distribution(item.name)
                if requirement.specifier.contains(item.version, prereleases=True) or (
                    before is not None and not requirement.specifier.contains(before.version, prereleases=True)
                ):
                    continue
                yield about(
                    subject,
                    item.name,
                    "host.breaks",
                    "refuse" if there.name in protected else "warn",
                    f" does not do for {there.name} {there.version} of the host, which requires {requirement}",
                    cures=ways_out(subject, item.name),
                    hint=f"take a version of {item.name} that {there.name} can live with: {requirement.specifier}",
                )

    def _absent(self, subject: Subject, host: Inventory) -> Iterator[Finding]:
        known = sorted(host.effective)
        for name in subject.manifest.protect:
            if host.distribution(name) is not None:
                continue
            broken = next((item for item in host.problems if item.distribution == canonicalize_name(name)), None)
            close = difflib.get_close_matches(canonicalize_name(name), known, n=1)
            why = f": {broken.message}" if broken else f"; did you mean {close[0]}?" if close else ""
            yield Finding(
                rule=self.name,
                code="host.absent",
                severity="refuse" if broken else "warn",
                distribution=canonicalize_name(name),
                chain=(),
                message=f"{name} is to be protected and is not on the host{why}",
                hint="repair it" if broken else f"correct the name in protect, or leave {name} out",
            )


def protected_names(subject: Subject) -> frozenset[str]:
    """Canonical names of what the manifest protects."""
    return frozenset(canonicalize_name(name) for name in subject.manifest.protect)


def replaced_in(subject: Subject, host: Inventory) -> tuple[HostDistribution, ...]:
    """The distributions of the host whose files make way: those in the folder where what is planned goes."""
    found = (host.distribution(item.name) for item in subject.plan.distributions)
    return tuple(item for item in found if item is not None and os.path.realpath(item.site) == _site(host))


def _requirements(there: HostDistribution, names: Iterable[str], subject: Subject) -> Iterator[Requirement]:
    """The requirements of a distribution, without any extra, for one of these names."""
    wanted = frozenset(names)
    for line in there.requires:
        try:
            requirement = Requirement(line)
            applies = requirement.marker is None or requirement.marker.evaluate({**subject.markers, "extra": ""})
        except (InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
            continue
        if applies and canonicalize_name(requirement.name) in wanted:
            yield requirement


def _site(host: Inventory) -> str:
    return os.path.realpath(host.places["purelib"])


def _order(host: Inventory, site: str) -> int:
    """How early a folder is imported from; one that is not comes last."""
    real = os.path.realpath(site)
    places = [os.path.realpath(item.path) for item in host.sites]
    return places.index(real) if real in places else len(places)
