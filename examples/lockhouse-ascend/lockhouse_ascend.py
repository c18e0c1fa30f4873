"""Ascend NPUs as lockhouse sees them: a whole accelerator plugin in one file.

A variant is called after the CANN release that its builds of torch-npu were made for: ``cann8.5``. The driver comes
with the machine, CANN is installed beside it, and torch-npu is an ordinary wheel that turns a CPU build of torch into
one that computes on the NPU.

Sources: the table "version matching" in the README of Ascend's extension for PyTorch (CANN to torch and torch-npu) and
its note on compatibility (newer CANN runs older extensions; older CANN of the same major release as well), npu-smi's
reference, and files as people show them in bug reports. Nothing here has run on an NPU yet.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockhouse import traces
from lockhouse.accelerators import Question, Support
from lockhouse.hookspecs import hookimpl
from lockhouse.host import AcceleratorReading, Device, Host, Probe
from lockhouse.manifest import Check
from lockhouse.replies import json_object, json_value, label, overdue

INDEX_VARIABLE = "LOCKHOUSE_ASCEND_INDEX"
"""Address of a mirror of the vendor's index; ``{variant}`` in it stands for the variant."""

RELEASES = ("9.0", "8.5", "8.3", "8.2", "8.1", "8.0")
"""Releases of CANN that builds of torch-npu are made for, newest first."""

INDEX = "https://mirrors.huaweicloud.com/ascend/repos/pypi"
VARIANT = re.compile(r"cann(\d+\.\d+)")
VERSION = re.compile(r"\d+\.\d+(?:\.[0-9A-Za-z]+)*")
MEBIBYTE = 1 << 20
MOST_DEVICES = 64

DRIVER = "/usr/local/Ascend/driver/version.info"
TOOLKITS = ("/usr/local/Ascend/cann", "/usr/local/Ascend/ascend-toolkit/latest")
"""Where CANN is installed by default, from 8.5 on and before; ``ASCEND_HOME_PATH`` says where it is otherwise."""

NODES = """
import glob, json
print(json.dumps(sorted(glob.glob("/dev/davinci[0-9]*") + glob.glob("/dev/davinci_manager"))))
"""

PROOF = """
import os

# The environment is proven for the machine, not for the shell that hides some of its devices.
os.environ.pop("ASCEND_RT_VISIBLE_DEVICES", None)
import torch
import torch_npu

count = torch.npu.device_count()
assert count >= {devices}, f"torch sees {{count}} of {devices} NPUs"
left = torch.arange(64 * 64, dtype=torch.float32).reshape(64, 64) % 7
for index in range(count):
    device = f"npu:{{index}}"
    product = (left.to(device) @ left.to(device)).cpu()
    assert torch.equal(product, left @ left), f"{{device}} computes wrong results"
    print(f"{{device}}: {{torch.npu.get_device_name(index)}} multiplies matrices as the CPU does")
"""


