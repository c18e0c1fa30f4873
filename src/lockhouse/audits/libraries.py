"""Rule: the libraries that compiled files need come from the plan, or from the system by the rules of manylinux.

What is missing is a warning at most: a system may be completed, and a file that cannot be loaded may never be wanted
(an optional backend, a build for another accelerator). That two CUDAs do not go together is for the rule ``cuda``.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from lockhouse.audits import Subject
from lockhouse.audits.cuda import other_cuda
from lockhouse.audits.telling import about, several
from lockhouse.extensions import Extension, module_tag
from lockhouse.extensions.linking import Lack, Linker, Part
from lockhouse.extensions.system import System, expected, this_system
from lockhouse.findings import Finding
from lockhouse.machine import platform_name
from lockhouse.values import dataclass

__all__ = ["Libraries"]


@dataclass(frozen=True, slots=True)
class Libraries:
    """Warn of distributions that could not load their libraries; note files that could not, where others can.

    ``system`` looks at this machine, which is asked when the plan is for its platform.
    """

    system: Callable[[], System | None] = this_system

    @property
    def name(self) -> str:
        """See :class:`~lockhouse.audits.Audit`."""
        return "libraries"

    @property
    def needs_wheels(self) -> bool:
        """See :class:`~lockhouse.audits.Audit`."""
        return True

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Yield at most one finding of each kind for a distribution."""
        platform = subject.plan.target.platform
        system = self.system() if platform == platform_name(sysconfig.get_platform()) else None
        linker = Linker(
            {name: facts.extensions for name, facts in subject.facts.items()},
            lambda library, extension: _given(library, extension, system),
        )
        clashing = other_cuda(subject)  # of these the rule "cuda" has said what is missing
        for name, facts in subject.facts.items():
            files = [item for item in facts.extensions if _is_ours(item, subject.plan.target.python_tag)]
            elves = [Part(name, item) for item in files if item.kind == "elf"]
            if elves and name not in clashing:
                lacks = {part.extension.path: linker.lacking(part) for part in elves}
                yield from _judge(subject, name, elves, lacks)
            yield from _unchecked(subject, name, [item for item in files if item.kind != "elf"])


def _given(library: str, extension: Extension, system: System | None) -> bool:
    known = expected()
    if known.is_core(library) or library in known.driver:
        return True
    if system is None:
        return library in known.policy
    if library in system.libraries:
        return True
    places = [Path(folder) for folder in extension.search if folder.startswith("/")]
    return any((place / library).is_file() for place in places)


def _judge(subject: Subject, name: str, parts: Sequence[Part], lacks: dict[str, tuple[Lack, ...]]) -> Iterator[Finding]:
    failing = [part for part in parts if lacks[part.extension.path]]
    if not failing:
        return
    modules = [part for part in parts if module_tag(part.extension.name)]
    wanted, noun = (modules, "extension module") if modules else (list(parts), "compiled file")
    broken = [part for part in wanted if lacks[part.extension.path]]
    libraries = tuple(dict.fromkeys(lack.library for part in failing for lack in lacks[part.extension.path]))
    first = lacks[failing[0].extension.path][0]
    needs = f"{several(libraries)}, which nothing in the plan provides and this system does not have"
    asked = f"{first.needed_by.extension.path} of {first.needed_by.distribution} needs {first.library}"
    search = first.needed_by.extension.search
    where = f", and looks for it in {several(search)} first" if search else ""
    if len(broken) == len(wanted):
        which = f"none of its {len(wanted)} {noun}s can" if len(wanted) > 1 else f"its only {noun} cannot"
        yield about(
            subject,
            name,
            "libraries.missing",
            "warn",
            f": {which} be loaded without {needs}: {asked}{where}",
            hint="; or ".join(_cures(name, libraries)),
        )
        return
    # Of what carries no tag of a Python, most may be builds for other machines: torchaudio has one for each ffmpeg.
    tagged = [part for part in modules if module_tag(part.extension.name) != "any"]
    most = 2 * sum(bool(lacks[part.extension.path]) for part in tagged) > len(tagged)
    yield about(
        subject,
        name,
        "libraries.partly",
        "warn" if most else "note",
        f": {len(failing)} of its {len(parts)} compiled files cannot be loaded without {needs}: {asked}{where}",
        hint="nothing to do if those parts are not wanted; or " + "; or ".join(_cures(name, libraries)),
    )


def _cures(name: str, libraries: Collection[str]) -> Iterator[str]:
    packages = expected().packages
    known = [packages[library] for library in libraries if library in packages]
    if known:
        debian, fedora = (sorted({item[system] for item in known}) for system in ("debian", "fedora"))
        yield f"install {' '.join(debian)} (Debian, Ubuntu) or {' '.join(fedora)} (Fedora, RHEL)"
    if len(known) < len(libraries):
        others = [library for library in libraries if library not in packages]
        yield f"add a distribution to the manifest that provides {several(others)}"
    yield f"move {name} to another version"


def _unchecked(subject: Subject, name: str, files: Sequence[Extension]) -> Iterator[Finding]:
    foreign = [item for item in files if item.kind in ("pe", "mach-o")]
    damaged = [item for item in files if item.kind in ("damaged", "other") and module_tag(item.name)]
    if damaged:
        yield about(
            subject,
            name,
            "libraries.unreadable",
            "warn",
            f" has {len(damaged)} extension modules that are no library of any system: "
            + several([item.path for item in damaged]),
            hint=f"move {name} to another version, and tell its publisher",
        )
    if foreign:
        kinds = " and ".join(sorted({"Windows" if item.kind == "pe" else "macOS" for item in foreign}))
        yield about(
            subject,
            name,
            "libraries.unchecked",
            "note",
            f" has {len(foreign)} compiled files for {kinds}, whose libraries are not checked: "
            + several([item.path for item in foreign]),
            hint=f"make sure by a check in the manifest that imports {name}",
        )


def _is_ours(extension: Extension, python: str) -> bool:
    """Whether the target's Python would import the file, or it is a mere library."""
    return module_tag(extension.name) in (None, "any", "abi3", python)
