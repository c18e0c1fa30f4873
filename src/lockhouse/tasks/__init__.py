"""Steps as doit tasks: for ``dodo.py`` and for the console command. The only package that imports doit.

doit orders the steps and skips those that are up to date; whether one is, its step decides from what is on disk, never
doit's own database. Tasks run one after the other (a step is parallel inside), so that progress can be shown.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lockhouse.tasks.door import (
        DOIT_CONFIG,
        task_create,
        task_destroy,
        task_detect,
        task_diagnose,
        task_doctor,
        task_download,
        task_generations,
        task_install,
        task_lock,
        task_plan,
        task_plugins,
        task_purge,
        task_rollback,
        task_scan,
        task_upgrade,
        task_verify,
    )

__all__ = [
    "DOIT_CONFIG",
    "task_create",
    "task_destroy",
    "task_detect",
    "task_diagnose",
    "task_doctor",
    "task_download",
    "task_generations",
    "task_install",
    "task_lock",
    "task_plan",
    "task_plugins",
    "task_purge",
    "task_rollback",
    "task_scan",
    "task_upgrade",
    "task_verify",
]


def __getattr__(name: str) -> Any:
    """Open the front door when ``dodo.py`` comes to it: the console command has another way in."""
    if name in __all__:
        from lockhouse.tasks import door

        return getattr(door, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
