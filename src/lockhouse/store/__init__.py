"""The store: every wheel unpacked once for all projects of a user, and environments made of it by linking.

An entry is keyed by the wheel's sha256 and never changes once it is published. docs/internals.md explains the layout,
what is promised after a power cut, and how files get from here into environments.
"""

from __future__ import annotations

from lockhouse.store.entries import Entry, StoredFile
from lockhouse.store.linking import LinkMode, link_mode, link_tree
from lockhouse.store.shelves import Store

__all__ = ["Entry", "LinkMode", "Store", "StoredFile", "link_mode", "link_tree"]
