"""Verification: what has to be shown of an environment, showing it by running it, and what the hardware was.

Nothing in here changes an environment; nothing in here decides what happens to one that fails.
"""

__all__ = ["BUILT_IN"]

BUILT_IN = ("interpreter", "distributions", "blacklist")
"""Names of the checks that every environment has."""
