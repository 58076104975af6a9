"""Drive v3, asked by one person: one method for each call, with typed answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from apps.connections.http import SourceClient
from apps.connections.http_session import Content
from apps.connections.providers.google_drive.answers import (
    Change,
    Drive,
    File,
    Grant,
    Person,
    broken,
    listed,
    text,
)

_PERSON = "displayName,emailAddress,permissionId"
_GRANT = (
    "id,type,role,emailAddress,domain,displayName,view,expirationTime,allowFileDiscovery,deleted,"
    "permissionDetails"
)
_FILE = (
    "id,name,mimeType,parents,driveId,trashed,ownedByMe"
    f",owners({_PERSON}),lastModifyingUser(displayName)"
    ",createdTime,modifiedTime,size,md5Checksum,headRevisionId,webViewLink"
    ",inheritedPermissionsDisabled,hasAugmentedPermissions,copyRequiresWriterPermission"
    f",downloadRestrictions,capabilities(canDownload),permissions({_GRANT})"
)
# Without these two, shared drives do not exist for the caller.
_ALL_DRIVES = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}
_MOST_GRANTS = 100
_MOST_DRIVES = 100
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of files; `next` is the token of the page that follows, "" after the last."""

    files: tuple[File, ...]
    next: str


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of a log.

    Attributes:
        next: the token to go on from.
        is_last: whether the log ends here for now.
    """

    changes: tuple[Change, ...]
    next: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class DriveClient:
    """Asks Drive for one person.

    Args:
        http: signed in as that person.
        base: the address of Drive v3, without a slash at its end.
    """

    http: SourceClient
    base: str

    def me(self) -> Person:
        """Return who is signed in."""
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/about/get
        told = self.http.get(f"{self.base}/about", {"fields": f"user({_PERSON})"})
        return Person.parsed(told.get("user") or {})

    def files(
        self, query: str, *, drive_id: str = "", page: str = "", size: int = 1000, order: str = ""
    ) -> Listed:
        """Return a page of what the person sees, in one shared drive or outside of all of them.

        Args:
            query: in the language of files.list.
            drive_id: a shared drive; empty for everything else.
            page: the token of the page; empty for the first.
            size: how many at most.
            order: sort keys.

        Raises:
            CursorExpired: the token is not taken any more.
            ItemGone: the drive, or a folder that the query names, is not there for this person.
        """
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/files/list
        corpus: dict[str, Any] = {"corpora": "user", "supportsAllDrives": True}
        if drive_id:
            corpus = {"corpora": "drive", "driveId": drive_id, **_ALL_DRIVES}
        told = self.http.get(
            f"{self.base}/files",
            {
                **corpus,
                "q": query,
                "pageSize": size,
                "pageToken": page or None,
                "orderBy": order or None,
                "fields": f"kind,nextPageToken,files({_FILE})",
            },
            item=drive_id or "my drive",
        )
        files = tuple(File.parsed(each) for each in listed(told, "drive#fileList", "files"))
        return Listed(files, str(told.get("nextPageToken", "")))

    def file(self, file_id: str) -> File:
        """Return one item.

        Raises:
            ItemGone: there is none, or none for this person.
        """
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/files/get
        told = self.http.get(
            self._of(file_id), {"supportsAllDrives": True, "fields": _FILE}, item=file_id
        )
        return File.parsed(told)

    def grants(self, file_id: str, *, as_admin: bool = False) -> tuple[Grant, ...]:
        """Return the effective permissions of an item.

        Args:
            file_id: a file, a folder or a shared drive.
            as_admin: ask as an administrator of the domain; only for shared drives.

        Raises:
            ItemForbidden: this person may not see them.
        """
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/permissions/list
        params = {
            "supportsAllDrives": True,
            "useDomainAdminAccess": True if as_admin else None,
            "pageSize": _MOST_GRANTS,
            "fields": f"kind,nextPageToken,permissions({_GRANT})",
        }
        url = f"{self._of(file_id)}/permissions"

        def ask(page: str) -> Any:
            return self.http.get(url, params | {"pageToken": page or None}, item=file_id)

        return tuple(map(Grant.parsed, every(ask, "drive#permissionList", "permissions")))

    def drives(self, *, as_admin: bool = False) -> tuple[Drive, ...]:
        """Return all shared drives that this person is in; as an administrator, all there are."""
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/drives/list
        params = {
            "useDomainAdminAccess": True if as_admin else None,
            "pageSize": _MOST_DRIVES,
            "fields": "kind,nextPageToken,drives(id,name)",
        }

        def ask(page: str) -> Any:
            return self.http.get(f"{self.base}/drives", params | {"pageToken": page or None})

        return tuple(map(Drive.parsed, every(ask, "drive#driveList", "drives")))

    def start_token(self, drive_id: str = "") -> str:
        """Return where a log ends now: of a shared drive, or the person's own."""
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/changes/getStartPageToken
        params = {"supportsAllDrives": True, "driveId": drive_id or None}
        told = self.http.get(f"{self.base}/changes/startPageToken", params, item=drive_id)
        return text(told, "startPageToken")

    def changes(self, token: str, *, drive_id: str = "", size: int = 500) -> Changes:
        """Return a page of a log; see `start_token`.

        Raises:
            CursorExpired: the token is not taken any more.
        """
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/changes/list
        told = self.http.get(
            f"{self.base}/changes",
            {
                **self._log(token, drive_id),
                "pageSize": size,
                "fields": "kind,nextPageToken,newStartPageToken,"
                f"changes(changeType,fileId,driveId,removed,file({_FILE}))",
            },
            item=drive_id,
        )
        entries = listed(told, "drive#changeList", "changes")
        goes_on = str(told.get("nextPageToken", ""))
        return Changes(
            tuple(map(Change.parsed, entries)),
            goes_on or text(told, "newStartPageToken"),
            is_last=not goes_on,
        )

    def watch(self, token: str, channel: Mapping[str, Any], *, drive_id: str = "") -> Any:
        """Open a channel for a log and return it as Google describes it."""
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/changes/watch
        return self.http.post(
            f"{self.base}/changes/watch", content=channel, params=self._log(token, drive_id)
        )

    def stop(self, channel_id: str, resource_id: str) -> None:
        """Close a channel.

        Raises:
            ItemGone: it has ended already.
        """
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/channels/stop
        channel = {"id": channel_id, "resourceId": resource_id}
        self.http.post(f"{self.base}/channels/stop", content=channel, item=channel_id)

    def media(self, file_id: str) -> AbstractContextManager[Content]:
        """Open the bytes of a file."""
        # https://developers.google.com/workspace/drive/api/guides/manage-downloads
        params = {"alt": "media", "supportsAllDrives": True}
        return self.http.opened(self._of(file_id), params, item=file_id)

    def export(self, file_id: str, mime_type: str) -> AbstractContextManager[Content]:
        """Open a document of one of Google's editors in another format.

        Raises:
            ItemUnsupported: Google has no such format of it, or it is larger than 10 MB.
        """
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/files/export
        url = f"{self._of(file_id)}/export"
        return self.http.opened(url, {"mimeType": mime_type}, item=file_id)

    def _of(self, file_id: str) -> str:
        return f"{self.base}/files/{quote(file_id, safe='')}"

    def _log(self, token: str, drive_id: str) -> dict[str, Any]:
        return {
            **_ALL_DRIVES,
            "pageToken": token,
            "driveId": drive_id or None,
            "includeRemoved": True,
        }


def every(ask: Callable[[str], Any], kind: str, name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of all pages of a list.

    Args:
        ask: returns the page of a token; "" for the first.
        kind: what Google calls such a list.
        name: of the list in the answer.
    """
    page = ""
    while True:
        told = ask(page)
        yield from listed(told, kind, name)
        following = str(told.get("nextPageToken", ""))
        if not following:
            return
        if following == page:
            raise broken("a list", "nextPageToken")
        page = following
