"""Steps as doit tasks: for ``dodo.py`` and for the console command. The only package that imports doit.

doit orders the steps and skips those that are up to date; whether one is, its step decides from what is on disk, never
doit's own database. Tasks run one after the other (a step is parallel inside), so that progress can be shown.
"""

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
