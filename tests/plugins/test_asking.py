from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from fixtures.contexts import Listener, context_at
from fixtures.generations import INTERPRETER
from fixtures.judged import Case
from fixtures.strangers import Strangers
from fixtures.wheels import WheelSpec
from lockhouse.accelerators import Accelerator
from lockhouse.audits.identity import rules_of
from lockhouse.errors import CheckFailed, InternalError, LockhouseError, NetworkError, PluginError, ScanRefused
from lockhouse.events import Message
from lockhouse.host import Host
from lockhouse.phases.scan import steps as scan
from lockhouse.plan import Plan
from lockhouse.plugins import Plugins
from lockhouse.run import Run
from lockhouse.steps import Context, Step

OWN = [item.namespace for item in Plugins.load().accelerators()]
"""Namespaces of the accelerators that are built in."""

HEAD = "from lockhouse.hookspecs import hookimpl\n"
ACCELERATOR = """
from lockhouse.hookspecs import hookimpl
from fixtures.wheels import WheelSpec
from lockhouse.accelerators import Support
from lockhouse.host import AcceleratorReading

class Fruit:
    namespace = "{namespace}"
    family = frozenset({{"torch"}})
    labelled = frozenset()
    def questions(self): return []
    def fingerprint(self): return "f"
    def read(self, answers): return AcceleratorReading(namespace=self.namespace, present=True)
    def claims(self, variant): return variant == self.namespace
    def support(self, variant, reading, host): return Support(supported=True, reason="yes")
    def index_url(self, variant): return None
    def label(self, variant, host): return None
    def checks(self, variant, reading): return ()
    def build_settings(self, distribution, variant, reading): return {{}}

@hookimpl
def lockhouse_accelerators():
    yield Fruit()
"""


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_at(tmp_path / "project")[0]


@pytest.fixture
def planned(tmp_path: Path) -> Context:
    """A plan that no rule of lockhouse's own refuses."""
    case = Case(tmp_path / "project", [WheelSpec("a")], {"base": ["a"]})
    case.context.state.write(case.host)
    case.context.state.write(case.plan)
    return case.context


def namespaces(plugins: Plugins) -> list[str]:
    return [accelerator.namespace for accelerator in plugins.accelerators()]


def by_namespace(plugins: Plugins, namespace: str) -> Accelerator:
    return next(item for item in plugins.accelerators() if item.namespace == namespace)


def step(run: Any = lambda context: None) -> Step:
    return Step(name="scan", phase="scan", doc="d", run=run)


def test_an_accelerator_of_a_stranger_stands_beside_the_built_in_ones(strangers: Strangers) -> None:
    strangers.install("fruit", ACCELERATOR.format(namespace="fruit"))
    assert namespaces(strangers.load()) == [*OWN, "fruit"]


def test_of_two_accelerators_with_one_namespace_the_first_stays_and_both_are_named(strangers: Strangers) -> None:
    strangers.install("other", ACCELERATOR.format(namespace="cuda"), version="4.0")
    plugins = strangers.load()
    assert namespaces(plugins) == OWN
    assert by_namespace(plugins, "cuda").claims("cu124")
    (warning,) = strangers.heard.warnings
    assert "plugin other 4.0" in warning
    assert "which plugin cuda " in warning


def test_what_lacks_a_method_is_no_accelerator_and_the_warning_says_which(strangers: Strangers) -> None:
    code = ACCELERATOR.format(namespace="fruit").replace("def label", "def labell")
    strangers.install("fruit", code)
    assert namespaces(strangers.load()) == OWN
    assert "has no label" in strangers.heard.warnings[0]


@pytest.mark.parametrize("prop", ["namespace", "family", "labelled"])
def test_an_accelerator_whose_properties_raise_is_left_out(strangers: Strangers, prop: str) -> None:
    code = ACCELERATOR.format(namespace="fruit").replace(
        f"    {prop} = ", f"    {prop} = property(lambda self: 1 / 0)  # "
    )
    strangers.install("fruit", code)
    assert namespaces(strangers.load()) == OWN
    assert "ZeroDivisionError" in strangers.heard.warnings[0]


