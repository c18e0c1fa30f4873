"""Accelerators: the shape that a plugin gives them. Which variant is taken is decided in :mod:`lockhouse.choice`.

An accelerator declares questions (:class:`Question`); lockhouse asks them in subprocesses with time limits and hands
the answers back to :meth:`Accelerator.read`, a pure function. So a plugin never runs vendor code inside lockhouse, a
hung driver costs one time limit, and any machine can be replayed from its recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from lockhouse.host import AcceleratorReading, Host, Probe
from lockhouse.manifest import Check
from lockhouse.values import dataclass

__all__ = ["Accelerator", "Question", "Ranking", "Support"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something to ask the machine.

    ``kind`` says how ``ask`` is meant: ``command`` is an argument vector; ``python`` is one string of code run by a
    bare interpreter (standard library only) whose standard output is the answer; ``file`` is one path, whose content is
    the answer; ``files`` are patterns (:mod:`glob`), and the answer is a JSON object of path and content of what can be
    read, in order of paths, ``{}`` where nothing fits. ``timeout`` in seconds. All of them run in a process of their
    own. An answer has at most 256 KiB; of ``files`` whole ones are left out beyond that.

    ``variables`` are environment variables that the answer depends on and that are passed on for it, ``ASCEND_*`` for
    all that begin so. Search paths and the variables of the built-in accelerators' vendors are passed on anyway.
    """

    name: str
    kind: Literal["command", "python", "file", "files"]
    ask: tuple[str, ...]
    timeout: float = 5.0
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Whether a machine can run a variant, and the reason in one sentence.

    ``lost`` says of each device that would not be usable although the variant is supported, which one and why.
    ``relaxed`` is for a variant that is not supported by the strict policy: why it is by the vendor's more lenient
    rules. A manifest chooses between the two (``variants.<name>.policy``).
    """

    supported: bool
    reason: str
    lost: tuple[str, ...] = ()
    relaxed: str | None = None


@runtime_checkable
class Accelerator(Protocol):
    """What a plugin registers with ``lockhouse_accelerators``. Stateless; every method answers at once."""

    @property
    def namespace(self) -> str:
        """``cuda``, ``rocm``, …: names probes, ``requires`` of checks, and the override."""

    @property
    def family(self) -> frozenset[str]:
        """Canonical names of the distributions that live on the vendor's index."""

    @property
    def labelled(self) -> frozenset[str]:
        """Those of the family whose builds carry the variant as local version label (``2.13.0+cu130``)."""

    def questions(self) -> Sequence[Question]:
        """What to ask the machine, best source first. All are asked, in parallel."""

    def fingerprint(self) -> str:
        """Return something that changes when the answers may have changed; a few file look-ups, no subprocess.

        What the questions name is looked at in any case: their programs, files and variables.
        """

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        """Make sense of the answers, by question name. Survive garbage: say so in ``notes``."""

    def claims(self, variant: str) -> bool:
        """Whether a variant name (``cu124``) is one of this accelerator's."""

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        """Say whether a machine can run a variant that this accelerator claims."""

    def index_url(self, variant: str) -> str | None:
        """Address of the vendor's index for a variant, or None if it publishes none."""

    def label(self, variant: str, host: Host) -> str | None:
        """Local version label that ``labelled`` builds of the variant carry on this platform, or None."""

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        """Checks that prove that an environment built for the variant works on these devices."""

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """Environment variables for building a distribution from source for a variant and these devices.

        Without devices the build is meant for another machine: then for all that the variant supports.
        """


@runtime_checkable
class Ranking(Protocol):
    """What an accelerator may have beside: it knows which variants there are."""

    def variants(self, reading: AcceleratorReading, host: Host) -> Sequence[str]:
        """Name the variants that a machine supports, the best first: for who has none of them in the manifest."""
