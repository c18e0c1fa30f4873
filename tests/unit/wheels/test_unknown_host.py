"""A host name that leads to no address."""

from __future__ import annotations

import pytest

from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import read_pip_configuration
from lockhouse.wheels.faults import Unavailable


def test_unknown_host_is_asked_for_twice_and_not_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_RETRIES", "1000")
    with Client(read_pip_configuration(), first_wait=0.001) as client, pytest.raises(Unavailable) as caught:
        client.project("http://no-such-host.invalid/simple/", "alpha")  # RFC 2606: never resolves
    assert caught.value.nowhere
