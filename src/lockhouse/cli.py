"""The console command: arguments to a request. Nothing heavy is imported for ``--help``."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lockhouse import __version__
from lockhouse.errors import Hint, UsageError
from lockhouse.terminal import streams
from lockhouse.values import dataclass

if TYPE_CHECKING:
    from lockhouse.diagnosis.inquiry import Inquiry
    from lockhouse.reporting import Reports
    from lockhouse.terminal.request import Request

__all__ = ["VERBS", "main", "parse"]


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb's name, what it does, and its arguments beside the options that all verbs have."""

    name: str
    does: str
    arguments: Callable[[argparse._ActionsContainer], object] = lambda _: None


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of a generation")
    return int(text)


VERBS = (
    Verb("detect", "look at the machine and choose the variant"),
    Verb("plan", "decide on the exact wheels, stage by stage"),
    Verb("download", "bring the planned wheels into the wheelhouse"),
    Verb(
        "scan",
        "inspect every wheel; nothing is touched",
        lambda parser: (
            parser.add_argument(
                "--sarif", metavar="FILE", type=Path, help="write what was found as SARIF, for code scanning"
            ),
            parser.add_argument(
                "--graph", metavar="FILE.svg", type=Path, help="draw how what was found came in, as SVG"
            ),
        ),
    ),
    Verb("install", "build, verify and lock the environment, and take it into use"),
    Verb(
        "verify",
        "prove that the environment in use is what manifest and lock say",
        lambda parser: (
            parser.add_argument("--deep", action="store_true", help="hash every file, whatever its size and times say"),
            parser.add_argument(
                "--no-build", action="store_true", help="do not build from the lock where there is no environment yet"
            ),
        ),
    ),
    Verb(
        "upgrade",
        "install anew without the lock's versions",
        lambda parser: parser.add_argument(
            "names", nargs="*", metavar="NAME", help="distributions to upgrade; without any, all"
        ),
    ),
    Verb("generations", "list the environments that are kept"),
    Verb(
        "rollback",
        "go back to an environment that is kept, after verifying it",
        lambda parser: parser.add_argument(
            "number", nargs="?", type=_number, metavar="NUMBER", help="its generation; without it, the one before"
        ),
    ),
    Verb(
        "clean",
        "remove environments that are no longer kept",
        lambda parser: parser.add_argument("--dry-run", action="store_true", help="only say what would go"),
    ),
    Verb(
        "diagnose",
        "say what requirements would do to a host, without installing them",
        lambda parser: (
            parser.add_argument(
                "requirements", nargs="*", metavar="REQUIREMENT", help="as pip takes them: 'optuna>=4' datasets"
            ),
            parser.add_argument("--bisect", action="store_true", help="also try them in throw-away copies of the host"),
            parser.add_argument("--graph", metavar="FILE.svg", type=Path, help="draw the verdicts, as SVG"),
        ),
    ),
    Verb("doctor", "look at machine, plugins, environment, lock and published manifest, and change nothing"),
    Verb("plugins", "list the plugins and what became of each"),
)