@dataclass(frozen=True, slots=True)
class AscendAccelerator:
    """Ascend NPUs."""

    namespace: str = "ascend"
    family: frozenset[str] = frozenset({"torch-npu", "triton-ascend", "vllm-ascend"})
    labelled: frozenset[str] = frozenset()

    def questions(self) -> Sequence[Question]:
        """Ask the management tool, the driver, the kernel's device nodes, and CANN."""
        installed = tuple(f"{folder}/*-linux/ascend_toolkit_install.info" for folder in _toolkit_folders())
        return [
            Question(name="chips", kind="command", ask=("npu-smi", "info", "-m"), timeout=10.0),
            Question(name="table", kind="command", ask=("npu-smi", "info"), timeout=10.0),
            Question(name="driver", kind="file", ask=(DRIVER,)),
            Question(name="nodes", kind="python", ask=(NODES,)),
            Question(name="cann", kind="files", ask=installed),
        ]

    def fingerprint(self) -> str:
        """Look at the files that come with driver, devices and CANN, and at the tool that knows them."""
        looked_at = (DRIVER, *_toolkit_folders())
        return ";".join((traces.files(looked_at), traces.listing("/dev", "davinci*"), traces.programs(["npu-smi"])))

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        """Name the devices, the driver and CANN; what contradicts or is missing goes into the notes."""
        notes = overdue(answers)
        nodes = _nodes(answers.get("nodes"))
        devices = _devices(_text(answers.get("chips")), _text(answers.get("table")))
        if nodes and not devices:
            devices = tuple(Device(index=index, name="Ascend NPU") for index in range(len(nodes)))
            notes.append("npu-smi does not name the devices; they are counted by their nodes in /dev")
        elif devices and not nodes:
            notes.append("npu-smi shows NPUs, but there is no /dev/davinci*: a container needs to be given the devices")
        toolkits = _toolkits(answers.get("cann"))
        driver = _driver(_text(answers.get("driver")), _text(answers.get("table")))
        if driver and not devices:
            notes.append(f"the driver {driver} is installed, but there is no NPU to be seen")
        if devices and not toolkits:
            notes.append("CANN is not installed, or not where it is looked for: set ASCEND_HOME_PATH")
        return AcceleratorReading(
            namespace=self.namespace,
            present=bool(devices),
            driver=driver,
            runtime=max(toolkits, key=_numbers, default=None),
            devices=devices,
            notes=tuple(notes),
            toolkits=toolkits,
        )

    def claims(self, variant: str) -> bool:
        """Claim ``cann`` and a release."""
        return VARIANT.fullmatch(variant) is not None

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        """Compare the installed CANN with the one that the variant's builds were made for."""
        wanted = variant.removeprefix("cann")
        if not reading.present:
            return Support(supported=False, reason="; ".join(("no Ascend NPU was found", *reading.notes)))
        if host.system != "Linux":
            return Support(supported=False, reason="there are builds of torch-npu for Linux only")
        if reading.runtime is None:
            return Support(supported=False, reason=f"{variant} needs CANN {wanted}, and no CANN was found")
        names = ", ".join(dict.fromkeys(device.name for device in reading.devices))
        reason = f"{names}, driver {reading.driver or 'of unknown version'}, CANN {reading.runtime}"
        if _numbers(reading.runtime) >= _numbers(wanted):
            return Support(supported=True, reason=reason)
        older = f"CANN {reading.runtime} is installed, {variant} was made for {wanted}"
        same_major = _numbers(reading.runtime)[0] == _numbers(wanted)[0]
        lenient = f"{reason}; the vendor calls it compatible with {wanted}" if same_major else None
        return Support(supported=False, reason=older, relaxed=lenient)

    def variants(self, reading: AcceleratorReading, host: Host) -> Sequence[str]:
        """Name those for the installed CANN and older ones, the newest first."""
        names = (f"cann{release}" for release in RELEASES)
        return [name for name in names if self.support(name, reading, host).supported]

    def index_url(self, variant: str) -> str | None:
        """Address of the vendor's index, or of its mirror; it serves the builds for every release of CANN."""
        return os.environ.get(INDEX_VARIABLE, INDEX).replace("{variant}", variant)

    def label(self, variant: str, host: Host) -> str | None:
        """None: builds of torch-npu carry no label."""
        return None

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        """One check: torch computes on every NPU, as it does on the CPU."""
        return [
            Check(
                name="ascend: torch computes on every NPU",
                run=PROOF.format(devices=len(reading.devices)),
                requires=self.namespace,
                needs=("torch-npu",),
            )
        ]

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """Variables by which source builds are told to use the NPU, for the chip that is there."""
        folder = reading.toolkits.get(reading.runtime or "")
        settings = {"ASCEND_HOME_PATH": folder} if folder else {}
        if distribution == "llama-cpp-python":
            return settings | {"CMAKE_ARGS": "-DGGML_CANN=on", "FORCE_CMAKE": "1"}
        chips = sorted({device.capability for device in reading.devices if device.capability})
        return settings | ({"SOC_VERSION": chips[0].lower()} if chips else {})


