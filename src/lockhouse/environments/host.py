"""The environment provider ``host``: what is built is a rehearsal, and then comes into an environment that was there.

A generation is a virtual environment that sees all of its host, with what is added before it. There everything is
checked, and nothing of the host is touched. Taking it into use adds the same wheels to the host as one change.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lockhouse.environments import Scheme, Serving
from lockhouse.environments.venv import VenvProvider
from lockhouse.host import Interpreter

if TYPE_CHECKING:
    from lockhouse.environments.generations import Generation
    from lockhouse.inventory import Inventory
    from lockhouse.plan import Plan
    from lockhouse.steps import Context

__all__ = ["SITES", "HostProvider"]

SITES = "_lockhouse_host.pth"
"""Leads a rehearsal to the folders of its host, by :func:`site.addsitedir`: they have ``.pth`` files of their own."""


class HostProvider:
    """Makes rehearsals, and brings them into the host."""

    name = "host"

    def create(self, path: Path, interpreter: Interpreter) -> None:
        """Make a rehearsal at ``path`` for the host with that interpreter.

        Raises HostManaged, or StorageError, for a host that may not be added to: better now than at the end.
        """
        from lockhouse.hosts.asking import ask_host
        from lockhouse.hosts.conditions import check_host
        from lockhouse.hosts.taking import take_inventory

        host = take_inventory(ask_host(Path(interpreter.executable)))
        check_host(host)
        self.rehearse(path, host)

    def rehearse(self, path: Path, host: Inventory) -> Scheme:
        """Make an environment in the existing folder ``path`` that sees all of a host, before which it comes itself."""
        from lockhouse.state import write_atomically

        VenvProvider().create(path, host.interpreter)
        scheme = self.scheme(path, host.interpreter)
        lines = [f"import site; site.addsitedir({item.path!r})\n" for item in host.sites if item.kind != "path"]
        write_atomically(scheme.purelib / SITES, "".join(lines).encode())
        return scheme

    def scheme(self, path: Path, interpreter: Interpreter) -> Scheme:
        """Say where things are in a rehearsal."""
        return VenvProvider().scheme(path, interpreter)

    def serving(self, context: Context, generation: Generation) -> Serving | None:
        """See :class:`~lockhouse.environments.Deployment`."""
        from lockhouse.hosts.serving import serving

        return serving(context, generation)

    def deploy(self, context: Context, generation: Generation, plan: Plan) -> Generation:
        """See :class:`~lockhouse.environments.Deployment`."""
        from lockhouse.hosts.deploying import deploy

        return deploy(context, generation, plan)

    def withdraw(self, context: Context) -> int | None:
        """See :class:`~lockhouse.environments.Deployment`."""
        from lockhouse.hosts.deploying import withdraw

        return withdraw(context)