@pytest.mark.parametrize("looks", range(5))
def test_an_accelerator_whose_properties_raise_after_some_looks_is_left_out(strangers: Strangers, looks: int) -> None:
    family = f"looks = [{{'a'}}] * {looks}\n    family = property(lambda self: self.looks.pop())  # "
    strangers.install("fruit", ACCELERATOR.format(namespace="fruit").replace("family = ", family))
    left_out = namespaces(strangers.load()) == OWN
    told = ["that raised IndexError" in warning for warning in strangers.heard.warnings]
    assert told == [True] * left_out
    assert left_out or looks > 2


@pytest.mark.parametrize("field", ["family", "labelled"])
@pytest.mark.parametrize("value", ["'torch'", "frozenset({5})", "[['torch']]"])
def test_a_family_that_is_no_set_of_names_is_refused(strangers: Strangers, field: str, value: str) -> None:
    code = ACCELERATOR.format(namespace="fruit").replace(f"    {field} = ", f"    {field} = {value}  # ")
    strangers.install("fruit", code)
    assert namespaces(strangers.load()) == OWN
    assert f"gave the accelerator fruit with {field}=" in strangers.heard.warnings[0]


def test_a_family_is_known_in_whatever_spelling(strangers: Strangers) -> None:
    strangers.install("fruit", ACCELERATOR.format(namespace="fruit").replace('"torch"', '"Torch_NPU"'))
    assert by_namespace(strangers.load(), "fruit").family == {"torch-npu"}


def test_a_name_that_is_no_text_is_refused(strangers: Strangers) -> None:
    code = (
        f"{HEAD}from types import SimpleNamespace\n@hookimpl\ndef lockhouse_environments():\n"
        "    yield SimpleNamespace(name=['x'], create=print, scheme=print)\n"
    )
    strangers.install("odd", code)
    assert "venv" in strangers.load().environments()
    assert "whose name is a list" in strangers.heard.warnings[0]


@pytest.mark.parametrize("name", ["", "With Space", "../up", "UPPER"])
def test_a_namespace_that_could_not_be_a_name_is_refused(strangers: Strangers, name: str) -> None:
    strangers.install("fruit", ACCELERATOR.format(namespace=name))
    assert namespaces(strangers.load()) == OWN
    assert "namespace" in strangers.heard.warnings[0]


@pytest.mark.parametrize(
    "answer",
    ["1 / 0", "return Support(supported=True, reason=5)", "return Support(supported=True, reason='', lost=[1])"],
)
def test_an_accelerator_that_cannot_judge_a_variant_supports_nothing(
    strangers: Strangers, context: Context, answer: str
) -> None:
    code = ACCELERATOR.format(namespace="fruit").replace('return Support(supported=True, reason="yes")', answer)
    strangers.install("fruit", code)
    fruit = by_namespace(strangers.load(), "fruit")
    host = context.state.read(Host)
    assert host is not None
    support = fruit.support("fruit", fruit.read({}), host)
    assert not support.supported
    assert "plugin fruit could not judge it" in support.reason


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("def index_url(self, variant): return None", lambda item: item.index_url("fruit")),
        ("def questions(self): return []", lambda item: item.questions()),
        ('def fingerprint(self): return "f"', lambda item: item.fingerprint()),
        (
            "def build_settings(self, distribution, variant, reading): return {}",
            lambda item: item.build_settings("x", "v", None),
        ),
    ],
)
def test_an_accelerator_that_raises_where_its_answer_is_needed_is_named(
    strangers: Strangers, method: str, call: Any
) -> None:
    code = ACCELERATOR.format(namespace="fruit").replace(method, method.partition(":")[0] + ": 1 / 0")
    strangers.install("fruit", code)
    fruit = by_namespace(strangers.load(), "fruit")
    with pytest.raises(PluginError) as failed:
        call(fruit)
    assert failed.value.plugin == "fruit"
    assert "ZeroDivisionError" in (failed.value.cause or "")


