"""Bytecode of the store: compiled once, the same everywhere, found by the first import."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

import pytest

from fixtures.generations import INTERPRETER
from fixtures.stores import admitted, install_wheels
from fixtures.wheels import WheelSpec
from lockhouse.environments.sealing import seal_tree
from lockhouse.environments.venv import VenvProvider
from lockhouse.errors import SubprocessFailed
from lockhouse.host import Interpreter
from lockhouse.store import Entry, Store
from lockhouse.store.bytecode import link_bytecode
from lockhouse.store.compiling import compile_all, compiled
from lockhouse.store.origins import find_origins

TAG = sys.implementation.cache_tag
FILES = {
    "alpha/__init__.py": "WORDS = {'b', 'a'}\ndef f(x, y=('alpha', 1.5)):\n    return x in {'one', 'two', 'three'}\n",
    "alpha/inner/deep.py": "from alpha import f\nNAME = __name__\n",
    "alpha/broken.py": "print 'no Python 3'\n",
    "alpha/data.txt": "no module",
}
DATA = {"purelib/beside.py": "x = 'alpha'\n", "scripts/tool.py": "#!python\n", "data/share/example.py": "x = 1\n"}


def alpha(folder: Path) -> Path:
    return WheelSpec("alpha", files=FILES, data=DATA).build(folder)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def entry(store: Store, tmp_path: Path) -> Entry:
    return admitted(store, alpha(tmp_path / "wheels"))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_every_module_that_can_be_imported_is_compiled_beside_where_it_lies(entry: Entry) -> None:
    (made,) = compile_all([entry], INTERPRETER)
    assert sorted(made.kept.paths) == [
        f"alpha-1.0.data/purelib/__pycache__/beside.{TAG}.pyc",
        f"alpha/__pycache__/__init__.{TAG}.pyc",
        f"alpha/inner/__pycache__/deep.{TAG}.pyc",
    ]
    assert contents(made.folder).keys() == set(made.kept.paths)


def test_bytecode_is_unchecked_by_hash(entry: Entry) -> None:
    (made,) = compile_all([entry], INTERPRETER)
    for data in contents(made.folder).values():
        assert data[4:8] == (1).to_bytes(4, "little")  # PEP 552: hash-based, and the source is not looked at


def test_bytecode_names_no_place(entry: Entry, tmp_path: Path) -> None:
    (made,) = compile_all([entry], INTERPRETER)
    for data in contents(made.folder).values():
        assert os.fsencode(tmp_path) not in data


def test_two_stores_have_the_same_bytecode_whatever_the_order_and_the_seed(
    entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = compile_all([entry], INTERPRETER)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    elsewhere = Store(tmp_path / "another place" / "store")
    words = "".join(f"word{i} = 'alpha', 'one', 1.5, 'WORDS', 'deep'\n" for i in range(50))
    beta = admitted(
        elsewhere, WheelSpec("beta", files={"alpha/a.py": words, "beta.py": words}).build(tmp_path / "wheels")
    )
    again = admitted(elsewhere, alpha(tmp_path / "again"))
    _, other = compile_all([beta, again], INTERPRETER)
    assert contents(other.folder) == contents(made.folder)
    assert (other.kept.hashes, other.kept.sizes) == (made.kept.hashes, made.kept.sizes)


def test_bytecode_is_that_of_a_process_with_quite_other_things_in_memory(entry: Entry) -> None:
    (made,) = compile_all([entry], INTERPRETER)
    source = FILES["alpha/__init__.py"]
    here = marshal.dumps(compile(source, "alpha/__init__.py", "exec", dont_inherit=True), 2)
    data = (made.folder / f"alpha/__pycache__/__init__.{TAG}.pyc").read_bytes()
    assert data == MAGIC_NUMBER + (1).to_bytes(4, "little") + source_hash(source.encode()) + here


def test_a_wheel_is_compiled_once(entry: Entry) -> None:
    (made,) = compile_all([entry], INTERPRETER)
    assert compiled(entry, INTERPRETER) == made
    inode = made.folder.stat().st_ino
    assert compile_all([entry], INTERPRETER) == (made,)
    assert made.folder.stat().st_ino == inode


def test_damaged_bytecode_is_made_anew(entry: Entry) -> None:
    (made,) = compile_all([entry], INTERPRETER)
    before = contents(made.folder)
    victim = made.folder / next(iter(made.kept.paths))
    victim.chmod(0o644)
    victim.write_bytes(b"evil")
    (again,) = compile_all([entry], INTERPRETER)
    assert contents(again.folder) == before
    (again.home / "index").write_bytes(b"nothing")
    assert compiled(entry, INTERPRETER) is None
    (third,) = compile_all([entry], INTERPRETER)
    assert contents(third.folder) == before


def test_a_wheel_without_modules_has_none(store: Store, tmp_path: Path) -> None:
    entry = admitted(store, WheelSpec("empty", files={"empty.txt": "x"}).build(tmp_path / "wheels"))
    (made,) = compile_all([entry], INTERPRETER)
    assert not made.kept.sizes


def test_an_interpreter_that_is_none_is_told_and_nothing_is_left(entry: Entry) -> None:
    wrong = Interpreter(executable="/nowhere/python3", version="3.11.0", implementation="cpython", markers={})
    before = sorted(entry.home.iterdir())
    with pytest.raises(SubprocessFailed) as failed:
        compile_all([entry], wrong)
    assert "alpha-1.0" in failed.value.summary
    assert sorted(entry.home.iterdir()) == before


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment with alpha, its bytecode linked along."""
    root = tmp_path / "env"
    root.mkdir()
    provider = VenvProvider()
    provider.create(root, INTERPRETER)
    wheel = alpha(tmp_path / "wheels")
    install_wheels(root, provider.scheme(root, INTERPRETER), wheel)
    assert link_bytecode(root, [admitted(Store(tmp_path / "store"), wheel)], INTERPRETER) == 3
    return root


