"""Wheels: the index client, fetching, the wheelhouse, metadata, and their installation."""
