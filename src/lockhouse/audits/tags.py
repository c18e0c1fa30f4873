"""Rule: every wheel is one that the target's interpreter and platform accept."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from lockhouse.audits import Subject
from lockhouse.audits.telling import about
from lockhouse.findings import Finding

__all__ = ["Tags"]


class Tags:
    """Refuse wheels for another Python, another system, or a newer C library than the machine's."""

    name = "tags"
    needs_wheels = False

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield a finding for each wheel that does not fit the target."""
        accepted = frozenset(subject.tags)
        target = subject.plan.target
        for item in subject.plan.distributions:
            try:
                _, _, _, tags = parse_wheel_filename(item.filename)
            except InvalidWheelFilename:
                continue  # the rule of integrity says so
            if any(str(tag) in accepted for tag in tags):
                continue
            yield about(
                subject,
                item.name,
                "tags.unfit",
                "refuse",
                f" is a wheel for {_mismatch(tags, subject)}; the target is {target.python_tag} on {target.platform}",
                hint=f"plan again on this machine; or move {item.name} to a version that has a wheel for it",
            )


def _mismatch(tags: Iterable[Tag], subject: Subject) -> str:
    """Name the part of the tags that does not fit: the Python, or the platform."""
    tags = sorted(tags, key=str)
    accepted = {tag.rpartition("-")[0] for tag in subject.tags}
    pythons = dict.fromkeys(f"{tag.interpreter}-{tag.abi}" for tag in tags)
    if not any(python in accepted for python in pythons):
        return ", ".join(pythons)
    return ", ".join(dict.fromkeys(tag.platform for tag in tags))
