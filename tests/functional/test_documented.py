"""What README and docs show is what happens: transcripts, manifests, commands and code in them."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.site import Site
from lockhouse.audits.builtin import RULES
from lockhouse.cli import VERBS, parse
from lockhouse.manifestfile import parse_manifest
from lockhouse.tasks import door
from lockhouse.wheels.issues import Issue

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOSTS = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
COMMANDS = sorted(
    {
        *re.findall(r"^\$ (lockhouse .*)$", README + HOSTS, re.MULTILINE),
        *re.findall(r"`((?:lockhouse|doit) [^`]*)`", README),
        *re.findall(r"doit \w+", README),
    }
)


def test_the_refusal_in_the_readme_is_what_is_printed(site: Site) -> None:
    for name, needs in (("top", "middle"), ("middle", "lower"), ("lower", "torchao")):
        site.wheel(name, "1.0", needs)
    site.wheel("torchao", "0.15.0")
    site.manifest("top", blacklist=[{"requirement": "torchao", "reason": "its extensions crash with any other torch"}])

    result = site.run("install")

    (shown,) = re.findall(r"^(error: the scan refused .*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert result.status == 3
    assert shown in result.err


def test_the_manifest_in_the_readme_has_no_fault() -> None:
    (written,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    assert parse_manifest(json.loads(written), "README.md").name == "mine"


@pytest.mark.parametrize("written", re.findall(r"```json\n(.*?)```", HOSTS, re.DOTALL))
def test_a_manifest_for_a_host_in_the_docs_has_no_fault(written: str) -> None:
    assert parse_manifest(json.loads(written), "hosts.md").hosted


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_in_the_readme_is_understood(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "lockhouse":
        parse(arguments, argparse.Namespace(verb=None))
    else:
        assert hasattr(door, f"task_{arguments[0]}")


def test_what_people_are_told_to_run_exists() -> None:
    texts = [
        *(ROOT / "src").rglob("*.py"),
        *(ROOT / "plugins").rglob("*.py"),
        *ROOT.glob("docs/*.md"),
        ROOT / "README.md",
    ]
    told = {verb for path in texts for verb in re.findall(r"`lockhouse ([a-z]+)", path.read_text(encoding="utf-8"))}
    assert {"detect", "install", "verify"} <= told
    assert told <= {verb.name for verb in VERBS}


def test_every_code_of_a_refused_wheel_is_explained() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE) == [issue.value for issue in Issue]


def test_every_code_of_a_finding_is_explained() -> None:
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    told = set()
    for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", row)
        told |= {first, *(f"{first.partition('.')[0]}{code}" if code[0] == "." else code for code in others)}
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src/lockhouse/audits").glob("*.py")]
    rules = "|".join(re.escape(rule.name) for rule in RULES)
    written = {code for text in sources for code in re.findall(rf'"((?:{rules}|rule)\.[a-z+-]+)"', text)}
    assert len(written) > 30
    assert written <= told
    assert {code.partition(".")[0] for code in told} == {rule.name for rule in RULES} | {"rule"}


def test_the_lines_of_a_digest_come_as_documented(site: Site) -> None:
    site.wheel("alpha", console_scripts={"alpha": "alpha:main"})
    site.manifest("alpha")
    site.installed()
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "digest.md").read_text(encoding="utf-8"), re.DOTALL)

    ran = subprocess.run([sys.executable, "-c", code], cwd=site.root, capture_output=True, text=True, check=True)

    lines = ran.stdout.replace("\t", "\0")
    assert "bin/alpha" in lines
    assert hashlib.sha256(lines.encode()).hexdigest() == site.digest()
