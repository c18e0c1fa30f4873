"""The check that an accelerator gives for an environment with torch: its program is :mod:`lockhouse_pytorch.proof`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockhouse.manifest import Check

__all__ = ["Expected", "torch_check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A device as detection saw it. ``name`` is None where only the driver's number for it is known.

    ``lost`` says why builds of the variant cannot use it, where that was foreseen.
    """

    name: str | None
    capability: str | None
    lost: str | None = None


def torch_check(
    namespace: str,
    devices: Sequence[Expected],
    *,
    backend: str,
    build: str | None = None,
    hiding: Mapping[str, Sequence[str]] | None = None,
    limits: Sequence[str] = (),
) -> Check:
    """Make the check that torch sees these devices, has code for each of them and computes rightly on it.

    ``backend`` is torch's word for the kind of device (``cuda``, ``xpu``, ``mps``; ``hip`` for ROCm), ``build`` the
    version of the toolkit that torch must be built with. ``hiding`` maps variables to values that hide every device:
    they are set aside, because the environment is proven for the machine and not for the shell. ``limits`` names what
    else keeps programs from seeing all devices; then those that torch sees are proven.
    """
    program = Path(__file__).with_name("proof.py").read_text(encoding="utf-8")
    wanted = {
        "backend": backend,
        "build": build,
        "devices": [{"name": item.name, "capability": item.capability, "lost": item.lost} for item in devices],
        "limits": list(limits),
        "hiding": {name: list(values) for name, values in (hiding or {}).items()},
    }
    return Check(
        name=f"{namespace}: torch computes on every device",
        run=f"{program}\n\nprove(json.loads({json.dumps(wanted)!r}))\n",
        requires=namespace,
        timeout=300.0,
        needs=("torch",),
    )
