"""Variant providers (PEP 817 and PEP 825, drafts) as accelerators.

A provider is an object that a distribution registers in the entry-point group ``variant_plugins``. It has a
``namespace`` and ``get_supported_configs()``, which gives what this machine supports: features with values, the best
first. Providers load drivers and frameworks; so one is never imported here but asked in a subprocess, by a question
like any other.

What it calls ``fake :: level :: v2`` is the variant ``fake-level-v2`` of a manifest, where ``fake`` is the name that
the provider is registered under. The drafts choose wheels by such properties; here a manifest says with
``variants.<name>.index`` where the builds for one are.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence

from lockhouse.accelerators import Question, Support
from lockhouse.hookspecs import hookimpl
from lockhouse.host import AcceleratorReading, Host, Probe
from lockhouse.manifest import Check
from lockhouse.registry import Registered
from lockhouse.replies import label
from lockhouse.values import dataclass
from lockhouse.vetting import NAMESPACE

__all__ = ["ProviderAccelerator", "ProviderPlugin"]

FEATURE = re.compile(r"[a-z0-9_]+")
VALUE = re.compile(r"[a-z0-9_.]+")
"""PEP 817, "Variant properties"."""

MOST = 256
"""Features, and values of one, that are looked at."""

PROGRAM = """
import importlib, json, os, sys
out = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)  # a provider that prints does not spoil the answer
sys.path[:] = json.loads(sys.argv[2])
module, _, name = sys.argv[1].partition("[")[0].partition(":")
found = importlib.import_module(module.strip())
for part in name.strip().split(".") if name.strip() else ():
    found = getattr(found, part)
if isinstance(found, type):
    found = found()
try:
    configs = found.get_supported_configs()
except TypeError:
    configs = found.get_supported_configs(None)  # earlier drafts tell the provider which properties are known
json.dump({"namespace": found.namespace, "configs": [
    {"name": item.name, "values": list(item.values), "multi-value": bool(getattr(item, "multi_value", False))}
    for item in configs]}, out)
out.close()
os._exit(0)  # libraries of vendors crash, or hang, when they are put away
"""


class ProviderPlugin:
    """A registered provider in the shape of a plugin."""

    def __init__(self, provider: Registered) -> None:
        self.provider = provider

    @hookimpl
    def lockhouse_accelerators(self) -> Iterator[ProviderAccelerator]:
        """Give the provider as an accelerator. None of its code runs here."""
        item = self.provider
        if not NAMESPACE.fullmatch(item.name):
            raise ValueError(f"the variant provider is registered as {item.name!r}, which is not {NAMESPACE.pattern}")
        yield ProviderAccelerator(item.name, item.target, f"{item.distribution} {item.version}")


@dataclass(frozen=True, slots=True)
class ProviderAccelerator:
    """What one provider supports. ``target`` is its object, ``source`` the distribution and version it came with."""

    namespace: str
    target: str
    source: str
    family: frozenset[str] = frozenset()
    labelled: frozenset[str] = frozenset()

    def questions(self) -> Sequence[Question]:
        """Have a subprocess import the provider and ask it."""
        argv = (sys.executable, "-I", "-S", "-c", PROGRAM, self.target, json.dumps(sys.path))
        return [Question(name="configs", kind="command", ask=argv, timeout=30.0)]

    def fingerprint(self) -> str:
        """Which provider it is; what its answers depend on is not known, so it is asked again after a restart too."""
        return self.source

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        """Read features and values; those that the drafts do not allow are told and left out."""
        probe = answers.get("configs")
        notes: list[str] = []
        features: dict[str, tuple[str, ...]] = {}
        if probe is not None and probe.error is not None:
            notes.append(f"the variant provider of {self.source} could not be asked: {label(probe.error)}")
        elif probe is not None:
            data = _object(probe.answer)
            if data is None:
                notes.append(f"the variant provider of {self.source} answered nonsense")
            else:
                features = dict(_features(data.get("configs"), notes))
                named = label(data.get("namespace"))
                if named != self.namespace:
                    notes.append(
                        f"the variant provider calls itself {named!r}; its variants begin with {self.namespace}-"
                    )
        return AcceleratorReading(
            namespace=self.namespace, present=bool(features), notes=tuple(dict.fromkeys(notes)), features=features
        )

    def claims(self, variant: str) -> bool:
        """Claim names made of namespace, feature and value."""
        return self._property(variant) is not None

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        """Say whether the value is among those that the provider gave for the feature."""
        feature, value = self._property(variant) or ("", "")
        values = reading.features.get(feature)
        if not reading.present:
            said = "; ".join(reading.notes) or f"the variant provider of {self.source} supports nothing here"
            return Support(supported=False, reason=said)
        if values is None:
            return Support(supported=False, reason=f"{self.source} knows no feature {feature} here")
        told = f"{self.source} supports {feature} {', '.join(values[:10])}{', …' if len(values) > 10 else ''}"
        if value not in values:
            return Support(supported=False, reason=f"{told}, and not {value}")
        return Support(supported=True, reason=told)

    def variants(self, reading: AcceleratorReading, host: Host) -> Sequence[str]:
        """Every supported value of every feature, in the provider's order."""
        return [f"{self.namespace}-{name}-{value}" for name, values in reading.features.items() for value in values]

    def index_url(self, variant: str) -> str | None:
        """None: a provider knows machines, not indexes."""
        return None

    def label(self, variant: str, host: Host) -> str | None:
        """None: the drafts label files, not versions."""
        return None

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        """Nothing: a provider does not say how to prove it."""
        return ()

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """Nothing: a provider does not say how to build for it."""
        return {}

    def _property(self, variant: str) -> tuple[str, str] | None:
        prefix = f"{self.namespace}-"
        feature, dash, value = variant.removeprefix(prefix).partition("-")
        if not variant.startswith(prefix) or not dash:
            return None
        return (feature, value) if FEATURE.fullmatch(feature) and VALUE.fullmatch(value) else None


def _object(answer: str | None) -> dict[str, object] | None:
    try:
        data = json.loads(answer or "")
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _features(configs: object, notes: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for item in configs[:MOST] if isinstance(configs, list) else []:
        name, values = (item.get("name"), item.get("values")) if isinstance(item, dict) else (None, None)
        if not isinstance(name, str) or not FEATURE.fullmatch(name) or not isinstance(values, list):
            notes.append("the variant provider gave a feature that is none")
            continue
        valid = [value for value in values[:MOST] if isinstance(value, str) and VALUE.fullmatch(value)]
        if len(valid) < len(values):
            notes.append(f"the variant provider gave values of {name} that are none, or too many")
        if valid:
            yield name, tuple(dict.fromkeys(valid))
