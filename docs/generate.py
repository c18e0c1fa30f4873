"""Write what is derived: schemas of the values, references of manifest and hooks, the table of recorded machines.

A test keeps them true.

python docs/generate.py
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lockhouse import hookspecs
from lockhouse.accelerators import Accelerator
from lockhouse.choice import choose_variant
from lockhouse.codec import json_schema
from lockhouse.evidence import VerifyReport
from lockhouse.findings import ScanReport
from lockhouse.host import AcceleratorReading, Host
from lockhouse.inventory import Inventory
from lockhouse.lockfile import LockTable
from lockhouse.manifest import Manifest
from lockhouse.manifestfile import load_manifest
from lockhouse.plan import Plan
from lockhouse.testing.machines import RecordedMachine, load_machines
from lockhouse_cpu.accelerator import CpuAccelerator
from lockhouse_cuda.accelerator import CudaAccelerator
from lockhouse_metal.accelerator import MetalAccelerator
from lockhouse_rocm.accelerator import RocmAccelerator
from lockhouse_xpu.accelerator import XpuAccelerator

ROOT = Path(__file__).parents[1]

VALUES: dict[str, tuple[type, str]] = {
    "host": (Host, "What is here"),
    "inventory": (Inventory, "What an existing environment holds"),
    "plan": (Plan, "What will be done"),
    "scan": (ScanReport, "What was found"),
    "verify": (VerifyReport, "What was proven"),
    "lock": (LockTable, "The table tool.lockhouse of a lock"),
}

ACCELERATORS: dict[str, Accelerator] = {
    "cuda": CudaAccelerator(),
    "rocm": RocmAccelerator(),
    "xpu": XpuAccelerator(),
    "mps": MetalAccelerator(),
}


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield every derived file with what it must contain."""
    for name, (kind, title) in VALUES.items():
        schema = json_schema(kind, title=title, identifier=f"lockhouse.{name}/1")
        if name != "lock":  # values on disk carry the name of their schema; the lock is TOML and carries it elsewhere
            schema["properties"] = {"schema": {"const": f"lockhouse.{name}/1"}, **schema["properties"]}
            schema["required"] = ["schema", *schema["required"]]
        yield ROOT / "schemas" / f"{name}.schema.json", json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    manifest = json.loads((ROOT / "schemas" / "manifest.schema.json").read_text(encoding="utf-8"))
    yield ROOT / "docs" / "manifest.md", manifest_reference(manifest)
    yield ROOT / "docs" / "hooks.md", hook_reference()
    yield ROOT / "docs" / "machines.md", machine_table()


def manifest_reference(schema: dict[str, Any]) -> str:
    """Write the reference of the manifest from its schema."""
    lines = [
        "# The manifest",
        "",
        "Written by `docs/generate.py` from `schemas/manifest.schema.json`. JSON and TOML have the same fields; an",
        "unknown field is an error. Fields without a default may be left out unless they are marked *required*.",
        "",
    ]
    for name, field in schema["properties"].items():
        lines += [f"## `{name}`", ""]
        lines += _described(field, schema, name in schema["required"])
        lines += [""]
    for name in ("requirement", "check"):
        lines += [f"## A {name}", "", *_described(schema["$defs"][name], schema, False), ""]
    return "\n".join(lines).rstrip() + "\n"


def _described(field: dict[str, Any], schema: dict[str, Any], required: bool) -> list[str]:
    lines = [f"{field.get('description', '')} {_kind(field, schema)}{' *Required.*' if required else ''}".strip()]
    inner = _object(field, schema)
    if inner:
        lines += ["", "| field | kind | meaning |", "|---|---|---|"]
        for name, part in inner["properties"].items():
            mark = " (required)" if name in inner.get("required", ()) else ""
            default = f" Default: `{json.dumps(part['default'])}`." if "default" in part else ""
            text = part.get("description", "").replace("|", "\\|")
            lines.append(f"| `{name}`{mark} | {_kind(part, schema).strip('()')} | {text}{default} |")
    elif "default" in field:
        lines += ["", f"Default: `{json.dumps(field['default'])}`."]
    return lines


def _object(field: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any] | None:
    """Find the object with fields that a field is, or is a list or mapping of."""
    field = _followed(field, schema)
    if "properties" in field:
        return field
    for key in ("items", "additionalProperties"):
        if isinstance(field.get(key), dict) and (found := _object(field[key], schema)):
            return found
    for option in field.get("anyOf", ()):
        if found := _object(option, schema):
            return found
    return None


