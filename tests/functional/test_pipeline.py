"""The thin whole: from a manifest to a proven environment and its lock."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from fixtures.index import serving
from fixtures.site import RELEASE, Site
from fixtures.wheels import build_wheel


def test_install_builds_verifies_and_locks(site: Site) -> None:
    site.wheel("alpha", "1.0", "beta>=2")
    site.wheel(
        "beta", "2.1", console_scripts={"beta": "beta:main"}, files={"beta.py": "def main(): print('beta runs')"}
    )
    site.manifest("alpha", checks=[{"name": "alpha imports", "run": "import alpha, beta"}])

    site.installed()

    assert site.venv.is_symlink()
    ran = subprocess.run([site.venv / "bin" / "beta"], capture_output=True, text=True, check=True)
    assert ran.stdout == "beta runs\n"
    lock = Pylock.from_dict(tomllib.loads(site.lock().read_text()))
    lock.validate()
    assert {package.name: str(package.version) for package in lock.packages} == {
        "alpha": "1.0",
        "beta": "2.1",
        "pip": "99.0",
        "setuptools": "99.0",
        "wheel": "9.0",
    }
    assert not list(site.venv.rglob("__pycache__"))


def test_install_again_has_nothing_to_do(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    before = site.digest(), site.venv.readlink()
    asked = len(site.index.requests)

    document = site.run("--json", "install").document

    assert document["ok"]
    assert all(phase["up-to-date"] for phase in document["phases"]), document["phases"]
    assert (site.digest(), site.venv.readlink()) == before
    assert len(site.index.requests) == asked


def test_verify_names_the_changed_file_and_install_rebuilds(site: Site) -> None:
    site.wheel("alpha", files={"alpha/__init__.py": "answer = 41\n"})
    site.manifest("alpha")
    site.installed()
    digest = site.digest()
    assert site.run("verify").status == 0
    changed = site.site_packages() / "alpha" / "__init__.py"
    changed.chmod(0o644)
    changed.write_text("answer = 42\n")

    result = site.run("verify")
    document = site.run("--json", "verify").document

    assert result.status == 1
    assert "alpha/__init__.py" in result.out + result.err
    assert document["drift"]["modified"] == [f"lib/python{RELEASE}/site-packages/alpha/__init__.py"]
    assert changed.read_text() == "answer = 42\n"  # verify repairs nothing

    site.installed()
    assert site.run("verify").status == 0
    assert site.digest() == digest
    assert (site.site_packages() / "alpha" / "__init__.py").read_text() == "answer = 41\n"


def test_blacklisted_distribution_three_levels_down_is_refused_and_nothing_is_touched(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    before = site.venv.readlink(), site.digest()
    site.wheel("top", "1.0", "middle")
    site.wheel("middle", "1.0", "lower")
    site.wheel("lower", "1.0", "torchao")
    site.wheel("torchao", "0.15.0")
    site.manifest("alpha", "top", blacklist=[{"requirement": "torchao", "reason": "it breaks torch"}])

    result = site.run("install")
    document = site.run("--json", "scan").document

    assert result.status == 3
    text = result.out + result.err
    for name in ("top", "middle", "lower", "torchao", "it breaks torch"):
        assert name in text
    (finding,) = [item for item in document["findings"] if item["severity"] == "refuse"]
    assert finding["rule"] == "blacklist"
    assert finding["chain"] == ["top", "middle", "lower", "torchao"]
    assert (site.venv.readlink(), site.digest()) == before
    assert "torchao-0.15.0-py3-none-any.whl" not in site.index.sent  # metadata was enough


def test_explicit_closure_refuses_a_pin_that_a_dependent_forbids(site: Site) -> None:
    site.wheel("transformers", "4.51.3", "huggingface-hub<1.0,>=0.30.0")
    site.wheel("huggingface-hub", "0.25.2")
    site.manifest("transformers==4.51.3", "huggingface-hub==0.25.2", closure="explicit")

    result = site.run("install")

    assert result.status == 3
    text = " ".join((result.out + result.err).split())
    assert "transformers" in text
    assert "huggingface-hub" in text
    assert "0.25.2" in text
    assert ">=0.30.0" in text
    assert not site.venv.exists()


def test_explicit_closure_refuses_a_dependency_that_is_not_listed(site: Site) -> None:
    site.wheel("alpha", "1.0", "beta")
    site.wheel("beta")
    site.manifest("alpha", closure="explicit")

    document = site.run("--json", "scan").document

    assert document["error"]["code"] == "scan-refused"
    assert [item["chain"] for item in document["findings"] if item["severity"] == "refuse"] == [["alpha", "beta"]]


def test_download_continues_after_kill(site: Site) -> None:
    size = 3_000_000
    site.wheel("bulky", padding=size)
    site.manifest("bulky")
    site.index.faults.bytes_per_second = 1_500_000
    process = site.start("install")
    partial = site.root / "wheelhouse" / ".partial"
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 600_000 for path in partial.glob("*bulky*")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate()
    kept = max(path.stat().st_size for path in partial.glob("*bulky*"))
    site.index.faults.bytes_per_second = None
    filename = "bulky-1.0-py3-none-any.whl"
    total = (site.index.folder / filename).stat().st_size
    site.index.wait_until_quiet()
    site.index.sent.clear()

    site.installed()

    assert site.index.sent[filename] <= total - kept
    assert site.run("verify").status == 0


def test_failing_check_leaves_the_earlier_environment_in_use(site: Site) -> None:
    site.wheel("alpha", "1.0")
    site.manifest("alpha==1.0")
    site.installed()
    before = site.venv.readlink(), site.digest(), site.lock().read_bytes()
    site.wheel("alpha", "2.0", files={"alpha.py": "raise RuntimeError('alpha is broken')"})
    site.manifest("alpha==2.0", checks=[{"name": "alpha imports", "run": "import alpha"}])

    result = site.run("install")

    assert result.status == 1
    assert "alpha imports" in result.out + result.err
    assert "alpha is broken" in result.out + result.err
    assert (site.venv.readlink(), site.digest(), site.lock().read_bytes()) == before
    assert len(list((site.root / ".lockhouse" / "demo" / "generations").glob("[0-9]*"))) == 1


def test_failing_check_without_earlier_environment_leaves_none(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha", checks=[{"name": "never", "run": "raise SystemExit(4)"}])

    assert site.run("install").status == 1

    assert not site.venv.is_symlink()
    assert not list((site.root / "manifests").glob("pylock.*"))


def test_two_projects_give_the_same_digest(site: Site, tmp_path: Path) -> None:
    site.wheel("alpha", console_scripts={"alpha": "alpha:main"}, data={"scripts/tool": "#!python\nprint(1)\n"})
    site.manifest("alpha")
    site.installed()
    other = Site(tmp_path / ("a longer path with spaces " + "x" * 120), site.index)
    other.manifest("alpha")

    other.installed()

    assert other.digest() == site.digest()


def test_offline_install_from_an_existing_wheelhouse(site: Site, tmp_path: Path) -> None:
    site.wheel("alpha", "1.0", "beta")
    site.wheel("beta")
    site.manifest("alpha")
    site.installed()
    other = Site(tmp_path / "elsewhere", site.index, {"PIP_INDEX_URL": "http://127.0.0.1:9/simple/"})
    other.manifest("alpha")
    shutil.copytree(site.root / "wheelhouse", other.root / "wheelhouse")
    asked = len(site.index.requests)

    result = other.run("--offline", "install")

    assert result.status == 0, result.out + result.err
    assert other.digest() == site.digest()
    assert len(site.index.requests) == asked


def test_lock_installs_with_another_installer(site: Site, tmp_path: Path) -> None:
    site.wheel("alpha", "1.0", "beta")
    site.wheel("beta")
    site.manifest("alpha")
    site.installed()
    import uv

    tool = uv.find_uv_bin()
    target = tmp_path / "by-uv"
    subprocess.run([tool, "venv", "--python", sys.executable, target], check=True, capture_output=True)
    subprocess.run(
        [tool, "pip", "sync", "--python", target, site.lock()], check=True, capture_output=True, cwd=tmp_path
    )

    def names(packages: Path) -> set[str]:
        return {path.name for path in packages.glob("*.dist-info")}

    assert names(next(target.glob("lib/python*/site-packages"))) == names(site.site_packages())


def test_lock_is_repeated_exactly_and_upgrade_moves_on(site: Site) -> None:
    site.wheel("alpha", "1.0")
    site.manifest("alpha")
    site.installed()
    site.wheel("alpha", "1.1")
    shutil.rmtree(site.root / ".lockhouse")
    site.venv.unlink()

    site.installed()
    assert (site.site_packages() / "alpha-1.0.dist-info").is_dir()

    assert site.run("upgrade", "alpha").status == 0
    assert (site.site_packages() / "alpha-1.1.dist-info").is_dir()


def test_locked_says_what_differs(site: Site) -> None:
    site.wheel("alpha")
    site.wheel("beta")
    site.manifest("alpha")
    site.installed()
    site.manifest("alpha", "beta")

    result = site.run("--locked", "install")

    assert result.status == 1
    assert "beta" in result.err
    assert not (site.site_packages() / "beta-1.0.dist-info").exists()


def test_locked_without_a_lock_fails_whatever_an_earlier_run_left(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    site.lock().unlink()

    result = site.run("--locked", "install")

    assert result.status == 1
    assert "there is no lock to repeat" in result.err
    assert "run install without --locked" in result.err
    assert site.run("--locked", "plan").status == 1
    site.installed()
    assert site.lock().exists()


def test_verify_builds_from_the_lock_on_a_fresh_machine(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    digest = site.digest()
    shutil.rmtree(site.root / ".lockhouse")
    shutil.rmtree(site.root / "wheelhouse")
    site.venv.unlink()

    assert site.run("verify", "--no-build").status == 1
    assert not site.venv.exists()
    result = site.run("verify")

    assert result.status == 0, result.out + result.err
    assert site.digest() == digest


def test_verify_with_neither_environment_nor_lock_says_what_to_run(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")

    result = site.run("verify")

    assert result.status == 1
    assert "install" in result.err
    assert not site.venv.exists()


def test_verify_fails_when_the_manifest_has_moved_on(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    site.manifest("alpha>=1")

    result = site.run("verify")

    assert result.status == 1
    assert "lock" in result.err


def test_variant_index_serves_what_is_routed_to_it_and_nothing_else(site: Site, tmp_path: Path) -> None:
    with serving(tmp_path / "vendor") as vendor:
        build_wheel(vendor.folder, "torch", "2.0+cpu", "alpha")
        build_wheel(vendor.folder, "alpha", "9.9")  # a confusing name on the vendor's index
        site.wheel("torch", "2.0")
        site.wheel("alpha", "1.0")
        site.manifest(
            variants={"cpu": {"index": vendor.url}},
            stages=[
                {"name": "base", "requirements": ["alpha"]},
                {"name": "torch", "requirements": ["torch"], "index": "variant"},
            ],
        )

        document = site.run("--json", "plan").document

    chosen = {item["name"]: (item["version"], item["stage"]) for item in document["distributions"]}
    assert chosen["torch"] == ("2.0+cpu", "torch")
    assert chosen["alpha"] == ("1.0", "base")


def test_labelled_local_wheel_stands_in_for_an_index_out_of_reach(site: Site, tmp_path: Path) -> None:
    links = tmp_path / "links"
    build_wheel(links, "torch", "2.0+cpu")
    build_wheel(links, "torch", "2.0+cu124")
    site.environment["PIP_FIND_LINKS"] = str(links)
    site.wheel("torch", "2.0")
    site.manifest(
        variants={"cpu": {"index": "http://127.0.0.1:9/whl/cpu/"}},
        stages=[
            {"name": "torch", "requirements": ["torch"], "index": "variant"},
            {"name": "extra", "requirements": ["torchvision"], "index": "variant", "optional": True},
        ],
    )
    site.environment["PIP_RETRIES"] = "0"

    site.installed()

    assert (site.site_packages() / "torch-2.0+cpu.dist-info").is_dir()
    assert "extra" in site.lock().read_text()


def test_exclusion_cuts_the_edge(site: Site) -> None:
    site.wheel("sloth", "1.0", "torchao", "alpha")
    site.wheel("torchao")
    site.wheel("alpha")
    site.manifest(
        "sloth",
        blacklist=["torchao"],
        exclude=[{"distribution": "sloth", "dependency": "torchao", "reason": "not needed"}],
    )

    site.installed()

    assert not list(site.site_packages().glob("torchao*"))
    assert list(site.site_packages().glob("alpha*"))


def test_optional_stage_that_the_scan_would_refuse_is_left_out(site: Site) -> None:
    site.wheel("alpha")
    site.wheel("sloth", "1.0", "torchao")
    site.wheel("torchao")
    site.manifest(
        blacklist=["torchao"],
        stages=[
            {"name": "base", "requirements": ["alpha"]},
            {"name": "extra", "requirements": ["sloth"], "optional": True},
        ],
    )

    site.installed()

    assert not list(site.site_packages().glob("sloth*"))
    lock = tomllib.loads(site.lock().read_text())
    assert "torchao" in json.dumps(lock["tool"]["lockhouse"]["omitted"])
    assert site.run("--with", "extra", "install").status == 3


def test_plain_doit_runs_the_same_tasks(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")

    listed = site.doit("list")
    installed = site.doit("install")
    again = site.doit()

    assert listed.status == 0, listed.err
    for name in ("detect", "plan", "download", "scan", "destroy", "create", "install", "purge", "verify", "lock"):
        assert name in listed.out
    assert installed.status == 0, installed.out + installed.err
    assert again.status == 0
    assert site.doit("verify").status == 0
    (site.site_packages() / "alpha" / "new.py").write_text("")
    assert site.doit("verify").status == 1


def test_plain_doit_ends_with_the_status_of_the_contract(site: Site) -> None:
    site.wheel("torchao")
    site.manifest("torchao", blacklist=["torchao"])

    assert site.doit("install").status == 3
    assert site.doit("install", "ofline=1").status == 2
    (site.root / "manifests" / "demo.json").write_text("{}")
    broken = site.doit("install")
    assert broken.status == 2
    assert "Traceback" not in broken.err


def test_interrupt_leaves_the_earlier_environment(site: Site) -> None:
    site.wheel("alpha", "1.0")
    site.manifest("alpha==1.0")
    site.installed()
    before = site.venv.readlink(), site.digest()
    site.manifest("alpha==1.0", checks=[{"name": "slow", "run": "import time; time.sleep(60)"}])
    process = site.start("install")
    generations = site.root / ".lockhouse" / "demo" / "generations"
    deadline = time.monotonic() + 60
    while len(list(generations.glob("[0-9]*"))) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err
    assert (site.venv.readlink(), site.digest()) == before


def test_moved_project_is_not_proven_and_install_builds_it_anew(site: Site) -> None:
    site.wheel("alpha", console_scripts={"alpha": "alpha:main"})
    site.manifest("alpha")
    site.installed()
    digest = site.digest()
    site.root = site.root.rename(site.root.with_name("moved"))

    result = site.run("verify")
    assert result.status == 1
    assert "elsewhere" in result.err

    site.installed()
    assert site.run("verify").status == 0
    assert site.digest() == digest


def test_using_the_environment_is_no_drift(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    for _ in range(2):
        code = "import alpha, sys; print(alpha.__cached__)"
        used = subprocess.run([site.python, "-c", code], env=variables, capture_output=True, text=True, check=True)
        assert Path(used.stdout.strip()).is_file()  # bytecode was written, so the next import is fast

    assert site.run("verify").status == 0
    document = site.run("--json", "install").document
    assert all(phase["up-to-date"] for phase in document["phases"])


def test_optional_stage_whose_wheel_is_unsafe_is_left_out(site: Site) -> None:
    site.wheel("alpha")
    site.wheel("evil", "1.0", "shared", record="")
    site.wheel("shared")
    site.manifest(
        stages=[
            {"name": "base", "requirements": ["alpha"]},
            {"name": "extra", "requirements": ["evil"], "optional": True},
        ],
    )

    site.installed()

    assert not list(site.site_packages().glob("evil*"))
    assert not list(site.site_packages().glob("shared*"))
    assert "evil" in json.dumps(tomllib.loads(site.lock().read_text())["tool"]["lockhouse"]["omitted"])
    assert all(phase["up-to-date"] for phase in site.run("--json", "install").document["phases"])
    assert site.run("--with", "extra", "install").status == 3


def test_refused_plan_is_made_again_when_the_index_has_better(site: Site) -> None:
    site.wheel("alpha", "1.0", "torchao")
    site.wheel("torchao")
    site.manifest("alpha", blacklist=["torchao"])
    assert site.run("install").status == 3
    site.wheel("alpha", "1.1")
    site.installed()


def test_plan_without_lock_follows_the_index_settings(site: Site, tmp_path: Path) -> None:
    site.wheel("alpha", "1.0")
    site.manifest("alpha")
    assert site.run("plan").status == 0
    with serving(tmp_path / "other") as other:
        elsewhere = Site(site.root, other)
        elsewhere.wheel("alpha", "2.0")
        versions = {item["name"]: item["version"] for item in elsewhere.run("--json", "plan").document["distributions"]}
    assert versions["alpha"] == "2.0"


def test_credentials_of_an_index_are_written_nowhere(site: Site) -> None:
    site.index.faults.password = "bob:s3cret"
    address = site.index.url.replace("http://", "http://bob:s3cret@")
    site.environment["PIP_INDEX_URL"] = address
    site.wheel("alpha")
    site.manifest(
        indexes=[{"name": "corp", "url": address, "explicit": True}, {"name": "main", "url": address}],
        stages=[
            {"name": "base", "requirements": ["alpha"]},
            {"name": "extra", "requirements": [{"requirement": "absent", "index": "corp"}], "optional": True},
        ],
    )
    results = [site.run("--debug", "install"), site.run("--json", "plan")]
    site.manifest({"requirement": "absent", "index": "corp"}, indexes=[{"name": "corp", "url": address}])
    results.append(site.run("--debug", "install"))

    assert [result.status for result in results] == [0, 0, 1]
    assert all("s3cret" not in result.out + result.err for result in results)
    manifest = site.root / "manifests" / "demo.json"
    for path in site.root.rglob("*"):
        if path.is_file() and path != manifest:
            assert b"s3cret" not in path.read_bytes(), path


def test_upgrade_of_what_is_not_in_the_lock_is_refused(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    result = site.run("upgrade", "alhpa")
    assert result.status == 2
    assert "did you mean alpha?" in result.err


def test_unknown_accelerator_is_refused_also_without_variants(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    assert site.run("-a", "cu999zz", "plan").status == 2
    assert site.run("-a", "cpu", "plan").status == 0


def test_folders_of_wheels_may_be_relative(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_wheel(tmp_path / "links", "alpha")
    build_wheel(site.root / "vendor", "beta")
    monkeypatch.chdir(tmp_path)
    indexes = [{"name": "vendor", "url": "vendor", "explicit": True}, {"name": "main", "url": site.index.url}]
    site.manifest({"requirement": "beta", "index": "vendor"}, indexes=indexes)
    assert site.run("plan").status == 0
    site.environment["PIP_FIND_LINKS"] = "links"
    site.manifest("alpha")
    assert site.run("plan").status == 0
