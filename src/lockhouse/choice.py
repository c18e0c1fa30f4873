"""The choice of a variant: every variant of the manifest is considered, one is taken, and both are explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lockhouse.accelerators import Accelerator
from lockhouse.host import Host
from lockhouse.manifest import Manifest, VariantWish
from lockhouse.values import dataclass

__all__ = ["Choice", "Consideration", "Rule", "choose_variant"]

Rule = Literal["first-supported", "override", "no-variants", "none-fits"]
"""By what a variant was taken: its place in the manifest, somebody's word, or none was because there are none."""

WITHOUT_VARIANTS = "any"
"""The variant of a manifest that has none: its environment does not depend on an accelerator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consideration:
    """One variant of the manifest as the choice saw it; ``accelerator`` is None if no plugin claims it.

    ``lost`` names devices of a supported variant that would not be usable, each with the reason.
    """

    variant: str
    accelerator: str | None
    supported: bool
    reason: str
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The chosen variant and why; None if nothing fits. ``considered`` holds every variant in the manifest's order."""

    variant: str | None
    accelerator: str | None
    rule: Rule
    reason: str
    considered: tuple[Consideration, ...]

    @property
    def lost(self) -> tuple[str, ...]:
        """The devices of this machine that the chosen variant would not use, each with the reason."""
        return next((item.lost for item in self.considered if item.variant == self.variant), ())


def choose_variant(
    manifest: Manifest, host: Host, accelerators: Sequence[Accelerator], override: str | None = None
) -> Choice:
    """Take the first variant of the manifest that the machine supports.

    ``override`` is the name of a variant, or the namespace of an accelerator (``cuda``; ``none`` hides all but the
    CPU): then support is not asked for, because the environment may be meant for another machine. Returns a choice
    without a variant when nothing fits; what to say then is the caller's.
    """
    if not manifest.variants:
        return _without_variants(override, accelerators)
    considered = tuple(_consider(wish, host, accelerators) for wish in manifest.variants)
    if override is not None:
        return _overridden(override, considered)
    for item in considered:
        if item.supported:
            return Choice(
                variant=item.variant,
                accelerator=item.accelerator,
                rule="first-supported",
                reason=f"first variant of the manifest that this machine supports: {item.reason}",
                considered=considered,
            )
    return _nothing("no variant is supported", considered)


def _nothing(reason: str, considered: tuple[Consideration, ...] = ()) -> Choice:
    return Choice(variant=None, accelerator=None, rule="none-fits", reason=reason, considered=considered)


def _without_variants(override: str | None, accelerators: Sequence[Accelerator]) -> Choice:
    if override is not None and not _is_known(override, accelerators):
        return _nothing(f"no plugin knows the accelerator or variant {override!r}")
    return Choice(
        variant=WITHOUT_VARIANTS,
        accelerator=None,
        rule="no-variants",
        reason="the manifest has no variants",
        considered=(),
    )


def _is_known(override: str, accelerators: Sequence[Accelerator]) -> bool:
    if override == "none":
        return True
    return any(override == item.namespace or item.claims(override) for item in accelerators)


def _consider(wish: VariantWish, host: Host, accelerators: Sequence[Accelerator]) -> Consideration:
    for accelerator in accelerators:
        if not accelerator.claims(wish.name):
            continue
        namespace = accelerator.namespace
        reading = host.accelerator(namespace)
        if reading is None:
            reason = f"the machine was not asked about {namespace}"
            return Consideration(variant=wish.name, accelerator=namespace, supported=False, reason=reason)
        support = accelerator.support(wish.name, reading, host)
        supported, reason = support.supported, support.reason
        if not supported and support.relaxed is not None:
            if wish.policy == "relaxed":
                supported, reason = True, f"{support.relaxed} (policy relaxed: {reason})"
            else:
                reason += f'; {support.relaxed}: choose it with -a {wish.name}, or let it be with "policy": "relaxed"'
        return Consideration(
            variant=wish.name,
            accelerator=namespace,
            supported=supported,
            reason=reason,
            lost=support.lost if supported else (),
        )
    return Consideration(variant=wish.name, accelerator=None, supported=False, reason="no plugin knows this variant")


def _overridden(override: str, considered: tuple[Consideration, ...]) -> Choice:
    wanted = "cpu" if override == "none" else override
    by_name = next((item for item in considered if item.variant == wanted), None)
    by_namespace = [item for item in considered if item.accelerator == wanted]
    # Of one accelerator's variants prefer the one that this machine could run, else the manifest's first.
    item = by_name or next((item for item in by_namespace if item.supported), None) or next(iter(by_namespace), None)
    if item is None:
        return _nothing(f"the manifest has no variant for {override!r}", considered)
    reason = f"asked for by the override {override!r}"
    if not item.supported:
        reason += f"; this machine does not support it: {item.reason}"
    return Choice(
        variant=item.variant, accelerator=item.accelerator, rule="override", reason=reason, considered=considered
    )
