"""Waiting for the end of a program, for a while.

:meth:`subprocess.Popen.wait` with a time limit looks again and again, with pauses that grow to 50 ms: by so much
whoever waits hears too late.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time

__all__ = ["ended_within"]

LONGEST = 3600.0
"""Seconds that are waited for in one call of the kernel, which counts milliseconds in 32 bits."""


def ended_within(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Wait for a program and return its status; None if it has not ended within so many seconds.

    Others may wait for it at the same time.
    """
    deadline = time.monotonic() + seconds
    _sleep_until_end(process, deadline)
    try:
        return process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return process.poll()


if sys.platform == "linux":

    def _sleep_until_end(process: subprocess.Popen[bytes], deadline: float) -> None:
        """Have the kernel tell of the end of a process (pidfd_open(2), Linux 5.3); where it cannot, return at once."""
        import select

        try:
            handle = os.pidfd_open(process.pid)
        except OSError:  # an older kernel, a sandbox, too many files, or nobody is there any more
            return
        try:
            if process.poll() is not None:  # then the number may be another process's by now
                return
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            while (left := deadline - time.monotonic()) > 0 and not poll.poll(math.ceil(min(left, LONGEST) * 1000)):
                pass
        finally:
            os.close(handle)

else:

    def _sleep_until_end(process: subprocess.Popen[bytes], deadline: float) -> None:
        """Do nothing: looking again and again has to do."""
