"""Planning as people meet it: what their indexes and settings are like, and what they are told."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Pylock

from fixtures.index import serving
from fixtures.site import RELEASE, Site
from fixtures.wheels import WheelSpec, build_tools, build_wheel


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


def plan_of(site: Site) -> Any:
    """The document of the plan, made just now."""
    shutil.rmtree(site.root / ".lockhouse", ignore_errors=True)
    result = site.run("--json", "plan")
    assert result.status == 0, result.out + result.err
    return result.document


@pytest.mark.parametrize("failure", [403, 429, 503, None])
def test_mirror_gives_the_plan_of_an_index_that_refuses_or_is_gone(
    site: Site, tmp_path: Path, failure: int | None
) -> None:
    build_wheel(site.index.folder, "alpha", "1.0", "beta")
    build_wheel(site.index.folder, "beta")
    with serving(tmp_path / "mirror") as mirror:
        shutil.copytree(site.index.folder, mirror.folder, dirs_exist_ok=True)
        mirrors = [mirror.url.replace("http:", "https:"), mirror.url]  # the first one does not speak TLS
        site.manifest("alpha", indexes=[{"name": "main", "url": site.index.url, "mirrors": mirrors}])
        expected = plan_of(site)
        assert expected["notes"] == []
        if failure is None:
            site.index.stop()
        for name in ("alpha", "beta", "pip", "setuptools", "wheel"):
            site.index.faults.status[name] = [failure or 200] * 20

        found = plan_of(site)

        assert found["digest"] == expected["digest"]
        assert [item["sha256"] for item in found["distributions"]] == [
            item["sha256"] for item in expected["distributions"]
        ]
        assert all(item["url"].startswith(mirror.base) for item in found["distributions"])
        assert mirror.url in found["notes"][-1]
        assert site.run("download").status == 0


def test_files_of_an_index_whose_host_is_gone_come_from_the_mirror(site: Site, tmp_path: Path) -> None:
    wheel = site.wheel("alpha")
    with serving(tmp_path / "mirror") as mirror:
        shutil.copytree(site.index.folder, mirror.folder, dirs_exist_ok=True)
        site.manifest("alpha", indexes=[{"name": "main", "url": site.index.url, "mirrors": [mirror.url]}])
        for name in (wheel.name, f"{wheel.name}.metadata"):
            site.index.faults.status[name] = [503] * 50

        result = site.run("install")

        assert result.status == 0, result.out + result.err
        assert wheel.name in mirror.sent


def test_the_failure_of_an_index_and_all_its_mirrors_names_each(site: Site) -> None:
    mirrors = ["http://127.0.0.1:9/second/", "http://127.0.0.1:9/third/"]
    site.manifest("alpha", indexes=[{"name": "main", "url": "http://127.0.0.1:9/first/", "mirrors": mirrors}])
    site.environment["PIP_RETRIES"] = "0"

    document = site.run("--json", "plan").document

    assert document["error"]["code"] == "network"
    for place in ("first", "second", "third"):
        assert f"http://127.0.0.1:9/{place}/" in document["error"]["cause"]


def test_pips_no_index_plans_and_installs_from_find_links(site: Site, tmp_path: Path) -> None:
    links = tmp_path / "links"
    build_tools(links)
    build_wheel(links, "alpha", "1.0", "beta")
    build_wheel(links, "beta")
    site.manifest("alpha")
    site.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(links)}
    site.installed()
    assert site.index.requests == []


def test_offline_without_a_wheelhouse_plans_from_folders_of_find_links(site: Site, tmp_path: Path) -> None:
    site.manifest("alpha")
    result = site.run("--offline", "plan")
    assert result.status == 1
    assert "cannot be found" in result.err
    assert "put the missing wheels into wheelhouse/" in result.err
    build_tools(tmp_path / "links")
    build_wheel(tmp_path / "links", "alpha")
    site.environment["PIP_FIND_LINKS"] = str(tmp_path / "links")
    result = site.run("--offline", "install")
    assert result.status == 0, result.out + result.err


def test_folder_with_pages_is_an_index_beside_others(site: Site, tmp_path: Path) -> None:
    """An index on disk: relative links, wheels beside, and not every project in it."""
    files, simple = tmp_path / "disk" / "files", tmp_path / "disk" / "simple"
    build_wheel(site.index.folder, "alpha", "1.0", "beta")
    for name, version in (("alpha", "2.0"), ("beta", "1.0")):
        wheel = build_wheel(files, name, version, *(["beta"] if name == "alpha" else []))
        (simple / name).mkdir(parents=True)
        sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
        anchor = f'<a href="../../files/{wheel.name}#sha256={sha256}">{wheel.name}</a>'
        (simple / name / "index.html").write_text(f"<!DOCTYPE html><html><body>{anchor}</body></html>")
    site.manifest("alpha")
    site.environment["PIP_EXTRA_INDEX_URL"] = simple.as_uri()

    document = site.run("--json", "plan").document

    found = {item["name"]: item for item in document["distributions"]}
    assert document["notes"] == []
    assert found["alpha"]["version"] == "2.0"
    assert found["beta"]["url"] == (files / "beta-1.0-py3-none-any.whl").as_uri()
    assert found["pip"]["url"].startswith(site.index.base)
    site.installed()


def test_constraints_of_pip_bind_what_its_indexes_serve(site: Site, tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        site.wheel("alpha", version)
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("alpha<2\nbeta<1\n")
    site.manifest("alpha")
    site.environment["PIP_CONSTRAINT"] = str(constraints)
    document = plan_of(site)
    assert {item["name"]: item["version"] for item in document["distributions"]}["alpha"] == "1.0"
    assert document["notes"] == [f"alpha<2 counts, a constraint of pip's configuration ({constraints}, line 1)"]

    constraints.write_text("alpha<3\n")
    document = site.run("--json", "plan").document
    assert {item["name"]: item["version"] for item in document["distributions"]}["alpha"] == "2.0"


def test_constraints_of_pip_do_not_bind_what_has_an_index_of_its_own(site: Site, tmp_path: Path) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("alpha<2\n")
    site.environment["PIP_CONSTRAINT"] = str(constraints)
    with serving(tmp_path / "corp") as corp:
        build_wheel(corp.folder, "alpha", "2.0")
        site.manifest(
            {"requirement": "alpha==2.0", "index": "corp"},
            indexes=[{"name": "corp", "url": corp.url, "explicit": True}],
        )
        document = plan_of(site)
    assert document["notes"] == [f"alpha<2 ({constraints}, line 1) does not count: alpha comes from its own index"]


def test_wheel_that_was_fetched_for_its_metadata_is_not_fetched_again(site: Site) -> None:
    wheel = site.wheel("alpha", padding=300_000)
    site.index.faults.no_metadata = site.index.faults.no_ranges = True
    site.manifest("alpha")
    plan_of(site)
    assert (site.root / "wheelhouse" / wheel.name).read_bytes() == wheel.read_bytes()
    site.index.sent.clear()
    assert site.run("download").status == 0
    assert site.index.sent == {}


def test_blacklisted_wheel_is_not_fetched_where_ranges_show_its_metadata(site: Site) -> None:
    site.wheel("top", "1.0", "torchao")
    wheel = site.wheel("torchao", "0.15.0", padding=2_000_000)
    site.index.faults.no_metadata = True
    site.manifest("top", blacklist=["torchao"])
    assert site.run("install").status == 3
    assert site.index.sent[wheel.name] < 300_000
    assert not (site.root / "wheelhouse" / wheel.name).exists()


def test_contradiction_and_misspelt_name_are_told_with_their_places(site: Site) -> None:
    site.wheel("alpha", "1.0", "beta<2")
    for version in ("1.0", "2.0"):
        site.wheel("beta", version)
    site.manifest("alpha", "beta>=2")
    error = site.run("--json", "plan").document["error"]
    assert error["code"] == "resolution"
    assert error["cause"].splitlines() == [
        "every version of alpha needs beta<2",
        "the manifest asks for alpha (stages[0].requirements[0]) and beta>=2 (stages[0].requirements[1])",
    ]
    site.manifest("transfomers")
    error = site.run("--json", "plan").document["error"]
    assert error["hints"] == [
        {"code": "did-you-mean", "text": "did you mean transformers? (stages[0].requirements[0])"}
    ]


def test_plan_leads_to_servers_and_the_download_to_what_is_here(site: Site, tmp_path: Path) -> None:
    for name in ("alpha", "beta"):
        site.wheel(name)
    links = tmp_path / "links"
    shutil.copytree(site.index.folder, links)
    build_wheel(links, "own")
    WheelSpec("beta", files={"beta.py": "changed = True"}).build(links)
    site.wheel("gamma", tag=f"py{RELEASE.replace('.', '')}-none-any")  # fits better than what is here
    build_wheel(links, "gamma")
    site.manifest("alpha", "beta", "gamma", "own")
    site.environment["PIP_FIND_LINKS"] = str(links)

    found = {item["name"]: item["url"] for item in plan_of(site)["distributions"]}

    assert found["alpha"].startswith(site.index.base)
    assert found["pip"].startswith(site.index.base)
    assert found["gamma"].startswith(site.index.base)
    assert found["own"] == (links / "own-1.0-py3-none-any.whl").as_uri()
    assert found["beta"] == (links / "beta-1.0-py3-none-any.whl").as_uri()  # other bytes: not the same wheel
    assert site.run("download").status == 0
    assert [name.partition("-")[0] for name in site.index.sent] == ["gamma"]