def test_a_reading_that_could_not_be_kept_is_the_plugin_s_fault(strangers: Strangers) -> None:
    code = ACCELERATOR.format(namespace="fruit").replace("present=True", "present=True, driver=5")
    strangers.install("fruit", code)
    with pytest.raises(PluginError, match="fruit"):
        by_namespace(strangers.load(), "fruit").read({})


def test_an_accelerator_that_cannot_say_what_it_claims_is_named_once(strangers: Strangers) -> None:
    code = ACCELERATOR.format(namespace="fruit").replace("return variant == self.namespace", "return 1 / 0")
    strangers.install("fruit", code)
    fruit = by_namespace(strangers.load(), "fruit")
    assert not fruit.claims("fruit")
    assert not fruit.claims("cu124")
    (warning,) = strangers.heard.warnings
    assert "plugin fruit 1.0: lockhouse_accelerators: fruit accelerator, claims(): ZeroDivisionError" in warning


@pytest.mark.parametrize(
    ("before", "after", "call"),
    [
        ("present=True", "present=True, notes=('x' * 1_000_000,)", lambda item: item.read({})),
        ("return []", "return [Question(name=str(i), kind='file', ask=('/x',)) for i in range(100)]", "questions"),
    ],
    ids=["reading", "questions"],
)
def test_an_answer_that_is_larger_than_any_machine_is_the_plugin_s_fault(
    strangers: Strangers, before: str, after: str, call: Any
) -> None:
    code = ACCELERATOR.format(namespace="fruit").replace(before, after).replace("Support\n", "Question, Support\n", 1)
    strangers.install("fruit", code)
    fruit = by_namespace(strangers.load(), "fruit")
    with pytest.raises(PluginError) as failed:
        call(fruit) if callable(call) else getattr(fruit, call)()
    assert re.search(r"gave (more than 64|a AcceleratorReading of 1\d* bytes)", failed.value.cause or "")


@pytest.mark.parametrize(
    "question",
    [
        "'ls'",
        "Question(name='q', kind='command', ask='ls')",
        "Question(name='q', kind='file', ask=(), variables='A_*')",
    ],
)
def test_a_question_of_a_wrong_kind_is_the_plugin_s_fault(strangers: Strangers, question: str) -> None:
    code = ACCELERATOR.format(namespace="fruit").replace("return []", f"return [{question}]")
    strangers.install("fruit", code.replace("Support\n", "Question, Support\n", 1))
    with pytest.raises(PluginError, match="fruit"):
        by_namespace(strangers.load(), "fruit").questions()


@pytest.mark.parametrize(
    ("method", "answer", "call"),
    [
        ("index_url", "5", lambda item: item.index_url("fruit")),
        ("label", "b'x'", lambda item: item.label("fruit", None)),
        ("checks", "['code']", lambda item: item.checks("fruit", None)),
        ("build_settings", "{'A': 1}", lambda item: item.build_settings("x", "fruit", None)),
        ("build_settings", "['A']", lambda item: item.build_settings("x", "fruit", None)),
    ],
)
def test_an_answer_of_a_wrong_type_is_the_plugin_s_fault(
    strangers: Strangers, method: str, answer: str, call: Any
) -> None:
    code = ACCELERATOR.format(namespace="fruit")
    head = next(line for line in code.splitlines() if f"def {method}(" in line)
    strangers.install("fruit", code.replace(head, f"{head.partition(': return')[0]}: return {answer}"))
    with pytest.raises(PluginError, match=rf"plugin fruit failed: fruit accelerator, {method}\(\)"):
        call(by_namespace(strangers.load(), "fruit"))


@pytest.mark.parametrize(
    "body",
    [
        "raise OSError('disk')",
        "while True: yield 1",
        "return [1]",
        "return 5",
        "yield 1\n    1 / 0",
        "raise SystemExit",
    ],
)
def test_a_hook_that_answers_wrongly_is_named_once_and_left_out(strangers: Strangers, body: str) -> None:
    strangers.install("awkward", f"{HEAD}@hookimpl\ndef lockhouse_hints(error):\n    {body}\n")
    strangers.install(
        "zebra",
        f"{HEAD}from lockhouse.errors import Hint\n@hookimpl\ndef lockhouse_hints(error): return [Hint('z', 'z')]\n",
    )
    plugins = strangers.load()
    for _ in range(3):
        assert [hint.code for hint in plugins.hints(InternalError("x"))] == ["z"]
    (warning,) = strangers.heard.warnings
    assert warning.startswith("plugin awkward 1.0: lockhouse_hints: ")


