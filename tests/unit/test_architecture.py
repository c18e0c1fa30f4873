"""The walls of the house: which module may import what (docs/internals.md)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lockhouse"
VALUES = {
    "manifest",
    "host",
    "inventory",
    "plan",
    "findings",
    "evidence",
    "lockfile",
    "codec",
    "errors",
    "events",
    "names",
    "values",
}
FILES = {"lockfile.pylock", "lockfile.remembered"}
"""What reads and writes the lock: part of its package, and no value."""


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path


def imports(path: Path, *, with_typing: bool = False) -> set[str]:
    """Names of imported modules; those that only type checkers see are left out unless asked for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for child in branch.body
        for node in ast.walk(child)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in hidden and not with_typing:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def users_of(package: str) -> set[str]:
    return {
        name
        for name, path in modules()
        if any(module == package or module.startswith(f"{package}.") for module in imports(path))
    }


def test_only_tasks_imports_doit() -> None:
    assert {name.partition(".")[0] for name in users_of("doit")} == {"tasks"}


def test_only_the_plugin_modules_import_pluggy() -> None:
    assert users_of("pluggy") <= {"plugins", "hookspecs", "isolation"}


def test_only_wheels_imports_requests() -> None:
    assert {name.partition(".")[0] for name in users_of("requests")} == {"wheels"}


def test_nothing_imports_the_command_line() -> None:
    assert users_of("lockhouse.cli") <= {"__main__"}


@pytest.mark.parametrize("name", [name for name, _ in modules() if name.partition(".")[0] in VALUES])
def test_values_import_nothing_of_ours_but_values(name: str) -> None:
    ours = {module for module in imports(dict(modules())[name]) if module.startswith("lockhouse.")}
    assert {module.split(".")[1] for module in ours} <= VALUES | ({"state"} if name in FILES else set())


def test_dataclasses_are_those_that_are_quick_to_define() -> None:
    """A run with nothing to do defines a hundred of them. What authors of plugins run is in no hurry."""
    for name, path in modules():
        if name != "values" and not name.startswith("testing"):
            names = [
                alias.name
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.ImportFrom) and node.module == "dataclasses"
                for alias in node.names
            ]
            assert "dataclass" not in names, f"{name}: from lockhouse.values import dataclass"


def test_rooms_do_not_know_the_phases_that_call_them() -> None:
    assert {name.partition(".")[0] for name in users_of("lockhouse.phases")} <= {"phases", "pipeline"}


def test_no_plugin_imports_a_private_name() -> None:
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        for module in imports(path, with_typing=True):
            if module.startswith("lockhouse."):
                assert not any(part.startswith("_") for part in module.split(".")), f"{path.name}: {module}"


def test_help_and_list_import_nothing_heavy() -> None:
    import subprocess

    code = (
        "import sys\n"
        "from lockhouse.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'requests', 'jsonschema', 'rich', 'doit', 'pluggy', 'installer', 'psutil', 'uv'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
