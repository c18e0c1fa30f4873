"""``python -m lockhouse.testing PLUGIN``: run the contract suite on a plugin's accelerators. Exit 0 if it is kept."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from lockhouse.errors import LockhouseError
from lockhouse.hookspecs import ANSWER_LIMIT

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Examine one plugin and tell what came of it."""
    parser = argparse.ArgumentParser(prog="python -m lockhouse.testing", description=__doc__)
    parser.add_argument("plugin", help="name of a registered plugin, a .py file, a module, or module:object")
    parser.add_argument("--machines", type=Path, metavar="DIR", help="folder of recorded machines")
    parser.add_argument("--variant", action="append", default=[], metavar="NAME", help="a variant that it should claim")
    parser.add_argument("--limit", type=float, default=ANSWER_LIMIT, metavar="SECONDS", help="for one answer")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    arguments = parser.parse_args(argv)
    from lockhouse.codec import encode
    from lockhouse.testing.contract import examine

    try:
        verdict = examine(
            arguments.plugin, machines=arguments.machines, variants=arguments.variant, limit=arguments.limit
        )
    except LockhouseError as error:
        hints = "".join(f"\ntry: {hint.text}" for hint in error.hints)
        sys.stderr.write(f"error: {error.summary}{hints}\n")
        return error.exit_status
    if arguments.json:
        sys.stdout.write(json.dumps({"ok": verdict.ok, **encode(verdict)}, indent=1) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in verdict.lines()))
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
