"""Reads who may read a folder: the connection's audience, or the manifest as it is now."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from dataclasses import dataclass
from functools import lru_cache

from apps.connections.errors import SourceUnavailable
from apps.connections.protocol import Problem
from apps.connections.providers.file_share import manifest, permissions, system_errors
from apps.connections.providers.file_share.location import Access, FolderSettings
from apps.connections.providers.file_share.manifest_error import ManifestInvalid
from apps.connections.providers.file_share.permissions import Rules
from apps.connections.providers.file_share.walk import Root
from apps.errors import KenwardError

# A manifest that was changed a moment ago may be half written, and half a manifest can be a valid
# one that forgets a restriction. It counts once it has rested for so long (seconds).
SETTLED_S = 0.25
_TRIES = 8


@dataclass(frozen=True, slots=True)
class CurrentRules:
    """The rules at one moment; `digest` differs whenever they may differ."""

    rules: Rules
    digest: str


@dataclass(frozen=True, slots=True)
class _Reading:
    identity: tuple[int, int, int, int]
    content: bytes
    age_s: float


def current(root: Root, settings: FolderSettings) -> CurrentRules:
    """Return who may read what just now.

    Take the time of observation before calling this, and list items after it: then no page mixes
    older rules with a newer time.

    Raises:
        SourceUnavailable: the manifest is being written without a pause, or cannot be read because
            the file system does not answer.
    """
    asked = json.dumps([settings.access, settings.others_are_members, *settings.audience]).encode()
    if settings.access != Access.MANIFEST:
        return CurrentRules(_audience(root, settings), _digest(asked))
    try:
        content = settled(root)
    except ManifestInvalid as error:
        return CurrentRules(_closed(error), _digest(asked, str(error).encode()))
    if content is None:
        return CurrentRules(_NO_MANIFEST, _digest(asked))
    return CurrentRules(_rules_of(content), _digest(asked, b"manifest", content))


def _audience(root: Root, settings: FolderSettings) -> Rules:
    if settings.access == Access.ALL_MEMBERS:
        rules = permissions.for_all_members()
    elif settings.access == Access.POSIX:
        rules = Rules()  # each file says for itself (see `posix_pages`)
    else:
        rules = permissions.for_listed(settings.audience)
    if manifest.NAME not in root.listing("").manifests:
        return rules
    ignored = Problem(
        manifest.NAME,
        "manifest_ignored",
        f"{manifest.NAME} is ignored: this connection sets who may read the folder.",
        hint="To use it, choose it as the source of the readers in the connection.",
        is_error=False,
    )
    return permissions.with_problem(rules, ignored)


@lru_cache(maxsize=8)
def _rules_of(content: bytes) -> Rules:
    try:
        return permissions.from_manifest(manifest.parse(content))
    except ManifestInvalid as error:
        return _closed(error)


def _closed(error: ManifestInvalid) -> Rules:
    return permissions.for_nobody(
        Problem(
            manifest.NAME,
            "manifest_invalid",
            f"{manifest.NAME} cannot be used, so nobody may read this folder: {error.message}.",
            hint="Correct it; the folder opens again as soon as it is valid.",
        )
    )


_NO_MANIFEST = permissions.for_nobody(
    Problem(
        manifest.NAME,
        "manifest_missing",
        f"There is no {manifest.NAME} in this folder, so nobody may read it.",
        hint=f"Add {manifest.NAME}, or set an audience in the connection.",
    )
)


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def settled(root: Root) -> bytes | None:
    """Return the manifest once it rests; None when there is none.

    Two equal readings with a pause between them also count, for a file system whose clock runs
    ahead of ours.
    """
    before: _Reading | None = None
    for _ in range(_TRIES):
        reading = _read(root)
        if reading is None:
            return None
        is_same = before is not None and before.identity == reading.identity
        if reading.age_s >= SETTLED_S or is_same:
            return reading.content
        before = reading
        time.sleep(SETTLED_S)
    raise SourceUnavailable(f"{manifest.NAME} is being written just now.")


def _read(root: Root) -> _Reading | None:
    try:
        fd = root.descriptor(manifest.NAME)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot_open(error) from error
    with system_errors.translated(manifest.NAME), os.fdopen(fd, "rb") as file:
        before = os.fstat(fd)
        if before.st_size > manifest.MAX_BYTES:
            raise ManifestInvalid(f"it is larger than {manifest.MAX_BYTES // 1_000_000} MB")
        content = file.read(manifest.MAX_BYTES + 1)
        after = os.fstat(fd)
    is_stable = _identity(before) == _identity(after)
    age_s = time.time() - after.st_mtime if is_stable else 0.0
    return _Reading(_identity(after), content, age_s)


def _cannot_open(error: OSError) -> KenwardError:
    """Return why the manifest does not open: it cannot be relied on, or the disk is silent."""
    if error.errno == errno.ELOOP:
        return ManifestInvalid("it is a link, which Kenward does not follow")
    if error.errno in system_errors.FORBIDDEN:
        return ManifestInvalid("Kenward may not read it")
    if error.errno == errno.ENXIO:
        return ManifestInvalid("it is not an ordinary file")
    return system_errors.unavailable(error)


def _identity(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
