"""Reading manifests: both forms, short forms, and errors that say what was meant."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lockhouse.errors import ManifestError
from lockhouse.manifest import Check, Manifest, Wish
from lockhouse.manifestfile import load_manifest, parse_manifest

MINIMAL = {"name": "demo", "python": {"version": "3.11"}, "stages": [{"name": "base", "requirements": ["numpy"]}]}
MANIFESTS = sorted((Path(__file__).parents[2] / "manifests").glob("*.json"))


def parse(**fields: Any) -> Manifest:
    return parse_manifest({**MINIMAL, **fields}, "demo.json")


def faults(**fields: Any) -> dict[str, str]:
    """Parse what must fail; give the message for each path."""
    with pytest.raises(ManifestError) as caught:
        parse(**fields)
    assert caught.value.exit_status == 2
    return {problem.path: problem.message for problem in caught.value.problems}


def stage(*requirements: Any, **fields: Any) -> list[dict[str, Any]]:
    return [{"name": "base", "requirements": list(requirements), **fields}]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_the_manifests_of_the_repository_are_valid(path: Path) -> None:
    assert load_manifest(path).name == path.stem


def test_json_and_toml_give_the_same_value(tmp_path: Path) -> None:
    toml = """
    name = "demo"
    blacklist = ["torchao"]
    [python]
    version = "3.11"
    [[stages]]
    name = "base"
    requirements = ["numpy", {requirement = "torch", critical = true}]
    [variants.cu124]
    [variants.cpu]
    """
    (tmp_path / "demo.toml").write_text(toml)
    (tmp_path / "demo.json").write_text(json.dumps(tomllib.loads(toml)))
    from_toml, from_json = load_manifest(tmp_path / "demo.toml"), load_manifest(tmp_path / "demo.json")
    assert from_toml == from_json
    assert from_toml.digest == from_json.digest
    assert [variant.name for variant in from_toml.variants] == ["cu124", "cpu"]


def test_short_forms_are_written_out() -> None:
    manifest = parse(
        stages=stage("numpy", checks=["imports", "import numpy", {"name": "own", "run": "pass"}]),
        checks=[{"name": "imports", "run": "import os", "timeout": 5}],
        blacklist=["torchao"],
    )
    base = manifest.stages[0]
    assert base.requirements == (Wish(requirement="numpy"),)
    assert base.checks == (
        Check(name="imports", run="import os", stage="base", timeout=5.0),
        Check(name="import numpy", run="import numpy", stage="base"),
        Check(name="own", run="pass", stage="base"),
    )
    assert manifest.blacklist[0].requirement == "torchao"


def test_every_fault_is_reported_with_its_path() -> None:
    found = faults(
        name="Not Good",
        closure="resolve",
        stages=stage("numpy", {"requirement": "x", "indx": "y"}, 4, cheks=[]),
        environment={"on_busy": "refuse", "keep": 0},
    )
    assert set(found) == {
        "name",
        "closure",
        "stages[0].requirements[1].indx",
        "stages[0].requirements[2]",
        "stages[0].cheks",
        "environment.on_busy",
        "environment.keep",
    }
    assert "'on-busy'" in found["environment.on_busy"]
    assert "'checks'" in found["stages[0].cheks"]
    assert "'resolved'" in found["closure"]


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"stages": stage("numpy==")}, "stages[0].requirements[0]", "is no requirement"),
        ({"stages": stage("./here")}, "stages[0].requirements[0]", "is a place"),
        ({"stages": stage("-e ../here")}, "stages[0].requirements[0]", "is a place"),
        ({"stages": stage("git+https://h.example/a")}, "stages[0].requirements[0]", "is a place"),
        ({"stages": stage("a @ git+https://h.example/a")}, "stages[0].requirements[0]", "points at an address"),
        ({"stages": stage({"requirement": "!"})}, "stages[0].requirements[0].requirement", "is no requirement"),
        ({"stages": stage("a @ https://example.org/a.whl")}, "stages[0].requirements[0]", "an index"),
        ({"stages": stage("a", "A")}, "stages[0].requirements[1]", "already listed at stages[0].requirements[0]"),
        ({"stages": stage("a", when="sys_platform")}, "stages[0].when", "environment marker"),
        ({"stages": stage("a", index="variant")}, "stages[0].index", "no variants"),
        ({"stages": stage("a", index="corp")}, "stages[0].index", "no index 'corp'"),
        ({"stages": [*stage("a"), *stage("b")]}, "stages[1].name", "already the name of stages[0]"),
        ({"stages": [{"name": "create", "requirements": ["a"]}]}, "stages[0].name", "meaning of its own"),
        ({"stages": stage("a", checks=["import +"])}, "stages[0].checks[0]", "not Python"),
        ({"checks": [{"name": "x", "run": "def"}]}, "checks[0].run", "not Python"),
        ({"checks": [{"name": "x", "run": "pass", "stage": "bse"}]}, "checks[0].stage", "did you mean 'base'"),
        ({"blacklist": ["a b"]}, "blacklist[0].requirement", "is no requirement"),
        ({"blacklist": [{"requirement": "a", "when": "=="}]}, "blacklist[0].when", "is no requirement"),
        ({"exclude": [{"distribution": "a>1", "dependency": "b"}]}, "exclude[0].distribution", "no name"),
        ({"variants": {"cpu": {"requirements": {"a": "b==1"}}}}, "variants.cpu.requirements.a", "another distribution"),
        ({"variants": {"cpu": {"index": "corp"}}}, "variants.cpu.index", "neither"),
        ({"environment": {"path": ".lockhouse/x"}}, "environment.path", "not a place"),
        ({"python": {"version": "3"}}, "python.version", "3.11"),
        ({"python": {"version": "3.11", "channels": ["x"]}}, "python.channels", "conda"),
        ({"python": None}, "python", "an object, not null"),
    ],
)
def test_fault_is_explained(fields: dict[str, Any], path: str, words: str) -> None:
    found = faults(**fields)
    assert list(found) == [path]
    assert words in found[path]


def test_misspelt_reference_to_a_check_is_not_taken_for_code() -> None:
    found = faults(stages=stage("a", checks=["imprts"]), checks=[{"name": "imports", "run": "pass"}])
    assert "did you mean 'imports'" in found["stages[0].checks[0]"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("{", "line 1"),
        ("[]", "must be an object, not a list"),
        ('{"name": "a", "name": "b"}', "stands twice"),
        ("\x00", "line 1"),
    ],
)
def test_file_that_is_no_manifest(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "demo.json"
    path.write_text(text)
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    assert words in f"{caught.value.summary}: {caught.value.cause}"


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "absent.json", tmp_path / "binary.toml", tmp_path):
        with pytest.raises(ManifestError):
            load_manifest(path)


def test_digest_depends_on_content_only(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(MINIMAL))
    (tmp_path / "b.json").write_text(json.dumps(MINIMAL, indent=4))
    first, second = load_manifest(tmp_path / "a.json"), load_manifest(tmp_path / "b.json")
    assert first.digest == second.digest
    assert parse(blacklist=["x"]).digest != first.digest
    # Written out or not: a default that a later version of lockhouse adds must not unmake a lock.
    assert parse(closure="resolved", blacklist=[]).digest == first.digest


def test_a_text_without_fault_is_judged_once(tmp_path: Path) -> None:
    path, memory = tmp_path / "demo.json", tmp_path / ".lockhouse" / "judged"
    path.write_text(json.dumps(MINIMAL))
    assert load_manifest(path, memory=memory) == parse()
    assert not memory.exists(), "reading a manifest made a folder for lockhouse"
    memory.parent.mkdir()
    load_manifest(path, memory=memory)
    assert (memory / "demo.json").is_file()
    assert load_manifest(path, memory=memory) == parse()


def test_another_text_is_judged_whatever_is_remembered(tmp_path: Path) -> None:
    path, memory = tmp_path / "demo.json", tmp_path / ".lockhouse" / "judged"
    memory.mkdir(parents=True)
    path.write_text(json.dumps(MINIMAL))
    load_manifest(path, memory=memory)
    path.write_text(json.dumps({**MINIMAL, "checks": [{"name": "a", "run": "no python"}]}))
    for _ in range(2):
        with pytest.raises(ManifestError, match="a fault"):
            load_manifest(path, memory=memory)