@hookimpl
def lockhouse_accelerators() -> Iterator[AscendAccelerator]:
    """Give Ascend NPUs."""
    yield AscendAccelerator()


def _toolkit_folders() -> tuple[str, ...]:
    chosen = os.environ.get("ASCEND_HOME_PATH", "").rstrip("/")
    return (chosen, *TOOLKITS) if chosen.startswith("/") else TOOLKITS


def _text(probe: Probe | None) -> str:
    return (probe.answer if probe else None) or ""


def _nodes(probe: Probe | None) -> list[str]:
    """The device nodes without the manager; without the manager no program can open the others."""
    found = json_value(probe)
    nodes = [node for node in found if isinstance(node, str)] if isinstance(found, list) else []
    return [node for node in nodes if node != "/dev/davinci_manager"] if "/dev/davinci_manager" in nodes else []


def _devices(chips: str, table: str) -> tuple[Device, ...]:
    """Devices by their logical number, from ``npu-smi info -m``; their memory from the table, by board and chip."""
    memory = _memory(table)
    devices = []
    for line in chips.splitlines()[: 2 * MOST_DEVICES]:
        # NPU ID, Chip ID, Chip Logic ID ("-" for the board's controller), Chip Name
        found = re.fullmatch(r"\s*(\d{1,4})\s+(\d{1,4})\s+(\d{1,4})\s+(\S[^|]{0,60}?)\s*", line)
        if found is None:
            continue
        name = label(found[4])
        chip = name.removeprefix("Ascend").replace(" ", "")
        devices.append(
            Device(
                index=int(found[3]),
                name=name,
                memory=memory.get((found[1], found[2])),
                capability=f"Ascend{chip}" if re.fullmatch(r"[0-9A-Za-z_]+", chip) else None,
            )
        )
    return tuple(devices[:MOST_DEVICES])


def _memory(table: str) -> dict[tuple[str, str], int]:
    """Bytes of memory by board and chip: the last ``used / total`` of a chip's line, HBM where there is any."""
    found: dict[tuple[str, str], int] = {}
    board = ""
    for line in table.splitlines()[:2000]:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        numbers = cells[0].split()
        if len(cells) != 3 or not numbers or not re.fullmatch(r"\d{1,4}", numbers[0]):
            continue
        if re.fullmatch(r"(?:[0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-9a-fA-F]", cells[1]):
            totals = re.findall(r"\d{1,9}\s*/\s*(\d{1,9})", cells[2])
            if board and totals and int(totals[-1]) > 0:
                found[board, numbers[0]] = int(totals[-1]) * MEBIBYTE
        else:
            board = numbers[0]
    return found


def _driver(info: str, table: str) -> str | None:
    """``package_version`` of the driver's own file, ``Version`` where it is older, else what npu-smi says."""
    for pattern, text in (
        (r"^package_version\s*=\s*(\S+)", info),
        (r"^Version\s*=\s*(\S+)", info),
        (r"npu-smi \S+\s+Version:\s*(\S+)", table),
    ):
        found = re.search(pattern, text, re.MULTILINE)
        if found and VERSION.fullmatch(found[1]):
            return found[1]
    return None


def _toolkits(probe: Probe | None) -> dict[str, str]:
    """Installed releases of CANN, version to folder, from the files that say so."""
    found: dict[str, str] = {}
    for path, content in json_object(probe).items():
        said = re.search(r"^version\s*=\s*(\S+)", content, re.MULTILINE) if isinstance(content, str) else None
        if said and VERSION.fullmatch(said[1]):
            found.setdefault(said[1], str(Path(path).parents[1]))
    return found


def _numbers(version: str) -> tuple[int, ...]:
    """Major and minor release, for comparing: ``8.3.RC1`` is one of the release 8.3."""
    return tuple(int(number) for number in re.findall(r"\d{1,6}", version)[:2])
