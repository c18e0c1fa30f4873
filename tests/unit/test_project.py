"""Finding the manifest, and where things stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockhouse.errors import UsageError
from lockhouse.project import Project, cache_directory, find_manifest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "manifests").mkdir()
    return tmp_path


def manifest(root: Path, name: str) -> Path:
    path = root / "manifests" / name
    path.write_text("{}")
    return path


def test_the_only_manifest_is_the_default(root: Path) -> None:
    only = manifest(root, "only.toml")
    manifest(root, "pylock.only-any-linux_x86_64-cp311.toml")
    assert find_manifest(root) == only


def test_pyproject_names_the_default(root: Path) -> None:
    manifest(root, "a.json")
    wanted = manifest(root, "b.json")
    (root / "pyproject.toml").write_text('[tool.lockhouse]\nmanifest = "manifests/b.json"\n')
    assert find_manifest(root) == wanted


def test_choice_goes_before_variable_and_variable_before_pyproject(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = (manifest(root, f"{name}.json") for name in "abc")
    (root / "pyproject.toml").write_text('[tool.lockhouse]\nmanifest = "manifests/c.json"\n')
    assert find_manifest(root) == c
    monkeypatch.setenv("LOCKHOUSE_MANIFEST", "b")
    assert find_manifest(root) == b
    assert find_manifest(root, str(a)) == a
    assert find_manifest(root, "manifests/a.json") == a


def test_none_and_several_and_unknown_are_explained(root: Path) -> None:
    with pytest.raises(UsageError, match="no manifest here"):
        find_manifest(root)
    manifest(root, "a.json")
    manifest(root, "b.json")
    with pytest.raises(UsageError, match="2 manifests"):
        find_manifest(root)
    with pytest.raises(UsageError) as caught:
        find_manifest(root, "c")
    assert "a, b" in str(caught.value.cause)


@pytest.mark.parametrize("text", ["[tool", "[tool.lockhouse]\nmanifest = 3\n"])
def test_broken_pyproject_is_explained(root: Path, text: str) -> None:
    (root / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError, match=r"pyproject\.toml"):
        find_manifest(root)


def test_lock_is_named_as_pep_751_allows(root: Path) -> None:
    from packaging.pylock import is_valid_pylock_path

    project = Project(root=root, manifest=root / "manifests" / "llm.json", name="llm", pointer=root / ".venv")
    assert project.lock("cu124", "linux_x86_64", "cp311").name == "pylock.llm-cu124-linux_x86_64-cp311.toml"
    dotted = project.lock("rocm6.2", "linux_x86_64", "cp311")
    assert is_valid_pylock_path(dotted)
    assert dotted.parent == root / "manifests"


def test_cache_directory_is_the_users_unless_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOCKHOUSE_CACHE_DIR", str(tmp_path))
    assert cache_directory() == tmp_path
    monkeypatch.delenv("LOCKHOUSE_CACHE_DIR")
    assert cache_directory().name == "lockhouse"
