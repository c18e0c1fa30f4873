"""What wheels bring that people want to know of: hidden modules, code at start-up, licences, other names' packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.audits.licences import licence_of
from lockhouse.audits.shadowing import standard_library
from lockhouse.manifest import BlacklistEntry
from lockhouse.wheels.metadata import Metadata, parse_metadata


def case_of(tmp_path: Path, *specs: WheelSpec, **manifest: object) -> Case:
    return Case(tmp_path, specs, {"base": [spec.name for spec in specs]}, manifest=manifest)


# shadowing


@pytest.mark.parametrize("path", ["typing.py", "enum/__init__.py", "email/inner/one.py", "json.abi3.so"])
def test_what_the_standard_library_hides_is_a_warning(tmp_path: Path, path: str) -> None:
    finding = case_of(tmp_path, WheelSpec("a", files={path: ""})).only("shadowing.standard")
    assert finding.severity == "warn"
    assert f"a 1.0 brings {path.split('/')[0].split('.')[0]}, which the standard library hides" in finding.message


@pytest.mark.parametrize("path", ["tests/__init__.py", "test/__init__.py", "examples/one.py"])
def test_names_of_a_projects_own_folders_are_a_note(tmp_path: Path, path: str) -> None:
    assert case_of(tmp_path, WheelSpec("a", files={path: ""})).only("shadowing.general").severity == "note"


@pytest.mark.parametrize("path", ["tests/data.csv", "a/typing.py", "README.md", "a/tests/__init__.py"])
def test_what_is_no_top_level_module_hides_nothing(tmp_path: Path, path: str) -> None:
    assert not case_of(tmp_path, WheelSpec("a", files={path: "", "a/__init__.py": ""})).findings("shadowing.")


@pytest.mark.parametrize(
    ("first", "second", "hidden"),
    [("x.py", "x/__init__.py", "x.py"), ("x.abi3.so", "x.py", "x.py"), ("x/__init__.py", "x.so", "x.so")],
)
def test_a_module_that_another_wheel_hides_is_a_warning(tmp_path: Path, first: str, second: str, hidden: str) -> None:
    owners = {first: "a", second: "b"}
    case = case_of(tmp_path, WheelSpec("a", files={first: ""}), WheelSpec("b", files={second: ""}))
    finding = case.only("shadowing.hidden")
    other = next(path for path in owners if path != hidden)
    assert finding.message.startswith(
        f"{owners[hidden]} 1.0 brings {hidden}, which {other.split('/')[0]} of {owners[other]} 1.0 hides"
    )


def test_one_wheel_may_have_a_module_in_several_forms(tmp_path: Path) -> None:
    assert not case_of(tmp_path, WheelSpec("a", files={"x.py": "", "x.abi3.so": ""})).findings("shadowing.")


def test_the_standard_library_of_this_python_is_its_own() -> None:
    version = f"3.{sys.version_info.minor}"
    assert standard_library(version) == sys.stdlib_module_names


@pytest.mark.parametrize(
    ("version", "has", "has_not"),
    [("3.11", "distutils", "annotationlib"), ("3.12", "cgi", "distutils"), ("3.13", "typing", "cgi")],
)
def test_modules_come_and_go_with_releases(version: str, has: str, has_not: str) -> None:
    assert has in standard_library(version)
    assert has_not not in standard_library(version)


# start-up


def test_code_that_runs_at_start_up_is_told_with_the_line(tmp_path: Path) -> None:
    finding = case_of(tmp_path, WheelSpec("a", files={"a.pth": f"import a; {'x' * 100}\n"})).only("start-up.code")
    assert finding.severity == "note"
    assert f"(a.pth): import a; {'x' * 70}… (stage base: a)" in finding.message


@pytest.mark.parametrize(
    ("line", "code", "severity"),
    [
        ("inner", "start-up.path", "note"),
        ("/opt/evil", "start-up.elsewhere", "warn"),
        ("../../evil", "start-up.elsewhere", "warn"),
        ("C:\\evil", "start-up.elsewhere", "warn"),
    ],
)
def test_paths_that_are_added_at_start_up_are_told(tmp_path: Path, line: str, code: str, severity: str) -> None:
    (finding,) = case_of(tmp_path, WheelSpec("a", files={"a.pth": line})).findings("start-up.")
    assert (finding.code, finding.severity) == (code, severity)


def test_a_module_that_customises_the_interpreter_is_a_warning(tmp_path: Path) -> None:
    case = case_of(tmp_path, WheelSpec("a", files={"sitecustomize.py": ""}))
    assert case.only("start-up.customises").severity == "warn"


# yanked


@pytest.mark.parametrize(("reason", "says"), [("broken on Python 3.11", "broken on Python 3.11"), ("", "no reason")])
def test_what_the_index_has_withdrawn_is_a_warning_with_the_reason(tmp_path: Path, reason: str, says: str) -> None:
    case = case_of(tmp_path, WheelSpec("a"))
    case.change("a", yanked=reason)
    finding = case.only("yanked.withdrawn", with_wheels=False)
    assert finding.severity == "warn"
    assert says in finding.message


# blacklist by import package


def test_a_blacklisted_package_under_another_name_is_refused(tmp_path: Path) -> None:
    listed = BlacklistEntry(requirement="Torch.AO", reason="crashes")
    files = {"torch_ao/__init__.py": "", "fork/__init__.py": ""}
    finding = case_of(tmp_path, WheelSpec("fork", files=files), blacklist=(listed,)).only("blacklist.shipped")
    assert (finding.severity, finding.distribution) == ("refuse", "fork")
    assert finding.message.startswith(
        "fork 1.0 ships the import package torch_ao, and torch-ao is blacklisted: crashes"
    )


def test_a_window_of_versions_cannot_be_told_of_a_package_and_warns(tmp_path: Path) -> None:
    listed = BlacklistEntry(requirement="torchao<0.17")
    case = case_of(tmp_path, WheelSpec("fork", files={"torchao/__init__.py": ""}), blacklist=(listed,))
    assert case.only("blacklist.shipped").severity == "warn"


@pytest.mark.parametrize("when", ["b", "b<2"])
def test_a_condition_counts_for_packages_too(tmp_path: Path, when: str) -> None:
    listed = BlacklistEntry(requirement="torchao", when=when)
    specs = [WheelSpec("fork", files={"torchao.py": ""}), WheelSpec("b", "3.0")]
    assert bool(case_of(tmp_path, *specs, blacklist=(listed,)).findings("blacklist.shipped")) is (when == "b")


def test_a_namespace_is_nobodys_package_and_its_own_name_is_the_rule_for_names(tmp_path: Path) -> None:
    listed = (BlacklistEntry(requirement="google"), BlacklistEntry(requirement="own"))
    specs = [WheelSpec("protobuf", files={"google/protobuf/__init__.py": ""}), WheelSpec("own")]
    case = case_of(tmp_path, *specs, blacklist=listed)
    assert [finding.code for finding in case.judge().refused] == ["blacklist.listed"]


# licences


def metadata(**fields: str) -> Metadata:
    lines = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in fields.items())
    return parse_metadata(f"Metadata-Version: 2.4\nName: a\nVersion: 1\n{lines}\n".encode())


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License_Expression": "MIT OR Apache-2.0", "License": "other"}, "MIT OR Apache-2.0"),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
        ({"Classifier": "License :: OSI Approved", "License": "BSD 3-Clause"}, "BSD-3-Clause"),
        ({"License": "Own Terms"}, "Own Terms"),
        ({"License": "Permission is hereby granted, free of charge, to any person obtaining a copy"}, None),
        ({"License": "UNKNOWN"}, None),
        ({}, None),
    ],
)
def test_a_licence_is_told_by_expression_then_classifier_then_text(fields: dict[str, str], licence: str | None) -> None:
    assert licence_of(metadata(**fields)) == licence


class Licensed(WheelSpec):
    licence = "MIT"

    def metadata(self) -> str:
        return super().metadata().rstrip("\n") + f"\nLicense-Expression: {self.licence}\n\n"


def licensed(name: str, licence: str) -> WheelSpec:
    spec = Licensed(name)
    spec.licence = licence
    return spec


def test_licences_are_summed_up_once_and_a_gpl_is_named(tmp_path: Path) -> None:
    specs = [licensed("a", "MIT"), licensed("b", "MIT"), licensed("c", "GPL-3.0-or-later"), WheelSpec("d")]
    case = case_of(tmp_path, *specs)
    assert case.only("licences.summary").message == (
        "licences of 4 distributions by their own metadata: MIT 2, GPL-3.0-or-later 1, not told 1 (d)"
    )
    assert case.only("licences.copyleft").message.startswith("c 1.0 is under GPL-3.0-or-later, ")


@pytest.mark.parametrize("licence", ["LGPL-2.1-or-later", "MIT OR GPL-2.0-only", "MPL-2.0"])
def test_what_may_be_taken_under_other_terms_is_not_named(tmp_path: Path, licence: str) -> None:
    assert not case_of(tmp_path, licensed("a", licence)).findings("licences.copyleft")
