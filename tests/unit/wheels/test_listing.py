"""Project pages in both forms, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from fixtures.wheels import build_wheel
from lockhouse.wheels.listing import Link, folder_links, html_links, json_links

SHA = "0123456789abcdef" * 4
BASE = "https://index.example/simple/some-thing/"


def page(*files: Mapping[str, object]) -> str:
    return json.dumps({"meta": {"api-version": "1.1"}, "name": "some-thing", "files": list(files)})


def test_json_page_gives_every_field() -> None:
    text = page(
        {
            "filename": "some_thing-1.0-py3-none-any.whl",
            "url": "../../files/some_thing-1.0-py3-none-any.whl",
            "hashes": {"sha256": SHA.upper(), "md5": "x"},
            "size": 12,
            "requires-python": ">=3.8",
            "yanked": "broken",
            "core-metadata": {"sha256": SHA},
        }
    )
    assert json_links(text, BASE, "Some.Thing") == (
        Link(
            filename="some_thing-1.0-py3-none-any.whl",
            url="https://index.example/files/some_thing-1.0-py3-none-any.whl",
            sha256=SHA,
            size=12,
            requires_python=">=3.8",
            yanked="broken",
            metadata_sha256=SHA,
        ),
    )


def test_html_page_gives_every_field() -> None:
    text = f"""<!DOCTYPE html><html><head><base href="/files/"></head><body>
    <a href="some_thing-1.0%2Bcpu-py3-none-any.whl#sha256={SHA}" data-requires-python="&gt;=3.8" data-yanked=""
       data-dist-info-metadata="sha256={SHA}">some_thing</a><a name="no link">x</a></body></html>"""
    assert html_links(text, BASE, "some-thing") == (
        Link(
            filename="some_thing-1.0+cpu-py3-none-any.whl",
            url="https://index.example/files/some_thing-1.0%2Bcpu-py3-none-any.whl",
            sha256=SHA,
            requires_python=">=3.8",
            yanked="",
            metadata_sha256=SHA,
        ),
    )


def test_credentials_and_fragments_do_not_stay_in_urls() -> None:
    (link,) = html_links('<a href="https://me:pw@h.example/a-1-py3-none-any.whl#egg=a">', BASE, "a")
    assert link.url == "https://h.example/a-1-py3-none-any.whl"


@pytest.mark.parametrize(
    "filename",
    [
        "a-1.0.tar.gz",
        "a-1.0.zip",
        "a-1.0-py3-none-any.whl.metadata",
        "b-1.0-py3-none-any.whl",
        "a-one-py3-none-any.whl",
        "a.whl",
        "",
        "a-1.0-py3-none-../../any.whl",
        "a-1.0-py3-none-..\\any.whl",
    ],
)
def test_what_is_no_wheel_of_the_project_is_passed_over(filename: str) -> None:
    assert json_links(page({"filename": filename, "url": f"https://h.example/{filename}"}), BASE, "a") == ()


@pytest.mark.parametrize(
    "address",
    ["http://[broken/a-1-py3-none-any.whl", "http://h:port/a-1-py3-none-any.whl", "file:///etc/a-1-py3-none-any.whl"],
)
def test_addresses_that_are_none_are_passed_over(address: str) -> None:
    good = {"filename": "a-2-py3-none-any.whl", "url": "a-2-py3-none-any.whl"}
    links = json_links(page({"filename": "a-1-py3-none-any.whl", "url": address}, good), BASE, "a")
    assert [link.filename for link in links] == ["a-2-py3-none-any.whl"]
    assert html_links(f'<a href="{address}">', BASE, "a") == ()


def test_hashes_that_are_none_are_dropped() -> None:
    file = {"filename": "a-1-py3-none-any.whl", "url": "a-1-py3-none-any.whl", "hashes": {"sha256": "../../evil"}}
    (link,) = json_links(page(file), BASE, "a")
    assert link.sha256 is None
    (link,) = html_links('<a href="a-1-py3-none-any.whl#md5=0123">', BASE, "a")
    assert link.sha256 is None


def test_second_entry_for_a_file_name_does_not_count() -> None:
    file = {"filename": "a-1-py3-none-any.whl", "url": "https://one.example/a-1-py3-none-any.whl"}
    links = json_links(page(file, file | {"url": "https://two.example/a-1-py3-none-any.whl"}), BASE, "a")
    assert [link.url for link in links] == ["https://one.example/a-1-py3-none-any.whl"]


@pytest.mark.parametrize("text", ["", "[]", '{"files": 1}', "<html></html>", '{"files": {}}'])
def test_page_without_files_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        json_links(text, BASE, "a")


def test_folder_lists_the_wheels_of_one_distribution(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "Some.Thing", "1.0+cpu")
    build_wheel(tmp_path, "other")
    (tmp_path / "some_thing-2.0.tar.gz").write_bytes(b"")
    assert folder_links(tmp_path, "some_thing") == (
        Link(filename=wheel.name, url=wheel.as_uri(), size=wheel.stat().st_size),
    )