def test_a_listener_that_fails_on_every_event_is_reported_once(strangers: Strangers) -> None:
    strangers.install("deaf", f"{HEAD}@hookimpl\ndef lockhouse_event(event): raise ValueError('no')\n")
    heard = strangers.heard
    plugins: Plugins

    def emit(event: Any) -> None:
        heard(event)
        if loaded:
            plugins.event(event)  # a warning about a listener is itself an event

    loaded = False
    plugins = Plugins.load(None, emit)
    loaded = True
    for number in range(5):
        emit(Message(level="info", text=str(number)))
    plugins.close()
    assert len(heard.warnings) == 1


def test_build_settings_are_merged_and_contradictions_named(strangers: Strangers, context: Context) -> None:
    host = context.state.read(Host)
    assert host is not None
    for name, value in (("one", "4"), ("two", "8")):
        settings = {"MAX_JOBS": value, name: "1"}
        code = f"{HEAD}@hookimpl\ndef lockhouse_build_settings(requirement): return {settings}"
        strangers.install(name, code)
    assert strangers.load().build_settings("flash-attn", host) == {"MAX_JOBS": "4", "one": "1", "two": "1"}
    assert strangers.heard.warnings == [
        "plugin two 1.0: lockhouse_build_settings: gave MAX_JOBS=8, which one 1.0 has set to 4; left out"
    ]


@pytest.mark.parametrize(
    ("hook", "given"),
    [
        ("lockhouse_environments", "SimpleNamespace(name='mine', create=print, scheme=print)"),
        ("lockhouse_audits", "SimpleNamespace(name='strict', needs_wheels=False, examine=print)"),
        ("lockhouse_audits", "SimpleNamespace(name='blacklist', needs_wheels=False, examine=print)"),
        ("lockhouse_environments", "SimpleNamespace(name='venv', create=print, scheme=print)"),
    ],
)
def test_of_two_that_give_one_name_the_first_stays_and_both_are_named_with_their_versions(
    strangers: Strangers, hook: str, given: str
) -> None:
    code = f"{HEAD}from types import SimpleNamespace\n@hookimpl\ndef {hook}(): return [{given}]\n"
    strangers.install("dist-one", code, plugin="one", version="1.5")
    strangers.install("dist-two", code, plugin="two", version="2.5")
    strangers.load().examine()
    warnings = [text for text in strangers.heard.warnings if text.startswith("plugin two 2.5 (dist-two)")]
    assert len(warnings) == 1
    own = "'venv'" in given or "'blacklist'" in given
    assert re.search(
        r"which plugin (lockhouse|environments) \d" if own else r"which plugin one 1\.5 \(dist-one\)", warnings[0]
    )


def test_of_two_steps_for_one_place_neither_is_taken_and_both_plugins_are_named(
    strangers: Strangers, context: Context
) -> None:
    code = (
        f"{HEAD}from lockhouse.steps import Step\n@hookimpl\ndef lockhouse_steps(plan):\n"
        "    yield Step(name='NAME', phase='scan', doc='d', run=print, replaces='scan')\n"
    )
    strangers.install("dist-one", code.replace("NAME", "a"), plugin="one")
    strangers.install("dist-two", code.replace("NAME", "b"), plugin="two", version="2.1")
    context.plugins = strangers.load()
    with pytest.raises(PluginError) as failed:
        Run(context)
    assert failed.value.summary == (
        "the step b of plugin two 2.1 (dist-two) replaces scan, and so does one of plugin one 1.0 (dist-one)"
    )


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        ("needs='verify'", "gave the step own with needs='verify'; it must be a tuple"),
        ("needs=(1,)", "gave the step own with needs=(1,); it must be a tuple"),
        ("outputs=('a', None)", "outputs=('a', None)"),
        ("doc=None", "gave a step whose doc is None, not a text"),
        ("run=5", "gave the step own whose run cannot be called"),
        ("replaces=('purge',)", "it must be the name of one step"),
    ],
)
def test_a_step_that_is_none_is_left_out_and_the_warning_says_why(
    strangers: Strangers, field: str, complaint: str
) -> None:
    fields = {"name": "'own'", "phase": "'lock'", "doc": "'d'", "run": "print"}
    name, _, value = field.partition("=")
    given = ", ".join(f"{key}={item}" for key, item in (fields | {name: value}).items())
    code = "from lockhouse.steps import Step\n@hookimpl\ndef lockhouse_steps(plan):\n"
    strangers.install("stepper", f"{HEAD}{code}    yield Step({given})\n")
    assert strangers.load().steps(None) == ()
    assert complaint in strangers.heard.warnings[0]


