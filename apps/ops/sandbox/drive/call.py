"""One request to an API: who asks, with which scopes and parameters, and what he may see."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from apps.ops.sandbox.drive.company import SCOPE_ROOT, DriveCompany
from apps.ops.sandbox.drive.errors import ApiError, invalid, not_found
from apps.ops.sandbox.drive.masks import Mask, Tree, check, parsed
from apps.ops.sandbox.drive.oauth import Grant
from apps.ops.sandbox.drive.records import Item, User
from apps.ops.sandbox.drive.shapes import View

PAGING = frozenset({"pageToken", "pageSize", "maxResults", "fields"})
APP_FILES = f"{SCOPE_ROOT}drive.file"
JsonAnswer = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A request whose token was accepted.

    Attributes:
        company: the lock is held while the call is answered.
        user: who asks, or who is acted for.
        grant: what the token stands for.
        app_files_only: the token opens only what its application made.
    """

    company: DriveCompany
    user: User
    grant: Grant
    request: Request
    content: bytes
    app_files_only: bool = False

    @property
    def view(self) -> View:
        """Shows the company to who asks."""
        return View(self.company, self.user)

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query string."""
        return self.request.query_params

    @property
    def question(self) -> str:
        """Who asks what, apart from paging."""
        asked = [(name, value) for name, value in self.query.items() if name not in PAGING]
        return json.dumps([self.user.id, self.request.url.path, sorted(asked)])

    @cached_property
    def body(self) -> JsonAnswer:
        """The JSON object sent; empty where nothing was sent.

        Raises:
            ApiError: 400, it is no JSON object.
        """
        try:
            sent = json.loads(self.content or b"{}")
        except ValueError:
            sent = None
        if not isinstance(sent, dict):
            raise ApiError(400, "parseError", "Parse Error")
        return sent

    def text(self, name: str) -> str:
        """Return a parameter, "" where it is absent."""
        return self.query.get(name, "")

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a parameter that is true or false.

        Raises:
            ApiError: 400, it is neither.
        """
        value = self.text(name).lower()
        if value not in {"", "true", "false"}:
            raise ApiError(400, "invalidParameter", f"Invalid boolean value: '{value}'.", name)
        return value == "true" if value else default

    def size(self, name: str, default: int, highest: int, *, coerced: bool = True) -> int:
        """Return how many items a page shall have.

        Raises:
            ApiError: 400, it is no number, or out of range and not `coerced`.
        """
        value = self.text(name) or str(default)
        if not value.isdecimal() or int(value) < 1 or (int(value) > highest and not coerced):
            message = f"Invalid value '{value}'. Values must be within the range: [1, {highest}]"
            raise ApiError(400, "invalidParameter", message, name)
        return min(int(value), highest)

    def mask(self, default: Mask, tree: Tree) -> Mask:
        """Return the `fields` asked for.

        Raises:
            ApiError: 400, there are no such fields.
        """
        if not self.text("fields"):
            return default
        mask = parsed(self.text("fields"))
        check(mask, tree)
        return mask

    def item(self, *, any_drive: bool = False) -> Item:
        """Return the item that the path names.

        Args:
            any_drive: also one of a shared drive where the call does not say that it knows them.

        Raises:
            ApiError: 404, there is none for who asks.
        """
        file_id = self.request.path_params["fileId"]
        item = self.company.items.get(self.user.root_id if file_id == "root" else file_id)
        if item is None or not self.sees(item):
            raise not_found(file_id)
        if item.drive_id and not any_drive and not self.flag("supportsAllDrives"):
            raise not_found(file_id)
        return item

    def sees(self, item: Item) -> bool:
        """Whether who asks may see an item, with this token."""
        if self.app_files_only and item.app != self.grant.client_id:
            return False
        return self.company.access.sees(self.user, item)


Handler = Callable[[Call], JsonAnswer | Response | None]
Endpoint = Callable[[Request], Awaitable[Response]]


def endpoint(handler: Handler, scopes: frozenset[str]) -> Endpoint:
    """Return what Starlette calls for a method of an API.

    Args:
        handler: answers with JSON, with a response of its own, or with None for no content.
        scopes: names of the scopes of which one is needed, without their common beginning.
    """
    needed = frozenset(f"{SCOPE_ROOT}{name}" for name in scopes)

    async def answer(request: Request) -> Response:
        company: DriveCompany = request.app.state.company
        content = await request.body()
        try:
            with company.lock:
                company.expire_permissions()
                found = handler(_call(company, request, content, needed))
        except ApiError as error:
            return JSONResponse(error.body, error.status, headers=_challenge(error, needed))
        if found is None:
            return Response(status_code=204)
        return found if isinstance(found, Response) else JSONResponse(found)

    return answer


def _call(company: DriveCompany, request: Request, content: bytes, needed: frozenset[str]) -> Call:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    grant = company.oauth.holder(token) if kind.lower() == "bearer" else None
    user = company.people.users.get(grant.user_id) if grant else None
    if grant is None or user is None or not user.may_sign_in:
        raise ApiError(401, "authError", "Invalid Credentials", "Authorization")
    having = grant.scopes & needed
    if not having:
        raise ApiError(
            403,
            "insufficientPermissions",
            "Request had insufficient authentication scopes.",
        )
    if request.query_params.get("alt", "json") not in {"json", "media"}:
        raise invalid("alt")
    return Call(company, user, grant, request, content, app_files_only=having == {APP_FILES})


def _challenge(error: ApiError, needed: frozenset[str]) -> dict[str, str]:
    realm = 'Bearer realm="https://accounts.google.com/"'
    if error.status == 401:
        return {"WWW-Authenticate": f'{realm}, error="invalid_token"'}
    if error.reason == "insufficientPermissions":
        scopes = " ".join(sorted(needed))
        return {"WWW-Authenticate": f'{realm}, error="insufficient_scope", scope="{scopes}"'}
    return {}
