"""What ``verify`` may do by itself: prove what is there, build where there is nothing, and never repair."""

from __future__ import annotations

import shutil

import pytest

from fixtures.site import Site


@pytest.fixture
def built(site: Site) -> Site:
    """A project with one environment."""
    site.wheel("alpha")
    site.manifest("alpha")
    site.installed()
    return site


def test_removed_pointer_comes_back_with_the_proven_environment(built: Site) -> None:
    digest = built.digest()
    built.venv.unlink()
    assert built.run("verify", "--no-build").status == 1
    assert not built.venv.is_symlink()

    assert built.run("verify").status == 0
    assert built.digest() == digest


def test_dangling_pointer_counts_as_no_environment(built: Site) -> None:
    shutil.rmtree(built.root / ".lockhouse")
    assert built.run("verify").status == 0
    assert built.venv.is_dir()


@pytest.mark.parametrize("content", ["{}", ""])
def test_damaged_marker_is_not_repaired(built: Site, content: str) -> None:
    before = built.venv.readlink()
    (built.venv / ".lockhouse" / "generation.json").write_text(content)

    for argv in (["verify"], ["verify", "--no-build"]):
        result = built.run(*argv)
        assert result.status == 1
        assert "run install" in result.err
    assert built.venv.readlink() == before
    assert len(list((built.root / ".lockhouse" / "demo" / "generations").glob("0*"))) == 1


def test_environment_of_another_manifest_is_left_alone(built: Site) -> None:
    before = built.venv.readlink()
    built.manifest("alpha", name="other")
    assert built.run("-m", "other", "install").status == 0
    assert built.run("-m", "demo", "install").status == 0

    result = built.run("-m", "other", "verify")

    assert result.status == 1
    assert "other" in result.err
    assert built.venv.readlink() == before


def test_foreign_folder_in_the_place_of_the_environment_is_left_alone(built: Site) -> None:
    built.venv.unlink()
    built.venv.mkdir()
    assert built.run("verify").status == 1
    assert built.run("install").status == 2
    assert not list(built.venv.iterdir())
