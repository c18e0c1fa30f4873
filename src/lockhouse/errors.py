"""What can go wrong, one class per remedy.

Every error says what happened (``summary``), why (``cause``) and what to do (``hints``), and carries its facts as
attributes. How that looks is decided by whoever shows it, never here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from lockhouse.values import dataclass

__all__ = [
    "BuildError",
    "CheckFailed",
    "CheckupFailed",
    "DriftFound",
    "EnvironmentOccupied",
    "Hint",
    "HostManaged",
    "IntegrityError",
    "InternalError",
    "InterpreterNotFound",
    "Interrupted",
    "LockOutdated",
    "LockUnusable",
    "LockhouseError",
    "ManifestError",
    "NetworkError",
    "NotJudged",
    "NothingToVerify",
    "OfflineError",
    "PluginError",
    "Problem",
    "ProjectBusy",
    "ResolutionError",
    "ScanRefused",
    "StorageError",
    "SubprocessFailed",
    "UnsafeForHost",
    "UnsafeWheel",
    "UsageError",
]


@dataclass(frozen=True, slots=True)
class Hint:
    """A piece of advice.

    ``code`` is stable, kebab-case and may be relied on by programs; ``text`` is one imperative sentence for people.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in an input file: ``path`` into it (``stages[2].requirements[0]``, empty for the file itself)."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class LockhouseError(Exception):
    """The root of everything lockhouse raises on purpose.

    ``code`` is stable and kebab-case; ``exit_status`` is the status of the process that ends with this error
    (docs/commands.md lists them).
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(self, summary: str, *, cause: str | None = None, hints: Sequence[Hint] = ()) -> None:
        super().__init__(summary)
        self.summary = summary
        self.cause = cause
        self.hints = tuple(hints)


class UsageError(LockhouseError):
    """The command line or the place it was run in does not make sense; exit 2."""

    code = "usage"
    exit_status = 2


class ManifestError(UsageError):
    """The manifest cannot be used; ``problems`` holds every fault found, each with its path into the file."""

    code = "manifest"

    def __init__(self, summary: str, *, problems: Sequence[Problem] = (), hints: Sequence[Hint] = ()) -> None:
        super().__init__(summary, cause="\n".join(str(problem) for problem in problems) or None, hints=hints)
        self.problems = tuple(problems)


class LockUnusable(UsageError):
    """A lock is damaged or was not written by lockhouse; ``problems`` say where, with paths into the file; exit 2."""

    code = "lock-unusable"

    def __init__(self, summary: str, *, problems: Sequence[Problem], hints: Sequence[Hint] = ()) -> None:
        super().__init__(summary, cause="\n".join(map(str, problems)), hints=hints)
        self.problems = tuple(problems)


class NetworkError(LockhouseError):
    """A server could not be reached or did not answer as it should; ``url`` carries no credentials."""

    code = "network"

    def __init__(self, summary: str, *, url: str, cause: str | None = None, hints: Sequence[Hint] = ()) -> None:
        super().__init__(summary, cause=cause, hints=hints)
        self.url = url


class OfflineError(LockhouseError):
    """Something is needed from the network and ``--offline`` forbids it."""

    code = "offline"


class ResolutionError(LockhouseError):
    """No set of distributions satisfies the manifest."""

    code = "resolution"


class IntegrityError(LockhouseError):
    """Bytes are not those that were planned; ``expected`` and ``actual`` are sha256 hex digests."""

    code = "integrity"

    def __init__(
        self,
        summary: str,
        *,
        expected: str,
        actual: str,
        cause: str | None = None,
        hints: Sequence[Hint] = (),
    ) -> None:
        super().__init__(summary, cause=cause or f"expected sha256 {expected}, got {actual}", hints=hints)
        self.expected = expected
        self.actual = actual


class UnsafeWheel(LockhouseError):
    """A wheel breaks the format's rules in a way that must not be unpacked; ``issue`` is a stable code."""

    code = "unsafe-wheel"

    def __init__(self, filename: str, issue: str, detail: str) -> None:
        super().__init__(f"{filename} is not a safe wheel", cause=f"{issue}: {detail}")
        self.filename = filename
        self.issue = issue
        self.detail = detail


