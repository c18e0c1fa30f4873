"""Code run by an environment's interpreter: alone, watched, stopped when its time is over, leaving nothing behind."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from lockhouse.awaiting import ended_within
from lockhouse.evidence import CheckResult
from lockhouse.manifest import Check
from lockhouse.state import storage_errors
from lockhouse.temporary import temporary_folder
from lockhouse.values import dataclass
from lockhouse.verification.ending import MARK, end_group, end_marked

__all__ = ["Answer", "Interpreter", "run_checks"]

TAIL_BYTES = 1024 * 1024
"""Bytes of a program's output that are kept while it runs; the rest is read and forgotten."""

REPORT_LINES = 40
REPORT_CHARACTERS = 8000
"""What a report keeps of a check's output, counted from the end."""

BYTECODE = "lockhouse-bytecode-"

PATIENCE = 5.0
"""Seconds that the last output of a stopped program is waited for."""

# fmt: off
KEPT = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
    # Windows programs fail in odd ways without these
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "LOCALAPPDATA", "APPDATA",
    "PROGRAMFILES", "PROGRAMDATA", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
})
KEPT_FAMILIES = (
    "LC_", "CUDA_", "NVIDIA_", "NCCL_", "HIP_", "HSA_", "ROCM_", "ROCR_", "GPU_", "MIOPEN_", "ONEAPI_", "ZE_", "SYCL_",
    "OMP_", "MKL_",
)
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a program ended. ``status`` is None when it was stopped at its time limit; ``output`` is the end of it."""

    status: int | None
    output: str
    seconds: float


RUN = (
    "import sys as _lockhouse; _lockhouse.dont_write_bytecode = _lockhouse.pycache_prefix is None; "
    "exec(compile(_lockhouse.argv.pop(1), '<check>', 'exec', dont_inherit=True))"
)
"""Runs the code in its first argument, with bytecode going where ``-X pycache_prefix`` says, if anywhere.

