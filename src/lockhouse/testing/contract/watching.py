"""Watching a plugin from inside its process: what it imports, loads, starts, writes and asks for over the network.

Python tells of these as audit events (PEP 578) wherever they come from; of imports it asks its finders.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lockhouse.testing.contract.testimony import Deed

__all__ = ["Watch"]

FRAMEWORKS = frozenset(
    {
        *(
            "acl",
            "amdsmi",
            "ascend",
            "cuda",
            "cupy",
            "habana_frameworks",
            "intel_extension_for_pytorch",
            "jax",
            "jaxlib",
        ),
        *("mindspore", "mlx", "nvidia", "nvidia_smi", "onnxruntime", "openvino", "paddle", "pyamdgpuinfo", "pycuda"),
        *("pynvml", "pyopencl", "pyrsmi", "rocm_smi", "tensorflow", "torch", "torch_npu", "torch_xla", "transformers"),
        *("triton", "tvm", "xformers"),
    }
)
"""Import packages that load vendor code, or take seconds, or crash where a driver is broken."""

PROGRAMS = frozenset(
    {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"}
)
NETWORK = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request"})
HARMLESS = frozenset({"libc", "libm", "libdl", "libpthread"})
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """Tells of deeds from its making on, but only those in the midst of :meth:`during`."""

    def __init__(self, tell: Callable[[Deed], object]) -> None:
        self._tell = tell
        self._during: str | None = None
        self._telling = threading.local()
        self._told: set[tuple[str, str]] = set()
        sys.addaudithook(self._hear)
        sys.meta_path.insert(0, self)

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Watch what happens in the block; what it leaves behind is told as well."""
        before = _surroundings()
        self._during = what
        try:
            yield
        finally:
            self._during = None
        after = _surroundings()
        if after != before:
            for name, value in after.items():
                if before[name] != value:
                    self._note("left behind", name, what)
            _restore(before)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Find nothing; the event of an import is not told of those by :func:`importlib.import_module`."""
        package = name.partition(".")[0]
        if self._during is not None and package in FRAMEWORKS:
            self._note("import", package, self._during)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        during = self._during
        if during is None or getattr(self._telling, "now", False):
            return
        first = arguments[0] if arguments else None
        if event == "ctypes.dlopen":
            name = os.path.basename(os.fsdecode(first)) if isinstance(first, str | bytes) else ""  # noqa: PTH119
            if name and name.partition(".")[0] not in HARMLESS:
                self._note("library", name, during)
        elif event in PROGRAMS:
            self._note("program", f"{event} {first!r}"[:200], during)
        elif event in NETWORK:
            self._note("network", f"{event} {arguments[-1]!r}"[:200], during)
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING and first != os.devnull:
            self._note("write", str(first)[:200], during)

    def _note(self, kind: str, what: str, during: str) -> None:
        if (kind, what) in self._told:
            return
        self._told.add((kind, what))
        self._telling.now = True
        try:
            self._tell(Deed(kind=kind, what=what, during=during))  # type: ignore[arg-type]
        finally:
            self._telling.now = False


def _surroundings() -> dict[str, object]:
    """What a guest leaves as it was; streams that it replaces are put back by whoever calls."""
    return {
        "the environment variables": dict(os.environ),
        "the working directory": _directory(),
        "sys.path": list(sys.path),
        # One that is closed cannot be opened again.
        "the standard streams": tuple(stream.closed for stream in (sys.stdin, sys.stdout, sys.stderr)),
        # Those in which a plugin is asked may still be there, when it hangs.
        "threads": tuple(item.name for item in threading.enumerate() if not item.name.startswith("plugin ")),
    }


def _restore(before: dict[str, object]) -> None:
    variables, directory = before["the environment variables"], before["the working directory"]
    assert isinstance(variables, dict)
    assert isinstance(directory, str)
    os.environ.clear()
    os.environ.update(variables)
    path = before["sys.path"]
    assert isinstance(path, list)
    sys.path[:] = path
    if directory and _directory() != directory:
        os.chdir(directory)


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return ""
