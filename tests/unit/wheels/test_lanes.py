"""How many requests a server is asked at once."""

from __future__ import annotations

import threading
import time

import pytest

from lockhouse.wheels.faults import Unavailable
from lockhouse.wheels.lanes import Lanes, Stopped

URL = "https://index.invalid/a.whl"


def crowded(seconds: float | None) -> Unavailable:
    return Unavailable("not now", url=URL, cause="status 429", retry_after=seconds, crowded=True)


def enter_all(lanes: Lanes, number: int, url: str = URL) -> int:
    """Try to be in so many lanes at once; return how many were at most."""
    inside = most = 0
    lock = threading.Lock()
    together = threading.Event()

    def go() -> None:
        nonlocal inside, most
        with lanes.enter(url, threading.Event()):
            with lock:
                inside += 1
                most = max(most, inside)
            together.wait(0.2)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=go) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return most


def test_lanes_of_a_host_are_bounded() -> None:
    assert enter_all(Lanes(3, print), 7) == 3


def test_hosts_do_not_share_lanes() -> None:
    lanes = Lanes(1, print)
    with lanes.enter(URL, threading.Event()), lanes.enter("https://mirror.invalid/a.whl", threading.Event()):
        pass


def test_host_that_is_crowded_gets_half_as_many_once_for_all_that_were_under_way() -> None:
    lanes = Lanes(8, print)
    stop = threading.Event()
    contexts = [lanes.enter(URL, stop) for _ in range(3)]
    for context in contexts:
        context.__enter__()
    for context in contexts:
        error = crowded(None)
        assert not context.__exit__(Unavailable, error, None)
    assert enter_all(lanes, 8) == 4
    with pytest.raises(Unavailable), lanes.enter(URL, stop):
        raise crowded(None)
    assert enter_all(lanes, 8) == 2


def test_wait_that_a_server_asks_for_is_kept_and_told_once() -> None:
    told: list[str] = []
    lanes = Lanes(4, told.append)
    stop = threading.Event()
    began = time.monotonic()
    with pytest.raises(Unavailable), lanes.enter(URL, stop):
        raise crowded(0.5)
    with lanes.enter(URL, stop):
        assert time.monotonic() - began >= 0.5
    assert told == []  # half a second is not worth a line
    under_way = [lanes.enter(URL, stop) for _ in range(2)]
    for context in under_way:
        context.__enter__()
    for context in under_way:
        context.__exit__(Unavailable, crowded(30), None)
    assert told == ["index.invalid asks to wait 30 s"]


def test_wait_ends_when_the_work_is_called_off() -> None:
    lanes = Lanes(1, print)
    stop = threading.Event()
    with pytest.raises(Unavailable), lanes.enter(URL, stop):
        raise crowded(3600)
    stop.set()
    with pytest.raises(Stopped), lanes.enter(URL, stop):
        pytest.fail("nobody may enter")


def test_other_faults_change_nothing() -> None:
    lanes = Lanes(4, print)
    for _ in range(4):
        with pytest.raises(Unavailable), lanes.enter(URL, threading.Event()):
            raise Unavailable("cut", url=URL, cause="connection reset")
    assert enter_all(lanes, 6) == 4
