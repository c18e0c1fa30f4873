from __future__ import annotations

import pytest

from lockhouse.reporting.whereabouts import Region, Whereabouts

JSON = """{
  "blacklist": ["torch", {"requirement": "quant"}],
  "variants": {"cpu": {"requirements": {"numpy": "numpy==1.26"}}},
  "stages": [
    {"name": "torch", "requirements": ["torch", {"requirement": "a[x]==2.0; python_version > \\"3\\""}]}
  ],
  "exclude": [{"dependency": "c", "distribution": "Foo_Bar"}]
}
"""
TOML = """blacklist = ['torch']  # not "torch"
description = \"\"\"
[[stages]] "torch"
\"\"\"

[[exclude]]
distribution = 'Foo_Bar'
dependency = "c"

[[stages]]
name = "torch"
requirements = [
  "torch",  # and 'torch'
  "a[x]==2.0; python_version > \\"3\\"",
]
"""


def text_of(document: str, region: Region | None) -> str | None:
    if region is None:
        return None
    assert region.line == region.end_line
    return document.splitlines()[region.line - 1][region.column - 1 : region.end_column - 1]


@pytest.mark.parametrize("document", [JSON, TOML])
def test_a_requirement_is_found_in_its_stage_and_not_where_the_same_text_means_something_else(document: str) -> None:
    region = Whereabouts(document).requirement("torch", "torch")
    assert text_of(document, region) == '"torch"'
    assert region is not None
    line = document.splitlines()[region.line - 1]
    assert "requirements" in line or "and 'torch'" in line


@pytest.mark.parametrize("document", [JSON, TOML])
def test_quotes_within_a_requirement_are_part_of_it(document: str) -> None:
    region = Whereabouts(document).requirement('a[x]==2.0; python_version > "3"', "a")
    assert text_of(document, region) == '"a[x]==2.0; python_version > \\"3\\""'


def test_the_requirement_of_a_variant_is_found_where_it_stands() -> None:
    assert text_of(JSON, Whereabouts(JSON).requirement("numpy==1.26", "numpy")) == '"numpy==1.26"'


def test_a_requirement_that_is_written_otherwise_is_found_by_its_name() -> None:
    region = Whereabouts(JSON).requirement("a", "a")
    assert (text_of(JSON, region) or "").startswith('"a[x]')


@pytest.mark.parametrize("document", [JSON, TOML])
def test_an_exclusion_is_found_by_its_distribution(document: str) -> None:
    assert (text_of(document, Whereabouts(document).exclusion("foo-bar")) or "").strip("\"'") == "Foo_Bar"


@pytest.mark.parametrize("document", ["", "{", '"stages', "stages = [", '{"stages": []}', "\0\\u12"])
def test_what_is_not_there_is_nowhere(document: str) -> None:
    assert Whereabouts(document).requirement("torch", "torch") is None
    assert Whereabouts(document).exclusion("torch") is None


def test_columns_count_characters() -> None:
    document = '{"stages": [{"name": "größe ☃", "requirements": ["b"]}]}'
    assert text_of(document, Whereabouts(document).requirement("b", "b")) == '"b"'
