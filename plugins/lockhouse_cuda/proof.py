"""Proof that torch computes on every device; runs alone, in the interpreter of the environment that is being proven.

A build may see a device and allocate its memory, and still have no kernels for it: then the first kernel fails. So one
is launched on each device, and its result compared with the CPU's.
"""

from __future__ import annotations

import importlib.util
import os


def prove(cuda: str, devices: int) -> None:
    """Raise unless torch is built for CUDA version ``cuda`` and computes rightly on all of ``devices`` devices."""
    if importlib.util.find_spec("torch") is None:
        say("torch is no part of this environment: nothing to prove")
        return
    # The environment is proven for the machine, not for the shell that happens to hide its devices.
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1", "NoDevFiles"):
        del os.environ["CUDA_VISIBLE_DEVICES"]
    import torch  # type: ignore[import-not-found, unused-ignore]

    built = torch.version.cuda
    assert built is not None, f"torch {torch.__version__} is a build without CUDA"
    assert built.split(".")[:2] == cuda.split("."), f"torch {torch.__version__} is built for CUDA {built}, not {cuda}"
    assert torch.cuda.is_available(), f"torch {torch.__version__} (CUDA {built}) finds no usable device"
    visible = torch.cuda.device_count()
    limited = "CUDA_VISIBLE_DEVICES" in os.environ
    assert visible >= devices or limited, f"torch sees {visible} of {devices} devices"
    architectures = torch.cuda.get_arch_list()
    torch.backends.cuda.matmul.allow_tf32 = False
    generator = torch.Generator().manual_seed(1)
    left, right = (torch.rand(256, 256, generator=generator) for _ in range(2))
    for index in range(visible):
        name, capability = torch.cuda.get_device_name(index), torch.cuda.get_device_capability(index)
        who = f"device {index} ({name}, compute capability {capability[0]}.{capability[1]})"
        assert covered(architectures, capability), f"{who}: torch {torch.__version__} has kernels for {architectures}"
        device = torch.device("cuda", index)
        block = torch.empty(64 << 20, dtype=torch.uint8, device=device)
        product = (left.to(device) @ right.to(device)).cpu()
        torch.cuda.synchronize(device)
        assert torch.allclose(product, left @ right, rtol=1e-4, atol=1e-3), f"{who} computes wrong results"
        del block
        say(f"{who}: allocated 64 MiB, multiplied matrices as the CPU does")


def covered(architectures: list[str], capability: tuple[int, int]) -> bool:
    """Whether a build has code for a device: a binary of the same major capability, or PTX of an older one."""
    for architecture in architectures:
        kind, _, number = architecture.partition("_")
        digits = number.rstrip("abcdefghijklmnopqrstuvwxyz")
        if not digits.isdigit():
            continue
        major, minor = int(digits[:-1] or 0), int(digits[-1])
        if number != digits and (major, minor) != tuple(capability):
            # sm_90a runs on 9.0 alone; the family code sm_100f on later devices of its family as well.
            if not (number.endswith("f") and major == capability[0] and minor <= capability[1]):
                continue
            return True
        if kind == "sm" and major == capability[0] and minor <= capability[1]:
            return True
        if kind == "compute" and (major, minor) <= tuple(capability):
            return True
    return not architectures  # a build that does not tell is judged by the kernel alone


def say(line: str) -> None:
    """Print a line of evidence."""
    os.write(1, f"{line}\n".encode())
