"""Going back to an earlier environment, and freeing what is no longer kept, run as a person runs them."""

from __future__ import annotations

from fixtures.documents import valid
from fixtures.site import Site


def two_generations(site: Site) -> tuple[str, str]:
    """Install twice with another version; return the digests of both environments."""
    site.wheel("alpha", "1.0")
    site.manifest("alpha==1.0")
    site.installed()
    first = site.digest()
    site.wheel("alpha", "2.0")
    site.manifest("alpha==2.0")
    site.installed()
    return first, site.digest()


def test_rollback_takes_the_earlier_environment_into_use_at_once(site: Site) -> None:
    first, second = two_generations(site)
    assert first != second

    result = site.run("--json", "rollback")

    assert result.status == 0, result.err
    document = valid(result.document)
    assert (document["generation"], document["previous"]) == (1, 2)
    assert "the manifest has moved on since generation 1 was built" in result.err
    assert document["environment-digest"] == first == site.digest()
    assert site.run("rollback").status == 0  # and forth again
    assert site.digest() == second


def test_rollback_of_an_upgrade_lasts(site: Site) -> None:
    site.wheel("alpha", "1.0")
    site.manifest("alpha")
    site.installed()
    lock = site.lock().read_text()
    site.wheel("alpha", "2.0")
    assert site.run("upgrade").status == 0
    assert site.lock().read_text() != lock

    result = site.run("rollback")

    assert result.status == 0
    assert "moved on" not in result.err
    assert "1.0" in site.lock().read_text()
    assert site.run("verify").status == 0
    document = site.run("--json", "install").document
    assert document["generation"] == 1  # the lock came back with it: nobody goes forward again by accident
    assert all(phase["up-to-date"] for phase in document["phases"] if phase["name"].startswith(("create", "install")))


def test_rollback_refuses_an_environment_that_is_not_what_it_was(site: Site) -> None:
    _, second = two_generations(site)
    (module,) = (site.root / ".lockhouse" / "demo" / "generations").glob("0001-*/lib/*/site-packages/alpha/__init__.py")
    module.chmod(0o644)
    module.write_text("changed = True\n")

    result = site.run("--json", "rollback", "1")

    assert result.status == 1
    document = valid(result.document)
    assert document["error"]["code"] == "drift"
    assert "alpha/__init__.py" in document["error"]["cause"]
    assert document["generation"] == 2
    assert site.digest() == second


def test_rollback_without_anything_to_go_back_to_is_a_usage_error(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    result = site.run("rollback")
    assert result.status == 2
    assert "there is no other generation to go back to" in result.err


def test_clean_keeps_the_environments_that_can_be_gone_back_to(site: Site) -> None:
    two_generations(site)
    assert valid(site.run("--json", "clean").document)["freed"] == []
    numbers = [item["number"] for item in valid(site.run("--json", "generations").document)["generations"]]
    assert numbers == [1, 2]
