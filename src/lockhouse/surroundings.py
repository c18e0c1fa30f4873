"""The variables that decide what drivers show: what probes get to see, and what an answer depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["named", "probe_environment"]

PASSED_ON = frozenset(
    {
        "PATH",
        "LD_LIBRARY_PATH",
        "LANG",
        # Without these Windows programs do not start or do not find their DLLs.
        "COMSPEC",
        "PATHEXT",
        "PROGRAMDATA",
        "PROGRAMFILES",
        "PROGRAMW6432",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "WINDIR",
    }
)
PASSED_ON_PREFIXES = ("CUDA_", "NVIDIA_", "HIP_", "HSA_", "ROCR_", "ROCM_", "GPU_DEVICE_", "ZE_", "ONEAPI_", "SYCL_")
"""Variables by which drivers decide what they show; an answer without them would be about another machine."""


def probe_environment(environ: Mapping[str, str], besides: Iterable[str] = ()) -> dict[str, str]:
    """Pick what a probe needs of the environment: paths, and what decides which devices a driver shows.

    ``besides`` are the variables that its question names.
    """
    chosen = {
        name: value
        for name, value in environ.items()
        if name.upper() in PASSED_ON or name.upper().startswith(PASSED_ON_PREFIXES)
    }
    return chosen | named(environ, besides) | {"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}


def named(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Pick variables by their names, ``ASCEND_*`` for all that begin so."""
    wanted = tuple(names)
    exact = frozenset(wanted)
    beginnings = tuple(name.removesuffix("*") for name in wanted if name.endswith("*"))
    return {name: value for name, value in environ.items() if name in exact or name.startswith(beginnings)}
