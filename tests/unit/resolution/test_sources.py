"""What serves the names without a route: the manifest's open indexes, or all that pip is configured to use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fixtures.index import Index
from fixtures.servers import Request, answering, reply
from fixtures.wheels import build_wheel
from lockhouse.errors import UsageError
from lockhouse.manifest import Index as Wanted
from lockhouse.resolution.sources import Sources, find_sources
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import read_pip_configuration
from lockhouse.wheels.wheelhouse import Wheelhouse, hash_file


def find(tmp_path: Path, *indexes: Wanted, offline: bool = False, **variables: str) -> Sources:
    configuration = read_pip_configuration({**os.environ, **variables})
    work = tmp_path / "work"
    with Client(configuration, offline=offline, first_wait=0.001) as client:
        wheelhouse = Wheelhouse(tmp_path / "wheelhouse")
        return find_sources(indexes, configuration, client, root=tmp_path, wheelhouse=wheelhouse, work=work)


def test_pip_decides_where_the_manifest_has_no_open_index(tmp_path: Path) -> None:
    explicit = Wanted(name="corp", url="https://corp.example/simple", explicit=True)
    variables: dict[str, Any] = {
        "PIP_INDEX_URL": "https://one.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://two.example/simple",
    }
    for indexes in ((), (explicit,)):
        found = find(tmp_path, *indexes, **variables)
        assert set(found.addresses.values()) == {("https://one.example/simple",), ("https://two.example/simple",)}
        assert found.default is not None
        assert found.addresses[found.default] == ("https://one.example/simple",)
        assert (found.equal, found.closed) == (True, False)


def test_without_an_index_of_pip_the_resolver_has_its_own_default(tmp_path: Path) -> None:
    found = find(tmp_path, PIP_EXTRA_INDEX_URL="https://two.example/simple")
    assert (found.default, found.closed) == (None, False)


def test_open_indexes_of_the_manifest_are_all_there_is(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    first = Wanted(name="first", url="https://one.example/simple", mirrors=("https://mirror.example/simple",))
    second = Wanted(name="second", url="wheels")
    (tmp_path / "wheels").mkdir()
    found = find(
        tmp_path, first, second, PIP_INDEX_URL="https://pip.example/simple", PIP_FIND_LINKS=str(tmp_path / "links")
    )
    assert found.addresses == {
        "first": ("https://one.example/simple", "https://mirror.example/simple"),
        "second": (str(tmp_path / "wheels"),),
    }
    assert (found.default, found.find_links, found.equal, found.closed) == ("second", (), False, True)
    assert found.stand_ins == (str(tmp_path / "links"),)


def test_no_index_leaves_find_links(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    found = find(
        tmp_path, PIP_NO_INDEX="1", PIP_INDEX_URL="https://pip.example/simple", PIP_FIND_LINKS=str(tmp_path / "links")
    )
    assert (found.addresses, found.find_links, found.closed) == ({}, (str(tmp_path / "links"),), True)


def test_find_links_may_be_folders_pages_wheels_and_addresses(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    wheel = build_wheel(tmp_path / "links", "alpha")
    page = tmp_path / "page.html"
    page.write_text("")
    build_wheel(index.folder, "pip")
    served = f"{index.url}pip/"
    locations = [
        "~/links",
        (tmp_path / "links").as_uri(),
        page.as_uri(),
        served,
        str(wheel),
        f"{index.base}/files/b.whl",
    ]
    found = find(tmp_path, PIP_FIND_LINKS=" ".join(locations))
    *as_they_are, singles = found.find_links
    assert as_they_are == [str(tmp_path / "links"), str(tmp_path / "links"), str(page), served]
    assert found.notes == ()
    text = Path(singles).read_text(encoding="utf-8")
    assert f"{wheel.as_uri()}#sha256={hash_file(wheel)}" in text
    assert f"{index.base}/files/b.whl" in text


def test_find_links_that_are_not_there_are_told_and_skipped(tmp_path: Path) -> None:
    def answer(request: Request) -> None:
        reply(request, 404)

    with answering(answer) as url:
        found = find(tmp_path, PIP_FIND_LINKS=f"{tmp_path}/none {url}/links.html {tmp_path}/none.whl")
    assert found.find_links == ()
    assert [note.rpartition(" is skipped")[0] for note in found.notes] == [
        f"pip's find-links {tmp_path}/none",
        f"pip's find-links {url}/links.html",
        f"pip's find-links {tmp_path}/none.whl",
    ]


def test_offline_only_what_is_on_this_machine_serves(tmp_path: Path) -> None:
    for name in ("links", "simple"):
        (tmp_path / name).mkdir()
    (tmp_path / "page.html").write_text("")
    variables: dict[str, Any] = {
        "PIP_INDEX_URL": "https://one.example/simple",
        "PIP_EXTRA_INDEX_URL": (tmp_path / "simple").as_uri(),
        "PIP_FIND_LINKS": f"https://two.example/links.html {tmp_path}/page.html {tmp_path}/links",
    }
    found = find(tmp_path, offline=True, **variables)
    assert list(found.addresses.values()) == [((tmp_path / "simple").as_uri(),)]
    assert (found.find_links, found.closed) == ((str(tmp_path / "links"),), True)


def test_offline_the_wheelhouse_serves_with_the_hashes_that_it_remembers(tmp_path: Path) -> None:
    wheels = [build_wheel(tmp_path / "wheelhouse", name) for name in ("alpha", "beta")]
    (tmp_path / "wheelhouse" / "broken.whl").symlink_to("nowhere")
    (page,) = find(tmp_path, offline=True).find_links
    text = Path(page).read_text(encoding="utf-8")
    for wheel in wheels:
        assert f"{wheel.as_uri()}#sha256={hash_file(wheel)}" in text
    assert "broken" not in text
    assert (tmp_path / "wheelhouse" / ".hashes.json").is_file()
    assert find(tmp_path).find_links == ()


def test_folder_of_an_index_that_is_not_there_is_told(tmp_path: Path) -> None:
    (note,) = find(tmp_path, PIP_EXTRA_INDEX_URL=(tmp_path / "simple").as_uri()).notes
    assert str(tmp_path / "simple") in note


def test_constraints_of_pip_are_read_and_options_that_do_not_count_are_told(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("alpha<2\n")
    found = find(tmp_path, PIP_CONSTRAINT=str(tmp_path / "c.txt"), PIP_NO_BINARY="numpy", PIP_ONLY_BINARY=":all:")
    assert [(line.requirement, line.origin) for line in found.constraints] == [("alpha<2", f"{tmp_path}/c.txt, line 1")]
    (note,) = found.notes
    assert "no-binary (numpy) does not count" in note
    with pytest.raises(UsageError, match="cannot be read"):
        find(tmp_path, PIP_CONSTRAINT=str(tmp_path / "none.txt"))
