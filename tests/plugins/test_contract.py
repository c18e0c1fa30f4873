"""The contract suite: built-in accelerators keep it, and who breaks a clause is told which one, why and what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from fixtures import misbehaved
from fixtures.accelerators import BUILT_IN, RECORDINGS
from lockhouse.errors import UsageError
from lockhouse.testing.contract import CLAUSES, Breach, ContractBroken, Verdict, check_contract, examine
from lockhouse.testing.contract.conduct import PLUGIN_CLAUSES
from lockhouse.testing.contract.examination import ACCELERATOR_CLAUSES

WHOLE = {clause.name for clause in PLUGIN_CLAUSES}
VARIANTS = [name for kind in misbehaved.BREAKS for name in (kind, f"{kind}-2")]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_accelerator_keeps_every_clause(name: str) -> None:
    plugin = {"mps": "metal"}.get(name, name)
    recorded = RECORDINGS / name
    check_contract(plugin, machines=recorded if recorded.is_dir() else None)


def broken(verdict: Verdict, namespace: str) -> set[str]:
    return {breach.clause for breach in verdict.breaches if breach.namespace == namespace}


DEEDS = {
    "is-an-accelerator": "gave a Stone, not a Accelerator: it has no questions",
    "imports-no-framework": "read(): imports torch",
    "loads-no-library": "fingerprint(): loads the library libfruit-driver.so.1",
    "starts-no-program": "support(): starts a program itself: subprocess.Popen",
    "uses-no-network": "label(): uses the network: socket.connect",
    "leaves-things-alone": "fingerprint(): changes the environment variables",
    "is-quiet": "prints 'how are you?",
}
"""What is done to the process, by the clause that forbids it."""


def test_each_accelerator_breaks_the_clause_that_it_breaks_and_no_other() -> None:
    verdict = examine(misbehaved.__file__, variants=["cuda-fruit", *VARIANTS], limit=5.0)
    expected = {
        namespace: {clause} - {"", *WHOLE} for namespace, clause in misbehaved.BREAKS.items() if namespace != "stone"
    }
    assert {namespace: broken(verdict, namespace) for namespace in expected} == expected
    told = {breach.clause: breach.what for breach in verdict.breaches if breach.clause in WHOLE}
    assert told.keys() == DEEDS.keys()
    assert [clause for clause, words in DEEDS.items() if words not in told[clause]] == []
    # What gives more than can be kept is not asked again.
    assert len([breach for breach in verdict.breaches if breach.namespace == "pumpkin"]) == 1
    medlar = [breach.what for breach in verdict.breaches if breach.namespace == "medlar"]
    assert any("ValueError" in what and "(every source: object of objects)" in what for what in medlar)


def test_every_clause_can_be_broken_and_says_why_it_is_there_and_what_to_do() -> None:
    elsewhere = {"loads", "comes-to-an-end", "recorded-machines"}  # in tests of their own
    assert set(CLAUSES) == set(misbehaved.BREAKS.values()) - {""} | elsewhere
    assert len(CLAUSES) == len(set(CLAUSES))
    for clause in (*PLUGIN_CLAUSES, *ACCELERATOR_CLAUSES):
        assert clause.why
        assert clause.hint


def plugin(folder: Path, code: str) -> str:
    path = folder / "mine.py"
    head = "from lockhouse.hookspecs import hookimpl\nfrom fixtures.misbehaved import Fruit\n"
    path.write_text(head + dedent(code), encoding="utf-8")
    return str(path)


def breaches(target: str, **options: object) -> list[Breach]:
    return list(examine(target, variants=["apple"], **options).breaches)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("import os; os._exit(0)", "os._exit(0)"),
        ("import threading; threading.Event().wait()", "it gave no answer within 0.5 seconds"),
        ("x = 1", "it implements no hook"),
        ("@hookimpl\ndef lockhouse_hints(error): return []", "it does not implement lockhouse_accelerators"),
        ("@hookimpl\ndef lockhouse_accelerators(): return 5", "gave a int, not an iterable of Accelerator"),
        ("@hookimpl\ndef lockhouse_accelerators(): return []", "lockhouse_accelerators gave nothing"),
    ],
)
def test_a_plugin_that_gives_nothing_is_told_why(tmp_path: Path, code: str, words: str) -> None:
    (breach,) = breaches(plugin(tmp_path, code), limit=0.5)
    assert (breach.clause, words in breach.what) == ("loads", True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_plugin_that_takes_the_process_with_it_is_told_where(tmp_path: Path) -> None:
    code = """
        import os
        class Bomb(Fruit):
            def read(self, answers):
                os.kill(os.getpid(), 9)
        @hookimpl
        def lockhouse_accelerators(): return [Bomb()]
    """
    (breach,) = breaches(plugin(tmp_path, code))
    assert breach.clause == "comes-to-an-end"
    assert "was killed by signal 9 during read() of apple, nothing was asked" in breach.what


def test_a_plugin_that_closes_the_standard_streams_is_told(tmp_path: Path) -> None:
    (breach,) = breaches(plugin(tmp_path, f"import sys\nsys.stdout.close()\n{GOOD}"))
    assert (breach.clause, breach.what) == ("leaves-things-alone", "import: changes the standard streams")


def test_a_namespace_that_is_none_is_told(tmp_path: Path) -> None:
    code = "@hookimpl\ndef lockhouse_accelerators(): return [Fruit('Not A Name')]"
    (breach,) = breaches(plugin(tmp_path, code))
    assert (breach.clause, "Not A Name" in breach.what) == ("is-an-accelerator", True)


def machine(folder: Path, **changes: object) -> Path:
    recorded = {
        "about": "an orchard",
        "commands": {"fruit-smi --list": {"output": "dev: Apple One\ndev: Apple Two\n"}},
        "reading": {"present": True, "devices": [["Apple One", None, None], ["Apple Two", None, None]]},
        "supports": {"apple": True},
        **changes,
    }
    (folder / "orchard.json").write_text(json.dumps(recorded), encoding="utf-8")
    return folder


GOOD = "@hookimpl\ndef lockhouse_accelerators(): return [Fruit()]"


def test_recorded_machines_are_read_as_expected(tmp_path: Path) -> None:
    check_contract(plugin(tmp_path, GOOD), machines=machine(tmp_path))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reading": {"present": True, "devices": [["Apple One", None, None]]}}, "read as ExpectedReading("),
        ({"supports": {"apple": False}}, "apple is supported (there are 2 devices), expected was not supported"),
        ({"reasons": {"apple": "many"}}, "the reason for apple is 'there are 2 devices', expected was 'many'"),
        ({"notes": ["one"]}, "the notes are (), expected were ('one',)"),
    ],
)
def test_a_recorded_machine_that_is_read_otherwise_is_told(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(ContractBroken) as caught:
        check_contract(plugin(tmp_path, GOOD), machines=machine(tmp_path, **changes))
    assert [breach.clause for breach in caught.value.verdict.breaches] == ["recorded-machines"]
    assert words in str(caught.value)


def test_a_variant_that_a_recorded_machine_expects_must_be_claimed(tmp_path: Path) -> None:
    folder = machine(tmp_path, supports={"apple": True, "pear": True})
    assert [breach.clause for breach in breaches(plugin(tmp_path, GOOD), machines=folder)] == ["claims"]


def test_a_folder_without_machines_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no recorded machines"):
        examine("cpu", machines=tmp_path)


def test_it_is_one_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lockhouse.testing"]
    good = subprocess.run([*command, "cpu"], capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout + good.stderr
    assert f"{len(CLAUSES)} of {len(CLAUSES)} clauses kept" in good.stdout
    bad = subprocess.run([*command, plugin(tmp_path, "x = 1"), "--json"], capture_output=True, text=True, check=False)
    document = json.loads(bad.stdout)
    assert (bad.returncode, document["ok"], document["breaches"][0]["clause"]) == (1, False, "loads")
    told = subprocess.run([*command, plugin(tmp_path, "x = 1")], capture_output=True, text=True, check=False).stdout
    assert [line.partition(":")[0].strip() for line in told.splitlines()[-4:]] == ["broken", "what", "why", "try"]
