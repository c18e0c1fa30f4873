"""Real stacks from the user's own index: gigabytes and minutes, so only with ``-m slow``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uv

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@dataclass
class Real:
    """A project with the repository's manifests."""

    root: Path

    def run(self, *argv: str, status: int = 0) -> Any:
        """Run the console command; give its document."""
        ended = subprocess.run(
            [sys.executable, "-m", "lockhouse", "-C", self.root, "--json", *argv],
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert ended.returncode == status, ended.stdout + ended.stderr
        return json.loads(ended.stdout)

    @property
    def site_packages(self) -> Path:
        return next((self.root / ".venv").glob("lib/python*/site-packages"))

    def lock(self, manifest: str) -> Path:
        (lock,) = (self.root / "manifests").glob(f"pylock.{manifest}-*.toml")
        return lock


def project(root: Path, manifest: str) -> Real:
    (root / "manifests").mkdir(parents=True)
    shutil.copy(ROOT / "manifests" / f"{manifest}.json", root / "manifests")
    return Real(root)


def distributions(packages: Path) -> set[str]:
    return {path.name for path in packages.glob("*.dist-info")}


def test_the_default_manifest_from_the_index_to_the_proof(tmp_path: Path) -> None:
    real = project(tmp_path / "first", "llm")
    installed = real.run("-a", "cpu", "install")
    digest = installed["environment-digest"]
    names = {check["name"] for check in real.run("verify")["checks"] if check["ok"]}
    assert {"torch computes", "transformers imports", "a tiny model runs"} <= names
    assert all(phase["up-to-date"] for phase in real.run("-a", "cpu", "install")["phases"])

    changed = real.site_packages / "transformers" / "modeling_utils.py"
    content = changed.read_bytes()
    changed.chmod(0o644)
    changed.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    drift = real.run("verify", status=1)["drift"]
    assert [path.rpartition("/")[2] for path in drift["modified"]] == ["modeling_utils.py"]
    assert real.run("-a", "cpu", "install")["environment-digest"] == digest
    assert real.run("verify")["ok"]

    target = tmp_path / "by-uv"
    tool = uv.find_uv_bin()
    subprocess.run([tool, "venv", "--python", "3.11", target], check=True, capture_output=True)
    subprocess.run([tool, "pip", "sync", "--python", target, real.lock("llm")], check=True, capture_output=True)
    assert distributions(next(target.glob("lib/python*/site-packages"))) == distributions(real.site_packages)

    other = project(tmp_path / "second", "llm")
    shutil.copytree(real.root / "wheelhouse", other.root / "wheelhouse")
    assert other.run("--offline", "-a", "cpu", "install")["environment-digest"] == digest


def test_the_pin_that_started_it_all_is_refused(tmp_path: Path) -> None:
    real = project(tmp_path, "llm-2024")
    path = real.root / "manifests" / "llm-2024.json"
    manifest = json.loads(path.read_text())
    manifest["variants"] = {}
    manifest["closure"] = "explicit"
    manifest["stages"] = [
        {"name": "hub", "requirements": ["huggingface-hub==0.25.2", "transformers==4.51.3"]},
    ]
    manifest["checks"] = []
    path.write_text(json.dumps(manifest))
    document = real.run("scan", status=3)
    messages = [finding["message"] for finding in document["findings"] if finding["severity"] == "refuse"]
    assert any("huggingface-hub" in text and "0.25.2" in text and "0.30" in text for text in messages), messages


def test_unsloth_is_refused_with_its_torchao_scanned_without_and_left_out_when_optional(tmp_path: Path) -> None:
    real = project(tmp_path, "unsloth")
    path = real.root / "manifests" / "unsloth.json"
    manifest = json.loads(path.read_text())
    # The default index's torch will do for a scan: the index of a variant need not be within reach.
    del manifest["variants"], manifest["stages"][0]["index"], manifest["checks"][1]
    excluded = manifest["exclude"]
    manifest["exclude"] = [entry for entry in excluded if entry["dependency"] != "torchao"]

    path.write_text(json.dumps(manifest))
    refused = real.run("scan", status=3)
    (finding,) = [item for item in refused["findings"] if item["severity"] == "refuse"]
    assert (finding["code"], finding["distribution"]) == ("blacklist.listed", "torchao")
    assert finding["chain"] == ["unsloth", "unsloth-zoo", "torchao"]
    assert finding["chains"][0]["stage"] == "unsloth"
    cut = finding["cures"][0]["changes"]
    assert [(change["action"], change["distribution"], change["dependency"]) for change in cut] == [
        ("exclude", "unsloth-zoo", "torchao")
    ]

    path.write_text(json.dumps({**manifest, "exclude": excluded}))
    passed = real.run("scan")
    cuts = {item["chain"][-1] for item in passed["findings"] if item["code"] == "exclusions.cut"}
    assert cuts == {"torchao", "xformers"}
    assert not [item for item in real.run("plan")["distributions"] if item["name"] == "torchao"]

    manifest["stages"][1]["optional"] = True
    path.write_text(json.dumps(manifest))
    real.run("scan")
    planned = real.run("plan")
    (omitted,) = planned["omitted"]
    assert omitted["name"] == "unsloth"
    assert "torchao" in omitted["reason"]
    assert "unsloth-zoo" in omitted["reason"]
    assert not [item for item in planned["distributions"] if item["name"].startswith("unsloth")]
