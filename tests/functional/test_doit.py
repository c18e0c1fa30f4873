"""Plain doit: the same pipeline, the verbs beside it, and what it says when it cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.site import Site
from lockhouse.events import discard
from lockhouse.exclusion import hold_project
from lockhouse.project import Project


def project_at(site: Site) -> Project:
    return Project(root=site.root, manifest=site.root / "manifests" / "demo.json", name="demo", pointer=site.venv)


def in_shell(site: Site, line: str) -> subprocess.CompletedProcess[str]:
    (site.root / "dodo.py").write_text(site.dodo, encoding="utf-8")
    return subprocess.run(
        ["bash", "-c", line],
        cwd=site.root,
        env=site.variables(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def built(site: Site) -> Site:
    """A project with one environment, built by doit."""
    site.wheel("alpha")
    site.manifest("alpha")
    installed = site.doit()
    assert installed.status == 0, installed.out + installed.err
    return site


def test_the_end_of_an_install_says_where_the_environment_is(built: Site) -> None:
    again = built.doit("install")
    assert again.out.splitlines()[-1].startswith("environment .venv is generation 1")
    assert " judged by " in built.doit("scan").out.splitlines()[-1]


def test_verbs_beside_the_pipeline_are_tasks(built: Site) -> None:
    built.wheel("alpha", "2.0")
    assert built.doit("upgrade").status == 0
    assert (built.site_packages() / "alpha-2.0.dist-info").is_dir()
    assert "committed" in built.doit("generations").out
    assert built.doit("rollback", "generation=1").status == 0
    assert (built.site_packages() / "alpha-1.0.dist-info").is_dir()
    assert "cpu" in built.doit("plugins").out


def test_verbs_beside_the_pipeline_take_their_turn_with_it(built: Site) -> None:
    both = built.doit("install", "doctor", "verify")
    assert both.status == 0, both.out + both.err
    assert "waiting" not in both.out + both.err


@pytest.mark.parametrize("tasks", [("verify", "upgrade"), ("rollback", "install"), ("upgrade", "rollback"), ("*",)])
def test_verb_that_changes_what_is_in_use_is_run_by_itself(site: Site, tasks: tuple[str, ...]) -> None:
    site.manifest("alpha")
    refused = site.doit(*tasks)
    assert refused.status == 2
    assert "cannot be run together" in refused.err


def test_verbs_that_need_no_manifest_do_with_a_broken_one(site: Site) -> None:
    site.manifest("alpha").write_text("{")
    assert site.doit("plugins").out.count("built-in") > 5
    looked = site.doit("plugins", "doctor")
    assert looked.status == 1
    assert "built-in" in looked.out
    assert "demo.json is not JSON" in looked.out + looked.err
    assert site.doit("plugins", "ofline=1").status == 2
    assert site.doit("plugins", "plan").status == 2


def test_clean_is_doits_own_command_and_frees_what_is_not_kept(built: Site) -> None:
    left = built.root / ".lockhouse" / "demo" / "generations" / ".trash-0009-abc-1"
    left.mkdir()
    (left / ".lockhouse").mkdir()
    (left / ".lockhouse" / "generation.json").write_bytes((built.venv / ".lockhouse" / "generation.json").read_bytes())
    asked = built.doit("clean", "-n")
    assert asked.status == 0, asked.err
    assert "would be freed" in asked.out
    assert left.exists()
    cleaned = built.doit("clean")
    assert cleaned.status == 0, cleaned.err
    assert "freed" in cleaned.out.splitlines()[-1]
    assert "function" not in cleaned.out
    assert "Traceback" not in asked.err + cleaned.err
    assert not left.exists()


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("ofline=1", "did you mean offline="),
        ("offline=yes", "0 or 1"),
        ("manifest=other", "there is no manifest 'other'"),
        ("generation=x", "number of a generation"),
    ],
)
def test_variable_that_makes_no_sense_is_refused(site: Site, argument: str, words: str) -> None:
    site.manifest("alpha")
    result = site.doit("install", argument)
    assert result.status == 2
    assert words in result.err
    assert "Traceback" not in result.err


def test_settings_for_doit_in_pyproject_change_nothing_of_the_console_command(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    (site.root / "pyproject.toml").write_text('[tool.doit]\nreporter = "zero"\nbackend = "none"\n')
    site.installed()


@pytest.mark.parametrize("options", [("-n", "2"), ("-n", "2", "-P", "thread"), ("--process=3",)])
def test_tasks_side_by_side_are_refused(site: Site, options: tuple[str, ...]) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    result = site.doit("run", *options, "install")
    assert result.status == 2
    assert result.err.count("error:") == 1
    assert "leave -n out" in result.err
    assert not site.venv.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ignore", "verify"), "no task can be ignored"),
        (("forget", "-a"), "nothing to forget"),
        (("reset-dep",), "nothing to reset"),
        (("strace", "verify"), "no command to trace"),
        (("verfy",), "did you mean verify?"),
        (("install:bse",), "did you mean install:base?"),
        (("auto",), "there is no task 'auto'"),
        (("verfy*",), "there is no task 'verfy*'"),
        (("verify", "--deep"), "deep=1"),
        (("list", "nope"), "there is no task 'nope'"),
        (("info", "nope"), "there is no task 'nope'"),
        (("info",), "info tells of one task"),
        (("clean", "verify"), "cannot be cleaned by itself"),
        (("-s", "lock"), "without those that it needs"),
        (("-r", "zero", "install"), "leave -r out"),
    ],
)
def test_what_doit_would_do_wrong_is_refused(site: Site, arguments: tuple[str, ...], words: str) -> None:
    site.manifest("alpha")
    result = site.doit(*arguments)
    assert result.status == 2, result.out + result.err
    assert words in result.err
    assert "Traceback" not in result.err


def test_doit_remembers_nothing(built: Site) -> None:
    """Neither what it was told to skip, nor in a file that a kill can break."""
    (built.root / ".lockhouse" / "doit.json").write_text("{broken")
    (built.root / ".doit.db").write_text("broken")
    (built.site_packages() / "alpha" / "new.py").write_text("")
    before = {path.name for path in built.root.iterdir()}
    assert built.doit("verify").status == 1
    assert built.run("verify").status == 1
    assert {path.name for path in built.root.iterdir()} == before


def test_doit_lists_and_explains_tasks_without_asking_the_machine(site: Site) -> None:
    site.manifest("alpha")
    listed = site.doit("list", "--all")
    assert listed.status == 0, listed.err
    names = [line.split()[0] for line in listed.out.splitlines()]
    assert names[:7] == ["detect", "plan", "download", "scan", "destroy", "create", "install"]
    assert listed.err == ""
    assert not (site.root / ".lockhouse" / "demo").exists()
    told = site.doit("info", "scan")
    assert told.status == 1  # doit's own word for a task that is not up to date
    assert "judge every wheel" in told.out
    assert not (site.root / ".lockhouse" / "demo").exists()
    assert site.doit("help").status == 0
    wrong = site.doit("nope")
    assert wrong.err.split("tasks are: ")[1].strip().split(", ") == names


def test_doit_says_of_each_task_by_itself_whether_it_has_work(built: Site) -> None:
    for task in ("install:base", "lock"):
        told = built.doit("info", task)
        assert (told.status, "up-to-date" in told.out) == (0, True), told.out + told.err
    assert built.doit("list", "--status", "verify").out.startswith("U verify")
    (built.site_packages() / "alpha" / "__init__.py").unlink()
    told = built.doit("info", "install:base")
    assert told.status == 1
    assert "whether install:base has nothing to do, by what is on disk" in told.out


@pytest.mark.skipif(os.name == "nt", reason="pipes end differently there")
@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("list | true", 0),
        ("list >&-", 0),
        ("plugins 2>&1 | true", 0),
        ("detect | true", 0),
        ("detect >&- 2>&-", 0),
        ("nope 2>&1 | true", 2),
    ],
)
def test_nobody_need_read_what_doit_says(site: Site, line: str, status: int) -> None:
    site.manifest("alpha")
    ended = in_shell(site, f'set -o pipefail; "{sys.executable}" -m doit {line}')
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["list", "generations", "clean -n"])
def test_full_disk_under_what_doit_answers_is_an_error(site: Site, command: str) -> None:
    site.manifest("alpha")
    ended = in_shell(site, f'"{sys.executable}" -m doit {command} >/dev/full')
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: standard output cannot be written\n")
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk_under_the_telling_does_not_stop_an_install(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    ended = in_shell(site, f'"{sys.executable}" -m doit install >/dev/full')
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: standard output cannot be written\n")
    assert (site.site_packages() / "alpha-1.0.dist-info").is_dir()


def test_verify_changes_nothing_whatever_doit_is_told(built: Site) -> None:
    (built.root / ".lockhouse" / "demo" / "plan.json").unlink()
    asked = len(built.index.requests)
    assert built.doit("-a", "verify").status == 0
    assert not (built.root / ".lockhouse" / "demo" / "plan.json").exists()
    assert len(built.index.requests) == asked


def test_what_is_asked_for_beside_verify_is_done_too(built: Site) -> None:
    built.wheel("torchao")
    built.manifest("torchao", blacklist=["torchao"])
    assert built.doit("scan", "verify").status == 3


@pytest.mark.parametrize("arguments", [("dumpdb",), ("--frob",), ("strace",)])
def test_what_fails_before_dodo_is_read_has_a_status_of_ours_where_doit_is_told_so(
    site: Site, arguments: tuple[str, ...]
) -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    (site.root / "pyproject.toml").write_text(text.replace("[tool.lockhouse]", "[tool.other]"), encoding="utf-8")
    result = site.doit(*arguments)
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert len(result.err) < 200


def test_upgrade_that_is_to_be_locked_is_refused_with_the_true_reason(site: Site) -> None:
    site.manifest("alpha")
    result = site.doit("upgrade", "locked=1")
    assert result.status == 2
    assert "upgrade cannot be locked" in result.err
    assert "Traceback" not in result.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("waiting", [False, True], ids=["at work", "waiting for the project"])
def test_doit_that_is_asked_to_end_ends_as_interrupted(site: Site, number: signal.Signals, waiting: bool) -> None:
    site.wheel("alpha")
    site.manifest("alpha", checks=[{"name": "slow", "run": "import time; time.sleep(60)"}])
    site.doit("list")
    held = hold_project(project_at(site), discard, 1) if waiting else None
    process = subprocess.Popen(
        [sys.executable, "-m", "doit", "install"],
        cwd=site.root,
        env=site.variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    seen = ""
    while ("waiting for another" if waiting else "verify: started") not in seen:
        line = process.stdout.readline()
        assert line, seen
        seen += line
    process.send_signal(number)
    rest = process.communicate(timeout=60)[0]
    if held:
        held.release()
    assert process.returncode == 130, rest
    assert rest.splitlines().count("interrupted") == 1
    assert "Traceback" not in rest
