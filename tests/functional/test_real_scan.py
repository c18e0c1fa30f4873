"""What the scan says of real wheels from the user's own index: a gigabyte and minutes, so only with ``-m slow``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lockhouse.extensions.numpyabi import numpy_use
from lockhouse.wheels.gathering import gather_facts

pytestmark = pytest.mark.slow


def scanned(root: Path, requirements: list[str], **fields: Any) -> Any:
    """Plan, download and scan; give the document."""
    (root / "manifests").mkdir(parents=True)
    manifest = {
        "name": "real",
        "python": {"version": "3.11"},
        "stages": [{"name": "all", "requirements": requirements}],
        **fields,
    }
    (root / "manifests" / "real.json").write_text(json.dumps(manifest))
    ended = subprocess.run(
        [sys.executable, "-m", "lockhouse", "-C", root, "--json", "scan"],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert ended.returncode in (0, 3), ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def refused(document: Any) -> dict[str, tuple[str, str]]:
    """Code and message of what was refused, by distribution."""
    found = [finding for finding in document["findings"] if finding["severity"] == "refuse"]
    assert len({finding["distribution"] for finding in found}) == len(found), found
    return {finding["distribution"]: (finding["code"], finding["message"]) for finding in found}


def test_extensions_that_were_built_for_numpy_1_are_counted_and_refused_beside_numpy_2(tmp_path: Path) -> None:
    document = scanned(
        tmp_path,
        ["numpy>=2", "pandas==1.5.3", "scipy==1.10.1", "pyarrow==12.0.1", "tokenizers==0.15.2"],
        exclude=[{"distribution": "scipy", "dependency": "numpy"}],  # it says itself that numpy 2 is too new
    )
    found = refused(document)
    assert {name: code for name, (code, _) in found.items()} == dict.fromkeys(
        ["pandas", "pyarrow", "scipy"], "numpy-abi.old"
    )
    for name, counts in (("pandas", "32 of 42"), ("scipy", "93 of 122"), ("pyarrow", "1 of 28")):
        assert f"{counts} compiled extensions were built for numpy 1 only" in found[name][1]
    (tokenizers,) = (tmp_path / "wheelhouse").glob("tokenizers-*.whl")
    assert str(numpy_use(gather_facts(tokenizers).extensions)) == "no numpy C API"


def test_what_was_built_for_numpy_2_passes(tmp_path: Path) -> None:
    document = scanned(tmp_path, ["numpy>=2", "pandas==2.2.3", "tokenizers==0.15.2"])
    assert document["ok"], document["findings"]


def test_two_builds_of_opencv_collide_with_counts_of_files(tmp_path: Path) -> None:
    document = scanned(tmp_path, ["numpy>=2", "opencv-python==5.0.0.93", "opencv-python-headless==5.0.0.93"])
    code, message = refused(document)["opencv-python-headless"]
    assert code == "collisions.files"
    assert "brings 39 files that opencv-python 5.0.0.93 brings as well, 3 of them with other content" in message


def test_bitsandbytes_for_cuda_12_lacks_its_runtime_beside_torch_for_cuda_13(tmp_path: Path) -> None:
    edges = ["cuda-toolkit", "nvidia-cudnn-cu13", "nvidia-cusparselt-cu13", "nvidia-nccl-cu13", "nvidia-nvshmem-cu13"]
    document = scanned(
        tmp_path,
        ["torch===2.13.0", "nvidia-cuda-runtime==13.0.*", "bitsandbytes==0.45.0"],
        # gigabytes that say nothing about the runtime
        exclude=[{"distribution": "torch", "dependency": name} for name in [*edges, "triton"]],
    )
    found = refused(document)
    assert {name: code for name, (code, _) in found.items()} == {"bitsandbytes": "cuda.other"}
    assert "was built for CUDA 11 and 12: it needs libcudart.so.12, " in found["bitsandbytes"][1]
    assert "the plan has CUDA 13 (libcudart.so.13 of nvidia-cuda-runtime 13.0." in found["bitsandbytes"][1]
