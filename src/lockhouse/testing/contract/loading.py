"""Loading what is examined, and what stands beside it: other plugins, and recorded machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lockhouse.accelerators import Accelerator
from lockhouse.discovery import GROUP, entry_point_plugins, load_file
from lockhouse.isolation import NotAPlugin, implementations_of
from lockhouse.registry import load_object, registered
from lockhouse.testing.contract.testimony import Subject
from lockhouse.testing.machines import RecordedMachine, load_machines
from lockhouse.vetting import mismatch

if TYPE_CHECKING:
    import pluggy

__all__ = ["HOOK", "claims", "find", "given_by", "other_accelerators", "recorded", "subject_of"]

HOOK = "lockhouse_accelerators"


def recorded(folder: str, namespace: str) -> tuple[RecordedMachine, ...]:
    """Read the machines of an accelerator: from the folder named like it, or from that folder itself."""
    if not folder:
        return ()
    own = Path(folder) / namespace
    found = load_machines(own if namespace and own.is_dir() else Path(folder))
    return tuple(replace(machine, namespace=namespace) for machine in found)


def find(target: str) -> object:
    """Load what a target names: a registered plugin, a file, a module, or an object in one."""
    if target.endswith(".py"):
        return load_file(Path(target))
    for candidate in entry_point_plugins():
        if candidate.name == target:
            return candidate.load()
    return load_object(target)


def subject_of(accelerator: object) -> Subject:
    """Describe what a plugin gave, and say why it is no accelerator if it is none."""
    problem = mismatch(accelerator, Accelerator)
    if problem is not None or not isinstance(accelerator, Accelerator):
        return Subject(namespace=str(getattr(accelerator, "namespace", "?")), mismatch=problem or "gave no accelerator")
    return Subject(
        namespace=accelerator.namespace,
        mismatch=None,
        family=tuple(sorted(map(str, accelerator.family))),
        labelled=tuple(sorted(map(str, accelerator.labelled))),
    )


def other_accelerators(target: str) -> Iterator[tuple[Accelerator, str]]:
    """Accelerators of the plugins that are installed beside, and whose they are."""
    asked = find(target)
    for item in registered(GROUP):
        try:
            plugin = item.load()
            if plugin is asked or getattr(plugin, "__name__", plugin) == getattr(asked, "__name__", asked):
                continue
            hook = implementations_of(plugin, item.name).get(HOOK)
            given = given_by(hook) if hook else []
        except Exception:  # noqa: BLE001, S112  somebody else's plugin is not examined here
            continue
        for accelerator in given:
            if isinstance(accelerator, Accelerator):
                yield accelerator, f"plugin {item.name} {item.version} ({item.distribution})"


def given_by(hook: pluggy.HookImpl) -> list[object]:
    """Give all that a hook gives; raises NotAPlugin where that is no iterable."""
    answer = hook.function()
    if not isinstance(answer, Iterable):
        raise NotAPlugin(f"{HOOK} gave a {type(answer).__name__}, not an iterable of Accelerator")
    return list(answer)


def claims(accelerator: Accelerator, name: str) -> bool:
    """Whether somebody else's accelerator claims a variant."""
    try:
        return bool(accelerator.claims(name))
    except Exception:  # noqa: BLE001  somebody else's plugin is not examined here
        return False
