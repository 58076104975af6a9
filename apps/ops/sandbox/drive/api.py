"""The HTTP side: every path at the place where Google has it, on one port."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from apps.ops.sandbox.drive import changes, directory, drives, files, permissions, writing
from apps.ops.sandbox.drive.call import Handler, endpoint
from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.drive.consent import authorize
from apps.ops.sandbox.drive.errors import error_body
from apps.ops.sandbox.drive.token_endpoint import revoke, token
from apps.ops.sandbox.faults import Answer, AnswerOf, Fault, FaultyApp

DRIVE = "/drive/v3"
UPLOAD = "/upload/drive/v3"
DIRECTORY = "/admin/directory/v1"

WRITE = frozenset({"drive", "drive.file"})
CONTENT = WRITE | {"drive.readonly", "drive.meet.readonly"}
DRIVES = frozenset({"drive", "drive.readonly"})
METADATA = CONTENT | {
    "drive.appdata",
    "drive.metadata",
    "drive.metadata.readonly",
    "drive.photos.readonly",
}
USERS = frozenset({"admin.directory.user", "admin.directory.user.readonly"})
GROUPS = frozenset({"admin.directory.group", "admin.directory.group.readonly"})
MEMBERS = GROUPS | {"admin.directory.group.member", "admin.directory.group.member.readonly"}
PERMISSIONS = METADATA - {"drive.appdata"}

# Method, path, what answers, which scopes do: each held against the official description in tests.
METHODS: tuple[tuple[str, str, Handler, frozenset[str]], ...] = (
    ("GET", f"{DRIVE}/about", files.about, METADATA - {"drive.meet.readonly"}),
    ("GET", f"{DRIVE}/files", files.list_files, METADATA),
    ("POST", f"{DRIVE}/files", writing.create, WRITE | {"drive.appdata"}),
    ("GET", f"{DRIVE}/files/{{fileId}}", files.get, METADATA),
    (
        "PATCH",
        f"{DRIVE}/files/{{fileId}}",
        writing.update,
        WRITE | {"drive.appdata", "drive.metadata", "drive.scripts"},
    ),
    ("DELETE", f"{DRIVE}/files/{{fileId}}", writing.delete, WRITE),
    ("GET", f"{DRIVE}/files/{{fileId}}/export", files.export, CONTENT),
    ("GET", f"{DRIVE}/files/{{fileId}}/permissions", permissions.list_permissions, PERMISSIONS),
    (
        "GET",
        f"{DRIVE}/files/{{fileId}}/permissions/{{permissionId}}",
        permissions.get_permission,
        PERMISSIONS,
    ),
    ("GET", f"{DRIVE}/drives", drives.list_drives, DRIVES),
    ("GET", f"{DRIVE}/drives/{{driveId}}", drives.get_drive, DRIVES),
    ("GET", f"{DRIVE}/changes/startPageToken", changes.start_token, METADATA),
    ("GET", f"{DRIVE}/changes", changes.list_changes, METADATA),
    ("POST", f"{DRIVE}/changes/watch", changes.watch, METADATA),
    ("POST", f"{DRIVE}/channels/stop", changes.stop, METADATA),
    ("POST", f"{UPLOAD}/files", writing.create, WRITE),
    ("PATCH", f"{UPLOAD}/files/{{fileId}}", writing.update, WRITE),
    ("GET", f"{DIRECTORY}/users", directory.list_users, USERS),
    ("GET", f"{DIRECTORY}/users/{{userKey}}", directory.get_user, USERS),
    ("GET", f"{DIRECTORY}/groups", directory.list_groups, GROUPS),
    ("GET", f"{DIRECTORY}/groups/{{groupKey}}", directory.get_group, GROUPS),
    ("GET", f"{DIRECTORY}/groups/{{groupKey}}/members", directory.list_members, MEMBERS),
)


def app(company: DriveCompany) -> ASGIApp:
    """Return the simulated Google of a company, to be served with `apps.ops.sandbox.serve`."""

    @asynccontextmanager
    async def lifespan(served: Starlette) -> AsyncIterator[None]:
        yield
        company.push.close()

    routes = [
        Route("/o/oauth2/v2/auth", authorize, methods=["GET", "POST"]),
        Route("/token", token, methods=["POST"]),
        Route("/revoke", revoke, methods=["POST"]),
        *(
            Route(path, endpoint(handler, scopes), methods=[method])
            for method, path, handler, scopes in METHODS
        ),
    ]
    google = Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: _no_such_path})
    google.state.company = company
    return FaultyApp(google, company.faults, company.journal, ANSWERS)


async def _no_such_path(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse(error_body(404, "notFound", "Not Found"), 404)


def _worded(
    status: int, reason: str, message: str, headers: dict[str, str] | None = None
) -> Answer:
    body = json.dumps(error_body(status, reason, message)).encode()
    return Answer(status, body, headers=headers or {})


def _too_many(fault: Fault) -> Answer:
    headers = {"Retry-After": str(fault.retry_after_s)}
    return _worded(429, "rateLimitExceeded", "Rate Limit Exceeded", headers)


ANSWERS: Mapping[str, AnswerOf] = {
    "too_many": _too_many,
    "quota": _worded(403, "userRateLimitExceeded", "User Rate Limit Exceeded"),
    "server_error": _worded(500, "internalError", "Internal Error"),
    "forbidden": _worded(
        403, "insufficientPermissions", "Request had insufficient authentication scopes."
    ),
    "unauthorized": _worded(401, "authError", "Invalid Credentials"),
    "wrong_shape": Answer(200, b'{"kind": "drive#fileList", "files": {"0": {"id": 1}}}'),
}
