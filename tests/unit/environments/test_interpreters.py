from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment

from lockhouse.environments.fingerprint import interpreters_fingerprint
from lockhouse.environments.interpreters import Found, find_interpreters
from lockhouse.environments.places import Places, base_interpreter

BASE = base_interpreter(Path(sys.executable)) or Path(sys.executable)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="stands scripts in for interpreters")


def places(root: Path, *path: Path, **environ: str) -> Places:
    variables = {"PATH": os.pathsep.join(map(str, path)), **environ}
    return Places(environ=variables, home=root / "home", system=sys.platform, root=root)


def pretend(path: Path, version: str, **changes: Any) -> Path:
    """Put a script there that answers as an interpreter of that version would."""
    markers = default_environment() | {
        "python_full_version": version,
        "python_version": ".".join(version.split(".")[:2]),
    }
    answer = {
        "executable": str(path),
        "free-threaded": False,
        "debug": False,
        "platform": "linux-x86_64",
        "markers": markers,
    } | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {shlex.quote(json.dumps(answer))}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def releases(found: Found) -> list[str]:
    return [item.version for item in found.interpreters]


def errors(found: Found) -> dict[str, str | None]:
    return {probe.name.removeprefix("python:"): probe.error for probe in found.probes}


def test_the_running_interpreter_comes_first_with_complete_markers(tmp_path: Path) -> None:
    first = find_interpreters(places(tmp_path)).interpreters[0]
    assert first.markers == default_environment()
    assert first.version == default_environment()["python_full_version"]
    assert first.tag == f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert os.path.realpath(first.executable) == os.path.realpath(BASE)
    assert Path(first.executable).name == f"python{first.release}"


def test_then_those_on_path_in_its_order_then_the_others_newest_first(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    pretend(one / "python3.10", "3.10.2")
    pretend(one / "python3", "3.9.9")
    pretend(two / "python3.13", "3.13.1")
    pretend(tmp_path / "usr/bin/python3.9", "3.9.20")
    pretend(tmp_path / "usr/bin/python3.12", "3.12.10")
    pretend(tmp_path / "home/.pyenv/versions/3.12.9/bin/python3", "3.12.9")
    found = find_interpreters(places(tmp_path, one, two))
    assert releases(found)[1:] == ["3.9.9", "3.10.2", "3.13.1", "3.12.10", "3.12.9", "3.9.20"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"free-threaded": True}, "a free-threaded build: left out"), ({"debug": True}, "a debug build: left out")],
)
def test_builds_that_need_wheels_of_their_own_are_left_out_with_a_note(
    tmp_path: Path, changes: dict[str, bool], reason: str
) -> None:
    path = pretend(tmp_path / "bin/python3.13", "3.13.1", **changes)
    found = find_interpreters(places(tmp_path, tmp_path / "bin"))
    assert "3.13.1" not in releases(found)
    assert errors(found)[str(path)] == reason


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (
            "#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n",
            "exit status 127: pyenv: python3.12",
        ),
        ("#!/bin/sh\necho hello\n", "answered nonsense"),
        ("#!/bin/sh\necho '{}'\n", "answered nonsense"),
        ("#!/no/such/interpreter\n", "No such file or directory"),
    ],
)
def test_what_is_no_interpreter_is_skipped_with_the_reason(tmp_path: Path, script: str, error: str) -> None:
    path = tmp_path / "bin" / "python3.12"
    path.parent.mkdir()
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    found = find_interpreters(places(tmp_path, path.parent))
    assert len(found.interpreters) == 1
    assert error in (errors(found)[str(path)] or "")


@pytest.mark.parametrize("lacking", ["python_version", "platform_release"])
def test_an_interpreter_that_does_not_tell_everything_is_skipped(tmp_path: Path, lacking: str) -> None:
    markers: dict[str, Any] = {**default_environment(), "python_full_version": "3.12.1"}
    del markers[lacking]
    path = pretend(tmp_path / "bin/python3.12", "3.12.1", markers=markers)
    found = find_interpreters(places(tmp_path, path.parent))
    assert len(found.interpreters) == 1
    assert errors(found)[str(path)] == f"answered nonsense: no {lacking}"


@pytest.mark.parametrize("version", ["", "three", "3.12.1-special"])
def test_an_interpreter_whose_version_is_none_is_skipped(tmp_path: Path, version: str) -> None:
    path = pretend(tmp_path / "usr/bin/python3.12", version)
    found = find_interpreters(places(tmp_path))
    assert len(found.interpreters) == 1
    assert "answered nonsense" in (errors(found)[str(path)] or "")


