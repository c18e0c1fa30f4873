"""Plugins that misbehave inside the process that they are guests of."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent

import pytest

from fixtures.contexts import context_at
from fixtures.site import Site
from fixtures.strangers import Strangers
from lockhouse.confinement import confined
from lockhouse.errors import InternalError, PluginError
from lockhouse.run import Run

HOOK = """
from lockhouse.errors import Hint
from lockhouse.hookspecs import hookimpl

@hookimpl
def lockhouse_hints(error):
    {body}
    return [Hint("x", "x")]
"""


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os; os._exit(3)", "os._exit(3)"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
        ("class Odd(BaseException): pass\nraise Odd('odd')", "Odd: odd"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
    ],
)
def test_a_plugin_that_would_end_the_process_at_import_is_named_and_left_out(
    strangers: Strangers, code: str, told: str
) -> None:
    strangers.install("goodbye", code)
    record = strangers.record("goodbye")
    assert (record.status, record.reason) == ("failed", told)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("import os; os._exit(0)", "raised os._exit(0)"),
        ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
        ("raise BaseException('no')", "raised BaseException: no"),
    ],
)
def test_a_hook_that_would_end_the_process_is_named_and_its_answer_left_out(
    strangers: Strangers, body: str, told: str
) -> None:
    strangers.install("goodbye", HOOK.format(body=body))
    assert strangers.load().hints(InternalError("x")) == ()
    assert strangers.heard.warnings == [f"plugin goodbye 1.0: lockhouse_hints: {told}; left out"]


@pytest.mark.parametrize("body", ["import os; os._exit(0)", "raise SystemExit(0)", "raise BaseException('no')"])
def test_a_step_that_would_end_the_process_fails_and_names_its_plugin(
    strangers: Strangers, tmp_path: Path, body: str
) -> None:
    code = (
        "from lockhouse.hookspecs import hookimpl\nfrom lockhouse.steps import Step\n"
        f"def run(context): {body}\n"
        "@hookimpl\ndef lockhouse_steps(plan): return [Step(name='own', phase='lock', doc='d', run=run)]\n"
    )
    strangers.install("goodbye", code)
    context, _ = context_at(tmp_path / "project")
    context.plugins = strangers.load()
    run = Run(context)
    error = run.act(run.steps["own"])
    assert isinstance(error, PluginError)
    assert error.plugin == "goodbye"


def test_streams_that_a_plugin_replaces_are_put_back(strangers: Strangers) -> None:
    before = sys.stdout, sys.stderr
    strangers.install("grabber", HOOK.format(body="import io, sys; sys.stdout = sys.stderr = io.StringIO()"))
    assert [hint.code for hint in strangers.load().hints(InternalError("x"))] == ["x"]
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize(
    "closing",
    [
        "sys.stdout.close(); sys.stderr.close(); sys.stdin.close()",
        "sys.stdout.buffer.close(); sys.stderr.buffer.close()",
        "os.close(0); os.close(1); os.close(2)",
        "os.closerange(0, 3)",
        "sys.__stdout__.close(); sys.__stderr__.close()",
    ],
)
@pytest.mark.parametrize("place", ["import", "hook"])
def test_streams_that_a_plugin_closes_still_tell_how_the_run_ended(site: Site, place: str, closing: str) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    plugins = site.root / "plugins"
    plugins.mkdir()
    body = closing if place == "hook" else "pass"
    head = f"import os, sys\n{closing if place == 'import' else ''}\n"
    (plugins / "closer.py").write_text(
        f"{head}from lockhouse.hookspecs import hookimpl\n@hookimpl\ndef lockhouse_checks(plan, host):\n"
        f"    {body}\n    return []\n@hookimpl\ndef lockhouse_event(event):\n    {body}\n"
    )
    built = site.run("install")
    assert built.status == 0, built.err
    assert "environment .venv is generation 1" in built.out
    assert "verify" in built.err
    assert site.run("--json", "verify").document["ok"]
    assert "Traceback" not in site.doit("clean").err


def test_a_working_directory_that_a_plugin_changes_is_put_back(strangers: Strangers, tmp_path: Path) -> None:
    before = Path.cwd()
    strangers.install("walker", f"import os; os.chdir({str(tmp_path)!r})")
    strangers.load()
    assert Path.cwd() == before


def test_what_lockhouse_itself_needs_to_go_on_is_put_back(site: Site) -> None:
    site.wheel("alpha")
    site.manifest("alpha")
    (site.root / "plugins").mkdir()
    body = "sys.path[:] = ['/mine']; sys.setrecursionlimit(60)"
    (site.root / "plugins" / "mover.py").write_text(
        f"import sys\nfrom lockhouse.hookspecs import hookimpl\n{body}\n"
        f"@hookimpl\ndef lockhouse_checks(plan, host):\n    assert '/mine' in sys.path\n    {body}\n    return []\n"
    )
    built = site.run("install")
    assert (built.status, "warning" in built.err) == (0, False), built.err


def test_exits_are_as_before_when_no_plugin_runs() -> None:
    code = """
        import os
        from lockhouse.confinement import Quit, confined
        real = os._exit
        try:
            with confined():
                os._exit(1)
        except Quit:
            os._exit(7 if os._exit is real else 1)
    """
    assert subprocess.run([sys.executable, "-c", dedent(code)], timeout=60, check=False).returncode == 7


def test_an_interruption_in_the_main_thread_stays_one() -> None:
    with pytest.raises(KeyboardInterrupt), confined():
        raise KeyboardInterrupt


def test_only_the_plugin_s_own_thread_cannot_end_the_process() -> None:
    code = """
        import os, threading
        from lockhouse.confinement import confined
        inside, done = threading.Event(), threading.Event()
        def plugin():
            with confined():
                inside.set()
                done.wait()
        threading.Thread(target=plugin, daemon=True).start()
        inside.wait()
        os._exit(7)
    """
    assert subprocess.run([sys.executable, "-c", dedent(code)], timeout=60, check=False).returncode == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_that_a_plugin_leaves_behind_does_not_go_on_as_lockhouse(strangers: Strangers, tmp_path: Path) -> None:
    code = f"""
        import os, warnings
        warnings.simplefilter("ignore")
        child = os.fork()
        with open({str(tmp_path / "who")!r}, "a") as file:
            file.write(f"{{os.getpid()}}\\n")
        if child:
            os.waitpid(child, 0)
    """
    strangers.install("cloner", code)
    plugins = strangers.load()
    with (tmp_path / "came-back").open("a") as file:
        file.write(f"{os.getpid()}\n")
    assert plugins.records[-1].status == "failed"  # it hooks nothing
    assert len((tmp_path / "who").read_text().split()) == 2
    assert (tmp_path / "came-back").read_text().split() == [str(os.getpid())]


def test_threads_that_a_plugin_leaves_behind_do_not_keep_the_process(strangers: Strangers) -> None:
    code = "import threading\nthreading.Thread(target=threading.Event().wait, name='left behind').start()"
    strangers.install("lingerer", code)
    strangers.load()
    left = [thread for thread in threading.enumerate() if thread.name == "left behind"]
    assert [thread.daemon for thread in left] == [True]


LEFT = """
import atexit, threading
from lockhouse.hookspecs import hookimpl

