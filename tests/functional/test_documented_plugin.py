"""The small plugin of docs/plugins.md, as somebody would try it; the large one is in tests/plugins/test_tutorial.py."""

from __future__ import annotations

import re
from pathlib import Path

from fixtures.site import Site

TUTORIAL = Path(__file__).parents[2] / "docs" / "plugins.md"


def install_plugin(site: Site) -> None:
    code = re.findall(r"```python\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)[0]
    folder = site.root / "plugins"
    folder.mkdir()
    (folder / "house_rules.py").write_text(code, encoding="utf-8")


def test_plugin_of_the_tutorial_adds_a_check_a_rule_and_a_wrapper(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    install_plugin(site)

    result = site.installed()
    document = site.run("--json", "verify").document

    assert "install:base took" in result.out
    assert "alpha is of this house" in {check["name"] for check in document["checks"] if check["ok"]}

    site.wheel("alpha-fork")
    site.manifest("alpha", "alpha-fork")
    assert site.run("scan").status == 3


def test_plugin_can_be_left_out(site: Site) -> None:
    site.wheel("alpha-fork")
    site.manifest("alpha-fork")
    install_plugin(site)
    site.environment["LOCKHOUSE_DISABLE_PLUGINS"] = "house_rules"
    assert site.run("scan").status == 0
