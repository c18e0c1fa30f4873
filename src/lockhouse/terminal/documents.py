"""The JSON documents of ``--json``: one per verb, the same fields whether it succeeded or not.

``schemas/documents.schema.json`` describes them. What a run did not get to know is null or empty.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from lockhouse.choice import Choice, choose_variant
from lockhouse.codec import encode
from lockhouse.errors import Hint, LockhouseError
from lockhouse.evidence import Drift, VerifyReport
from lockhouse.findings import ScanReport
from lockhouse.host import Host
from lockhouse.plan import Plan
from lockhouse.steps import Context
from lockhouse.terminal.errors import all_hints
from lockhouse.terminal.record import Record

if TYPE_CHECKING:
    from lockhouse.diagnosis.results import Diagnosis
    from lockhouse.doctor.remarks import Checkup
    from lockhouse.environments.history import GenerationSummary
    from lockhouse.plugins import PluginRecord
    from lockhouse.upkeep import Cleaned

__all__ = ["FIELDS", "choice_of", "document", "generation_in_use", "render", "usage_document"]

Json = dict[str, Any]


def document(verb: str, record: Record, error: LockhouseError | None, hints: Iterable[Hint] = ()) -> Json:
    """Make the document of a verb from the record of its run."""
    return {**_head(verb, error, hints), **FIELDS[verb](record)}


def usage_document(error: LockhouseError) -> Json:
    """Make the document of a command line that names no verb."""
    return _head("usage", error, ())


def render(data: Json) -> str:
    """Write a document as text that every encoding can carry."""
    return json.dumps(data, indent=1) + "\n"


def choice_of(context: Context, host: Host) -> Choice:
    """The variant that this machine gets."""
    override = context.options.selection.accelerator
    return choose_variant(context.manifest, host, context.plugins.accelerators(), override)


def generation_in_use(context: Context | None) -> GenerationSummary | None:
    """The generation that the pointer leads to now."""
    if context is None:
        return None
    from lockhouse.environments.history import list_generations

    return next((item for item in list_generations(context.project) if item.current), None)


def _head(verb: str, error: LockhouseError | None, hints: Iterable[Hint]) -> Json:
    told = None
    if error is not None:
        told = {
            "code": error.code,
            "summary": error.summary,
            "cause": error.cause,
            "hints": [{"code": hint.code, "text": hint.text} for hint in all_hints(error, hints)],
        }
    return {"schema": f"lockhouse.{verb}/1", "ok": error is None, "error": told}


def _detect(record: Record) -> Json:
    host, context = record.value(Host), record.context
    if host is None or context is None:
        names = ("platform", "python", "accelerator", "variant", "rule", "reason")
        return dict.fromkeys(names) | {"variants": [], "devices": [], "accelerators": [], "probes": []}
    choice = choice_of(context, host)
    # Every machine has the CPU: it is the answer where there is nothing else.
    present = sorted((item for item in host.accelerators if item.present), key=lambda item: item.namespace == "cpu")
    wanted = context.manifest.python_version(choice.variant or "")
    interpreter = host.interpreter(wanted)
    return {
        "platform": host.platform,
        "python": interpreter.version if interpreter else None,
        "accelerator": choice.accelerator or next((reading.namespace for reading in present), None),
        "variant": choice.variant,
        "rule": choice.rule,
        "reason": choice.reason,
        "variants": [
            {
                "name": item.variant,
                "accelerator": item.accelerator,
                "supported": item.supported,
                "reason": item.reason,
                "lost": list(item.lost),
            }
            for item in choice.considered
        ],
        "devices": [
            {"accelerator": reading.namespace, **encode(device)} for reading in present for device in reading.devices
        ],
        "accelerators": [
            {
                "namespace": reading.namespace,
                "present": reading.present,
                "driver": reading.driver,
                "runtime": reading.runtime,
                "notes": list(reading.notes),
                "toolkits": dict(reading.toolkits),
            }
            for reading in host.accelerators
        ],
        "probes": encode(host.probes),
    }


def _plan(record: Record) -> Json:
    plan = record.value(Plan)
    if plan is None:
        return {"variant": None, "digest": None, "distributions": [], "omitted": [], "notes": []}
    names = ("name", "version", "stage", "filename", "url", "sha256", "size")
    return {
        "variant": plan.target.variant,
        "digest": plan.digest,
        "distributions": [
            {name: getattr(item, name) for name in names} | {"required-by": list(item.required_by)}
            for item in plan.distributions
        ],
        "omitted": encode(plan.omitted),
        "notes": list(plan.notes),
    }


def _download(record: Record) -> Json:
    plan, context = record.value(Plan), record.context
    return {
        "wheelhouse": str(context.project.wheelhouse) if context else None,
        "wheels": len(plan.distributions) if plan else None,
        "bytes": sum(item.size for item in plan.distributions) if plan else None,
    }


def _scan(record: Record) -> Json:
    report = record.value(ScanReport)
    return {
        "plan": report.plan if report else None,
        "rules": list(report.rules) if report else [],
        "wheels": report.wheels if report else None,
        "findings": encode(report.findings) if report else [],
    }


def _install(record: Record) -> Json:
    return _environment(record) | {
        "phases": [
            {
                "name": step.step,
                "seconds": round(step.seconds, 3),
                "up-to-date": step.outcome == "up-to-date",
                "outcome": step.outcome,
                "detail": step.detail,
            }
            for step in record.steps
        ]
    }


def _verify(record: Record) -> Json:
    report = record.value(VerifyReport)
    drift = report.drift if report else Drift()
    return {
        **_environment(record),
        "environment-digest": report.environment_digest if report else None,
        "checks": [
            {
                "name": check.name,
                "ok": check.ok,
                "outcome": check.outcome,
                "critical": check.critical,
                "seconds": round(check.seconds, 3),
                "output": check.output,
            }
            for check in (report.checks if report else ())
        ],
        "drift": encode(drift),
        "failures": list(report.failures) if report else [],
        "hardware": encode(report.hardware) if report else None,
        "changes": list(report.changes) if report else [],
    }


def _generations(record: Record) -> Json:
    found: tuple[GenerationSummary, ...] = record.result or ()
    return {
        "environment": str(record.context.project.pointer) if record.context else None,
        "generations": encode(found),
    }


def _rollback(record: Record) -> Json:
    return _environment(record) | {"previous": record.result}


def _clean(record: Record) -> Json:
    cleaned: Cleaned | None = record.result
    return {
        "dry-run": cleaned.dry_run if cleaned else None,
        "freed": encode(cleaned.freed) if cleaned else [],
        "bytes": cleaned.size if cleaned else None,
    }


def _doctor(record: Record) -> Json:
    found: Checkup | None = record.result
    return {
        "remarks": encode(found.remarks) if found else [],
        "published": encode(found.published) if found else None,
    }


def _diagnose(record: Record) -> Json:
    found: Diagnosis | None = record.result
    fields: Json = {"host": None, "prefix": None, "python": None, "protected": [], "verdicts": [], "bisection": None}
    return encode(found) if found else fields


def _plugins(record: Record) -> Json:
    found: tuple[PluginRecord, ...] = record.result or ()
    return {"plugins": encode(found)}


def _environment(record: Record) -> Json:
    """The environment that is in use when the verb has ended, whether it was changed or not."""
    current = generation_in_use(record.context)
    return {
        "environment": str(record.context.project.pointer) if record.context and current else None,
        "generation": current.number if current else None,
        "environment-digest": current.environment_digest if current else None,
        "lock": current.lock if current else None,
    }


FIELDS: dict[str, Callable[[Record], Json]] = {
    "detect": _detect,
    "plan": _plan,
    "download": _download,
    "scan": _scan,
    "install": _install,
    "upgrade": _install,
    "verify": _verify,
    "generations": _generations,
    "rollback": _rollback,
    "clean": _clean,
    "diagnose": _diagnose,
    "doctor": _doctor,
    "plugins": _plugins,
}
"""What each verb's document has beside its head."""