def test_a_build_between_two_releases_can_be_used(tmp_path: Path) -> None:
    pretend(tmp_path / "usr/bin/python3.12", "3.12.1+")
    assert releases(find_interpreters(places(tmp_path)))[1:] == ["3.12.1+"]


def test_a_shim_and_the_interpreter_that_it_starts_are_one(tmp_path: Path) -> None:
    shim = tmp_path / "shims" / "python3"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {BASE} "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    found = find_interpreters(places(tmp_path, shim.parent))
    assert len(found.interpreters) == 1
    assert errors(found)[str(shim)] is None


def test_links_to_one_interpreter_are_one(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3").symlink_to(BASE)
    (folder / "python").symlink_to(folder / "python3")
    found = find_interpreters(places(tmp_path, folder))
    assert len(found.interpreters) == len(found.probes) == 1


def test_an_interpreter_of_an_environment_is_replaced_by_its_base(tmp_path: Path) -> None:
    venv.EnvBuilder(symlinks=True, with_pip=False).create(tmp_path / "env")
    inside = tmp_path / "env/bin/python"
    found = find_interpreters(places(tmp_path, inside.parent), running=inside)
    assert [os.path.realpath(item.executable) for item in found.interpreters] == [os.path.realpath(BASE)]
    assert not found.interpreters[0].executable.startswith(str(tmp_path))


def test_an_environment_whose_base_is_gone_is_not_used(tmp_path: Path) -> None:
    path = pretend(tmp_path / "env/bin/python3", "3.12.0")
    (tmp_path / "env/pyvenv.cfg").write_text("home = /no/such/place\nversion = 3.12.0\n", encoding="utf-8")
    found = find_interpreters(places(tmp_path, path.parent))
    assert "3.12.0" not in releases(found)
    assert "base interpreter is gone" in (errors(found)[str(path)] or "")


def test_an_interpreter_is_asked_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    copy = tmp_path / "bin" / "python3"
    copy.parent.mkdir()
    shutil.copy2(os.path.realpath(BASE), copy)
    if subprocess.run([copy, "-I", "-S", "-c", "import json"], check=False, capture_output=True).returncode:
        pytest.skip("this interpreter does not find its library when it is copied")
    before = {probe.name: probe for probe in find_interpreters(places(tmp_path, copy.parent)).probes}
    again = {probe.name: probe for probe in find_interpreters(places(tmp_path, copy.parent)).probes}
    name = f"python:{copy}"
    assert before[name].seconds > 0
    assert (again[name].seconds, again[name].answer) == (0.0, before[name].answer)
    os.utime(copy, (1, 1))
    changed = {probe.name: probe for probe in find_interpreters(places(tmp_path, copy.parent)).probes}
    assert changed[name].seconds > 0


def test_a_cache_that_cannot_be_written_or_read_costs_nothing_but_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "cache"
    blocked.write_text("a file in the place of the folder", encoding="utf-8")
    monkeypatch.setenv("LOCKHOUSE_CACHE_DIR", str(blocked))
    assert len(find_interpreters(places(tmp_path)).interpreters) == 1


def test_a_damaged_answer_in_the_cache_is_asked_again(tmp_path: Path) -> None:
    find_interpreters(places(tmp_path))
    kept = list((Path(os.environ["LOCKHOUSE_CACHE_DIR"]) / "interpreters").iterdir())
    assert len(kept) == 1
    kept[0].write_text('{"schema": "lockhouse.interpreter/1", "executable": 5}', encoding="utf-8")
    assert find_interpreters(places(tmp_path)).probes[0].seconds > 0


def test_settings_of_the_user_do_not_reach_an_interpreter(tmp_path: Path) -> None:
    here = places(tmp_path, PYTHONHOME="/nowhere", PYTHONSTARTUP="/nowhere")
    assert len(find_interpreters(here).interpreters) == 1


def test_the_fingerprint_changes_with_what_would_be_found(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    here = places(tmp_path, folder)
    seen = [interpreters_fingerprint(here)]
    assert interpreters_fingerprint(here) == seen[0]
    path = pretend(folder / "python3.12", "3.12.1")
    seen.append(interpreters_fingerprint(here))
    os.utime(path, (1, 1))
    seen.append(interpreters_fingerprint(here))
    path.unlink()
    assert interpreters_fingerprint(here) == seen[0]
    version = tmp_path / "home/.pyenv/version"
    version.parent.mkdir(parents=True)
    version.write_text("3.12.1\n", encoding="utf-8")
    seen.append(interpreters_fingerprint(here))
    seen.append(interpreters_fingerprint(places(tmp_path, folder, PYENV_VERSION="3.11.7")))
    assert len(set(seen)) == len(seen)
