"""A real host with numpy 2 and torch: gigabytes and minutes from the user's own index, so only with ``-m slow``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.documents import valid
from fixtures.hosts import HostSite, tree_of
from lockhouse.environments.places import Places

pytestmark = pytest.mark.slow

HARMLESS = ["tokenizers==0.15.2", "pandas==2.2.3"]
CHECKS = [
    {"name": "numpy is whole", "run": "from numpy._core.umath import _center"},
    {"name": "torch works", "run": "import torch; assert float(torch.ones(3).numpy().sum()) == 3"},
]

KERNEL = """
import subprocess, sys
import numpy
argv = sys.argv[1:]
raise SystemExit(subprocess.run(argv, timeout=1800).returncode)
"""
"""What a notebook does whose kernel has numpy loaded: it starts a program."""

Tree = dict[str, tuple[str, int, int]]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HostSite:
    root = tmp_path_factory.mktemp("real") / "host"
    python = next(path for path in Places.here().on_path() if path.name == "python3.11")
    subprocess.run([python, "-m", "venv", root], check=True)
    wanted = ["numpy>=2,<3", "torch==2.13.0"]
    subprocess.run([root / "bin/python", "-m", "pip", "install", "--quiet", *wanted], check=True, timeout=1800)
    return HostSite(root)


def project(root: Path, host: HostSite, requirements: list[str]) -> Path:
    (root / "manifests").mkdir(parents=True)
    manifest = {
        "name": "notebook",
        "python": {"version": "3.11", "provider": "host"},
        "environment": {"path": str(host.root)},
        "protect": ["numpy", "torch"],
        "stages": [{"name": "added", "requirements": requirements}],
        "checks": CHECKS,
    }
    (root / "manifests" / "notebook.json").write_text(json.dumps(manifest))
    return root


def ran(root: Path, *argv: str, kernel: HostSite | None = None) -> subprocess.CompletedProcess[str]:
    """Run lockhouse; with a ``kernel`` as a child of that host's interpreter, which has numpy loaded."""
    command = [sys.executable, "-m", "lockhouse", "-C", str(root), *argv]
    above = [str(kernel.python), "-B", "-c", KERNEL] if kernel else []
    return subprocess.run([*above, *command], capture_output=True, text=True, timeout=1800, check=False)


def of_protected(tree: Tree) -> Tree:
    """The files of numpy and torch, their metadata and what lies beside them, bytecode too."""
    names = ("numpy", "torch", "functorch")
    return {path: value for path, value in tree.items() if path.partition("site-packages/")[2].startswith(names)}


def test_verdicts_on_real_wheels_are_proven_by_trials(host: HostSite, tmp_path: Path) -> None:
    root = project(tmp_path, host, ["tokenizers"])
    before = host.tree()
    broken = {"pandas==1.5.3": "32 of 42", "pyarrow==12.0.1": "1 of 28"}
    asked = [*HARMLESS, *broken, "scipy==1.10.1", "optuna"]
    ended = ran(root, "--json", "diagnose", *asked, "--bisect")
    assert ended.returncode == 3, ended.stderr
    document = valid(json.loads(ended.stdout))
    verdicts: dict[str, Any] = {item["requirement"]: item for item in document["verdicts"]}
    assert {line: item["verdict"] for line, item in verdicts.items()} == {
        "tokenizers==0.15.2": "SAFE",
        "pandas==2.2.3": "SAFE",
        "pandas==1.5.3": "UNSAFE",
        "pyarrow==12.0.1": "UNSAFE",
        "scipy==1.10.1": "UNSAFE",
        "optuna": "SAFE",
    }
    assert "no numpy C API" in verdicts["tokenizers==0.15.2"]["reason"]
    for line, counted in broken.items():
        assert f"{counted} compiled extensions were built for numpy 1 only" in verdicts[line]["reason"]
    scipy = verdicts["scipy==1.10.1"]
    assert scipy["evidence"][0]["requirements"] == ["scipy==1.10.1", "numpy<1.27.0,>=1.19.5"]
    assert scipy["files"] == next(item["files"] for item in document["protected"] if item["name"] == "numpy") > 1000

    found = document["bisection"]
    assert all(check["outcome"] == "passed" for check in found["baseline"]["checks"])
    blamed = {(item["candidates"][0], item["check"]) for item in found["culprits"]}
    assert {line for line, _ in blamed} == {*broken, "scipy==1.10.1"}
    assert {("pandas==1.5.3", "import pandas"), ("pyarrow==12.0.1", "import pyarrow")} <= blamed
    assert ("scipy==1.10.1", "numpy is whole") in blamed
    assert [*HARMLESS, "optuna"] in [trial["candidates"] for trial in found["trials"]]
    assert host.tree() == before


@pytest.mark.parametrize("harmful", ["pandas==1.5.3", "scipy==1.10.1"])
def test_a_harmful_plan_is_refused_and_nothing_is_touched(host: HostSite, tmp_path: Path, harmful: str) -> None:
    root = project(tmp_path, host, [*HARMLESS[:1], harmful])
    before = host.tree()
    ended = ran(root, "install")
    assert ended.returncode == 3, ended.stderr
    assert "numpy" in ended.stderr
    assert host.tree() == before


def test_a_harmless_plan_leaves_what_is_protected_and_comes_out_again(host: HostSite, tmp_path: Path) -> None:
    root = project(tmp_path, host, HARMLESS)
    before = host.tree()
    ended = ran(root, "install", kernel=host)
    assert ended.returncode == 0, ended.stderr
    assert "the program that lockhouse was started from (process " in ended.stderr
    assert "has numpy loaded" in ended.stderr
    assert "a restart is needed" in ended.stderr
    after = host.tree()
    assert of_protected(after) == of_protected(before)
    assert len(of_protected(before)) > 10_000
    assert set(before) < set(after)
    version = "import pandas, tokenizers, torch; print(pandas.__version__, tokenizers.__version__)"
    assert host.run(version) == "2.2.3 0.15.2\n"
    assert ran(root, "verify").returncode == 0

    back = ran(root, "rollback", "0")
    assert back.returncode == 0, back.stderr
    assert tree_of(host.root) == before
