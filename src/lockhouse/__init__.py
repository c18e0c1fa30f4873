"""Lockhouse builds Python environments for machine learning that are whole, proven and repeatable, or not there."""

__all__ = ["__version__"]

__version__ = "0.1.0"
"""Stands here alone, and the build reads it: asking the installed metadata takes longer than Python takes to start."""