def wait_for_ever():
    threading.Event().wait()

BODY

@hookimpl
def lockhouse_hints(error):
    return []
"""


@pytest.mark.parametrize(
    "body", ["threading.Thread(target=wait_for_ever, daemon=False).start()", "atexit.register(wait_for_ever)"]
)
def test_what_a_plugin_leaves_behind_does_not_keep_the_process_for_ever(site: Site, body: str) -> None:
    folder = site.root / "plugins"
    folder.mkdir()
    (folder / "lingerer.py").write_text(LEFT.replace("BODY", body))
    result = site.run("plugins")
    assert result.status == 0
    assert "lingerer" in result.out


NOISE = """
import os, subprocess, sys
print("noise of the import")
os.write(1, b"more of it")
subprocess.run([sys.executable, "-c", "print('noise of a child')"])
from lockhouse.hookspecs import hookimpl

@hookimpl
def lockhouse_accelerators():
    print("noise of a hook")
    return []
"""


def test_what_a_plugin_prints_is_no_part_of_the_document(site: Site) -> None:
    folder = site.root / "plugins"
    folder.mkdir()
    (folder / "noisy.py").write_text(NOISE)
    result = site.run("--json", "plugins")
    assert [item["status"] for item in result.document["plugins"] if item["name"] == "noisy"] == ["active"]
    assert result.err.count("noise") == 3


@pytest.mark.parametrize(
    ("group", "plugin"), [("doit.BACKEND", "json"), ("doit.REPORTER", "x"), ("doit.COMMAND", "run")]
)
def test_what_others_have_added_to_doit_has_no_part_in_the_console_command(
    strangers: Strangers, site: Site, group: str, plugin: str
) -> None:
    strangers.install("meddler", "raise SystemExit('meddled')", group=group, plugin=plugin, target="meddler:Meddler")
    site.environment["PYTHONPATH"] = str(strangers.site)
    site.wheel("alpha")
    site.manifest("alpha")
    installed = site.run("install")
    assert installed.status == 0, installed.err
    assert "meddled" not in installed.out + installed.err