def test_a_check_whose_fields_are_of_wrong_types_is_left_out(strangers: Strangers, context: Context) -> None:
    code = "from lockhouse.manifest import Check\n@hookimpl\ndef lockhouse_checks(plan):\n"
    strangers.install("checker", f"{HEAD}{code}    yield Check(name='a', run=5)\n")
    plan, host = context.state.read(Plan), context.state.read(Host)
    assert plan is not None
    assert host is not None
    assert strangers.load().checks(plan, host) == ()
    assert strangers.heard.warnings[0].startswith(
        "plugin checker 1.0: lockhouse_checks: gave a Check that is none: run"
    )


def test_tryfirst_and_trylast_are_honoured(strangers: Strangers) -> None:
    hook = "@hookimpl(OPTIONS)\ndef lockhouse_hints(error): return [Hint(__name__, 'x')]\n"
    code = f"{HEAD}from lockhouse.errors import Hint\n{hook}"
    strangers.install("a", code.replace("OPTIONS", "trylast=True"))
    strangers.install("b", code.replace("OPTIONS", ""))
    strangers.install("c", code.replace("OPTIONS", "tryfirst=True"))
    assert [hint.code for hint in strangers.load().hints(InternalError("x"))] == ["c", "b", "a"]


def test_a_listener_is_told_in_order_and_the_end_waits_for_it(strangers: Strangers) -> None:
    strangers.install("notes", f"{HEAD}seen = []\n@hookimpl\ndef lockhouse_event(event): seen.append(event.text)\n")
    plugins = strangers.load()
    told = [str(number) for number in range(100)]
    for text in told:
        plugins.event(Message(level="info", text=text))
    plugins.close()
    import notes  # type: ignore[import-not-found]

    assert notes.seen == told


# --- who does not answer ---

HANG = "import threading; threading.Event().wait()"


def test_without_strangers_no_thread_is_started(strangers: Strangers) -> None:
    before = threading.active_count()
    plugins = strangers.load()
    plugins.event(Message(level="info", text="x"))
    assert plugins.accelerators()
    assert plugins.audits()
    assert threading.active_count() == before


def test_a_listener_that_hangs_is_named_and_nobody_waits_for_it(strangers: Strangers) -> None:
    strangers.install("stuck", f"{HEAD}@hookimpl\ndef lockhouse_event(event): {HANG}\n")
    plugins = strangers.load()
    strangers.hurry()
    for number in range(3):
        plugins.event(Message(level="info", text=str(number)))
    plugins.close()
    plugins.close()
    (warning,) = strangers.heard.warnings
    assert warning.startswith("plugin stuck 1.0: lockhouse_event: ")


def test_an_import_that_hangs_is_named_and_given_up(strangers: Strangers) -> None:
    strangers.install("slow-to-come", HANG)
    strangers.hurry()
    plugins = strangers.load()
    status = {record.name: (record.status, record.reason or "") for record in plugins.records}
    assert status["slow_to_come"][0] == "failed"
    assert "no answer within 0.2 seconds" in status["slow_to_come"][1]
    assert "slow_to_come" in strangers.heard.warnings[0]


