"""How a diagnosis ends: with an error where something would hurt the host, or where something was not judged."""

from __future__ import annotations

from lockhouse.diagnosis.results import Diagnosis
from lockhouse.errors import Hint, NotJudged, UnsafeForHost

__all__ = ["judged_to_be_safe"]


def judged_to_be_safe(found: Diagnosis) -> None:
    """Raise UnsafeForHost, or else NotJudged, unless a diagnosis allows to go on."""
    hurting = [*found.unsafe, *(" with ".join(names) for names in found.quarrels)]
    if hurting:
        kept = ", ".join(f"{item.name} {item.version}" for item in found.protected)
        raise UnsafeForHost(
            f"{', '.join(hurting)} would hurt the host",
            cause=f"protected: {kept}" if kept else None,
            hints=[Hint("leave-out", "leave out what is unsafe, or move it to a version that the host can live with")],
        )
    if found.unjudged:
        raise NotJudged(
            f"nothing can be said of {', '.join(found.unjudged)}",
            hints=[Hint("see-reason", "see above what is in the way of each; the others were judged")],
        )
