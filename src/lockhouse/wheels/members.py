"""The table of an archive judged: which files there are, and whether unpacking them could do harm."""

from __future__ import annotations

import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from itertools import pairwise

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from lockhouse.errors import UnsafeWheel
from lockhouse.values import dataclass
from lockhouse.wheels.issues import Issue

__all__ = ["SCHEMES", "Member", "find_dist_info", "inspect_members"]

SCHEMES = frozenset({"purelib", "platlib", "headers", "scripts", "data"})
"""Folders that ``.data`` may hold (binary distribution format, "The .data directory")."""

LARGEST_TOTAL = 64 << 30
"""Bytes unpacked; the largest real wheels (CUDA libraries, all-in-one builds) stay below 8 GiB."""

LARGEST_RATIO = 100
LARGEST_MEMBER_RATIO = 1100
"""Unpacked to packed. Deflate itself cannot exceed 1032:1, which real wheels reach for single files of zeros. One of
1052 real wheels has 18:1 as a whole (xyzservices, 1.8 MB); above RATIO_COUNTS_FROM the most is 7:1."""

RATIO_COUNTS_FROM = 32 << 20
"""Bytes unpacked; what is smaller does no harm."""

LONGEST_COMPONENT, LONGEST_PATH = 255, 1024
"""Bytes. File systems have no longer names; of 1052 real wheels the longest path has less than 240."""

WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
DECEPTIVE = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
"""Characters that are not seen, or that turn the direction of what is: a name with one is not what it looks like."""

INFO = (".dist-info", ".egg-info")
WINDOWS_FORBIDS = re.compile(r'[<>:"|?*]')
DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in the archive; sizes in bytes; ``executable`` as its owner would have it on a POSIX system.

    ``offset`` is where its header begins in the archive, in bytes; ``packed`` whether it is deflated.
    """

    path: str
    size: int
    compressed_size: int
    executable: bool
    offset: int
    packed: bool


def find_dist_info(filename: str, infos: Iterable[zipfile.ZipInfo], name: NormalizedName, version: Version) -> str:
    """Give the name of the only ``.dist-info`` folder; raise UnsafeWheel if there is none, another's, or several."""
    found = {info.filename.partition("/")[0] for info in infos if "/" in info.filename}
    folders = sorted(folder for folder in found if folder.lower().endswith(".dist-info"))
    if not folders:
        raise UnsafeWheel(filename, Issue.DIST_INFO, "it has no .dist-info folder")
    if len(folders) > 1:
        detail = f"it has {len(folders)} .dist-info folders: {', '.join(folders[:5])}"
        raise UnsafeWheel(filename, Issue.SEVERAL_DIST_INFO, detail)
    its_name, _, its_version = folders[0][: -len(".dist-info")].rpartition("-")
    try:
        agrees = canonicalize_name(its_name) == name and Version(its_version.replace("_", "-")) == version
    except InvalidVersion:
        agrees = False
    if not agrees:
        raise UnsafeWheel(filename, Issue.NAME_DISAGREES, f"its metadata lies in {folders[0]}")
    return folders[0]


def inspect_members(
    infos: Iterable[zipfile.ZipInfo],
    data_dir: str,
    archive_size: int,
    issues: list[tuple[Issue, str]],
    *,
    windows: bool,
) -> tuple[Member, ...]:
    """Return the files of the archive; add to ``issues`` whatever must not be unpacked.

    ``windows``: also names that only Windows cannot have, such as ``aux.py``, which real pure wheels carry.
    """
    members: list[Member] = []
    places: dict[str, str] = {}
    folders: dict[str, str] = {}
    total = 0
    for info in infos:
        path, is_folder = info.filename, info.filename.endswith("/")
        before = len(issues)
        _judge_path(info, data_dir, issues, windows=windows)
        _judge_kind(info, issues)
        total += info.file_size
        if len(issues) > before or is_folder:
            continue
        place = _place(path, data_dir)
        if place in places:
            issues.append((Issue.DUPLICATE_MEMBER, f"{path!r} and {places[place]!r} are one file on some systems"))
        places[place] = path
        while "/" in place:
            place = place.rpartition("/")[0]
            if place in folders:
                break
            folders[place] = path
        members.append(
            Member(
                path=path,
                size=info.file_size,
                compressed_size=info.compress_size,
                executable=bool(info.external_attr >> 16 & stat.S_IXUSR),
                offset=info.header_offset,
                packed=info.compress_type != zipfile.ZIP_STORED,
            )
        )
    issues.extend(
        (Issue.FILE_AND_FOLDER, f"{places[place]!r} is a file where {folders[place]!r} needs a folder")
        for place in sorted(places.keys() & folders.keys())
    )
    if total > LARGEST_TOTAL:
        issues.append((Issue.TOO_LARGE, f"it unpacks to {total} bytes; the limit is {LARGEST_TOTAL}"))
    if total > max(RATIO_COUNTS_FROM, archive_size * LARGEST_RATIO):
        issues.append((Issue.BOMB, f"it unpacks to {total} bytes, more than {LARGEST_RATIO} times its own size"))
    if sum(member.compressed_size for member in members) > archive_size:
        issues.append((Issue.OVERLAP, "its files overlap: together they are larger than the archive"))
    return tuple(members)


