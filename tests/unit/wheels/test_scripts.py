"""Scripts: what a command is, to the byte, and who runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from installer.scripts import Script

from lockhouse.wheels.commands import EntryPoint
from lockhouse.wheels.scripts import generate_script, with_interpreter

ROOT = Path(__file__).parents[3]
POINT = EntryPoint(name="tool", target="pkg.sub : Main.run [extra]", gui=False)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has launchers")
def test_the_text_of_a_command_is_the_one_that_is_documented() -> None:
    """The tree digest counts it: with another one every digest that was ever recorded would be wrong."""
    name, data = generate_script(EntryPoint(name="alpha", target="alpha.cli:main", gui=False), Path("/env/bin/python"))
    assert name == "alpha"
    page = (ROOT / "docs" / "digest.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"(?:^    .*\n|^\n)*^    import sys\n(?:^    .*\n|^\n)*", page, re.MULTILINE)
    shown = "\n".join(line[4:] for line in block.strip("\n").split("\n")) + "\n"
    assert data.decode() == "#!/env/bin/python\n" + shown.replace("MODULE", "alpha.cli").replace("FUNCTION", "main")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has launchers")
def test_a_command_can_be_an_attribute(tmp_path: Path) -> None:
    _, data = generate_script(POINT, Path(sys.executable))
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "sub.py").write_text("class Main:\n    @staticmethod\n    def run():\n        return 'left'\n")
    script = tmp_path / "tool"
    script.write_bytes(data)
    script.chmod(0o755)
    done = subprocess.run([script], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "left\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has launchers")
@pytest.mark.parametrize(
    "path",
    [
        *("/" + "x" * length for length in range(118, 130)),
        "/with a space/bin/python",
        "/it's/bin/python",
        "/it's got a space/bin/python",
        '/a "quote" and $HOME `x` \\/python',
        "/bücher/python",
        "/bücher und bilder/python",
    ],
)
def test_headers_are_those_of_installer(path: str) -> None:
    _, theirs = Script("tool", "pkg", "main", "console").generate(path, "posix")
    assert with_interpreter(b"#!python -E\nprint(1)\n", Path(path)) == (
        theirs.partition(b"\n# -*- coding")[0] + b"\nprint(1)\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has launchers")
@pytest.mark.parametrize("data", [b"#!python", b"#!python\n", b"#!pythonw -x\n"])
def test_a_script_of_one_line_is_one(data: bytes) -> None:
    assert with_interpreter(data, Path("/env/bin/python")) == b"#!/env/bin/python\n"
