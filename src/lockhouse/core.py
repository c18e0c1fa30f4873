"""What lockhouse itself gives, through the same hooks as everybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lockhouse.errors import InternalError
from lockhouse.hookspecs import hookimpl
from lockhouse.vetting import describe_error

if TYPE_CHECKING:
    from lockhouse.audits import Audit
    from lockhouse.environments import EnvironmentProvider
    from lockhouse.steps import Context, Step

__all__ = ["Core", "Environments", "StepRunner"]


class Environments:
    """Providers of environments, imported when they are asked for. Who brings others can do without these."""

    @hookimpl
    def lockhouse_environments(self) -> Iterable[EnvironmentProvider]:
        """Give the built-in environment providers."""
        from lockhouse.environments.builtin import lockhouse_environments

        return lockhouse_environments()


class StepRunner:
    """How a step runs when no plugin takes it over."""

    @hookimpl(trylast=True)
    def lockhouse_run_step(self, step: Step, context: Context) -> bool:
        """Run the step."""
        try:
            step.run(context)
        except StopIteration as error:  # a generator, and so a wrapper, can have none thrown into it (PEP 479)
            raise InternalError(f"step {step.name} failed", cause=describe_error(error)) from error
        return True


class Core(StepRunner):
    """What lockhouse cannot do without: it runs the steps, and gives the rules of the scan."""

    @hookimpl
    def lockhouse_audits(self) -> Iterable[Audit]:
        """Give the built-in rules of the scan."""
        from lockhouse.audits.builtin import lockhouse_audits

        return lockhouse_audits()
