"""Planning as people meet it: what their indexes and settings are like, and what they are told."""

from __future__ import annotations

import json
import tomllib

from packaging.pylock import Pylock

from fixtures.site import Site


def test_a_yanked_pin_is_planned_told_and_locked_with_its_reason(site: Site) -> None:
    site.index.faults.yanked[site.wheel("alpha", "1.0").name] = "loses data"
    site.wheel("alpha", "2.0")
    site.manifest("alpha==1.0")

    result = site.run("install")

    assert result.status == 0, result.out + result.err
    assert "alpha 1.0 was yanked by its index: loses data" in result.out + result.err
    plan = json.loads((site.root / ".lockhouse" / "demo" / "plan.json").read_text(encoding="utf-8"))
    assert {item["name"]: item["yanked"] for item in plan["distributions"]}["alpha"] == "loses data"
    lock = Pylock.from_dict(tomllib.loads(site.lock().read_text(encoding="utf-8")))
    assert next(package.tool["lockhouse"].get("yanked") for package in lock.packages if package.tool) == "loses data"
    assert site.run("--locked", "install").status == 0
