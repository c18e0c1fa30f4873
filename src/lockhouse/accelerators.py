"""Accelerators: the shape that a plugin gives them, and the choice of a variant.

An accelerator declares questions (:class:`Question`); lockhouse asks them in subprocesses with time limits and hands
the answers back to :meth:`Accelerator.read`, a pure function. So a plugin never runs vendor code inside lockhouse, a
hung driver costs one time limit, and any machine can be replayed from its recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from lockhouse.host import AcceleratorReading, Host, Probe
from lockhouse.manifest import Check, Manifest

__all__ = ["Accelerator", "Choice", "Consideration", "Question", "Support", "choose_variant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something to ask the machine.

    ``kind`` says how ``ask`` is meant: ``command`` is an argument vector; ``python`` is one string of code run by a
    bare interpreter (standard library only) whose standard output is the answer; ``file`` is one path that is read
    (at most 64 KiB). ``timeout`` in seconds.
    """

    name: str
    kind: Literal["command", "python", "file"]
    ask: tuple[str, ...]
    timeout: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Whether a machine can run a variant, and the reason in one sentence."""

    supported: bool
    reason: str


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
        """Return something that changes when the answers may have changed; a few file look-ups, no subprocess."""

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

    def build_settings(self, distribution: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """Environment variables for building a distribution from source for these devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consideration:
    """One variant of the manifest as the choice saw it; ``accelerator`` is None if no plugin claims it."""

    variant: str
    accelerator: str | None
    supported: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The chosen variant and why; None if nothing fits. ``considered`` holds every variant in the manifest's order."""

    variant: str | None
    accelerator: str | None
    reason: str
    considered: tuple[Consideration, ...]


WITHOUT_VARIANTS = "any"
"""The variant of a manifest that has none: its environment does not depend on an accelerator."""


def choose_variant(
    manifest: Manifest, host: Host, accelerators: Sequence[Accelerator], override: str | None = None
) -> Choice:
    """Take the first variant of the manifest that the machine supports.

    ``override`` is the name of a variant, or the namespace of an accelerator (``cuda``; ``none`` hides all but the
    CPU): then support is not asked for, because the environment may be meant for another machine. Returns a choice
    without a variant when nothing fits; what to say then is the caller's.
    """
    if not manifest.variants:
        if override is not None and not _is_known(override, accelerators):
            reason = f"no plugin knows the accelerator or variant {override!r}"
            return Choice(variant=None, accelerator=None, reason=reason, considered=())
        return Choice(variant=WITHOUT_VARIANTS, accelerator=None, reason="the manifest has no variants", considered=())
    considered = tuple(_consider(variant.name, host, accelerators) for variant in manifest.variants)
    if override is not None:
        return _overridden(override, considered)
    for item in considered:
        if item.supported:
            return Choice(
                variant=item.variant,
                accelerator=item.accelerator,
                reason=f"first variant of the manifest that this machine supports: {item.reason}",
                considered=considered,
            )
    return Choice(variant=None, accelerator=None, reason="no variant is supported", considered=considered)


def _is_known(override: str, accelerators: Sequence[Accelerator]) -> bool:
    if override == "none":
        return True
    return any(override == item.namespace or item.claims(override) for item in accelerators)


def _consider(variant: str, host: Host, accelerators: Sequence[Accelerator]) -> Consideration:
    for accelerator in accelerators:
        if not accelerator.claims(variant):
            continue
        namespace = accelerator.namespace
        reading = host.accelerator(namespace)
        if reading is None:
            support = Support(supported=False, reason=f"the machine was not asked about {namespace}")
        else:
            support = accelerator.support(variant, reading, host)
        return Consideration(variant=variant, accelerator=namespace, supported=support.supported, reason=support.reason)
    return Consideration(variant=variant, accelerator=None, supported=False, reason="no plugin knows this variant")


def _overridden(override: str, considered: tuple[Consideration, ...]) -> Choice:
    wanted = "cpu" if override == "none" else override
    by_name = next((item for item in considered if item.variant == wanted), None)
    by_namespace = [item for item in considered if item.accelerator == wanted]
    # Of one accelerator's variants prefer the one that this machine could run, else the manifest's first.
    item = by_name or next((item for item in by_namespace if item.supported), None) or next(iter(by_namespace), None)
    if item is None:
        reason = f"the manifest has no variant for {override!r}"
        return Choice(variant=None, accelerator=None, reason=reason, considered=considered)
    reason = f"asked for by the override {override!r}"
    if not item.supported:
        reason += f"; this machine does not support it: {item.reason}"
    return Choice(variant=item.variant, accelerator=item.accelerator, reason=reason, considered=considered)
