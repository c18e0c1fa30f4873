"""All ways from the manifest to a place in the graph: the shortest of them, and how many there are.

There may be more ways than anybody can count one by one, so they are counted without being walked, and only as many are
walked as are wanted.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Mapping

__all__ = ["MOST", "PLAIN", "Place", "Ways"]

MOST = 1_000_000
"""Ways beyond which nobody wants to know."""

EFFORT = 20_000
"""Steps after which no more ways are looked for; the shortest one needs no more than there are distributions."""

Place = tuple[str, frozenset[str]]
"""A distribution, and extras of it; any one of them must be asked for. ``PLAIN`` stands for none in particular."""

PLAIN = frozenset({""})


class Ways:
    """The ways to ``end``. ``before`` tells who leads to a place, ``lists`` whether the manifest itself does.

    A way begins at the last requirement of the manifest on it, passes no place twice, and no distribution called
    ``avoid`` but at its end. Where the manifest lists the end itself that is one way; with ``through`` those of others
    that bring it are there too.
    """

    def __init__(
        self,
        end: Place,
        before: Callable[[Place], tuple[Place, ...]],
        lists: Callable[[Place], bool],
        *,
        avoid: str = "",
        through: bool = True,
    ) -> None:
        self._end = end
        self._begins: set[Place] = set()
        self._before: dict[Place, tuple[Place, ...]] = {}
        behind: dict[Place, list[Place]] = {}
        waiting = [end]
        while waiting:
            place = waiting.pop()
            if place in self._before:
                continue
            if lists(place):
                self._begins.add(place)
                if not (through and place == end):
                    self._before[place] = ()  # what brings a requirement of the manifest along explains nothing more
                    continue
            found = before(place)
            if avoid:
                found = tuple(other for other in found if other[0] != avoid)
            self._before[place] = found
            for other in found:
                behind.setdefault(other, []).append(place)
            waiting += found
        self._far = self._measured(behind)

    def shortest(self, limit: int) -> tuple[tuple[str, ...], ...]:
        """Give the shortest ways by names, at most ``limit`` of them, shortest first and then in order."""
        found: list[tuple[str, ...]] = []
        for way in self._walked():
            if len(found) >= limit:
                break
            found.append(way)
        return tuple(sorted(found, key=lambda way: (len(way), way)))

    def count(self) -> int:
        """Count the ways, up to :data:`MOST`; where they can go in circles, those that do not."""
        counted: dict[Place, int] = {}
        under_way: set[Place] = set()
        stack = [(self._end, False)]
        while stack:
            place, done = stack.pop()
            if done:
                own = int(place in self._begins)
                ahead = sum([counted.get(other, 0) for other in self._before[place]])
                counted[place] = min(own + ahead, MOST)
                under_way.discard(place)
            elif place not in counted and place not in under_way:
                under_way.add(place)
                stack.append((place, True))
                stack += [(other, False) for other in self._before[place] if other not in counted]
        return counted[self._end]

    def _measured(self, behind: Mapping[Place, list[Place]]) -> dict[Place, int]:
        """How many distributions the shortest way to a place has; places that no way leads to are not there."""
        far = dict.fromkeys(self._begins, 1)
        queue = deque(self._begins)
        while queue:
            place = queue.popleft()
            for other in behind.get(place, ()):
                if other not in far:
                    far[other] = far[place] + 1
                    queue.append(other)
        return far

    def _walked(self) -> Iterator[tuple[str, ...]]:
        """Walk the ways from their end, always on with the one that will be the shortest."""
        if self._end not in self._far:
            return
        if self._end in self._begins:
            yield (self._end[0],)
        queue: list[tuple[int, int, tuple[str, ...], tuple[Place, ...]]] = [(0, -1, (self._end[0],), (self._end,))]
        for _ in range(EFFORT):
            if not queue:
                return
            _, _, names, places = heapq.heappop(queue)
            for place in self._before[places[0]]:
                if place not in self._far or place in places:
                    continue
                way = (place[0], *names)
                length = len(names) + self._far[place]
                heapq.heappush(queue, (length, -len(way), way, (place, *places)))
            if places[0] in self._begins and len(places) > 1:
                yield names