def _followed(field: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = field.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else field


def _kind(field: dict[str, Any], schema: dict[str, Any]) -> str:
    return f"({_kind_words(field, schema)})"


def _kind_words(field: dict[str, Any], schema: dict[str, Any]) -> str:
    if field.get("$ref", "").endswith(("requirement", "check")):
        return "a " + field["$ref"].rpartition("/")[2]
    field = _followed(field, schema)
    if "enum" in field:
        return " or ".join(f"`{item}`" for item in field["enum"])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_kind_words(option, schema) for option in field["anyOf"]))
    if field["type"] == "array":
        return f"list: {_kind_words(field['items'], schema)}"
    if field["type"] == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"mapping to: {_kind_words(field['additionalProperties'], schema)}"
    return {"boolean": "true or false"}.get(field["type"], field["type"])


def hook_reference() -> str:
    """Write the list of hooks from their docstrings."""
    lines = [
        "# Hooks",
        "",
        "Written by `docs/generate.py` from `src/lockhouse/hookspecs.py`. Every example is a whole plugin: a file in",
        "the project's `plugins/` folder. A hook may leave out arguments that it does not need.",
        "[The tutorial](plugins.md).",
        "",
    ]
    for name, hook in vars(hookspecs).items():
        if name.startswith(f"{hookspecs.PREFIX}_") and inspect.isfunction(hook):
            text = (inspect.getdoc(hook) or "").replace("Example::\n", "Example:\n")
            lines += [f"## `{name}{inspect.signature(hook)}`".replace("'", ""), "", _fenced(text), ""]
    return "\n".join(lines).rstrip() + "\n"


def machine_table() -> str:
    """Write what is made of every recorded machine: the tests hold the same recordings against it."""
    lines = [
        "# Recorded machines",
        "",
        "Written by `docs/generate.py` from `tests/unit/recordings`: what every source answered there is replayed, and",
        "this is what lockhouse makes of it. `llm` and `llm-2024` are the manifests, and the variants that they take.",
        "Beside its accelerator each machine has the CPU. The machines of AMD, Intel and Apple were put together from",
        "documentation and from outputs that people have published; none of them was at hand.",
        "",
    ]
    manifests = [load_manifest(ROOT / "manifests" / f"{name}.json") for name in ("llm", "llm-2024")]
    for namespace, accelerator in ACCELERATORS.items():
        asked = [item for item in manifests if any(accelerator.claims(variant.name) for variant in item.variants)]
        lines += [f"## `{namespace}`", ""]
        lines.append(
            f"| machine | devices | driver | {' | '.join(f'`{item.name}`' for item in asked)} | what is said |"
        )
        lines.append(f"|---|---|---|{'---|' * len(asked)}---|")
        for machine in load_machines(ROOT / "tests" / "unit" / "recordings" / namespace):
            lines.append(_row(machine, accelerator, asked))
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def _row(machine: RecordedMachine, accelerator: Accelerator, manifests: Sequence[Manifest]) -> str:
    reading = machine.replay(accelerator)
    host = machine.host_with(AcceleratorReading(namespace="cpu", present=True), reading)
    choices = [choose_variant(manifest, host, [CpuAccelerator(), accelerator]) for manifest in manifests]
    said = [*reading.notes, *(item for choice in choices for item in choice.lost)]
    for choice in choices:
        refused = [item for item in choice.considered if item.accelerator == accelerator.namespace]
        if choice.accelerator == "cpu" and (reading.present or not said):
            said.append(f"{refused[0].variant}: {refused[0].reason}")
    names = [" ".join(filter(None, (device.name, device.capability))) for device in reading.devices]
    devices = [f"{names.count(name)} x {name}" if names.count(name) > 1 else name for name in dict.fromkeys(names)]
    cells = (
        f"**{machine.name}**: {machine.about}",
        ("" if reading.present or not devices else "not usable: ") + ", ".join(devices),
        ", ".join(filter(None, (reading.driver, reading.runtime and f"runtime {reading.runtime}"))),
        *(str(choice.variant) for choice in choices),
        "; ".join(dict.fromkeys(said)),
    )
    shown = (re.sub(r"[\x00-\x1f\ufffd]+", " ", cell).replace("|", "\\|") or "-" for cell in cells)
    return f"| {' | '.join(shown)} |"


def _fenced(text: str) -> str:
    """Turn the indented example at the end of a docstring into a fenced block."""
    before, marker, example = text.partition("Example:\n")
    if not marker:
        return text
    code = inspect.cleandoc("\n" + example)
    return f"{before}```python\n{code}\n```"


if __name__ == "__main__":
    for path, content in outputs():
        path.write_text(content, encoding="utf-8")
