"""The lock as a file: PEP 751 with ``[tool.lockhouse]``, written deterministically and read with suspicion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lockhouse.codec import DecodeError, decode, encode
from lockhouse.errors import Hint, InternalError, LockUnusable, Problem
from lockhouse.lockfile.addresses import path_to_url, portable_path, url_to_path
from lockhouse.lockfile.lock import Lock, LockTable, PackageTable, plan_from_lock
from lockhouse.names import canonical_name
from lockhouse.plan import PlannedDistribution
from lockhouse.state import write_atomically

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock

__all__ = ["read_lock", "read_table", "render_lock", "write_lock"]

SCHEMA = "lockhouse.lock/1"


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock, atomically; the same lock in the same folder gives the same bytes."""
    write_atomically(path, render_lock(path, lock), durable=True)


def render_lock(path: Path, lock: Lock) -> bytes:
    """Return the bytes of a lock that is to stand at ``path``, which local wheels are addressed relative to."""
    import tomllib

    import tomli_w
    from packaging.pylock import Pylock

    document = _document(path.parent, lock)
    Pylock.from_dict(document)
    text = tomli_w.dumps(document, multiline_strings=True)
    if tomllib.loads(text) != document:  # multi-line strings lose carriage returns
        text = tomli_w.dumps(document)
    return text.encode()


def _document(folder: Path, lock: Lock) -> dict[str, Any]:
    table = encode(LockTable(**{item.name: getattr(lock, item.name) for item in fields(LockTable)}))
    return {
        "lock-version": "1.0",
        "requires-python": _requires_python(lock.target.python_version),
        "created-by": "lockhouse",
        "packages": [_package(folder, lock, item) for item in sorted(lock.distributions, key=lambda item: item.name)],
        "tool": {"lockhouse": _without_null(table)},
    }


def _requires_python(version: str) -> str:
    """``==3.11.*`` for ``3.11``: the wheels of a lock are those of one interpreter tag."""
    return f"=={version}.*" if version.count(".") == 1 else f"=={version}"


def _package(folder: Path, lock: Lock, item: PlannedDistribution) -> dict[str, Any]:
    standard = item.requires_python if _is_specifier(item.requires_python) else None
    table = PackageTable(
        index=item.index,
        requirement=item.requirement,
        critical=item.critical,
        requires_python=None if standard else item.requires_python,
        requires=item.requires,
        yanked=item.yanked,
        replaces=item.replaces,
    )
    package: dict[str, Any] = {"name": item.name, "version": item.version, "requires-python": standard}
    needs = sorted(other.name for other in lock.distributions if item.name in other.required_by)
    if needs:
        package["dependencies"] = [{"name": name} for name in needs]
    package["wheels"] = [
        {"name": item.filename, **_address(folder, item.url), "size": item.size, "hashes": {"sha256": item.sha256}}
    ]
    package["tool"] = {"lockhouse": encode(table)}
    cleaned: dict[str, Any] = _without_null(package)
    return cleaned


def _is_specifier(text: str | None) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return bool(text) and SpecifierSet(text or "") is not None
    except InvalidSpecifier:
        return False


def _address(folder: Path, url: str) -> dict[str, str]:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise InternalError(f"a lock must not hold credentials: the address on {parts.hostname} has some")
    path = url_to_path(url)
    return {"url": url} if path is None else {"path": portable_path(path, folder)}


def _without_null(data: Any) -> Any:
    """Leave out what is None: TOML has no word for it."""
    if isinstance(data, dict):
        return {key: _without_null(value) for key, value in data.items() if value is not None}
    if isinstance(data, list):
        return [_without_null(item) for item in data]
    return data


def read_table(path: Path) -> LockTable | None:
    """Read what a lock says of itself, without its packages; None for what is no lock of ours, or is damaged."""
    import tomllib

    try:
        document = tomllib.loads(path.read_bytes().decode())
        return decode(LockTable, document["tool"]["lockhouse"], "tool.lockhouse")
    except (OSError, ValueError, KeyError, TypeError, DecodeError, RecursionError):
        return None


