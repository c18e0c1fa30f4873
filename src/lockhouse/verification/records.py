"""What a generation keeps of its own making: the plan that it was built from and the proof that it is right.

So an environment can be proven when plan and lock of the project have moved on, and taken into use again later.
"""

from __future__ import annotations

import time
from pathlib import Path

from lockhouse.codec import digest_of
from lockhouse.environments.generations import Generation
from lockhouse.evidence import VerifyReport
from lockhouse.plan import Plan
from lockhouse.state import read_value, write_value

__all__ = ["keep_plan", "keep_report", "kept_plan", "kept_report", "report_time"]


def keep_plan(generation: Generation, plan: Plan) -> None:
    """Note the plan that a generation is built from."""
    write_value(generation.metadata / "plan.json", plan, "plan")


def kept_plan(generation: Generation) -> Plan | None:
    """The plan that a generation was built from; None if it is gone or is not the one that the marker names."""
    plan = read_value(generation.metadata / "plan.json", Plan, "plan")
    return plan if plan is not None and plan.digest == generation.plan else None


def keep_report(generation: Generation, report: VerifyReport) -> str:
    """Note what was proven about a generation; return the digest that its marker must hold."""
    write_value(_report(generation), report, "verify")
    return digest_of(report)


def kept_report(generation: Generation) -> VerifyReport | None:
    """What was last proven about a generation, if it is the marker's and about this content; None otherwise."""
    report = read_value(_report(generation), VerifyReport, "verify")
    if report is None or digest_of(report) != generation.proof or report.plan != generation.plan:
        return None
    return report if report.environment_digest == generation.environment_digest else None


def report_time(generation: Generation) -> str:
    """When that was proven: UTC in ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_report(generation).stat().st_mtime))


def _report(generation: Generation) -> Path:
    return generation.metadata / "verify.json"
