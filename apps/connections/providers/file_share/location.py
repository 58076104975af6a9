"""Which folders may be connected, and the stored settings of a connected folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.connections.errors import SettingsRejected
from apps.connections.providers.file_share import tenant_roots

# Stands for the tenant's slug in KENWARD_FOLDER_ROOTS, so that tenants get roots of their own.
_TENANT = "{tenant}"


class Access(StrEnum):
    """Where the readers of a connected folder come from."""

    MANIFEST = "manifest"
    ALL_MEMBERS = "all_members"
    LISTED = "listed"
    POSIX = "posix"


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """The settings of one connection.

    Attributes:
        path: absolute, without links.
        audience: e-mail addresses in lower case; only looked at when access is `listed`.
        is_mount_point: a disk was mounted there when the folder was connected, so that without
            one the folder counts as unreachable, not as empty.
        others_are_members: whether the bits of others are for all members, with an account where
            the files lie or without; only looked at when access is `posix`.
    """

    path: str
    access: Access
    audience: tuple[str, ...] = ()
    is_mount_point: bool = False
    others_are_members: bool = False

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> FolderSettings:
        """Read what the database holds.

        Raises:
            SettingsRejected: a value is missing or not of its kind; nothing is guessed.
        """
        path, audience = stored.get("path"), stored.get("audience", [])
        try:
            access = Access(stored.get("access", ""))
        except ValueError as error:
            raise SettingsRejected(
                "It is not set who may read this folder.", hint="Choose it in the connection."
            ) from error
        if not isinstance(path, str) or not isinstance(audience, list):
            raise SettingsRejected(
                "The settings of this folder are incomplete.", hint="Save the connection again."
            )
        return cls(
            path=path,
            access=access,
            audience=tuple(address for address in audience if isinstance(address, str)),
            is_mount_point=stored.get("is_mount_point") is True,
            others_are_members=stored.get("others_are_members") is True,
        )


def resolved(path: str) -> str:
    """Return the folder that a path leads to, all links followed.

    Raises:
        SettingsRejected: the path is not absolute, or holds a zero character.
    """
    if not path.startswith("/") or "\0" in path:
        raise SettingsRejected(
            "The folder's path is not absolute.",
            hint="Write the whole path, from the first “/” on.",
        )
    return os.path.realpath(path)


def require_allowed(path: str, *, tenant_slug: str) -> None:
    """Prove that this tenant may connect a folder.

    Says nothing about whether the folder exists: who may not connect it does not learn that.

    Args:
        path: absolute, without links.
        tenant_slug: whose connection it is.

    Raises:
        SettingsRejected: it lies outside the allowed folders, or holds Kenward's own data.
    """
    asked = Path(path)
    data_dir = Path(os.path.realpath(settings.KENWARD_DATA_DIR))
    if asked.is_relative_to(data_dir / "sample" / tenant_slug):
        return
    if asked.is_relative_to(data_dir) or data_dir.is_relative_to(asked):
        raise SettingsRejected(
            "This folder holds Kenward's own data, or lies within it, and cannot be connected.",
            hint="Choose another folder.",
        )
    if not any(asked.is_relative_to(root) for root in allowed_roots(tenant_slug)):
        raise SettingsRejected(
            "This folder is outside the folders that may be connected.",
            hint="Whoever runs Kenward allows folders with KENWARD_FOLDER_ROOTS.",
        )


def allowed_roots(tenant_slug: str) -> list[Path]:
    """Return the folders below which this tenant may connect, all links followed."""
    roots = [str(root).replace(_TENANT, tenant_slug) for root in settings.KENWARD_FOLDER_ROOTS]
    roots += map(str, tenant_roots.remembered(Path(settings.KENWARD_DATA_DIR), tenant_slug))
    return [Path(os.path.realpath(root)) for root in roots]