def read_lock(path: Path) -> Lock | None:
    """Read a lock; None if there is no such file. Raises LockUnusable for one that is damaged or not lockhouse's."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    import tomllib

    from packaging.pylock import Pylock, PylockValidationError

    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:  # ValueError also for a number of thousands of digits
        told = str(error).partition(";")[0]
        raise _unusable(path, f"it is not TOML: {told}") from error
    try:
        pylock = Pylock.from_dict(document)
    except PylockValidationError as error:
        raise _unusable(path, error.message, error.context or "") from error
    table = (pylock.tool or {}).get("lockhouse")
    if not isinstance(table, dict):
        raise LockUnusable(
            f"{path.name} is not a lock of lockhouse",
            problems=[Problem("tool.lockhouse", f"is missing; the file was created by {pylock.created_by}")],
            hints=[Hint("move-away", f"move {path.name} away: its place belongs to the lock")],
        )
    if table.get("schema") != SCHEMA:
        raise LockUnusable(
            f"{path.name} was written by another version of lockhouse",
            problems=[Problem("tool.lockhouse.schema", f"must be {SCHEMA!r}, not {table.get('schema')!r}")],
            hints=[Hint("upgrade-lockhouse", "use the version of lockhouse that the project uses")],
        )
    try:
        return _lock(path.parent, document, pylock, decode(LockTable, table, "tool.lockhouse"))
    except DecodeError as error:
        raise _unusable(path, error.message, error.path) from error


def _lock(folder: Path, document: Any, pylock: Pylock, table: LockTable) -> Lock:
    packages: dict[str, tuple[int, Package]] = {package.name: (i, package) for i, package in enumerate(pylock.packages)}
    if len(packages) != len(pylock.packages):
        raise DecodeError("packages", "a distribution is listed twice")
    required_by: dict[str, set[str]] = {}
    for i, package in packages.values():
        for name in _dependencies(package, i):
            required_by.setdefault(name, set()).add(package.name)
    staged = [(canonical_name(name), stage.name) for stage in table.stages for name in stage.distributions]
    if sorted(name for name, _ in staged) != sorted(packages):
        raise DecodeError("tool.lockhouse.stages", "must name every package of the file exactly once")
    distributions = []
    for name, stage in staged:
        i, package = packages[name]
        distributions.append(_distribution(folder, i, document, package, stage, required_by.get(name, set())))
    values = {item.name: getattr(table, item.name) for item in fields(LockTable)}
    lock = Lock(**values, distributions=tuple(distributions))
    if plan_from_lock(lock, lock.manifest, "").digest != lock.plan:
        raise DecodeError("tool.lockhouse.plan", "is not the digest of what the file holds: it was changed by hand")
    return lock


def _dependencies(package: Package, i: int) -> Iterator[str]:
    for j, dependency in enumerate(package.dependencies or ()):
        name = dependency.get("name")
        if not isinstance(name, str):
            raise DecodeError(f"packages[{i}].dependencies[{j}].name", "is missing")
        yield name


def _distribution(
    folder: Path, i: int, document: Any, package: Package, stage: str, required_by: set[str]
) -> PlannedDistribution:
    where, written = f"packages[{i}]", document["packages"][i]
    if len(package.wheels or ()) != 1 or package.version is None:
        raise DecodeError(where, "must have a version and exactly one wheel")
    wheel = (package.wheels or ())[0]
    sha256 = wheel.hashes.get("sha256")
    if sha256 is None or wheel.size is None:
        raise DecodeError(f"{where}.wheels[0]", "must have a size and a sha256")
    own = decode(PackageTable, (package.tool or {}).get("lockhouse"), f"{where}.tool.lockhouse")
    return PlannedDistribution(
        name=package.name,
        # As they are written: parsed and printed again they may be spelled differently.
        version=written["version"],
        stage=stage,
        filename=wheel.filename,
        url=path_to_url(folder / wheel.path) if wheel.path else str(wheel.url),
        sha256=sha256,
        size=wheel.size,
        index=own.index,
        requirement=own.requirement,
        critical=own.critical,
        requires_python=written.get("requires-python", own.requires_python),
        requires=own.requires,
        required_by=tuple(sorted(required_by)),
        yanked=own.yanked,
        replaces=own.replaces,
    )


def _unusable(path: Path, message: str, where: str = "") -> LockUnusable:
    hints: Sequence[Hint] = (
        Hint("restore-lock", f"restore {path.name} from version control"),
        Hint("delete-lock", "or delete it: the next install plans anew and writes another"),
    )
    return LockUnusable(f"{path.name} cannot be read", problems=[Problem(where, message)], hints=hints)