def _judge_path(info: zipfile.ZipInfo, data_dir: str, issues: list[tuple[Issue, str]], *, windows: bool) -> None:
    # zipfile cuts names at NUL and turns the platform's separator into "/": judge the name as it was written
    written = info.orig_filename
    path = info.filename.removesuffix("/")
    components = path.split("/")
    if written.startswith(("/", "\\")) or DRIVE.match(written):
        issues.append((Issue.ABSOLUTE_PATH, f"{written!r} is an absolute path"))
    elif ".." in written.replace("\\", "/").split("/"):
        issues.append((Issue.PATH_LEAVES_TREE, f"{written!r} leads out of the environment"))
    elif "\\" in written:
        issues.append((Issue.PATH_UNUSABLE, f"{written!r} has a backslash"))
    elif CONTROL.search(written):
        issues.append((Issue.PATH_UNUSABLE, f"{written!r} has a control character"))
    elif not path or "" in components or "." in components:
        issues.append((Issue.PATH_UNUSABLE, f"{written!r} has an empty component"))
    elif len(path) * 4 > LONGEST_COMPONENT and _is_too_long(path, components):
        issues.append((Issue.PATH_TOO_LONG, f"{written[:100]!r}… is longer than file systems allow"))
    elif not path.isascii() and DECEPTIVE.search(path):
        issues.append((Issue.PATH_DECEPTIVE, f"{written!a} has characters that are not seen"))
    elif windows and (WINDOWS_FORBIDS.search(path) or any(part != part.rstrip(". ") for part in components)):
        issues.append((Issue.PATH_UNUSABLE, f"{written!r} cannot exist on Windows"))
    elif windows and any(WINDOWS_DEVICES.fullmatch(part) for part in components):
        issues.append((Issue.RESERVED_NAME, f"{written!r} names a device on Windows"))
    elif components[0] != data_dir and components[0].lower().endswith(".data"):
        issues.append((Issue.FOREIGN_DATA, f"{written!r} is in a data folder of another name than {data_dir}"))
    elif not info.filename.endswith("/") and _is_foreign_info(components, data_dir):
        issues.append((Issue.FOREIGN_DIST_INFO, f"{written!r} would be taken for another distribution's metadata"))
    elif components[0] == data_dir and len(components) > 1 and components[1] not in SCHEMES:
        issues.append((Issue.UNKNOWN_SCHEME, f"{written!r} belongs to no installation scheme"))
    elif components[0] == data_dir and len(components) < 3 and not info.filename.endswith("/"):
        issues.append((Issue.UNKNOWN_SCHEME, f"{written!r} is a file where a scheme's folder belongs"))


def _is_too_long(path: str, components: Sequence[str]) -> bool:
    longest = max(len(part.encode("utf-8", "replace")) for part in components)
    return longest > LONGEST_COMPONENT or len(path.encode("utf-8", "replace")) > LONGEST_PATH


def _is_foreign_info(components: list[str], data_dir: str) -> bool:
    """Whether a file comes to lie where installed distributions are looked for, outside of the wheel's own folder."""
    if components[0] == data_dir:
        in_site = components[1:2] in (["purelib"], ["platlib"])
        tops = components[2:3] if in_site else [b for a, b in pairwise(components) if a == "site-packages"]
        return any(top.lower().endswith(INFO) for top in tops)
    root = components[0].lower()
    return root.endswith(INFO) and (len(components) == 1 or root.endswith(".egg-info"))


def _judge_kind(info: zipfile.ZipInfo, issues: list[tuple[Issue, str]]) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    expected = stat.S_IFDIR if info.filename.endswith("/") else stat.S_IFREG
    if kind not in (0, expected):
        what = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder"}.get(kind, "no regular file")
        issues.append((Issue.SPECIAL_FILE, f"{info.filename!r} is {what}"))
    if info.flag_bits & 0x1:
        issues.append((Issue.ENCRYPTED, f"{info.filename!r} is encrypted"))
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        issues.append((Issue.COMPRESSION, f"{info.filename!r} is packed by method {info.compress_type}"))
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        issues.append((Issue.SIZES_CONTRADICT, f"{info.filename!r} is not packed and yet declares two sizes"))
    if info.file_size > (1 << 20) and info.file_size > info.compress_size * LARGEST_MEMBER_RATIO:
        issues.append((Issue.BOMB, f"{info.filename!r} declares {info.file_size} bytes in {info.compress_size}"))


def _place(path: str, data_dir: str) -> str:
    """Where a file comes to lie, as the most forgetful file system spells it (macOS: decomposed, no case)."""
    scheme, _, rest = path.removeprefix(f"{data_dir}/").partition("/")
    if path.startswith(f"{data_dir}/") and scheme in ("purelib", "platlib"):
        path = rest
    return path if path.isascii() and path.islower() else unicodedata.normalize("NFD", path.casefold())
