"""A variant provider (PEP 817) of a stranger, installed as a distribution of its own and used as an accelerator."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.site import Site
from fixtures.strangers import Strangers
from lockhouse.plugins import Plugins
from lockhouse.testing.contract import check_contract
from lockhouse.testing.index import serving
from lockhouse.testing.wheels import WheelSpec

PROVIDER = """
from collections import namedtuple

VariantFeatureConfig = namedtuple("VariantFeatureConfig", "name values multi_value")

class Plugin:
    namespace = "fake"
    def get_supported_configs(self):
        return [VariantFeatureConfig("level", ["v3", "v2"], False)]
"""
BUILT_IN = [accelerator.namespace for accelerator in Plugins.load().accelerators()]


def provide(strangers: Strangers, name: str = "fake", code: str = PROVIDER) -> None:
    strangers.install(
        "fake-provider", code, plugin=name, target="fake_provider:Plugin", version="0.3", group="variant_plugins"
    )


def test_it_is_listed_and_gives_one_accelerator_and_none_of_its_code_runs(strangers: Strangers) -> None:
    provide(strangers, code="raise SystemExit('imported')")
    plugins = strangers.load()
    record = plugins.records[-1]
    assert (record.name, record.version, record.distribution) == ("fake", "0.3", "fake-provider")
    assert (record.status, record.hooks) == ("active", ("lockhouse_accelerators",))
    assert [accelerator.namespace for accelerator in plugins.accelerators()] == [*BUILT_IN, "fake"]


def test_it_can_be_left_out(strangers: Strangers, monkeypatch: pytest.MonkeyPatch) -> None:
    provide(strangers)
    monkeypatch.setenv("LOCKHOUSE_DISABLE_PLUGINS", "fake")
    assert strangers.record("fake").status == "disabled"


def test_a_name_that_could_not_be_a_namespace_is_told(strangers: Strangers) -> None:
    provide(strangers, name="Fake Provider")
    assert [accelerator.namespace for accelerator in strangers.load().accelerators()] == BUILT_IN
    assert "is registered as 'Fake Provider'" in strangers.heard.warnings[0]


def test_it_keeps_the_contract_of_accelerators(strangers: Strangers) -> None:
    provide(strangers)
    check_contract("fake", variants=["fake-level-v3"])


@pytest.fixture
def provided(site: Site, tmp_path: Path) -> Site:
    """A project beside which the provider is installed."""
    folder = tmp_path / "strangers"
    info = folder / "fake_provider-0.3.dist-info"
    info.mkdir(parents=True)
    (folder / "fake_provider.py").write_text(PROVIDER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-provider\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[variant_plugins]\nfake = fake_provider:Plugin\n")
    site.environment["PYTHONPATH"] = str(folder)
    site.wheel("alpha", "1.0")
    return site


def test_an_environment_is_built_for_what_the_provider_supports(provided: Site, tmp_path: Path) -> None:
    with serving(tmp_path / "vendor") as vendor:
        WheelSpec("alpha", "1.0").build(vendor.folder)
        provided.manifest(
            {"requirement": "alpha", "index": "variant"},
            variants={"fake-level-v4": {"index": vendor.url}, "fake-level-v2": {"index": vendor.url}},
        )
        result = provided.run("--json", "install")
        assert result.status == 0, result.err
        assert any("alpha" in request for request in vendor.requests)
    detected = provided.run("--json", "detect").document
    assert (detected["accelerator"], detected["variant"]) == ("fake", "fake-level-v2")
    assert "fake-level-v2" in provided.lock().name


def test_whose_manifest_has_no_supported_variant_is_told_which_there_are(provided: Site) -> None:
    provided.manifest("alpha", variants={"fake-level-v9": {}})
    result = provided.run("plan")
    assert result.status == 1
    assert "this machine supports fake-level-v3, fake-level-v2: add one of these to variants" in result.err
