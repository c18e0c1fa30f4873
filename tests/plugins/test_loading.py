from __future__ import annotations

import pytest

import lockhouse
from fixtures.strangers import Strangers
from lockhouse.errors import InternalError, UsageError
from lockhouse.plugins import DISABLE_VARIABLE, Plugins

BUILT_IN = [record.name for record in Plugins.load().records if record.name not in ("lockhouse", "environments")]
GOOD = """
    from lockhouse.errors import Hint
    from lockhouse.hookspecs import hookimpl

    @hookimpl
    def lockhouse_hints(error):
        yield Hint("call", "call the help desk")
"""


def hint_codes(plugins: Plugins) -> list[str]:
    return [hint.code for hint in plugins.hints(InternalError("x"))]


def test_the_core_and_the_built_in_plugins_come_first_and_are_active(strangers: Strangers) -> None:
    strangers.install("aardvark", GOOD)
    records = strangers.load().records
    assert [record.name for record in records] == ["lockhouse", "environments", *BUILT_IN, "aardvark"]
    assert {record.status for record in records} == {"active"}
    assert [record.origin for record in records][-2:] == ["built-in", "entry-point"]


def test_an_installed_plugin_is_active_with_its_version_distribution_and_hooks(strangers: Strangers) -> None:
    strangers.install("help-desk", GOOD, version="2.5", plugin="desk")
    record = strangers.record("desk")
    assert (record.version, record.distribution, record.hooks) == ("2.5", "help-desk", ("lockhouse_hints",))
    assert strangers.load().versions["desk"] == "2.5"
    assert strangers.load().versions["lockhouse"] == lockhouse.__version__
    assert hint_codes(strangers.load()) == ["call"]


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        ("raise RuntimeError", "RuntimeError"),
        (
            GOOD.replace("lockhouse_hints", "lockhouse_hint"),
            "there is no hook lockhouse_hint; did you mean lockhouse_hints?",
        ),
        (GOOD.replace("(error)", "(mistake)"), "mistake"),
        (GOOD.replace("@hookimpl", ""), "lockhouse_hints is not marked with hookimpl"),
        ("answer = 42", "it implements no hook"),
        (GOOD.replace("@hookimpl", "@hookimpl(wrapper=True)"), "only lockhouse_run_step can be wrapped"),
        (
            "from lockhouse.hookspecs import hookimpl\n"
            "@hookimpl(hookwrapper=True)\ndef lockhouse_run_step(step): yield",
            "with hookimpl(wrapper=True)",
        ),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named_and_the_others_go_on(
    strangers: Strangers, code: str, complaint: str
) -> None:
    strangers.install("broken-one", code, version="0.3")
    strangers.install("zebra", GOOD)
    plugins = strangers.load()
    record = next(record for record in plugins.records if record.name == "broken_one")
    assert record.status == "failed"
    assert complaint in (record.reason or "")
    assert hint_codes(plugins) == ["call"]
    assert "broken_one" not in plugins.versions
    assert len(strangers.heard.warnings) == 1
    assert strangers.heard.warnings[0].startswith("plugin broken_one 0.3 (broken-one) is left out: ")


def test_an_entry_point_that_names_what_is_not_there_is_named(strangers: Strangers) -> None:
    strangers.install("hollow", GOOD, target="hollow:absent")
    assert "absent" in (strangers.record("hollow").reason or "")


def test_an_entry_point_may_name_an_instance_but_no_class(strangers: Strangers) -> None:
    code = """
        from lockhouse.errors import Hint
        from lockhouse.hookspecs import hookimpl

        class Desk:
            @hookimpl
            def lockhouse_hints(self, error):
                return [Hint("instance", "x")]

        desk = Desk()
    """
    strangers.install("with-class", code, target="with_class:Desk")
    strangers.install("with-instance", code, target="with_instance:desk")
    assert "register an instance" in (strangers.record("with_class").reason or "")
    assert hint_codes(strangers.load()) == ["instance"]


def test_damaged_metadata_of_a_stranger_does_not_stop_the_others(strangers: Strangers) -> None:
    strangers.install("damaged", GOOD)
    (strangers.site / "damaged-1.0.dist-info" / "METADATA").write_bytes(b"\xff\xfe\x00")
    strangers.install("zebra", GOOD)
    assert strangers.record("zebra").status == "active"


def test_two_strangers_with_the_same_name_both_work_under_different_ones(strangers: Strangers) -> None:
    strangers.install("first", GOOD, plugin="main")
    strangers.install("second", GOOD, plugin="main")
    names = [record.name for record in strangers.load().records if record.origin == "entry-point"]
    assert names == ["main", "second:main"]
    assert hint_codes(strangers.load()) == ["call", "call"]


def test_a_stranger_cannot_take_the_name_of_a_built_in_plugin(strangers: Strangers) -> None:
    strangers.install("impostor", GOOD, plugin="cuda")
    records = {record.name: record for record in strangers.load().records}
    assert records["cuda"].origin == "built-in"
    assert records["impostor:cuda"].status == "active"


