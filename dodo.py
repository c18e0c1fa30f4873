"""The front door: ``doit VERB [manifest=… accelerator=… offline=1 locked=1]``; ``doit list`` shows every task."""

from lockhouse import interruption

interruption.attend("leaving")  # Ctrl-C means the same from here to the end, also while the rest is imported

from lockhouse.tasks import (
    DOIT_CONFIG,
    task_detect,  # what is here: platform, interpreters, accelerators
    task_plan,  # what will be done: the exact wheels, stage by stage, with hashes
    task_download,  # the wheels, into wheelhouse/
    task_scan,  # every wheel inspected before anything is touched
    task_destroy,  # the clean slate; the environment in use stays
    task_create,  # a fresh environment with pip, setuptools and wheel
    task_install,  # stage by stage from the wheelhouse; the group is the whole pipeline
    task_purge,  # no bytecode left; the environment is sealed
    task_verify,  # proven by running it
    task_lock,  # the lock, and then the switch to the new environment
    task_upgrade,  # beside the pipeline: install anew without the lock's versions
    task_generations,  # the environments that are kept
    task_rollback,  # back to the one before, or generation=N
    task_diagnose,  # what requirements="datasets optuna" would do to a host; bisect=1 tries them
    task_doctor,  # the state of machine, plugins, environment, lock and published manifest
    task_plugins,  # who is loaded, and what became of each
)
