"""The index on loopback counts what it sends."""

from __future__ import annotations

from urllib.request import urlopen

from fixtures.index import Index
from fixtures.wheels import WheelSpec


def test_what_is_counted_is_whole_although_the_answer_is_still_being_given(index: Index) -> None:
    wheel = WheelSpec("alpha", padding=60_000).build(index.folder)
    index.faults.bytes_per_second = 200_000
    with urlopen(f"{index.base}/files/{wheel.name}") as response:
        assert index.sent == {wheel.name: wheel.stat().st_size}
        assert len(response.read()) == wheel.stat().st_size
