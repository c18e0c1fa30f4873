"""What is refused before anything is touched, and what only looks as if it were."""

from __future__ import annotations

import json
import sys

import pytest

from fixtures.site import Site

ELSEWHERE = "linux" if sys.platform == "win32" else "win32"


def test_a_blacklist_entry_for_another_platform_counts_nowhere(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha", blacklist=[f"alpha; sys_platform == '{ELSEWHERE}'"])
    site.installed()
    assert site.run("verify").status == 0

    site.manifest("alpha", blacklist=[f"alpha; sys_platform == '{sys.platform}'"])
    assert site.run("install").status == 3


def test_a_manifest_never_takes_or_overwrites_the_lock_of_another(site: Site) -> None:
    site.wheel("alpha")
    site.wheel("beta")
    fields = {"python": {"version": site_python()}, "environment": {"path": ".one"}}
    site.manifest("alpha", name="llm", variants={"2024-cpu": {}}, **fields)
    assert site.run("-m", "llm", "-a", "2024-cpu", "install").status == 0
    before = site.lock().read_bytes()
    site.manifest("beta", name="llm-2024", variants={"cpu": {}}, environment={"path": ".two"})

    result = site.run("--json", "-m", "llm-2024", "-a", "cpu", "install")

    assert result.status == 2
    assert result.document["error"]["code"] == "lock-unusable"
    assert "'llm'" in result.document["error"]["cause"]
    assert site.lock().read_bytes() == before
    assert not (site.root / ".two").exists()


def site_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def test_generations_name_their_own_lock_only(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha", name="llm", environment={"path": ".one"})
    site.manifest("alpha", name="llm-2024", environment={"path": ".two"})
    for name in ("llm", "llm-2024"):
        assert site.run("-m", name, "install").status == 0
    for name in ("llm", "llm-2024"):
        (generation,) = site.run("-m", name, "--json", "generations").document["generations"]
        text = json.dumps(generation["lock"])
        assert f"pylock.{name}-any" in text


@pytest.mark.parametrize(("written", "told"), [("cudaa", "did you mean 'cuda'?"), ("quantum", "(known: cpu, cuda")])
def test_a_check_for_an_accelerator_that_nobody_knows_is_an_error_of_the_manifest(
    site: Site, written: str, told: str
) -> None:
    site.wheel("alpha")
    check = {"name": "works", "run": "import alpha", "requires": written}
    stages = [{"name": "base", "requirements": ["alpha"], "checks": [{**check, "name": "early"}]}]
    site.manifest(stages=stages, checks=[check])

    document = site.run("--json", "plan").document

    assert document["error"]["code"] == "manifest"
    first, second = document["error"]["cause"].splitlines()
    assert first.startswith(f"checks[0].requires: no plugin knows the accelerator {written!r}")
    assert second.startswith("stages[0].checks[0].requires: ")
    assert told in first


def test_a_check_for_an_accelerator_of_a_plugin_that_is_disabled_is_skipped(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha", checks=[{"name": "works", "run": "pass", "requires": "cuda"}])
    site.environment["LOCKHOUSE_DISABLE_PLUGINS"] = "cuda"
    document = site.run("--json", "install").document
    assert document["ok"], document["error"]
