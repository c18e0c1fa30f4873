"""What is kept, what goes, and when: never before there is something better."""

from __future__ import annotations

from pathlib import Path

from fixtures.site import Site
from lockhouse.wheels.facts import recall_facts


def numbers(site: Site) -> list[int]:
    return [item["number"] for item in site.run("--json", "generations").document["generations"]]


def two_generations(site: Site) -> None:
    site.wheel("alpha", "1.0")
    site.wheel("alpha", "2.0")
    for version in ("1.0", "2.0"):
        site.manifest(f"alpha=={version}")
        site.installed()
    assert numbers(site) == [1, 2]


def test_an_install_that_fails_leaves_what_can_be_gone_back_to(site: Site) -> None:
    two_generations(site)
    site.manifest("alpha==2.0", checks=[{"name": "never", "run": "raise SystemExit(1)"}])
    site.wheel("beta")
    site.manifest("alpha==2.0", "beta", checks=[{"name": "never", "run": "raise SystemExit(1)"}])

    assert site.run("install").status == 1

    assert numbers(site) == [1, 2]
    assert site.run("rollback").status == 0
    assert (site.site_packages() / "alpha-1.0.dist-info").is_dir()


def test_after_an_install_no_more_than_are_kept_remain(site: Site) -> None:
    two_generations(site)
    site.wheel("alpha", "3.0")
    site.manifest("alpha==3.0")
    site.installed()
    assert numbers(site) == [2, 3]
    document = site.run("--json", "install").document
    assert all(phase["up-to-date"] for phase in document["phases"])


def test_with_one_kept_the_earlier_one_goes_when_its_successor_serves(site: Site) -> None:
    site.wheel("alpha", "1.0")
    site.wheel("alpha", "2.0")
    for version in ("1.0", "2.0"):
        site.manifest(f"alpha=={version}", environment={"keep": 1})
        site.installed()
    assert numbers(site) == [2]


def test_clean_frees_what_no_plan_waits_for_and_says_how_much(site: Site) -> None:
    site.wheel("alpha")
    path = site.manifest("alpha")
    assert site.run("plan").status == 0
    (planned,) = [item for item in site.run("--json", "plan").document["distributions"] if item["name"] == "alpha"]
    partial = site.root / "wheelhouse" / ".partial"
    awaited = fill(partial / f"{planned['sha256']}-{planned['filename']}", 100)
    note = fill(partial / f"{awaited.name}.note", 10)
    stale = fill(partial / f"{'0' * 64}-beta-1.0-py3-none-any.whl", 5000)
    killed = fill(site.root / "wheelhouse" / ".lockhouse-writing-.hashes.json.1-2", 50)
    bytecode = fill(site.root / ".lockhouse" / path.stem / "tmp" / "bytecode-x" / "a.pyc", 1000)

    told = site.run("--json", "clean", "--dry-run").document
    assert {item["path"] for item in told["freed"]} >= {str(stale)}
    assert stale.exists()
    document = site.run("--json", "clean").document

    assert {item["path"]: item["size"] for item in document["freed"]}[str(stale)] == 5000
    assert awaited.exists()
    assert note.exists()
    assert not stale.exists()
    assert not killed.exists()
    assert not bytecode.exists()


def test_clean_leaves_what_the_plan_of_another_manifest_waits_for(site: Site) -> None:
    site.wheel("alpha")
    site.wheel("beta")
    site.manifest("alpha", name="one")
    site.manifest("beta", name="two", environment={"path": ".two"})
    for name in ("one", "two"):
        assert site.run("-m", name, "plan").status == 0
    planned = site.run("-m", "two", "--json", "plan").document["distributions"]
    (beta,) = [item for item in planned if item["name"] == "beta"]
    awaited = fill(site.root / "wheelhouse" / ".partial" / f"{beta['sha256']}-{beta['filename']}", 100)

    assert site.run("-m", "one", "clean").status == 0

    assert awaited.exists()


def fill(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def test_clean_leaves_what_another_project_knows_of_its_wheels(site: Site, tmp_path: Path) -> None:
    other = Site(root=tmp_path / "other", index=site.index)
    other.wheel("theirs")
    other.manifest("theirs")
    other.installed()
    site.wheel("ours")
    site.manifest("ours")
    assert site.run("scan").status == 0
    site.manifest("theirs")
    assert site.run("plan").status == 0

    told = site.run("--json", "clean", "--dry-run").document["freed"]
    assert [item["kind"] for item in told] == ["facts"]
    assert site.run("--json", "clean").document["freed"] == told
    planned = other.run("--json", "plan").document["distributions"]
    known = {item["name"]: recall_facts(item["sha256"]) is not None for item in planned}
    assert known["theirs"]
    assert site.run("--json", "clean").document["freed"] == []
