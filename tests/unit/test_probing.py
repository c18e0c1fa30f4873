from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from lockhouse.accelerators import Question
from lockhouse.host import Probe
from lockhouse.probing import LONGEST_ANSWER, ask
from lockhouse.surroundings import probe_environment

posix = pytest.mark.skipif(os.name != "posix", reason="process groups are a POSIX thing")


def python(name: str, code: str, timeout: float = 20.0) -> Question:
    return Question(name=name, kind="python", ask=(code,), timeout=timeout)


def one(question: Question) -> Probe:
    (probe,) = ask("test", [question])
    return probe


def test_answers_come_in_the_order_of_the_questions(tmp_path: Path) -> None:
    file = tmp_path / "version"
    file.write_text("580.95.05\n", encoding="utf-8")
    probes = ask(
        "test",
        [
            python("slow", "import time; time.sleep(0.2); print('slow')"),
            Question(name="file", kind="file", ask=(str(file),)),
            Question(name="command", kind="command", ask=(sys.executable, "-c", "print('command')")),
        ],
    )
    assert [(probe.name, probe.answer, probe.error) for probe in probes] == [
        ("test:slow", "slow\n", None),
        ("test:file", "580.95.05\n", None),
        ("test:command", "command\n", None),
    ]


def test_no_questions_no_probes() -> None:
    assert ask("test", []) == ()


@pytest.mark.parametrize(
    ("question", "error"),
    [
        (python("q", "import sys; print('half'); sys.exit('the reason')"), "exit status 1: the reason"),
        (python("q", "raise OSError('disk')"), "exit status 1: OSError: disk"),
        (python("q", "import sys; sys.exit(3)"), "exit status 3"),
        (Question(name="q", kind="command", ask=("no-such-program-anywhere",)), "No such file"),
        (Question(name="q", kind="file", ask=("/no/such/file",)), "No such file or directory"),
        (Question(name="q", kind="file", ask=("/",)), "Is a directory"),
        (Question(name="q", kind="file", ask=()), "IndexError"),
        (Question(name="q", kind="command", ask=()), "IndexError"),
        (Question(name="q", kind="file", ask=("a\0b",)), "ValueError"),
    ],
)
def test_a_question_without_an_answer_says_why_and_raises_nothing(question: Question, error: str) -> None:
    probe = one(question)
    assert probe.answer is None
    assert error in (probe.error or "")


@posix
def test_a_question_that_hangs_is_stopped_with_everything_it_started(tmp_path: Path) -> None:
    trace = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(trace)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)"
    )
    probe = one(python("q", code, timeout=1.5))
    assert probe.answer is None
    assert probe.error == "no answer within 1.5 s; stopped"
    assert gone(int(trace.read_text()))


@posix
def test_a_child_that_keeps_the_output_open_delays_nothing(tmp_path: Path) -> None:
    trace = tmp_path / "pid"
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(trace)!r}, 'w').write(str(child.pid))\n"
        "print('done')"
    )
    assert one(python("q", code)).answer == "done\n"
    assert gone(int(trace.read_text()))


@posix
def test_who_wants_to_leave_does_not_wait_for_what_hangs() -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    questions = [python("quick", "print('here')"), python("hangs", "import time; time.sleep(600)", timeout=60.0)]
    quick, hangs = ask("test", questions, stop)
    assert (quick.answer, hangs.answer, hangs.error) == ("here\n", None, "interrupted")
    assert hangs.seconds < 30


@posix
def test_a_crash_is_told_by_its_signal() -> None:
    assert one(python("q", "import os; os.kill(os.getpid(), 11)")).error == "killed by signal 11"


def test_standard_input_is_empty() -> None:
    assert one(python("q", "import sys; print(repr(sys.stdin.read()))")).answer == "''\n"


def test_a_flood_is_cut() -> None:
    probe = one(python("q", "import sys; sys.stdout.write('x' * 1000000)"))
    assert len(probe.answer or "") == LONGEST_ANSWER


def test_bytes_that_are_no_text_are_survived() -> None:
    probe = one(python("q", "import sys; sys.stdout.buffer.write(b'\\xff\\x00ok')"))
    assert probe.answer == "\ufffdok"


@posix
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert one(Question(name="q", kind="file", ask=(str(pipe),))).answer == ""


def test_files_are_read_by_pattern_in_order_and_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    for name, text in (("nodes/1/properties", "b"), ("nodes/0/properties", "a\n"), ("nodes/2/other", "c")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "nodes" / "3" / "properties").mkdir(parents=True)
    patterns = (str(tmp_path / "nodes" / "*" / "properties"), str(tmp_path / "nodes" / "*" / "gone"))
    answer = one(Question(name="q", kind="files", ask=patterns)).answer
    assert list(json.loads(answer or "").items()) == [
        (str(tmp_path / "nodes" / "0" / "properties"), "a\n"),
        (str(tmp_path / "nodes" / "1" / "properties"), "b"),
    ]


def test_where_no_file_fits_there_is_an_answer(tmp_path: Path) -> None:
    probe = one(Question(name="q", kind="files", ask=(str(tmp_path / "*"),)))
    assert (probe.answer, probe.error) == ("{}", None)


def test_files_beyond_what_is_kept_of_an_answer_are_left_out_whole(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}").write_text(f"{number}" * 60_000, encoding="utf-8")
    found = json.loads(one(Question(name="q", kind="files", ask=(str(tmp_path / "*"),))).answer or "")
    assert [len(text) for text in found.values()] == [60_000] * 4


def test_python_questions_run_without_site_packages_and_user_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    code = "import sys; print('site' in sys.modules, '/somewhere' in sys.path, sys.flags.isolated)"
    assert one(python("q", code)).answer == "False False 1\n"


def test_probes_see_what_drivers_go_by_and_no_secrets() -> None:
    environ = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "0", "PIP_INDEX_URL": "https://user:password@host", "HOME": "/x"}
    chosen = probe_environment(environ)
    assert chosen["PATH"] == "/bin"
    assert chosen["CUDA_VISIBLE_DEVICES"] == "0"
    assert not {"PIP_INDEX_URL", "HOME"} & chosen.keys()


def gone(pid: int) -> bool:
    """Whether a process has ended; a killed one that nobody has reaped yet counts as ended."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