@pytest.mark.parametrize("body", [HANG, f"yield 1\n    {HANG}"])
def test_a_hook_that_hangs_is_named_and_its_plugin_is_not_asked_again(strangers: Strangers, body: str) -> None:
    counting = "    asked.append(1)\n    return []\n"
    code = f"{HEAD}asked = []\n@hookimpl\ndef lockhouse_environments():\n{counting}"
    strangers.install("speechless", f"{code}@hookimpl\ndef lockhouse_hints(error):\n    {body}\n")
    plugins = strangers.load()
    strangers.hurry()
    assert plugins.hints(InternalError("x")) == ()
    plugins.environments()
    import speechless  # type: ignore[import-not-found]

    assert speechless.asked == []
    assert strangers.heard.warnings[0].startswith("plugin speechless 1.0: lockhouse_hints: it gave no answer within")


def test_an_accelerator_that_hangs_supports_nothing_and_is_named_where_it_is_needed(
    strangers: Strangers, context: Context
) -> None:
    hung = ACCELERATOR.format(namespace="fruit").replace('return Support(supported=True, reason="yes")', HANG)
    strangers.install("fruit", hung)
    fruit = by_namespace(strangers.load(), "fruit")
    reading = fruit.read({})
    strangers.hurry()
    host = context.state.read(Host)
    assert host is not None
    support = fruit.support("fruit", reading, host)
    assert not support.supported
    assert "no answer within" in support.reason
    with pytest.raises(PluginError, match="plugin fruit failed"):
        fruit.index_url("fruit")


# --- what strangers give ---

RULE = """
class Rule:
    name = "strict"
    needs_wheels = False
    def examine(self, subject):
        BODY

@hookimpl
def lockhouse_audits():
    yield Rule()
"""


@pytest.mark.parametrize("body", ["raise SystemExit", "1 / 0", HANG, "yield 5\n        1 / 0"])
def test_a_rule_that_cannot_judge_refuses_and_its_plugin_is_named(
    strangers: Strangers, planned: Context, body: str
) -> None:
    strangers.install("policy", HEAD + RULE.replace("BODY", body))
    planned.plugins = strangers.load()
    strangers.hurry()
    with pytest.raises(ScanRefused) as refused:
        scan(planned.project, planned.manifest)[0].run(planned)
    assert "plugin policy failed: the rule strict" in (refused.value.cause or "")
    assert any("LOCKHOUSE_DISABLE_PLUGINS=policy" in hint.text for hint in refused.value.hints)
    assert not Run(planned).up_to_date(scan(planned.project, planned.manifest)[0])


@pytest.mark.parametrize("body", ["raise OSError('disk')", "return [1]", "return 5", HANG])
def test_rules_that_a_plugin_did_not_give_refuse(strangers: Strangers, planned: Context, body: str) -> None:
    strangers.install("policy", f"{HEAD}@hookimpl\ndef lockhouse_audits():\n    {body}\n")
    planned.plugins = strangers.load()
    strangers.hurry()
    with pytest.raises(ScanRefused) as refused:
        scan(planned.project, planned.manifest)[0].run(planned)
    assert "plugin policy did not give its rules" in (refused.value.cause or "")
    assert any("LOCKHOUSE_DISABLE_PLUGINS=policy" in hint.text for hint in refused.value.hints)


def test_a_rule_s_version_is_that_of_the_plugin_s_own_file(strangers: Strangers) -> None:
    strangers.install("policy", HEAD + RULE.replace("BODY", "return ()"))
    (rule,) = [rule for rule in strangers.load().audits() if rule.name == "strict"]
    assert rules_of([rule])[0].startswith("strict sha256:")


PROVIDER = """
from lockhouse.environments import Scheme

class Provider:
    name = "mine"
    def create(self, path, interpreter): CREATE
    def scheme(self, path, interpreter): SCHEME

@hookimpl
def lockhouse_environments():
    yield Provider()
"""


