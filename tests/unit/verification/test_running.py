"""Checks run alone, bounded in time and output, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from lockhouse.manifest import Check
from lockhouse.verification.running import REPORT_CHARACTERS, REPORT_LINES, Interpreter, run_checks

HERE = Path(sys.executable)

PATIENCE = 120.0
"""Seconds after which something does not happen any more, however busy the machine is."""

LIMITS = (1.5, 6.0, 30.0, PATIENCE)
"""Time limits to try one after the other: an interpreter on a busy machine takes seconds to start."""


@pytest.fixture(autouse=True)
def _place(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytecode goes when its process ends, which those that run tests do without ceremony."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))


def check(code: str, name: str = "c", **fields: object) -> Check:
    return Check(name=name, run=code, **fields)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()  # ended, and nobody has asked yet
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    except ProcessLookupError:
        return False


def gone(pid: int) -> bool:
    """Whether a process ends: the kernel takes a moment for one that was killed."""
    deadline = time.monotonic() + PATIENCE
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_code_that_ends_well_has_passed() -> None:
    (result,) = run_checks(Interpreter(HERE), [check("print('fine')", "one", critical=False)])

    assert (result.name, result.outcome, result.critical, result.output) == ("one", "passed", False, "fine")
    assert result.seconds > 0


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise ValueError('broken')", "ValueError: broken"),
        ("raise SystemExit('not here')", "not here"),
        ("raise SystemExit(3)", "ended with status 3"),
        ("import os; os._exit(7)", "ended with status 7"),
        ("assert 1 == 2", "AssertionError"),
        ("syntax error", "SyntaxError"),
    ],
)
def test_code_that_ends_badly_says_how(code: str, told: str) -> None:
    (result,) = run_checks(Interpreter(HERE), [check(code)])

    assert result.outcome == "failed"
    assert told in result.output


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_a_crash_is_named_by_its_signal() -> None:
    (result,) = run_checks(Interpreter(HERE), [check("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")])

    assert result.outcome == "failed"
    assert "SIGSEGV" in result.output


def test_an_interpreter_that_is_gone_fails_the_check(tmp_path: Path) -> None:
    (result,) = run_checks(Interpreter(tmp_path / "bin" / "python"), [check("pass")])

    assert result.outcome == "failed"
    assert str(tmp_path / "bin" / "python") in result.output


def test_time_is_limited_and_what_was_printed_is_kept() -> None:
    for limit in LIMITS:
        (result,) = run_checks(
            Interpreter(HERE), [check("print('begun', flush=True)\nimport time\ntime.sleep(600)", timeout=limit)]
        )
        assert result.outcome == "failed"
        if "begun" in result.output:
            break

    assert result.output == f"begun\nstopped at its time limit of {limit:g} s"


@pytest.mark.skipif(os.name == "nt", reason="looks at processes the POSIX way")
@pytest.mark.parametrize(
    ("end", "limits"), [("import time; time.sleep(600)", LIMITS), ("pass", (PATIENCE,))], ids=["stopped", "ended"]
)
def test_what_a_check_started_ends_with_it(tmp_path: Path, end: str, limits: tuple[float, ...]) -> None:
    note = tmp_path / "pid"
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n{end}\n"
    )

    for limit in limits:
        (result,) = run_checks(Interpreter(HERE), [check(code, timeout=limit)])
        if note.exists() and note.read_text():
            break

    assert result.outcome == ("passed" if end == "pass" else "failed")
    assert gone(int(note.read_text()))


DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open({note!r}, "w").write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
while not os.path.exists({note!r}) or not os.path.getsize({note!r}):
    time.sleep(0.01)
"""


@pytest.mark.skipif(os.name == "nt", reason="forks")
def test_a_daemon_that_a_check_left_ends_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    results = run_checks(
        Interpreter(HERE), [check(DAEMON.format(note=str(note))), check("import time; time.sleep(3)", "another")]
    )

    assert [result.outcome for result in results] == ["passed", "passed"]  # and nobody else's process ended
    assert gone(int(note.read_text()))


def test_output_is_bounded_to_its_end() -> None:
    (result,) = run_checks(
        Interpreter(HERE), [check("for i in range(300000): print('line', i)\nprint('x' * 3_000_000)\nprint('last')")]
    )

    assert result.outcome == "passed"
    assert result.output.endswith("last")
    assert len(result.output) <= REPORT_CHARACTERS
    (result,) = run_checks(Interpreter(HERE), [check("for i in range(300): print(i)")])
    assert result.output.splitlines() == [str(i) for i in range(300 - REPORT_LINES, 300)]


def test_output_that_is_no_text_is_readable() -> None:
    (result,) = run_checks(Interpreter(HERE), [check(r"import sys; sys.stdout.buffer.write(b'\xff\xfe\x00 end\r\n')")])

    assert result.output.endswith("end")
    assert "\0" not in result.output


def test_a_check_sees_an_empty_folder_no_input_and_no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PYTHONSTARTUP", "/somewhere.py")
    monkeypatch.setenv("MY_SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    code = (
        "import os, sys, tempfile\n"
        "assert os.listdir() == [], os.listdir()\n"
        "assert sys.stdin.read() == ''\n"
        "assert 'MY_SECRET_TOKEN' not in os.environ\n"
        "assert {k for k in os.environ if k.startswith('PYTHON')} == {'PYTHONDONTWRITEBYTECODE', 'PYTHONNOUSERSITE'}\n"
        "assert os.environ['CUDA_VISIBLE_DEVICES'] == '1'\n"
        "assert os.path.realpath(tempfile.gettempdir()) == os.path.realpath(os.getcwd())\n"
        "assert os.environ['PATH'].split(os.pathsep)[0] == os.path.dirname(sys.executable)\n"
        "assert sys.flags.isolated and sys.flags.dont_write_bytecode and sys.flags.utf8_mode\n"
        "assert '' not in sys.path and os.getcwd() not in sys.path\n"
        "print(os.getcwd())\n"
    )

    (result,) = run_checks(Interpreter(HERE), [check(code)])

    assert result.outcome == "passed", result.output
    assert not Path(result.output).exists()