def python(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [str(VenvProvider().scheme(root, INTERPRETER).python), *arguments]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(argv, capture_output=True, text=True, check=True, env=environ)


def test_the_first_import_finds_its_bytecode_and_writes_none(environment: Path) -> None:
    before = sorted(environment.rglob("*"))
    done = python(environment, "-v", "-c", "import alpha.inner.deep, beside")
    for module in ("alpha/__pycache__/__init__", "alpha/inner/__pycache__/deep", "__pycache__/beside"):
        assert any(line.startswith("# code object from") and module in line for line in done.stderr.splitlines())
    assert sorted(environment.rglob("*")) == before


def test_a_traceback_names_the_true_place_of_the_source(environment: Path) -> None:
    done = python(environment, "-c", "import alpha; print(alpha.f.__code__.co_filename)")
    assert Path(done.stdout.strip()).is_file()
    assert done.stdout.startswith(str(environment))


def test_the_seal_of_it_reads_nothing_and_equals_one_that_reads_all(environment: Path, tmp_path: Path) -> None:
    origins = find_origins(environment, Store(tmp_path / "store"), INTERPRETER)
    known = {prefix + name for prefix, files in origins.items() for name in files.names}
    assert sum(path.endswith(".pyc") for path in known) == 3
    composed = seal_tree(environment, origins, purge=True)
    assert composed.removed == 0
    assert composed == seal_tree(environment)


def test_bytecode_of_others_goes_when_it_is_sealed(environment: Path, tmp_path: Path) -> None:
    cache = next(environment.rglob("alpha/__pycache__"))
    (cache / "__init__.cpython-20.pyc").write_bytes(b"old")
    (cache.parent / "old.pyc").write_bytes(b"old")
    origins = find_origins(environment, Store(tmp_path / "store"), INTERPRETER)
    assert seal_tree(environment, origins, purge=True).removed == 2
    assert [path.name for path in cache.iterdir()] == [f"__init__.{TAG}.pyc"]
    assert seal_tree(environment, find_origins(environment, Store(tmp_path / "store")), purge=True).removed == 3
    assert not list(environment.rglob("__pycache__"))
