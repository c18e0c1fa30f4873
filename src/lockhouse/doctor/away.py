"""What the doctor sees of the rest of the world: indexes with their mirrors, and the published manifest."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator

from lockhouse.doctor.addresses import addresses_of
from lockhouse.doctor.comparing import compare
from lockhouse.doctor.remarks import Comparison, Remark
from lockhouse.errors import LockhouseError, ManifestError
from lockhouse.lockfile import Lock
from lockhouse.manifest import Manifest
from lockhouse.manifestfile import parse_manifest
from lockhouse.steps import Context
from lockhouse.wheels.configuration import read_pip_configuration, shown_url
from lockhouse.wheels.documents import Document, fetch_document
from lockhouse.wheels.local import local_path

__all__ = ["look_at_indexes", "look_at_published"]

ASKED_FOR = "pip"
"""A distribution that an index has to know, because every environment gets it."""

WORDS = {
    "equal": "is the one that is published",
    "older": "is older than the published one",
    "newer": "is newer than the published one",
    "different": "is not the one that is published",
}


def look_at_indexes(context: Context) -> Iterator[Remark]:
    """Ask every index and mirror of the manifest, or of the user's pip configuration, for one project."""
    configuration = read_pip_configuration()
    if context.options.offline:
        yield Remark(subject="indexes", state="note", text="not asked: --offline forbids the network")
        return
    listed = [(index.name, (index.url, *index.mirrors)) for index in context.manifest.indexes]
    configured = [(shown_url(url), (url,)) for url in configuration.indexes]
    if not listed and configuration.index_url is None and not configuration.no_index:
        text = "neither manifest nor pip configuration names the first one: it is the resolver's own default"
        yield Remark(subject="indexes", state="ok", text=text)
    for name, urls in listed or configured:
        yield from _index(name, urls)


def _index(name: str, urls: tuple[str, ...]) -> Iterator[Remark]:
    folder = local_path(urls[0])
    if folder is not None:
        if folder.is_dir():
            yield Remark(subject="indexes", state="ok", text=f"{name} is a folder")
        else:
            hint = "put the wheels there, or correct the address"
            yield Remark(subject="indexes", state="warning", text=f"{name}: there is no folder {folder}", hint=hint)
        return
    try:
        found = fetch_document([f"{url.rstrip('/')}/{ASKED_FOR}/" for url in urls])
    except LockhouseError as error:
        text = f"{name} does not answer: {error.cause or error.summary}"
        hint = "check the address, the connection and the credentials; what the wheelhouse holds can be installed"
        yield Remark(subject="indexes", state="warning", text=text, hint=hint)
        return
    if found.refused:
        text = f"{name} refuses, its mirror answers: {'; '.join(found.refused)}"
        yield Remark(subject="indexes", state="warning", text=text)
    else:
        yield Remark(subject="indexes", state="ok", text=f"{name} answers")


def look_at_published(context: Context, lock: Lock | None) -> tuple[tuple[Remark, ...], Comparison | None]:
    """Compare the manifest with the one that is published, from a mirror where its host refuses."""
    manifest = context.manifest
    if manifest.published is None:
        return (), None
    try:
        document = fetch_document(addresses_of(manifest.published), offline=context.options.offline)
        published = _parsed(document)
    except ManifestError as error:
        text = f"what is published at {shown_url(manifest.published)} is no manifest: {error.cause or error.summary}"
        return (Remark(subject="published", state="warning", text=text, hint="publish it again"),), None
    except LockhouseError as error:
        text = f"the published manifest cannot be read: {error.cause or error.summary}"
        return (Remark(subject="published", state="warning", text=text, hint=_advice(error)),), None
    changed = (context.project.manifest.stat().st_mtime, document.modified)
    found = compare(manifest, published, url=document.url, lock=lock, changed=changed)
    remarks = [
        Remark(subject="published", state="note", text=f"read from {document.url}: {refused}")
        for refused in document.refused
    ]
    text = f"{context.project.manifest.name} {WORDS[found.relation]}: {found.because}"
    if found.relation == "equal":
        remarks.append(Remark(subject="published", state="ok", text=text))
    else:
        hint = "publish the local one" if found.relation == "newer" else "take over what is published, or publish this"
        remarks.append(Remark(subject="published", state="warning", text=text, hint=hint))
    return tuple(remarks), found


def _advice(error: LockhouseError) -> str | None:
    return error.hints[0].text if error.hints else None


def _parsed(document: Document) -> Manifest:
    name = document.url.rpartition("/")[2] or document.url
    try:
        text = document.data.decode("utf-8-sig")
        data = tomllib.loads(text) if name.endswith(".toml") else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{name} is neither JSON nor TOML: {error}") from error
    return parse_manifest(data, name)
