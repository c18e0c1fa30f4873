"""What to import of a distribution, from the list of its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockhouse.environments import Scheme
from lockhouse.verification.imports import import_check, import_names


@pytest.mark.parametrize(
    ("distribution", "paths", "names"),
    [
        ("torch", ["torch/__init__.py", "torchgen/__init__.py", "functorch/__init__.py"], ["torch"]),
        ("huggingface-hub", ["huggingface_hub/__init__.py", "huggingface_hub/utils/__init__.py"], ["huggingface_hub"]),
        ("pyyaml", ["yaml/__init__.py", "_yaml/__init__.py"], ["yaml"]),
        ("scikit-learn", ["sklearn/__init__.py", "sklearn/tests/__init__.py", "tests/__init__.py"], ["sklearn"]),
        ("six", ["six.py", "six-1.0.dist-info/METADATA"], ["six"]),
        ("fast", ["fast.cpython-311-x86_64-linux-gnu.so"], ["fast"]),
        ("cffi", ["_cffi_backend.cpython-311-x86_64-linux-gnu.so", "cffi/__init__.py"], ["cffi"]),
        ("hidden", ["_hidden.abi3.so"], ["_hidden"]),
        ("windowed", ["windowed.pyd"], ["windowed"]),
        ("protobuf", ["google/protobuf/__init__.py", "google/protobuf/pb/__init__.py"], ["google.protobuf"]),
        ("google-auth", ["google/auth/__init__.py", "google/oauth2/__init__.py"], ["google.auth"]),
        ("nvidia-cublas-cu12", ["nvidia/__init__.py", "nvidia/cublas/__init__.py"], ["nvidia"]),
        ("headers", ["../../include/x.h", "../../../bin/__init__.py"], []),
        ("odd", ["not-a-name.py", "a b/__init__.py", "odd-1.0.dist-info/RECORD"], []),
        ("several", ["one/__init__.py", "two.py"], ["one", "two"]),
        ("onlytests", ["tests/__init__.py"], ["tests"]),
    ],
)
def test_names_are_those_that_people_import(distribution: str, paths: list[str], names: list[str]) -> None:
    assert import_names(distribution, paths) == tuple(names)


def scheme(site: Path) -> Scheme:
    return Scheme(python=site, purelib=site, platlib=site, scripts=site, data=site, headers=site)


def installed(site: Path, stem: str, *files: str) -> None:
    folder = site / f"{stem}.dist-info"
    folder.mkdir(parents=True)
    (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))


def test_the_check_of_an_installed_distribution_is_read_from_its_record(tmp_path: Path) -> None:
    installed(tmp_path, "PyYAML-6.0", "yaml/__init__.py", "_yaml/__init__.py")

    check = import_check("pyyaml", "base", scheme(tmp_path))

    assert check is not None
    assert (check.name, check.run, check.critical, check.stage) == ("import yaml", "import yaml", True, "base")


def test_a_distribution_without_code_must_be_known_by_its_metadata(tmp_path: Path) -> None:
    installed(tmp_path, "just_data-1.0", "../../share/data.txt")

    check = import_check("just-data", "base", scheme(tmp_path))

    assert check is not None
    assert check.name == "import just-data"
    assert "importlib.metadata.version('just-data')" in check.run


def test_what_is_not_installed_has_no_check(tmp_path: Path) -> None:
    assert import_check("absent", "base", scheme(tmp_path)) is None