def test_an_environment_provider_that_raises_is_named(strangers: Strangers, tmp_path: Path) -> None:
    strangers.install("mine", HEAD + PROVIDER.replace("CREATE", "raise KeyError('oops')").replace("SCHEME", "return 5"))
    provider = strangers.load().environment("mine")
    with pytest.raises(PluginError, match="plugin mine failed: mine environments, create") as failed:
        provider.create(tmp_path, INTERPRETER)
    assert failed.value.cause == "KeyError: 'oops'"
    with pytest.raises(PluginError, match="scheme") as failed:
        provider.scheme(tmp_path, INTERPRETER)
    assert "not a Scheme" in (failed.value.cause or "")


def test_an_environment_provider_s_error_on_purpose_keeps_its_class(strangers: Strangers, tmp_path: Path) -> None:
    code = "from lockhouse.errors import NetworkError; raise NetworkError('no', url='u')"
    strangers.install("mine", HEAD + PROVIDER.replace("CREATE", code).replace("SCHEME", "return 5"))
    with pytest.raises(NetworkError):
        strangers.load().environment("mine").create(tmp_path, INTERPRETER)


STEP = """
from lockhouse.steps import Step

def run(context): BODY
def up_to_date(context): DECIDE

@hookimpl
def lockhouse_steps(plan):
    yield Step(name="own", phase="detect", doc="d", run=run, up_to_date=up_to_date, replaces=REPLACES)
"""


def stepping(strangers: Strangers, body: str, *, decide: str = "return False", replaces: str | None = None) -> Plugins:
    code = STEP.replace("BODY", body).replace("DECIDE", decide).replace("REPLACES", repr(replaces))
    strangers.install("stepper", HEAD + code)
    return strangers.load()


@pytest.mark.parametrize("body", ["raise ValueError('bug')", "raise SystemExit", "raise StopIteration"])
def test_a_plugin_s_step_that_raises_is_the_plugin_s_fault(strangers: Strangers, context: Context, body: str) -> None:
    context.plugins = stepping(strangers, body)
    run = Run(context)
    error = run.act(run.steps["own"])
    assert isinstance(error, PluginError)
    assert (error.plugin, error.exit_status) == ("stepper", 1)
    assert error.summary == "plugin stepper failed: the step own"


def test_a_plugin_s_step_that_cannot_say_whether_it_is_up_to_date_is_run_and_named(
    strangers: Strangers, context: Context
) -> None:
    context.plugins = stepping(strangers, "pass", decide="1 / 0")
    run = Run(context)
    assert not run.up_to_date(run.steps["own"])
    assert run.act(run.steps["own"]) is None
    assert "plugin stepper 1.0" in strangers.heard.warnings[0]


def test_a_step_that_cannot_go_on_after_one_that_a_plugin_replaced_names_the_plugin(
    strangers: Strangers, context: Context
) -> None:
    code = STEP.replace("BODY", "pass").replace("DECIDE", "return False")
    strangers.install("stepper", HEAD + code.replace("REPLACES", "'create', done=lambda context: True"))
    context.plugins = strangers.load()
    run = Run(context)
    assert run.act(run.steps["create"]) is None
    error = run.act(run.steps["install:base"])
    assert isinstance(error, PluginError)
    assert error.plugin == "stepper"
    assert "create" in error.summary


# --- running steps ---


def test_without_plugins_a_step_runs_and_its_error_arrives_unchanged(context: Context) -> None:
    ran: list[Context] = []
    Plugins([]).run_step(step(ran.append), context)
    assert ran == [context]
    error = CheckFailed("no")

    def fail(context: Context) -> None:
        raise error

    with pytest.raises(CheckFailed) as failed:
        Plugins([]).run_step(step(fail), context)
    assert failed.value is error


WRAPPER = (
    HEAD
    + """
import builtins
@hookimpl(wrapper=True)
def lockhouse_run_step(step, context):
    context.details["before"] = step.name
    done = yield
    context.details["after"] = repr(done)
    return done
"""
)


def test_a_wrapper_goes_around_a_step(strangers: Strangers, context: Context) -> None:
    strangers.install("around", WRAPPER)
    strangers.load().run_step(step(lambda context: context.details.__setitem__("during", "yes")), context)
    assert list(context.details.items()) == [("before", "scan"), ("during", "yes"), ("after", "True")]