``-B`` stays among the flags for processes that :mod:`multiprocessing` spawns: they inherit it, and the prefix not.
"""


def bytecode_folder(place: Path | None = None) -> Path:
    """Make a folder outside every environment for bytecode; it is removed when this process ends.

    Killed, it leaves the folder behind, so ``place`` should be one that the next run clears (``Project.temporary``).
    Where that cannot be written, the system's folder for temporary files has to do.

    Checks import the same packages again and again: with bytecode torch takes half the time, transformers a third.
    Bytecode goes by size and time of a source file, so it is good only as long as nobody can have changed one.
    """
    try:
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=BYTECODE, dir=place)
    except OSError:
        with storage_errors(Path(tempfile.gettempdir())):
            folder = tempfile.mkdtemp(prefix=BYTECODE)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


class Interpreter:
    """The interpreter of an environment. The user's packages and PYTHON* variables take no part.

    With ``as_user`` the user's packages do: it is that of a host, which is used so.

    Bytecode goes to a folder of its own, never into the environment; where the environment has its own, ``sealed``,
    that is used and none is written. ``notes`` is the folder by which the next run finds what this one leaves behind if
    it is killed (``Project.temporary``). May be used from several threads; :meth:`stop` ends everything that runs.
    """

    def __init__(
        self,
        python: Path,
        bytecode: Path | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        sealed: bool = False,
        as_user: bool = False,
        notes: Path | None = None,
    ) -> None:
        self.python = python
        # -I would leave out the user's own folder, from which the kernels and scripts of a host import.
        self.isolation = "-E" if as_user else "-I"
        self.options = [] if sealed else ["-X", f"pycache_prefix={bytecode or bytecode_folder()}"]
        self._notes = notes
        self._environ = _environment(os.environ if environ is None else environ, python)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, code: str, timeout: float, arguments: Sequence[str] = ()) -> Answer:
        """Run Python code in an empty folder, as its own process group; never raises for what the code does."""
        started = time.perf_counter()
        with temporary_folder("check", self._notes) as folder:
            argv = [str(self.python), self.isolation, "-B", "-X", "utf8", *self.options, "-c", RUN, code, *arguments]
            mark = folder.name
            environ = {**self._environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)), MARK: mark}
            try:
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    cwd=folder,
                    env=environ,
                    start_new_session=True,
                )
            except OSError as error:
                return Answer(status=127, output=f"{self.python}: {error.strerror or error}", seconds=0.0)
            return self._watch(process, timeout, started, mark)

    def _watch(self, process: subprocess.Popen[bytes], timeout: float, started: float, mark: str) -> Answer:
        assert process.stdout is not None
        tail = _Tail(process.stdout)
        with self._lock:
            self._running.add(process)
            stopped = self._stopped
        status: int | None = None
        try:
            if not stopped:
                status = ended_within(process, timeout)
        finally:
            # Also after a good end: what it left running would hold the pipe, the folder and the accelerator, and could
            # change the environment when it has been proven.
            end_group(process)
            end_marked(mark)
            with self._lock:
                self._running.discard(process)
        return Answer(status=status, output=tail.text(), seconds=time.perf_counter() - started)

    def stop(self) -> None:
        """End everything that runs, and let nothing new run."""
        with self._lock:
            self._stopped = True
            running = tuple(self._running)
        for process in running:
            end_group(process)


def run_checks(
    interpreter: Interpreter,
    checks: Sequence[Check],
    *,
    skipped: Callable[[Check], str | None] = lambda _: None,
    advanced: Callable[[int], None] = lambda _: None,
) -> tuple[CheckResult, ...]:
    """Run checks, as many at once as there are processors, four at most; results are in the order of the checks.

    Those that require an accelerator run one after the other: there may be memory for one of them only. ``skipped``
    says why a check cannot be run here. ``advanced`` is told how many are done.
    """
    results: dict[int, CheckResult] = {}
    lock = threading.Lock()

    def run(indices: Sequence[int]) -> None:
        for i in indices:
            result = _run(interpreter, checks[i], skipped(checks[i]))
            with lock:
                results[i] = result
                advanced(len(results))

    lanes = [[i] for i, check in enumerate(checks) if check.requires is None]
    exclusive = [i for i, check in enumerate(checks) if check.requires is not None]
    if exclusive:
        lanes.insert(0, exclusive)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        try:
            for future in [pool.submit(run, lane) for lane in lanes]:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            interpreter.stop()
            raise
    return tuple(results[i] for i in range(len(checks)))


def _run(interpreter: Interpreter, check: Check, skipped: str | None) -> CheckResult:
    if skipped is not None:
        return CheckResult(name=check.name, outcome="skipped", critical=check.critical, seconds=0.0, output=skipped)
    answer = interpreter.run(check.run, check.timeout)
    output = "\n".join(answer.output[-REPORT_CHARACTERS:].splitlines()[-REPORT_LINES:])
    if answer.status is None:
        output = f"{output}\nstopped at its time limit of {check.timeout:g} s".strip()
    elif answer.status < 0:
        output = f"{output}\nended by signal {_signal(-answer.status)}".strip()
    elif answer.status and not output:
        output = f"ended with status {answer.status}"
    return CheckResult(
        name=check.name,
        outcome="passed" if answer.status == 0 else "failed",
        critical=check.critical,
        seconds=round(answer.seconds, 3),
        output=output,
    )


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _environment(environ: Mapping[str, str], python: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in environ.items() if name.upper() in KEPT or name.upper().startswith(KEPT_FAMILIES)
    }
    kept["PATH"] = os.pathsep.join([str(python.parent), *filter(None, [kept.get("PATH")])])
    # -I holds for the check itself; these for Python programs that it starts.
    return kept | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1"}


class _Tail:
    """The last bytes of a stream, read by a thread of its own so that the writer never waits."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._blocks: deque[bytes] = deque()
        self._size = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while block := os.read(self._stream.fileno(), 8192):
                self._blocks.append(block)
                self._size += len(block)
                while self._size - len(self._blocks[0]) >= TAIL_BYTES:
                    self._size -= len(self._blocks.popleft())

    def text(self) -> str:
        """The last of it, once the stream has ended; one that somebody keeps open is waited for only a little."""
        self._thread.join(PATIENCE)
        if not self._thread.is_alive():
            self._stream.close()
        data = b"".join(tuple(self._blocks))[-TAIL_BYTES:]
        text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\0", "")
        return text.strip()