def test_programs_of_a_check_write_no_bytecode(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("x = 1\n")
    code = (
        f"import subprocess, sys; sys.path.insert(0, {str(tmp_path)!r}); import module\n"
        f"subprocess.run([sys.executable, '-c', 'import module'], cwd={str(tmp_path)!r}, check=True)\n"
    )

    (result,) = run_checks(Interpreter(HERE), [check(code)])

    assert result.outcome == "passed", result.output
    assert [path.name for path in tmp_path.iterdir()] == ["module.py"]


def test_a_check_that_cannot_be_run_here_is_skipped_with_the_reason(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    checks = [check(f"open({str(touched)!r}, 'w')", "gpu", requires="cuda"), check("pass", "cpu")]

    results = run_checks(
        Interpreter(HERE), checks, skipped=lambda item: "no cuda device on this machine" if item.requires else None
    )

    assert [(item.name, item.outcome, item.ok) for item in results] == [
        ("gpu", "skipped", False),
        ("cpu", "passed", True),
    ]
    assert results[0].output == "no cuda device on this machine"
    assert not touched.exists()


def test_results_keep_the_order_of_the_checks_and_progress_is_told() -> None:
    checks = [check(f"print({i})", str(i), requires="cuda" if i % 2 else None) for i in range(7)]
    told: list[int] = []

    results = run_checks(Interpreter(HERE), checks, advanced=told.append)

    assert [result.output for result in results] == [str(i) for i in range(7)]
    assert told == list(range(1, 8))


def test_bytecode_of_a_check_goes_elsewhere_and_is_used_again(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("x = 1\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import module; print(module.__spec__.cached)"

    first, second = run_checks(Interpreter(HERE), [check(code, "one", requires="a"), check(code, "two", requires="a")])

    assert first.output == second.output
    assert Path(first.output).is_file()
    assert not Path(first.output).is_relative_to(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["module.py"]


def test_processes_that_a_check_spawns_write_no_bytecode(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text("import helper\ndef double(x): return 2 * x\n")
    (tmp_path / "helper.py").write_text("")
    code = (
        "import multiprocessing, sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "import work\n"
        "with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "    assert pool.map(work.double, [21]) == [42]\n"
    )

    (result,) = run_checks(Interpreter(HERE), [check(code)])

    assert result.outcome == "passed", result.output
    assert {path.name for path in tmp_path.iterdir()} == {"work.py", "helper.py"}


def test_code_begins_at_its_first_line_and_knows_no_names() -> None:
    code = "from __future__ import annotations\nimport os\nassert __name__ == '__main__'\nsys\n"

    (result,) = run_checks(Interpreter(HERE), [check(code)])

    assert 'File "<check>", line 4' in result.output
    assert "NameError: name 'sys' is not defined" in result.output


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two processors")
def test_checks_run_at_once_and_those_of_an_accelerator_one_by_one(tmp_path: Path) -> None:
    meet = (
        "import os, time\n"
        f"open({str(tmp_path)!r} + '/' + NAME, 'w').close()\n"
        "deadline = time.monotonic() + 120\n"
        f"while len(os.listdir({str(tmp_path)!r})) < 2:\n"
        "    assert time.monotonic() < deadline, 'nobody came'\n"
        "    time.sleep(0.01)\n"
    )
    together = run_checks(Interpreter(HERE), [check(f"NAME = '{name}'\n{meet}", name) for name in "ab"])
    assert [result.outcome for result in together] == ["passed", "passed"]

    alone = (
        "import os, time\n"
        f"os.mkdir({str(tmp_path)!r} + '/busy')\n"  # fails if another one is at it
        "time.sleep(0.2)\n"
        f"os.rmdir({str(tmp_path)!r} + '/busy')\n"
    )
    exclusive = run_checks(Interpreter(HERE), [check(alone, name, requires="cuda") for name in "abc"])
    assert [result.outcome for result in exclusive] == ["passed"] * 3


@pytest.mark.skipif(os.name == "nt", reason="sends a signal to this very process")
def test_an_interrupt_ends_all_checks_at_once(tmp_path: Path) -> None:
    code = f"import os, time; open({str(tmp_path)!r} + '/' + str(os.getpid()), 'w').close(); time.sleep(600)"
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from lockhouse.manifest import Check\n"
        "from lockhouse.verification.running import Interpreter, run_checks\n"
        f"checks = [Check(name=str(i), run={code!r}) for i in range(6)]\n"
        "try:\n"
        "    run_checks(Interpreter(Path(sys.executable)), checks)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    while not list(tmp_path.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)

    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE)

    assert out == "interrupted\n"
    assert all(gone(int(path.name)) for path in tmp_path.iterdir())


def test_nothing_runs_after_stop() -> None:
    interpreter = Interpreter(HERE)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(interpreter.run("import time; time.sleep(600)", 600)))
    thread.start()
    while not interpreter._running:
        time.sleep(0.01)

    interpreter.stop()
    thread.join(PATIENCE)

    assert not thread.is_alive()
    assert answers[0].status != 0
    assert interpreter.run("import time; time.sleep(600)", 600).status is None
