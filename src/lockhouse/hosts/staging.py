"""Collecting what is to be added to a host, beside it: the same tree of folders, with every file in its final form.

What then has to happen is a list of renames, each of a file or of a whole new folder. Whether something is in the way
is known before the first of them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lockhouse.environments import Scheme
from lockhouse.environments.generations import METADATA
from lockhouse.environments.seal import write_seal
from lockhouse.environments.sealing import seal_tree
from lockhouse.errors import BuildError, Hint
from lockhouse.hosts.ledger import Added, Addition, Displaced, Ledger, Move, Touched
from lockhouse.hosts.moving import bytecode_of, foreign_in
from lockhouse.hosts.reading import recorded_paths
from lockhouse.hosts.times import look_at
from lockhouse.inventory import HostDistribution, Inventory
from lockhouse.state import storage_errors
from lockhouse.store import Store
from lockhouse.store.linking import LinkMode, link_mode
from lockhouse.store.origins import find_origins
from lockhouse.wheels.installing import Installation, Wanted
from lockhouse.wheels.ownership import holds_the_same

__all__ = ["anchor_of", "arrange", "collect", "places_of"]

SHOWN = 5


def places_of(inventory: Inventory) -> Mapping[str, Path]:
    """Where a wheel's files go in a host, by the keys of the wheel standard; links are followed."""
    return {name: Path(os.path.realpath(path)) for name, path in inventory.places.items()}


def anchor_of(inventory: Inventory) -> Path:
    """The folder of a host that holds all these places."""
    return Path(os.path.commonpath(places_of(inventory).values()))


def collect(
    ledger: Ledger,
    addition: Addition,
    inventory: Inventory,
    wheels: Sequence[Wanted],
    advanced: Callable[[int], None] = lambda _: None,
) -> Addition:
    """Collect the files of ``wheels`` in the tree of an addition; nothing outside of its own folder is written.

    Raises what installing raises.
    """
    tree = ledger.tree(addition)
    places = places_of(inventory)
    inside = {name: tree / path.relative_to(anchor_of(inventory)) for name, path in places.items()}
    scheme = Scheme(python=Path(inventory.interpreter.executable), **inside)
    # Never by hard links: everybody writes to a host, and the store's files are those of all environments.
    mode: LinkMode = "clone" if link_mode(ledger.home(addition), tree, "clone") == "clone" else "copy"
    Installation(tree, scheme, mode, advanced).install(wheels)
    with storage_errors(tree):
        done = seal_tree(tree, find_origins(tree, Store()), purge=True)
    seal = write_seal(tree, done.seal, done.witness)
    return replace(addition, seal=seal, distributions=tuple(_added(places, item) for item in wheels))


def arrange(ledger: Ledger, addition: Addition, inventory: Inventory) -> Addition:
    """Note in a collected addition all that has to happen in the host; nothing is written.

    Raises BuildError where something of the host is in the way that the addition does not replace, or cannot.
    """
    tree, kept = ledger.tree(addition), ledger.kept(addition)
    anchor = anchor_of(inventory)
    with storage_errors(anchor):
        displaced = tuple(_displaced(kept, addition.replaced, inventory, anchor))
        gone = frozenset(item.place for item in displaced)
        conflicts: list[str] = []
        moves = tuple(_moves(str(tree), str(anchor), gone, conflicts))
        if conflicts:
            raise _in_the_way(conflicts)
        # Bytecode of a module that is not there: the one that comes would write over it.
        stale = [path for move in moves for path in bytecode_of(move.target) if path not in gone]
        displaced += tuple(_kept(kept, stale, len(displaced)))
        folders = {os.path.dirname(path) for path in (*(move.target for move in moves), *gone, *stale)}  # noqa: PTH120
        touched = tuple(map(look_at, sorted(folders)))
        _check_devices(tree, touched)
    return replace(addition, moves=moves, displaced=displaced, touched=touched)


def _moves(source: str, target: str, gone: frozenset[str], conflicts: list[str]) -> Iterator[Move]:
    """Give the fewest renames that bring a tree into place; what stands there with the same content is left alone."""
    for name in sorted(os.listdir(source)):  # noqa: PTH208
        here, there = f"{source}/{name}", f"{target}/{name}"
        if name == METADATA:
            continue  # the tree's own: no distribution may bring a file there
        if not os.path.lexists(there) or there in gone:
            if os.path.isfile(here) or os.listdir(here):  # noqa: PTH113, PTH208 - a place that is only foreseen is empty
                yield Move(source=here, target=there)
        elif os.path.isdir(here) and os.path.isdir(there):  # noqa: PTH112
            yield from _moves(here, there, gone, conflicts)
        elif os.path.isdir(here) or not holds_the_same(Path(there), _sha256(here)):  # noqa: PTH112
            conflicts.append(there)


