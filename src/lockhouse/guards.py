"""Walls around what plugins give: whatever one of these does wrong bears the plugin's name.

What is done with a plugin before it gives anything is the business of :mod:`lockhouse.isolation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from lockhouse import traces
from lockhouse.accelerators import Accelerator, Question, Ranking, Support
from lockhouse.confinement import confined
from lockhouse.environments import EnvironmentProvider, Scheme
from lockhouse.errors import Hint, LockhouseError, PluginError
from lockhouse.hookspecs import ANSWER_LIMIT, RULE_LIMIT
from lockhouse.host import AcceleratorReading, Host, Interpreter, Probe
from lockhouse.manifest import Check
from lockhouse.names import canonical_name
from lockhouse.patience import Patience
from lockhouse.steps import Context, Step
from lockhouse.vetting import MOST_QUESTIONS, all_of, describe_error, kept, mismatch, text_or_none, texts

if TYPE_CHECKING:
    from lockhouse.audits import Audit, Subject
    from lockhouse.findings import Finding

__all__ = [
    "DISABLE_VARIABLE",
    "GuardedAccelerator",
    "GuardedAudit",
    "GuardedProvider",
    "MissingRules",
    "blame",
    "disabling",
    "guarded_step",
]

DISABLE_VARIABLE = "LOCKHOUSE_DISABLE_PLUGINS"
"""Names of plugins that are not loaded, separated by commas."""

T = TypeVar("T")


def blame(plugin: str, deed: str, error: Exception) -> NoReturn:
    """Raise what a plugin's exception means to lockhouse.

    An error that the plugin raised on purpose keeps its class and exit status.
    """
    if isinstance(error, LockhouseError):
        error.add_note(f"raised by plugin {plugin}")
        raise error
    raise PluginError(
        plugin,
        f"plugin {plugin} failed: {deed}",
        cause=describe_error(error),
        hints=[Hint("disable-plugin", disabling(plugin))],
    ) from error


def disabling(plugin: str) -> str:
    """Say how a plugin is left out by hand."""
    return f"run without it: set {DISABLE_VARIABLE}={plugin}, and tell its author"


class GuardedAccelerator:
    """An accelerator of a plugin, whose exceptions name the plugin.

    Where a variant is being chosen, one that cannot be judged is not supported, with the reason; where the answer is
    needed to go on, a PluginError is raised. ``report`` takes what is wrong where the run goes on without an answer.
    """

    def __init__(self, patience: Patience, accelerator: Accelerator, report: Callable[[str], object]) -> None:
        self.plugin = patience.plugin
        self._patience = patience
        self._report = report
        self.accelerator = accelerator
        self.namespace = accelerator.namespace
        # Compared with names in one spelling: one that is never found would be taken from any index.
        self.family = frozenset(map(canonical_name, accelerator.family))
        self.labelled = frozenset(map(canonical_name, accelerator.labelled))

    def __repr__(self) -> str:
        return f"<accelerator {self.namespace} of plugin {self.plugin}>"

    def questions(self) -> Sequence[Question]:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("questions", lambda: all_of(Question, self.accelerator.questions(), MOST_QUESTIONS))

    def fingerprint(self) -> str:
        """See :class:`~lockhouse.accelerators.Accelerator`.

        Of a stranger's questions the programs, files and variables are looked at, whatever its own fingerprint says:
        else a tool that comes or changes would be overlooked for as long as the machine runs.
        """
        own = self._ask("fingerprint", lambda: str(self.accelerator.fingerprint()))
        return f"{own}|{traces.questions(self.questions())}" if self._patience.limited else own

    def read(self, answers: Mapping[str, Probe]) -> AcceleratorReading:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("read", lambda: kept(AcceleratorReading, self.accelerator.read(answers)))

    def claims(self, variant: str) -> bool:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        try:
            return self._patience.call(lambda: bool(self.accelerator.claims(variant)), ANSWER_LIMIT)
        except Exception as error:  # noqa: BLE001  a stranger's code: what it cannot judge it does not claim
            self._report(f"{self.namespace} accelerator, claims(): {describe_error(error)}")
            return False

    def support(self, variant: str, reading: AcceleratorReading, host: Host) -> Support:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        try:
            support = self._patience.call(lambda: self.accelerator.support(variant, reading, host), ANSWER_LIMIT)
        except Exception as error:  # noqa: BLE001  a stranger's code
            reason = f"plugin {self.plugin} could not judge it: {describe_error(error)}"
            return Support(supported=False, reason=reason)
        if not isinstance(support, Support):
            reason = f"plugin {self.plugin} gave a {type(support).__name__} for an answer"
            return Support(supported=False, reason=reason)
        try:
            return kept(Support, support)
        except (TypeError, ValueError) as error:
            return Support(supported=False, reason=f"plugin {self.plugin} could not judge it: {describe_error(error)}")

    def variants(self, reading: AcceleratorReading, host: Host) -> Sequence[str]:
        """See :class:`~lockhouse.accelerators.Ranking`; nothing where the accelerator does not rank."""
        ranking = self.accelerator
        if not isinstance(ranking, Ranking):
            return ()
        return self._ask("variants", lambda: tuple(map(str, ranking.variants(reading, host))))

    def index_url(self, variant: str) -> str | None:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("index_url", lambda: text_or_none(self.accelerator.index_url(variant)))

    def label(self, variant: str, host: Host) -> str | None:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("label", lambda: text_or_none(self.accelerator.label(variant, host)))

    def checks(self, variant: str, reading: AcceleratorReading) -> Sequence[Check]:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask("checks", lambda: all_of(Check, self.accelerator.checks(variant, reading)))

    def build_settings(self, distribution: str, variant: str, reading: AcceleratorReading) -> Mapping[str, str]:
        """See :class:`~lockhouse.accelerators.Accelerator`."""
        return self._ask(
            "build_settings", lambda: texts(self.accelerator.build_settings(distribution, variant, reading))
        )

    def _ask(self, method: str, answer: Callable[[], T]) -> T:
        try:
            return self._patience.call(answer, ANSWER_LIMIT)
        except Exception as error:  # noqa: BLE001  a stranger's code
            blame(self.plugin, f"{self.namespace} accelerator, {method}()", error)


class GuardedProvider:
    """An environment provider of a plugin, whose exceptions name the plugin. Making an environment has no limit."""

    def __init__(self, patience: Patience, provider: EnvironmentProvider) -> None:
        self.plugin = patience.plugin
        self._patience = patience
        self.provider = provider
        self.name = provider.name

    def create(self, path: Path, interpreter: Interpreter) -> None:
        """See :class:`~lockhouse.environments.EnvironmentProvider`."""
        try:
            with confined():
                self.provider.create(path, interpreter)
        except Exception as error:  # noqa: BLE001  a stranger's code
            blame(self.plugin, f"{self.name} environments, create()", error)

    def scheme(self, path: Path, interpreter: Interpreter) -> Scheme:
        """See :class:`~lockhouse.environments.EnvironmentProvider`."""
        try:
            scheme = self._patience.call(lambda: self.provider.scheme(path, interpreter), ANSWER_LIMIT)
            if isinstance(scheme, Scheme):
                return scheme
            raise TypeError(mismatch(scheme, Scheme))
        except Exception as error:  # noqa: BLE001  a stranger's code
            blame(self.plugin, f"{self.name} environments, scheme()", error)


class GuardedAudit:
    """A rule of a plugin, whose exceptions name the plugin; it looks at a plan at once, within the limit for rules."""

    def __init__(self, patience: Patience, audit: Audit) -> None:
        self.plugin = patience.plugin
        self._patience = patience
        self.audit = audit
        self.name = audit.name
        self.needs_wheels = bool(audit.needs_wheels)

    @property
    def version(self) -> str:
        """What passed another version must be judged again."""
        from lockhouse.audits.identity import version_of

        return version_of(self.audit)

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """See :class:`~lockhouse.audits.Audit`."""
        try:
            return self._patience.call(lambda: tuple(self.audit.examine(subject)), RULE_LIMIT)
        except Exception as error:  # noqa: BLE001  a stranger's code
            blame(self.plugin, f"the rule {self.name}", error)


class MissingRules:
    """Stands in for rules that a plugin was to give and did not: what they would have said is not known."""

    needs_wheels = False
    version = "missing"

    def __init__(self, plugin: str, problem: str) -> None:
        self.name = f"missing-rules-of-{plugin}"
        self.plugin = plugin
        self.problem = problem

    def examine(self, subject: Subject) -> Iterable[Finding]:
        """Refuse."""
        raise PluginError(
            self.plugin,
            f"plugin {self.plugin} did not give its rules",
            cause=self.problem,
            hints=[Hint("disable-plugin", disabling(self.plugin))],
        )


def guarded_step(plugin: str, step: Step, report: Callable[[str], object]) -> Step:
    """Put a plugin's step behind a wall: its exceptions name the plugin, and work that may be needed is done.

    ``report`` takes why it is not known whether there is something to do. A step may take as long as it takes.
    """
    up_to_date, done = step.up_to_date, step.done

    def run(context: Context) -> None:
        try:
            with confined():
                step.run(context)
        except Exception as error:  # noqa: BLE001  blame() always raises
            blame(plugin, f"the step {step.name}", error)

    def judge(context: Context) -> bool:
        assert done is not None
        try:
            with confined():
                return bool(done(context))
        except Exception as error:  # noqa: BLE001  blame() always raises
            blame(plugin, f"the step {step.name}, done()", error)

    def decide(context: Context) -> bool:
        assert up_to_date is not None
        try:
            with confined():
                return bool(up_to_date(context))
        except Exception as error:  # noqa: BLE001  a stranger's code
            report(f"the step {step.name} could not tell whether it is up to date: {describe_error(error)}")
            return False

    return replace(
        step,
        plugin=plugin,
        doc=step.doc.strip().partition("\n")[0],
        run=run,
        needs=tuple(step.needs),
        inputs=tuple(map(Path, step.inputs)),
        outputs=tuple(map(Path, step.outputs)),
        up_to_date=decide if up_to_date else None,
        done=judge if done else None,
    )
