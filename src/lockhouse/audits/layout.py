"""Where the files of a wheel come to lie in an environment of the target, which need not be this machine's.

It follows the schemes that ``venv`` has (module ``sysconfig``, "Installation paths"), relative to the environment.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate

from lockhouse.plan import Target
from lockhouse.values import dataclass
from lockhouse.wheels.commands import EntryPoint
from lockhouse.wheels.facts import WheelFacts

__all__ = ["Layout", "layout_of"]

TAG = re.compile(r"(cp|pp)(\d)(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Folders of an environment. ``folds``: names that differ in case, or in how they are composed, are one file."""

    site: str
    scripts: str
    headers: str
    windows: bool
    folds: bool

    def place(self, path: str, facts: WheelFacts) -> str:
        """Where a file of a wheel comes to lie."""
        if not path.startswith(f"{facts.data_dir}/"):
            return f"{self.site}/{path}"
        scheme, _, rest = path.removeprefix(f"{facts.data_dir}/").partition("/")
        folder = {
            "purelib": f"{self.site}/",
            "platlib": f"{self.site}/",
            "scripts": f"{self.scripts}/",
            "headers": f"{self.headers}/{facts.name}/",
        }
        return folder.get(scheme, "") + rest

    def command(self, point: EntryPoint) -> str:
        """Where the script of a command comes to lie."""
        return f"{self.scripts}/{point.name}{'.exe' if self.windows else ''}"

    def key(self, place: str) -> str:
        """The same text for places that are one file there."""
        return unicodedata.normalize("NFD", place.casefold()) if self.folds and not place.islower() else place

    def own(self) -> Iterator[str]:
        """Name what an environment has before any distribution comes."""
        release = self.site.split("/")[1]
        yield from (
            "pyvenv.cfg",
            "pip.ini" if self.windows else "pip.conf",
            ".lockhouse",
            self.scripts,
            self.headers.partition("/")[0],
        )
        yield from accumulate(self.site.split("/"), "{}/{}".format)
        programs = ("python", "pythonw") if self.windows else ("python", "python3", release)
        yield from (f"{self.scripts}/{name}{'.exe' if self.windows else ''}" for name in programs)
        names = ("activate", "activate.csh", "activate.fish", "Activate.ps1", "activate.bat", "deactivate.bat")
        yield from (f"{self.scripts}/{name}" for name in names)


def layout_of(target: Target) -> Layout:
    """Give the layout of environments for a target."""
    windows = target.platform.startswith("win")
    match = TAG.match(target.python_tag)
    family, major, minor = match.groups() if match else ("cp", "3", "")
    release = f"{'pypy' if family == 'pp' else 'python'}{major}.{minor}"
    return Layout(
        site="Lib/site-packages" if windows else f"lib/{release}/site-packages",
        scripts="Scripts" if windows else "bin",
        headers="Include" if windows else f"include/site/{release}",
        windows=windows,
        folds=windows or target.platform.startswith("macos"),
    )