def _displaced(
    kept: Path, replaced: Iterable[HostDistribution], inventory: Inventory, anchor: Path
) -> Iterator[Displaced]:
    """Give every file of the distributions that make way, bytecode and notes included."""
    found: dict[str, None] = {}
    for item in replaced:
        paths = recorded_paths(item)
        if paths is None:
            raise BuildError(
                f"{item.name} {item.version} of the host cannot be replaced",
                cause=f"it has no RECORD: nobody knows which files are its ({item.metadata})",
                hints=[Hint("replace-by-hand", f"replace {item.name} with what installed it, or protect it")],
            )
        site = os.path.realpath(item.site)
        own = os.path.realpath(item.metadata)
        places = [os.path.normpath(f"{site}/{path}") for path in paths]
        places += [f"{own}/{name}" for name in sorted(os.listdir(own))]  # noqa: PTH208
        files: dict[str, None] = {}
        for place in places:
            if os.path.lexists(place) and (os.path.islink(place) or not os.path.isdir(place)):  # noqa: PTH112, PTH114
                _check_place(place, item, inventory, anchor)
                files.update(dict.fromkeys((place, *bytecode_of(place))))
        found.update(dict.fromkeys(_united(files, site)))
    yield from _kept(kept, found, 0)


def _united(files: Collection[str], site: str) -> Iterator[str]:
    """Give whole folders in place of their files, where a folder holds nothing else: one rename instead of hundreds."""
    whole: dict[str, bool] = {}
    for place in files:
        folder = os.path.dirname(place)  # noqa: PTH120
        chain = []
        while folder.startswith(f"{site}{os.sep}"):
            chain.append(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120
        for folder in reversed(chain):
            if folder not in whole:
                whole[folder] = not any(foreign_in(folder, files.__contains__))
            if whole[folder]:
                yield folder
                break
        else:
            yield place


def _kept(kept: Path, places: Iterable[str], first: int) -> Iterator[Displaced]:
    for number, place in enumerate(places, first):
        yield Displaced(place=place, kept=f"{kept}/{number}")


def _check_place(place: str, item: HostDistribution, inventory: Inventory, anchor: Path) -> None:
    """RECORD is but a text: it must not talk us into moving the interpreter, or what lies elsewhere."""
    program = os.path.realpath(inventory.interpreter.executable)
    standard = f"{os.path.realpath(inventory.standard)}{os.sep}"
    site = f"{os.path.realpath(item.site)}{os.sep}"
    allowed = place.startswith((site, f"{anchor}{os.sep}"))
    if not place.startswith(site):
        allowed = allowed and not place.startswith(standard) and os.path.realpath(place) != program
        allowed = allowed and os.path.basename(place) != "pyvenv.cfg"  # noqa: PTH119
    if not allowed:
        raise BuildError(
            f"{item.name} {item.version} of the host cannot be replaced",
            cause=f"its RECORD claims {place}, which belongs to no distribution",
            hints=[Hint("replace-by-hand", f"replace {item.name} with what installed it")],
        )


def _added(places: Mapping[str, Path], wanted: Wanted) -> Added:
    entry = wanted.entry
    site = places["purelib" if entry.root_is_purelib else "platlib"]
    return Added(name=entry.name, version=entry.version, metadata=str(site / entry.dist_info))


def _check_devices(tree: Path, touched: Iterable[Touched]) -> None:
    device = tree.stat().st_dev
    for item in touched:
        if os.stat(item.path).st_dev != device:  # noqa: PTH116
            raise BuildError(
                f"{item.path} is on another file system than the host's distributions",
                cause="what is added there could not be taken back in one step",
                hints=[Hint("other-host", "use an environment that lies on one file system")],
            )


def _in_the_way(conflicts: Sequence[str]) -> BuildError:
    more = f" and {len(conflicts) - SHOWN} more" if len(conflicts) > SHOWN else ""
    several = len(conflicts) != 1
    return BuildError(
        f"{len(conflicts)} file{'s' * several} of the host {'are' if several else 'is'} in the way",
        cause=f"{', '.join(conflicts[:SHOWN])}{more}",
        hints=[Hint("plan-again", "run the command again: it looks at the host anew")],
    )


def _sha256(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, "sha256").hexdigest()
