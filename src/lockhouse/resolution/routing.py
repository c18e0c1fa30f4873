"""Which index serves which name.

A name that is routed to an explicit index is never taken from another one: that is what makes dependency confusion
impossible. Names of an accelerator's family that carry the variant's label are routed by the mere choice of a variant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.accelerators import Accelerator
from lockhouse.manifest import Index, Manifest, VariantWish, Wish
from lockhouse.plan import Plan
from lockhouse.values import dataclass
from lockhouse.wheels.local import located

__all__ = ["DEFAULT", "VARIANT", "Routing", "addresses_of", "mirrors_of", "wishes_of"]

VARIANT = "variant"
DEFAULT = "default"


def addresses_of(index: Index, root: Path) -> tuple[str, ...]:
    """Give the address of an index of the manifest, then those of its mirrors; ``root`` is where folders begin."""
    return tuple(located(url, root) for url in (index.url, *index.mirrors))


def mirrors_of(manifest: Manifest, plan: Plan | None, root: Path) -> dict[str, tuple[str, ...]]:
    """Where else to look, by the name that a plan gives an index: its own, ``variant`` or ``default``.

    The index itself is one of the places: the plan may have been made at a mirror. ``root`` is where folders begin.
    """
    variant = manifest.variant(plan.target.variant) if plan is not None else None
    places: dict[str, tuple[str, ...]] = {}
    for index in manifest.indexes:
        places[index.name] = addresses_of(index, root)
        if variant is not None and variant.index in (index.name, index.url):
            places[VARIANT] = places[index.name]
        if not index.explicit:
            places[DEFAULT] = (*places.get(DEFAULT, ()), *places[index.name])
    return places


def wishes_of(manifest: Manifest, variant: VariantWish | None) -> Iterator[tuple[str, Wish]]:
    """Yield every requirement with its stage, in order, with the variant's own in place of the stages'."""
    for stage in manifest.stages:
        for wish in stage.requirements:
            name = canonicalize_name(Requirement(wish.requirement).name)
            replaced = variant.requirements.get(name) if variant else None
            chosen = replaced or wish
            yield (
                stage.name,
                Wish(
                    requirement=chosen.requirement,
                    index=chosen.index or wish.index or stage.index,
                    critical=wish.critical or chosen.critical,
                    source=chosen.source,
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The wanted routes. ``servers`` gives each index its own address and its mirrors.

    ``fixed`` maps names to the server that alone may serve them.
    ``preferred`` are names of the accelerator's family that its index may or may not serve: it is asked first.
    ``others`` are the manifest's variants beside ``variant``.
    """

    servers: dict[str, tuple[str, ...]]
    fixed: dict[str, str]
    preferred: frozenset[str]
    labelled: frozenset[str]
    label: str | None
    variant: str | None
    others: tuple[str, ...]

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        variant: VariantWish | None,
        accelerator: Accelerator | None,
        label: str | None,
        root: Path,
    ) -> Routing:
        """Find the routes of a manifest in one of its variants; folders in it are relative to ``root``."""
        servers = {index.name: addresses_of(index, root) for index in manifest.indexes}
        of_variant = _of_variant(manifest, variant, accelerator, root)
        if of_variant:
            servers[VARIANT] = of_variant
        fixed: dict[str, str] = {}
        free: set[str] = set()
        own = variant.requirements.values() if variant else ()
        for wish in (*(wish for _, wish in wishes_of(manifest, variant)), *own):
            # A vendor that publishes no index has its builds on the default one.
            homeless = wish.index == VARIANT and VARIANT not in servers
            _fix(replace(wish, index=DEFAULT) if homeless else wish, fixed, free)
        family: frozenset[str] = frozenset()
        labelled: frozenset[str] = frozenset()
        if accelerator is not None and of_variant:
            family, labelled = accelerator.family, accelerator.labelled
        for name in labelled - free:
            fixed.setdefault(name, VARIANT)
        return cls(
            servers=servers,
            fixed=fixed,
            preferred=family - labelled - free - frozenset(fixed),
            labelled=labelled,
            label=label,
            variant=variant.name if variant else None,
            others=tuple(other.name for other in manifest.variants if other is not variant),
        )


def _fix(wish: Wish, fixed: dict[str, str], free: set[str]) -> None:
    name = canonicalize_name(Requirement(wish.requirement).name)
    if wish.index == DEFAULT:
        free.add(name)
        fixed.pop(name, None)
    elif wish.index is not None and name not in free:
        fixed[name] = wish.index


def _of_variant(
    manifest: Manifest, variant: VariantWish | None, accelerator: Accelerator | None, root: Path
) -> tuple[str, ...]:
    if variant is None:
        return ()
    if variant.index is not None:
        index = next((item for item in manifest.indexes if variant.index in (item.name, item.url)), None)
        return addresses_of(index, root) if index else (located(variant.index, root),)
    published = accelerator.index_url(variant.name) if accelerator else None
    return (published,) if published is not None else ()
