"""Making a plan: resolve, leave out optional stages that cannot be had, order what is left."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockhouse.audits.judging import judge, stages_of
from lockhouse.errors import Hint, LockhouseError, NetworkError, OfflineError, ResolutionError, UsageError
from lockhouse.events import Message
from lockhouse.findings import Finding
from lockhouse.lockfile import Lock
from lockhouse.manifest import CREATE_STAGE, Check, Manifest, Stage, Wish
from lockhouse.plan import OmittedStage, Plan, PlannedDistribution, PlannedStage
from lockhouse.resolution.blame import Blame
from lockhouse.resolution.choosing import Chooser, withdrawn
from lockhouse.resolution.explaining import Unsolvable
from lockhouse.resolution.given import Given, show_host
from lockhouse.resolution.places import Places
from lockhouse.resolution.routing import Routing, wishes_of
from lockhouse.resolution.servers import Servers
from lockhouse.resolution.situation import Situation, sources_of
from lockhouse.resolution.solving import Answer, Solver
from lockhouse.resolution.sources import find_sources
from lockhouse.resolution.stages import assign_stages, installation_order
from lockhouse.resolution.target import target_tags
from lockhouse.resolution.uv import Preference
from lockhouse.steps import Context
from lockhouse.temporary import temporary_folder
from lockhouse.wheels.client import Client
from lockhouse.wheels.configuration import PipConfiguration, read_pip_configuration
from lockhouse.wheels.keyring import with_keyring
from lockhouse.wheels.wheelhouse import Wheelhouse

__all__ = ["make_plan"]


def make_plan(context: Context, situation: Situation) -> Plan:
    """Resolve the manifest for a situation; raise when its required stages cannot be planned."""
    configuration = with_keyring(read_pip_configuration())
    indexes = [url for index in context.manifest.indexes for url in (index.url, *index.mirrors)]
    with (
        temporary_folder("pages", context.project.temporary) as work,
        Client(configuration, offline=context.options.offline, indexes=indexes) as client,
    ):
        return _Planning(context, situation, configuration, client, work).plan()


class _Planning:
    """One planning: what was left out grows until the rest can be planned."""

    def __init__(
        self, context: Context, situation: Situation, configuration: PipConfiguration, client: Client, work: Path
    ) -> None:
        self.context = context
        self.situation = situation
        self.omitted: dict[str, str] = {}
        self.notes: list[str] = []
        manifest = context.manifest
        self.variant = manifest.variant(situation.variant)
        label = situation.accelerator.label(situation.variant, situation.host) if situation.accelerator else None
        self.label = label
        self.wheelhouse = wheelhouse = Wheelhouse(context.project.wheelhouse)
        root = context.project.root
        routing = Routing.of(manifest, self.variant, situation.accelerator, label, root)
        self.sources = find_sources(
            manifest.indexes, configuration, client, root=root, wheelhouse=wheelhouse, work=work
        )
        self.servers = Servers(
            routing=routing,
            places=Places(addresses={**routing.servers, **self.sources.addresses}),
            client=client,
            locations=self.sources.stand_ins,
            wheelhouse=wheelhouse,
            work=work,
        )
        self.solver = Solver(
            manifest=manifest,
            interpreter=situation.interpreter,
            tags=target_tags(situation.target.python_tag, situation.host.platform_tags),
            configuration=configuration,
            servers=self.servers,
            sources=self.sources,
            chooser=Chooser(
                client=client,
                wheelhouse=wheelhouse,
                places=self.servers.places,
                open_indexes=tuple(self.sources.addresses),
                emit=context.emit,
            ),
            constraints=self._constraints(),
            preferences=self._preferences(),
            given=self._host(work),
        )

    def plan(self) -> Plan:
        self._leave_out_by_hand()
        answer = self._solve()
        plan = self._compose(answer)
        while refused := self._refused_optional(plan):
            for stage, finding in refused.items():
                self._leave_out(stage, f"the scan would refuse it: {finding.message}")
            plan = self._compose(self._solve())
        return plan

    # what is planned

    def _stages(self) -> list[Stage]:
        return [stage for stage in self.context.manifest.stages if stage.name not in self.omitted]

    def _leave_out(self, stage: str, reason: str) -> None:
        self.omitted[stage] = reason
        self.context.emit(Message(level="warning", text=f"stage {stage} is left out: {reason}"))

    def _leave_out_by_hand(self) -> None:
        markers = self.situation.interpreter.markers
        for stage in self.context.manifest.stages:
            if stage.name in self.context.options.selection.without_stages:
                self.omitted[stage.name] = "left out by --without"
            elif stage.when is not None and not Marker(stage.when).evaluate(dict(markers)):
                self.omitted[stage.name] = f"its condition does not hold here: {stage.when}"

    def _may_leave_out(self, stage: Stage) -> bool:
        return stage.optional and stage.name not in self.context.options.selection.with_stages

    def _solve(self) -> Answer:
        """Plan all stages; when that fails, the required ones, and then each optional one that still fits."""
        try:
            return self._solve_stages(self._stages())
        except (ResolutionError, NetworkError, OfflineError):
            optional = [stage for stage in self._stages() if self._may_leave_out(stage)]
            if not optional:
                raise
        required = [stage for stage in self._stages() if stage not in optional]
        answer = self._solve_stages(required)
        for stage in optional:
            chosen = [item for item in self.context.manifest.stages if item in (*required, stage)]
            try:
                answer = self._solve_stages(chosen)
                required = chosen
            except (ResolutionError, NetworkError, OfflineError) as error:
                self._leave_out(stage.name, f"it cannot be planned: {_first_line(error)}")
        return answer

    def _solve_stages(self, stages: Sequence[Stage]) -> Answer:
        names = {stage.name for stage in stages}
        wishes = [item for item in wishes_of(self.context.manifest, self.variant) if item[0] in names]
        try:
            return self.solver.solve(wishes)
        except Unsolvable as error:
            explained = self._blame().explain(error)
            self.servers.tell_of_stand_ins(explained)
            raise explained from error

    def _blame(self) -> Blame:
        wheels = (path.name.partition("-")[0] for path in self.wheelhouse.files())
        locked = self.situation.lock.distributions if self.situation.lock else ()
        return Blame(
            manifest=self.context.manifest,
            variant=self.variant,
            constraints=self.sources.constraints,
            known=(*map(canonicalize_name, wheels), *(item.name for item in locked)),
            offline=self.context.options.offline,
        )

    def _refused_optional(self, plan: Plan) -> dict[str, Finding]:
        """Optional stages that rules refuse by metadata alone, each with the finding that says why."""
        report = judge(self.context, plan, self.situation.host, with_wheels=False)
        optional = {stage.name for stage in self._stages() if self._may_leave_out(stage)}
        refused: dict[str, Finding] = {}
        for finding in report.refused:
            stages = stages_of(finding, plan)
            if stages and stages <= optional:
                for stage in stages:
                    refused.setdefault(stage, finding)
        return refused

    def _host(self, work: Path) -> Given | None:
        """What an environment that was there before has to give; None for one of its own."""
        if not self.context.manifest.hosted:
            return None
        from lockhouse.hosts.keeping import host_without

        return show_host(host_without(self.context.project), work / "host")

    def _constraints(self) -> tuple[str, ...]:
        """Requirements of the variant for what no stage lists: they bind dependencies."""
        listed = {_name(wish) for _, wish in wishes_of(self.context.manifest, self.variant)}
        own = self.variant.requirements if self.variant else {}
        return tuple(wish.requirement for name, wish in own.items() if name not in listed)

    def _preferences(self) -> tuple[Preference, ...]:
        lock, upgrade = self.situation.lock, self.context.options.upgrade
        if lock is None or upgrade == ():
            return ()
        freed = {canonicalize_name(name) for name in upgrade or ()}
        _check_names(freed, lock)
        return tuple(
            Preference(name=item.name, version=item.version, url=item.url, sha256=item.sha256)
            for item in lock.distributions
            if item.name not in freed
        )

    # what is written down

    def _compose(self, answer: Answer) -> Plan:
        manifest, situation = self.context.manifest, self.situation
        stages = self._stages()
        order = (CREATE_STAGE, *(stage.name for stage in stages))
        assigned = assign_stages(answer.graph, answer.listed, order)
        checks = {stage.name: _stage_checks(stage, manifest) for stage in stages}
        return Plan(
            name=manifest.name,
            manifest=manifest.digest,
            host=situation.host.digest,
            target=situation.target,
            selection=self.context.options.selection,
            variant_reason=situation.choice.reason,
            label=self.label,
            stages=tuple(
                PlannedStage(
                    name=name,
                    optional=any(stage.name == name and stage.optional for stage in stages),
                    checks=checks.get(name, ()),
                )
                for name in order
            ),
            omitted=tuple(OmittedStage(name=name, reason=reason) for name, reason in self.omitted.items()),
            excluded=answer.excluded,
            distributions=tuple(
                self._planned(answer, name, assigned[name])
                for name in installation_order(answer.graph, assigned, order)
                if name in answer.wheels
            ),
            checks=manifest.checks,
            notes=(
                *self.servers.places.notes,
                *self.servers.notes,
                *self.sources.notes,
                *answer.notes,
                *withdrawn(answer.wheels.values()),
            ),
            sources=sources_of(self.context, self.solver.configuration),
            given=answer.given,
        )

    def _planned(self, answer: Answer, name: str, stage: str) -> PlannedDistribution:
        wheel = answer.wheels[name]
        root = answer.roots.get(name)
        return PlannedDistribution(
            name=name,
            version=wheel.version,
            stage=stage,
            filename=wheel.filename,
            url=self._known_url(wheel.url, wheel.filename, wheel.sha256),
            sha256=wheel.sha256,
            size=wheel.size,
            index=wheel.index,
            requirement=root.requirement if root else None,
            critical=bool(root and root.critical),
            requires_python=wheel.metadata.requires_python,
            requires=wheel.metadata.requires,
            required_by=tuple(other for other in answer.graph.required_by(name) if other in answer.wheels),
            yanked=wheel.yanked,
            replaces=self.solver.given.version(name) if self.solver.given else None,
        )

    def _known_url(self, url: str, filename: str, sha256: str) -> str:
        """Keep the address that the lock knows for the same bytes: one found in the wheelhouse leads nowhere else."""
        for item in self.situation.lock.distributions if self.situation.lock else ():
            if (item.filename, item.sha256) == (filename, sha256):
                return item.url
        return url


def _check_names(names: Collection[str], lock: Lock) -> None:
    known = sorted(item.name for item in lock.distributions)
    for name in sorted(set(names) - set(known)):
        close = difflib.get_close_matches(name, known, n=1)
        text = f"did you mean {close[0]}?" if close else "`lockhouse plan` lists what there is"
        raise UsageError(f"{name} cannot be upgraded: it is not in the lock", hints=[Hint("upgrade-name", text)])


def _stage_checks(stage: Stage, manifest: Manifest) -> tuple[Check, ...]:
    named = {check.name for check in stage.checks}
    return (
        *stage.checks,
        *(check for check in manifest.checks if check.stage == stage.name and check.name not in named),
    )


def _name(wish: Wish) -> str:
    return canonicalize_name(Requirement(wish.requirement).name)


def _first_line(error: LockhouseError) -> str:
    return (error.cause or error.summary).splitlines()[0]
