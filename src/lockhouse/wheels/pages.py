"""An index of our own making, in a folder: what was found elsewhere, in the one form that every resolver reads."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from pathlib import Path

from lockhouse.wheels.listing import Link

__all__ = ["write_index", "write_page"]


def write_index(folder: Path, projects: Mapping[str, Iterable[Link]]) -> str:
    """Write an index (PEP 503) of projects by canonical name and return its address; what it said before is gone."""
    for name, links in projects.items():
        write_page(folder / name / "index.html", links)
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute().as_uri()


def write_page(path: Path, links: Iterable[Link]) -> None:
    """Write a page of links; of two with the same file name the first counts."""
    anchors = [_anchor(link) for link in {link.filename: link for link in reversed(tuple(links))}.values()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<!DOCTYPE html><html><body>{''.join(anchors)}</body></html>", encoding="utf-8")


def _anchor(link: Link) -> str:
    fragment = f"#sha256={link.sha256}" if link.sha256 else ""
    attributes = {
        "href": f"{link.url}{fragment}",
        "data-requires-python": link.requires_python,
        "data-yanked": link.yanked,
    }
    text = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items() if value is not None)
    return f"<a{text}>{html.escape(link.filename)}</a><br>\n"