LATER = ("export", "import", "bundle", "gui", "init")
"""Verbs that are meant to come."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    namespace = argparse.Namespace(verb=None)
    streams.prepare()
    try:
        request = parse(arguments, namespace)
    except UsageError as error:
        from lockhouse.terminal.session import refuse

        return refuse(error, verb=namespace.verb, json="--json" in arguments)
    except SystemExit:  # help or the version was printed
        return 0
    except OSError as caught:  # or could not be
        from lockhouse.terminal.session import untold

        return untold(caught)
    from lockhouse.terminal.session import serve

    return serve(request)


def parse(arguments: list[str], namespace: argparse.Namespace) -> Request:
    """Turn arguments into a request; ``namespace.verb`` is set as soon as it is known.

    Raises UsageError, and SystemExit when help or the version was printed.
    """
    # Two parsers over one namespace, so that an option counts on either side of the verb.
    front = _front()
    _complete(front, front.parse_known_args(arguments, namespace)[1])
    verb = _verb(namespace.command)
    namespace.verb = verb.name
    parser = _parser_of(verb)
    _complete(parser, parser.parse_known_intermixed_args(namespace.command[1:], namespace)[1])
    from lockhouse.plan import Selection
    from lockhouse.steps import Options
    from lockhouse.terminal.request import Request

    root = _root(namespace.directory)
    selection = Selection(
        with_stages=tuple(namespace.with_stages),
        without_stages=tuple(namespace.without_stages),
        accelerator=namespace.accelerator or None,
    )
    options = Options(
        offline=namespace.offline,
        locked=namespace.locked,
        build=not getattr(namespace, "no_build", False),
        deep=getattr(namespace, "deep", False),
        selection=selection,
        upgrade=tuple(namespace.names) if verb.name == "upgrade" else None,
    )
    return Request(
        verb=verb.name,
        root=root,
        manifest=namespace.manifest,
        options=options,
        json=namespace.json,
        quiet=namespace.quiet,
        debug=namespace.debug,
        number=getattr(namespace, "number", None),
        dry_run=getattr(namespace, "dry_run", False),
        reports=_reports(namespace) if verb.name == "scan" else None,
        inquiry=_inquiry(namespace) if verb.name == "diagnose" else None,
    )


def _reports(namespace: argparse.Namespace) -> Reports | None:
    if namespace.sarif is None and namespace.graph is None:
        return None
    from lockhouse.reporting import Reports

    return Reports(sarif=namespace.sarif, graph=namespace.graph)


def _inquiry(namespace: argparse.Namespace) -> Inquiry:
    from lockhouse.diagnosis.inquiry import Inquiry

    return Inquiry(candidates=tuple(namespace.requirements), bisecting=namespace.bisect, graph=namespace.graph)


def _root(directory: str) -> Path:
    hint = Hint("directory", "give a folder with -C")
    try:
        root = Path(directory).expanduser().absolute()
    except FileNotFoundError as error:
        raise UsageError("the present folder does not exist any more", hints=[hint]) from error
    except RuntimeError as error:  # a user whom nobody knows
        raise UsageError(f"{directory} is not a folder", cause=str(error), hints=[hint]) from error
    if not root.is_dir():
        raise UsageError(f"{directory} is not a folder", hints=[hint])
    return root


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like all others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hints=[Hint("help", f"see {self.prog} --help")])

    def _print_message(self, message: str, file: object = None) -> None:
        # Only help and the version come here. argparse would be content where nobody can get them.
        streams.write(sys.stdout, message)


class _FrontParser(_Parser):
    """Tells of the verbs before the options: they are what somebody looks for."""

    def format_help(self) -> str:
        """Put the help together."""
        import shutil

        from lockhouse.terminal.text import fold

        width = shutil.get_terminal_size().columns - 2  # as argparse has it
        told = fold(
            "Build Python environments that are whole, proven and repeatable, or not there at all.", width, rest=""
        )
        told += ["", "verbs:"]
        for verb in VERBS:
            told += fold(verb.does, width, first=f"  {verb.name:<13}", rest=" " * 15)
        self.description = "\n".join(told)
        return super().format_help()


def _front() -> _Parser:
    parser = _FrontParser(
        prog="lockhouse",
        usage="lockhouse [OPTION...] VERB [ARGUMENT...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    _add_options(parser.add_argument_group("options, before or after the verb"))
    others = parser.add_argument_group("instead of a verb")
    others.add_argument("-h", "--help", action="help", help="print this, or after a verb what there is to it")
    others.add_argument("--version", action="version", version=f"lockhouse {__version__}", help="print the version")
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _parser_of(verb: Verb) -> _Parser:
    does = f"{verb.does[:1].upper()}{verb.does[1:]}."
    parser = _Parser(prog=f"lockhouse {verb.name}", description=does, allow_abbrev=False, add_help=False)
    verb.arguments(parser.add_argument_group(verb.name))
    _add_options(parser.add_argument_group("options of all verbs"))
    parser.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)
    return parser


def _add_options(parser: argparse._ActionsContainer) -> None:
    add = parser.add_argument
    add("-C", dest="directory", metavar="DIR", default=".", help="the project's folder; default: this one")
    add("-m", dest="manifest", metavar="MANIFEST", help="path of a manifest, or its name in manifests/")
    add(
        "-a",
        "--accelerator",
        metavar="ACCELERATOR",
        help="variant or accelerator to build for, whatever this machine has (cu126, cuda, cpu, none)",
    )
    add("--offline", action="store_true", help="do not use the network")
    add("--locked", action="store_true", help="install what the lock says, or fail")
    add("--with", dest="with_stages", metavar="STAGE", action="append", default=[], help="insist on an optional stage")
    add("--without", dest="without_stages", metavar="STAGE", action="append", default=[], help="leave a stage out")
    add("--json", action="store_true", help="print one JSON document on standard output")
    add("--quiet", action="store_true", help="print errors and warnings only")
    add("--debug", action="store_true", help="print details, and tracebacks of errors")


def _complete(parser: argparse.ArgumentParser, unknown: list[str]) -> None:
    """Refuse what a parser left over."""
    if unknown:
        word = unknown[0].partition("=")[0]
        options = re.findall(r"--[a-z-]+", parser.format_help())
        raise UsageError(f"{parser.prog} knows no {word!r}", hints=[_meant(word, options, parser.prog)])


def _verb(rest: list[str]) -> Verb:
    names = [verb.name for verb in VERBS]
    if not rest:
        raise UsageError("no verb was given", hints=[Hint("verb", f"verbs are: {', '.join(names)}")])
    for verb in VERBS:
        if verb.name == rest[0]:
            return verb
    if rest[0] in LATER:
        hint = Hint("verb", f"verbs are: {', '.join(names)}")
        raise UsageError(f"this version of lockhouse does not have {rest[0]} yet", hints=[hint])
    raise UsageError(f"there is no verb {rest[0]!r}", hints=[_meant(rest[0], names, "lockhouse")])


def _meant(word: str, known: Sequence[str], program: str) -> Hint:
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return Hint("did-you-mean", f"did you mean {close[0]}?")
    return Hint("help", f"see {program} --help")
