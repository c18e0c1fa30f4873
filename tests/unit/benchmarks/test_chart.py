from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest

from benchmarks.chart import Bar, Group, draw

SVG = "{http://www.w3.org/2000/svg}"


def bar(label: str, value: float, *, least: float | None = None, most: float | None = None, own: bool = False) -> Bar:
    return Bar(label=label, value=value, least=least or value, most=most or value, text=f"{value} s", own=own)


def drawn(*groups: Group) -> ElementTree.Element:
    return ElementTree.fromstring(draw("title", "note", groups))


def widths(svg: ElementTree.Element) -> list[float]:
    return [float(rect.attrib["width"]) for rect in svg.iter(f"{SVG}rect") if rect.attrib["class"] != "page"]


def texts(svg: ElementTree.Element) -> Sequence[str | None]:
    return [text.text for text in svg.iter(f"{SVG}text")]


def test_equal_ratios_are_equal_distances() -> None:
    svg = drawn(Group(title="work", bars=(bar("a", 0.02), bar("b", 0.2), bar("c", 2), bar("d", 20))))

    a, b, c, d = widths(svg)
    assert b - a == pytest.approx(c - b, abs=0.3)
    assert d - c == pytest.approx(c - b, abs=0.3)


def test_every_bar_group_and_figure_is_named() -> None:
    svg = drawn(
        Group(title="first", bars=(bar("uv", 1.5), bar("own", 2.5, own=True))),
        Group(title="second", bars=(bar("x", 3),)),
    )

    assert {"title", "note", "first", "second", "uv", "own", "x", "1.5 s", "2.5 s", "3 s"} <= set(texts(svg))
    assert [rect.attrib["class"] for rect in svg.iter(f"{SVG}rect")] == ["page", "other", "own", "other"]


def test_whiskers_reach_from_least_to_most() -> None:
    svg = drawn(Group(title="work", bars=(bar("a", 1.0), bar("b", 2.0, least=1.0, most=9.0))))

    whiskers = [path.attrib["d"] for path in svg.iter(f"{SVG}path") if path.attrib["class"] == "whisker"]
    (at_one, *_), (from_one, to_nine, *_) = ([float(x) for x in re.findall(r"[MH]([\d.]+)", d)] for d in whiskers)
    assert from_one == at_one
    assert to_nine > from_one


def test_nothing_stands_outside_the_picture() -> None:
    svg = drawn(
        *(Group(title=f"work {n}", bars=(bar("a", 0.003, least=0.001), bar("b", 99, most=300))) for n in range(9))
    )

    width, height = (float(part) for part in svg.attrib["viewBox"].split()[2:])
    for element in (*svg.iter(f"{SVG}rect"), *svg.iter(f"{SVG}text")):
        assert 0 <= float(element.get("x", 0)) <= width
        assert 0 <= float(element.get("y", 0)) + float(element.get("height", 0)) <= height


def test_text_is_text_and_not_markup() -> None:
    assert "a < b & c" in texts(drawn(Group(title="a < b & c", bars=(bar("x", 1),))))


def test_colours_of_light_and_dark_pages_are_both_given() -> None:
    svg = drawn(Group(title="work", bars=(bar("a", 1.0),)))

    style = svg.find(f"{SVG}style")
    assert style is not None
    assert style.text is not None
    light, dark = style.text.split("@media (prefers-color-scheme: dark)")
    for name in (".page", ".text", ".soft", ".line", ".whisker", ".other", ".own"):
        assert name in light
        assert name in dark


def test_no_bars_are_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        draw("title", "note", [Group(title="empty", bars=())])
