"""What is kept, what goes, and when: never before there is something better."""

from __future__ import annotations

from fixtures.site import Site


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