@pytest.mark.parametrize("error", [CheckFailed("no"), KeyError("defect"), KeyboardInterrupt()])
def test_the_step_s_own_error_passes_a_wrapper_unchanged(
    strangers: Strangers, context: Context, error: BaseException
) -> None:
    strangers.install("around", WRAPPER)

    def fail(context: Context) -> None:
        raise error

    with pytest.raises(BaseException) as failed:
        strangers.load().run_step(step(fail), context)
    assert failed.value is error


def test_a_step_that_ends_in_a_stop_iteration_is_not_a_wrapper_s_fault(strangers: Strangers, context: Context) -> None:
    strangers.install("around", WRAPPER)

    def fail(context: Context) -> None:
        raise StopIteration("odd")

    with pytest.raises(InternalError, match="scan"):
        strangers.load().run_step(step(fail), context)


@pytest.mark.parametrize(
    ("body", "fails"),
    [
        ("1 / 0\n    yield", False),
        ("yield\n    1 / 0", False),
        ("yield\n    yield", False),
        ("return\n    yield", False),
        ("try:\n        yield\n    finally:\n        1 / 0", False),
        ("try:\n        yield\n    finally:\n        1 / 0", True),
        ("try:\n        yield\n    except Exception:\n        yield", True),
    ],
)
def test_a_wrapper_s_own_error_names_the_plugin(strangers: Strangers, context: Context, body: str, fails: bool) -> None:
    strangers.install("around", f"{HEAD}@hookimpl(wrapper=True)\ndef lockhouse_run_step(step):\n    {body}\n")

    def run(context: Context) -> None:
        if fails:
            raise NetworkError("no", url="u")

    with pytest.raises(PluginError) as failed:
        strangers.load().run_step(step(run), context)
    assert failed.value.plugin == "around"
    assert "scan" in failed.value.summary


def test_a_wrapper_may_refuse_with_an_error_of_lockhouse(strangers: Strangers, context: Context) -> None:
    code = (
        "from lockhouse.errors import ScanRefused\n"
        "@hookimpl(wrapper=True)\n"
        "def lockhouse_run_step(step):\n    yield\n    raise ScanRefused('policy')\n"
    )
    strangers.install("policy", HEAD + code)
    with pytest.raises(LockhouseError) as failed:
        strangers.load().run_step(step(), context)
    assert (failed.value.code, failed.value.exit_status) == ("scan-refused", 3)
    assert failed.value.__notes__ == ["raised by plugin policy"]


@pytest.mark.parametrize(("answer", "ran"), [("True", []), ("None", ["core"]), ("False", ["core"]), ("1", ["core"])])
def test_a_plugin_takes_a_step_over_only_by_answering_true(
    strangers: Strangers, context: Context, answer: str, ran: list[str]
) -> None:
    strangers.install("instead", f"{HEAD}@hookimpl\ndef lockhouse_run_step(): return {answer}\n")
    runs: list[str] = []
    strangers.load().run_step(step(lambda context: runs.append("core")), context)
    assert runs == ran


def test_a_plugin_that_wants_to_be_last_still_comes_before_the_core(strangers: Strangers, context: Context) -> None:
    strangers.install("instead", f"{HEAD}@hookimpl(trylast=True)\ndef lockhouse_run_step(): return True\n")
    runs: list[str] = []
    strangers.load().run_step(step(lambda context: runs.append("core")), context)
    assert runs == []


def test_a_plugin_that_fails_to_run_a_step_is_named(strangers: Strangers, context: Context) -> None:
    strangers.install("instead", f"{HEAD}@hookimpl\ndef lockhouse_run_step(step): raise OSError('gone')\n")
    with pytest.raises(PluginError, match="plugin instead failed: lockhouse_run_step for scan"):
        strangers.load().run_step(step(), context)


def test_the_built_in_rules_and_providers_come_through_the_same_hooks() -> None:
    plugins = Plugins.load(None, Listener())
    assert "venv" in plugins.environments()
    assert "blacklist" in [audit.name for audit in plugins.audits()]
