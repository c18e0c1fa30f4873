"""Lockhouse builds Python environments for machine learning that are whole, proven and repeatable, or not there."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("lockhouse")
except PackageNotFoundError:  # run from a source tree that nobody installed
    __version__ = "0+unknown"