class ScanRefused(LockhouseError):
    """The scan found what must not be installed; nothing was touched; exit 3."""

    code = "scan-refused"
    exit_status = 3


class InterpreterNotFound(LockhouseError):
    """No interpreter of the wanted version is on this machine; ``cause`` says what is there, or what became of it."""

    code = "interpreter-not-found"

    def __init__(self, version: str, *, cause: str) -> None:
        hint = Hint("install-python", f"install Python {version} where PATH leads, or change python.version")
        super().__init__(f"Python {version} was not found on this machine", cause=cause, hints=[hint])
        self.version = version


class EnvironmentOccupied(LockhouseError):
    """Something that lockhouse did not make stands where the environment belongs; exit 2."""

    code = "environment-occupied"
    exit_status = 2


class HostManaged(UsageError):
    """The host belongs to another package manager, which says that nobody else may add to it (PEP 668); exit 2."""

    code = "host-managed"


class ProjectBusy(LockhouseError):
    """Another lockhouse works on this project and did not finish in time."""

    code = "project-busy"


class BuildError(LockhouseError):
    """An environment could not be built from wheels that were planned, present and scanned."""

    code = "build"


class CheckFailed(LockhouseError):
    """A check of the environment failed; the environment it was run on is not taken into use."""

    code = "check-failed"


class CheckupFailed(LockhouseError):
    """The doctor found problems; they are told by themselves, one by one."""

    code = "checkup"


class UnsafeForHost(LockhouseError):
    """Requirements that would hurt a host; they are told by themselves, with the evidence; exit 3."""

    code = "unsafe-for-host"
    exit_status = 3


class NotJudged(LockhouseError):
    """Of some requirements nothing can be said; they are told by themselves, with the reason."""

    code = "not-judged"


class DriftFound(LockhouseError):
    """The environment in use is not the one that was locked."""

    code = "drift"


class NothingToVerify(LockhouseError):
    """There is neither an environment nor a lock to build one from."""

    code = "nothing-to-verify"


class LockOutdated(LockhouseError):
    """The manifest has moved on from the lock; ``missing`` if there is no lock at all."""

    code = "lock-outdated"

    def __init__(
        self, summary: str, *, cause: str | None = None, hints: Sequence[Hint] = (), missing: bool = False
    ) -> None:
        super().__init__(summary, cause=cause, hints=hints)
        self.missing = missing


class StorageError(LockhouseError):
    """The file system refused: no space, no permission, read-only."""

    code = "storage"


class PluginError(LockhouseError):
    """A plugin failed where its answer was needed; ``plugin`` is its name."""

    code = "plugin"

    def __init__(self, plugin: str, summary: str, *, cause: str | None = None, hints: Sequence[Hint] = ()) -> None:
        super().__init__(summary, cause=cause, hints=hints)
        self.plugin = plugin


class SubprocessFailed(LockhouseError):
    """A program that lockhouse runs ended badly; keeps ``argv``, ``status`` and the last lines of ``output``.

    ``status`` is None when the program was stopped because it ran past its time limit.
    """

    code = "subprocess"

    def __init__(
        self, summary: str, *, argv: Sequence[str], status: int | None, output: str, hints: Sequence[Hint] = ()
    ) -> None:
        ended = "was stopped at its time limit" if status is None else f"ended with status {status}"
        tail = "\n".join(output.strip().splitlines()[-20:])
        super().__init__(summary, cause=f"{argv[0]} {ended}" + (f":\n{tail}" if tail else ""), hints=hints)
        self.argv = tuple(argv)
        self.status = status
        self.output = output


class Interrupted(LockhouseError):
    """The person at the keyboard, or the system, asked to stop; exit 130."""

    code = "interrupted"
    exit_status = 130


class InternalError(LockhouseError):
    """A defect of lockhouse itself; exit 70."""

    code = "internal"
    exit_status = 70
