"""Where each index is asked: at its own address, and once that refuses or is out of reach at its mirrors in order.

A mirror is held to serve what its index serves. What is planned does not depend on which of them answered: wheels are
known by their hashes, and where they were found is no part of a plan's identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from lockhouse.errors import LockhouseError, NetworkError
from lockhouse.values import dataclass
from lockhouse.wheels.configuration import shown_url, without_credentials

__all__ = ["Places"]


@dataclass(slots=True, kw_only=True)
class Places:
    """The addresses of every index by its name, its own first, and which of them is in use."""

    addresses: Mapping[str, Sequence[str]]
    notes: list[str] = field(default_factory=list)
    _failures: dict[str, list[str]] = field(default_factory=dict)

    def url(self, name: str) -> str:
        """The address at which an index is asked now."""
        return self.addresses[name][len(self._failures.get(name, ()))]

    def has_more(self, name: str) -> bool:
        """Whether there is a mirror that was not asked yet."""
        return len(self._failures.get(name, ())) + 1 < len(self.addresses[name])

    def elsewhere(self, name: str) -> tuple[str, ...]:
        """The addresses of an index beside the one in use; () for a name that is none."""
        addresses = self.addresses.get(name, ())
        return tuple(url for url in addresses if url != self.url(name))

    def move_on(self, name: str, error: LockhouseError) -> bool:
        """Go to the next mirror of an index that failed; False if there is none left."""
        if not self.has_more(name):
            return False
        self._failures.setdefault(name, []).append(_told(error))
        self.notes.append(f"{error.summary}; the mirror {shown_url(self.url(name))} is asked instead")
        return True

    def move_on_from(self, error: NetworkError) -> bool:
        """Go to the next mirror of the index at whose address something failed; False if nothing is left to ask.

        An address that belongs to none, such as that of a host of files, may be that of any: each goes on that can.
        """
        moved = [self.move_on(name, error) for name in self._owners(error) or self.addresses]
        return any(moved)

    def final(self, error: NetworkError) -> NetworkError:
        """The error to raise when nothing is left to ask: where mirrors failed too, it tells of every one."""
        failures = [(name, failure) for name in self._owners(error) for failure in self._failures.get(name, ())]
        if not failures:
            return error
        cause = "\n".join(dict.fromkeys((*(failure for _, failure in failures), _told(error))))
        summary = f"neither the index {failures[0][0]} nor its mirrors can be asked"
        return NetworkError(summary, url=error.url, cause=cause, hints=error.hints)

    def _owners(self, error: NetworkError) -> list[str]:
        return [name for name in self.addresses if _lies_under(error.url, self.url(name))]


def _told(error: LockhouseError) -> str:
    return error.cause or error.summary


def _lies_under(url: str, base: str) -> bool:
    base = without_credentials(base).rstrip("/")
    return url == base or url.startswith(f"{base}/")