def test_a_disabled_plugin_is_listed_and_not_imported(strangers: Strangers, monkeypatch: pytest.MonkeyPatch) -> None:
    strangers.install("unwanted", "raise SystemExit('imported')")
    monkeypatch.setenv(DISABLE_VARIABLE, "other, unwanted")
    assert strangers.record("unwanted").status == "disabled"
    assert strangers.heard.warnings == []


def test_files_of_the_project_are_plugins_and_its_packages_are_not(strangers: Strangers) -> None:
    path = strangers.drop("desk.py", GOOD)
    package = strangers.project / "lockhouse_other"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    record = strangers.record("desk")
    assert (record.origin, record.status, record.distribution) == ("project", "active", "plugins/desk.py")
    before = record.version
    path.write_text(path.read_text() + "\n# changed\n")
    assert strangers.record("desk").version != before
    assert [item.name for item in strangers.load().records if item.origin == "project"] == ["desk"]


def test_a_project_file_that_fails_is_named_and_survived(strangers: Strangers) -> None:
    strangers.drop("bad.py", "1 / 0")
    strangers.drop("good.py", GOOD)
    plugins = strangers.load()
    assert [(item.name, item.status) for item in plugins.records if item.origin == "project"] == [
        ("bad", "failed"),
        ("good", "active"),
    ]
    assert "ZeroDivisionError" in strangers.heard.warnings[0]


def test_a_project_file_may_have_dataclasses(strangers: Strangers) -> None:
    # With postponed annotations dataclasses look their module up in sys.modules.
    strangers.drop(
        "values.py",
        """
        from __future__ import annotations
        from dataclasses import dataclass
        from lockhouse.hookspecs import hookimpl

        @dataclass
        class Value:
            number: int

        @hookimpl
        def lockhouse_event(event):
            pass
        """,
    )
    assert strangers.record("values").status == "active"


def test_a_project_without_plugins_has_none(strangers: Strangers) -> None:
    assert {record.origin for record in strangers.load().records} == {"built-in"}


def test_a_built_in_plugin_can_be_left_out(strangers: Strangers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE_VARIABLE, "cuda,environments")
    plugins = strangers.load()
    assert "cuda" not in [accelerator.namespace for accelerator in plugins.accelerators()]
    assert plugins.environments() == {}
    record = next(record for record in plugins.records if record.name == "cuda")
    assert (record.status, record.reason) == ("disabled", f"named in {DISABLE_VARIABLE}")


def test_what_lockhouse_cannot_do_without_cannot_be_left_out(
    strangers: Strangers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DISABLE_VARIABLE, "cuda, lockhouse")
    with pytest.raises(UsageError, match="lockhouse itself cannot be disabled"):
        strangers.load()


def test_a_slip_in_the_names_to_be_left_out_is_told(strangers: Strangers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE_VARIABLE, "cuad,of-another-project")
    strangers.load()
    assert strangers.heard.warnings == [f"{DISABLE_VARIABLE} names cuad, which is no plugin here; did you mean cuda?"]


def test_a_plugin_named_like_a_built_in_one_is_left_out_by_its_full_name(
    strangers: Strangers, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers.install("impostor", GOOD, plugin="cuda")
    monkeypatch.setenv(DISABLE_VARIABLE, "impostor:cuda")
    status = {record.name: record.status for record in strangers.load().records}
    assert (status["cuda"], status["impostor:cuda"]) == ("active", "disabled")


def test_a_name_in_any_script_is_a_name(strangers: Strangers, monkeypatch: pytest.MonkeyPatch) -> None:
    strangers.install("umlaut", GOOD, plugin="größe-加速")
    assert strangers.record("größe-加速").status == "active"
    monkeypatch.setenv(DISABLE_VARIABLE, "größe-加速")
    assert strangers.record("größe-加速").status == "disabled"


def test_a_name_that_is_none_or_could_not_be_left_out_is_another(
    strangers: Strangers, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers.install("nameless", GOOD, plugin=" ")
    strangers.install("listed", GOOD, plugin="a,b")
    assert [record.name for record in strangers.load().records][-2:] == ["nameless", "a_b"]
    monkeypatch.setenv(DISABLE_VARIABLE, "a_b")
    assert strangers.record("a_b").status == "disabled"


def test_a_built_in_plugin_that_cannot_be_loaded_says_how_to_go_on_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lockhouse_cuda.lockhouse_accelerators", None)
    with pytest.raises(InternalError) as failed:
        Plugins.load()
    assert "LOCKHOUSE_DISABLE_PLUGINS=cuda" in failed.value.hints[0].text


def test_what_a_plugin_gives_wrongly_stands_in_its_record(strangers: Strangers) -> None:
    strangers.install(
        "odd", "from lockhouse.hookspecs import hookimpl\n@hookimpl\ndef lockhouse_accelerators(): return 5"
    )
    plugins = strangers.load()
    plugins.examine()
    record = next(record for record in plugins.records if record.name == "odd")
    assert record.status == "active"
    assert record.reason == "lockhouse_accelerators: gave a int, not an iterable of Accelerator"
