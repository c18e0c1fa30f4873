"""What to ask a Mac."""

from __future__ import annotations

import sys

from lockhouse.accelerators import Question

__all__ = ["questions"]

SYSTEM = r"""
import ctypes, json
libc = ctypes.CDLL(None)
def number(name):
    value, size = ctypes.c_int64(), ctypes.c_size_t(8)
    failed = libc.sysctlbyname(name.encode(), ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0))
    return None if failed else value.value
def text(name):
    value, size = ctypes.create_string_buffer(256), ctypes.c_size_t(256)
    failed = libc.sysctlbyname(name.encode(), value, ctypes.byref(size), None, ctypes.c_size_t(0))
    return None if failed else value.value.decode(errors="replace")
answer = {name: number(name) for name in ("hw.optional.arm64", "sysctl.proc_translated", "hw.memsize")}
answer["machdep.cpu.brand_string"] = text("machdep.cpu.brand_string")
print(json.dumps(answer))
"""
"""Asked by the interpreter itself: whether a process is translated is a fact about that process."""


def questions() -> list[Question]:
    """All questions; none elsewhere than on a Mac."""
    if sys.platform != "darwin":
        return []
    return [
        Question(name="system", kind="python", ask=(SYSTEM,)),
        Question(name="macos", kind="command", ask=("/usr/bin/sw_vers", "-productVersion")),
        Question(
            name="displays",
            kind="command",
            ask=("/usr/sbin/system_profiler", "SPDisplaysDataType", "-json"),
            timeout=15.0,
        ),
    ]
