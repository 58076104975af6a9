"""Every route there is, and how it is kept from leaking. A new route needs one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from config.websockets import websocket_urlpatterns
from tests.leaks.scene import PATH, QUESTION, TEXT, TITLE, Scene


class Kind(StrEnum):
    """What a route can show, and with that, which hunt it is subject to."""

    NOTHING = "nothing of a tenant"
    OWN = "what is the person's own, and no document"
    ADMIN = "ids and paths for admins; no title, no text"
    ACT = "takes a form and sends on to another page"
    DOCUMENT = "documents that the person may read at this moment"


@dataclass(frozen=True)
class Shown:
    """How a route is checked.

    Attributes:
        kind: see there.
        address: in a scene; None where the route has no parameters.
        before: what of the secret has to be seen before it is taken away (documents alone).
        data: what an act is sent.
    """

    kind: Kind
    address: Callable[[Scene], str] | None = None
    before: tuple[str, ...] = ()
    data: Callable[[Scene], dict[str, Any]] = lambda scene: {}


def nothing(address: str | None = None) -> Shown:
    return Shown(Kind.NOTHING, (lambda _scene: address) if address else None)


def own(address: Callable[[Scene], str] | None = None) -> Shown:
    return Shown(Kind.OWN, address)


def admins(address: Callable[[Scene], str] | None = None) -> Shown:
    return Shown(Kind.ADMIN, address)


def act(
    address: Callable[[Scene], str], data: Callable[[Scene], dict[str, Any]] = lambda scene: {}
) -> Shown:
    return Shown(Kind.ACT, address, data=data)


def documents(address: Callable[[Scene], str], *before: str) -> Shown:
    return Shown(Kind.DOCUMENT, address, before)


def _a_document(scene: Scene) -> dict[str, Any]:
    return {"document": str(scene.secret.uuid), "collection": str(scene.collection.uuid)}


_ACCOUNTS = (
    "login/", "logout/", "inactive/", "signup/", "reauthenticate/", "email/", "confirm-email/",
    "password/change/", "password/set/", "password/reset/", "login/code/confirm/",
    "password/reset/key/done/", "password/reset/done/", "2fa/", "2fa/authenticate/",
    "2fa/reauthenticate/", "2fa/totp/activate/", "2fa/totp/deactivate/", "2fa/recovery-codes/",
    "2fa/recovery-codes/generate/", "2fa/recovery-codes/download/",
)  # fmt: skip

ROUTES: dict[str, Shown] = {
    **{f"accounts/{name}": nothing() for name in _ACCOUNTS},
    "accounts/^confirm-email/(?P<key>[-:\\w]+)/$": nothing("/accounts/confirm-email/abc/"),
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": nothing(
        "/accounts/password/reset/key/1-abc/"
    ),
    "health/live": nothing(),
    "health/ready": nothing(),
    "metrics": nothing(),
    "": own(),
    "tenants/choose/": own(),
    "tenants/leave/": act(lambda scene: "/tenants/leave/"),
    "tenants/<uuid:uuid>/switch/": act(lambda s: f"/tenants/{s.library.tenant.uuid}/switch/"),
    "tenants/<uuid:uuid>/enter/": act(lambda s: f"/tenants/{s.library.tenant.uuid}/enter/"),
    # The question, in the history, is the person's own; what was answered is not.
    # It suggests questions about what the person may read.
    "chat/": documents(lambda s: "/chat/", TITLE),
    "chat/<uuid:uuid>/": documents(lambda s: f"/chat/{s.conversation}/", TITLE, TEXT, PATH),
    "chat/<uuid:uuid>/delete/": act(lambda s: f"/chat/{s.conversation}/delete/"),
    "search/": documents(lambda s: f"/search/?q={QUESTION}", TITLE, TEXT, PATH),
    "search/suggest": documents(lambda s: "/search/suggest?q=quokkat", TITLE, PATH),
    "search/like/<uuid:uuid>/": documents(lambda s: f"/search/like/{s.secret.uuid}/", TITLE),
    "search/saved/": own(),
    "search/saved/forget": act(lambda s: "/search/saved/forget"),
    "search/saved/<uuid:uuid>/rename": act(
        lambda s: f"/search/saved/{s.secret.uuid}/rename", lambda s: {"name": "Mine"}
    ),
    "search/saved/<uuid:uuid>/delete": act(lambda s: f"/search/saved/{s.secret.uuid}/delete"),
    "documents/<uuid:uuid>/": documents(
        lambda s: f"/documents/{s.secret.uuid}/?passage=0-40", TITLE, TEXT, PATH
    ),
    "documents/<uuid:uuid>/original": documents(
        lambda s: f"/documents/{s.secret.uuid}/original", TEXT
    ),
    "documents/<uuid:uuid>/record.json": documents(
        lambda s: f"/documents/{s.secret.uuid}/record.json", TITLE, TEXT, PATH
    ),
    "schemas/v1/<slug:name>.json": nothing("/schemas/v1/file.json"),
    "schemas/v1/fields/<slug:provider>.json": nothing("/schemas/v1/fields/file_share.json"),
    "collections/": own(),
    "collections/<uuid:uuid>/": documents(
        lambda s: f"/collections/{s.collection.uuid}/", TITLE, PATH
    ),
    "collections/add": act(lambda s: "/collections/add", _a_document),
    "collections/<uuid:uuid>/change": act(
        lambda s: f"/collections/{s.collection.uuid}/change",
        lambda s: {"name": "Parties and more", "description": ""},
    ),
    "collections/<uuid:uuid>/remove": act(
        lambda s: f"/collections/{s.collection.uuid}/remove", _a_document
    ),
    "collections/<uuid:uuid>/delete": act(lambda s: f"/collections/{s.collection.uuid}/delete"),
    "sources/": own(),
    **{
        f"sources/<uuid:uuid>/{name}": act(
            lambda s, name=name: f"/sources/{s.library.connection.uuid}/{name}"  # type: ignore[misc]
        )
        for name in ("sync", "pause", "resume")
    },
    "connections/": own(),
    **{
        f"connections/<uuid:uuid>/{name}": own(
            lambda s, name=name: f"/connections/{s.library.connection.uuid}/{name}"  # type: ignore[misc]
        )
        for name in ("choose/", "disconnect/", "documents/", "events/")
    },
    **{
        f"connections/<uuid:uuid>/{name}": act(
            lambda s, name=name: f"/connections/{s.library.connection.uuid}/{name}"  # type: ignore[misc]
        )
        for name in ("start", "pause")
    },
    "connectors/oauth/start/<uuid:uuid>/": act(
        lambda s: f"/connectors/oauth/start/{s.library.connection.uuid}/"
    ),
    "connectors/oauth/callback": nothing(),
    "connectors/push/<uuid:tenant_uuid>/<uuid:connection_uuid>/": nothing(
        f"/connectors/push/{UUID(int=1)}/{UUID(int=2)}/"
    ),
    **{
        f"admin/connections/connection/<int:pk>/{name}/": admins(
            lambda s, name=name: f"/admin/connections/connection/{s.library.connection.pk}/{name}/"  # type: ignore[misc]
        )
        for name in ("choose", "disconnect", "reconnect")
    },
    "share/<slug:kind>/<uuid:uuid>/": own(lambda s: f"/share/collection/{s.collection.uuid}/"),
    "admin/": admins(),
    "admin/search/": admins(),
    "admin/login/": nothing(),
    "admin/logout/": nothing(),
    "admin/password_change/": nothing(),
    "admin/password_change/done/": nothing(),
    "admin/autocomplete/": admins(),
    "admin/jsi18n/": nothing(),
    "admin/r/<path:content_type_id>/<path:object_id>/": admins(
        lambda s: f"/admin/r/1/{s.secret.pk}/"
    ),
    "admin/(?P<url>.*)$": admins(lambda s: "/admin/no-such-page"),
    "admin/^(?P<app_label>)/$": admins(lambda s: "/admin/documents/"),
    "admin/sync_events/syncrun/live/": admins(),
    "admin/sync_events/exposurereport/<int:pk>/live/": admins(
        lambda s: "/admin/sync_events/exposurereport/1/live/"
    ),
    "admin/sync_events/exposurereport/<int:pk>/download/<slug:form>/": admins(
        lambda s: "/admin/sync_events/exposurereport/1/download/csv/"
    ),
    "admin/sync_events/webhookendpoint/<int:pk>/replay/": admins(
        lambda s: "/admin/sync_events/webhookendpoint/1/replay/"
    ),
    "admin/acls/person/<int:pk>/match/": admins(lambda s: "/admin/acls/person/1/match/"),
    "admin/acls/person/<int:pk>/unmatch/": admins(lambda s: "/admin/acls/person/1/unmatch/"),
    "admin/documents/document/preview/<int:pk>/": admins(
        lambda s: f"/admin/documents/document/preview/{s.membership(s.world.ada).pk}/"
    ),
    "admin/documents/document/whatif/": admins(),
    "admin/documents/document/why/": admins(
        lambda s: (
            f"/admin/documents/document/why/?document={s.secret.uuid}&member={s.world.ada.email}"
        )
    ),
    "admin/documents/document/history-kept/": admins(),
}

# Sockets, and the test that takes the secret away while they talk.
SOCKETS: dict[str, str] = {
    "ws/chat/<uuid:uuid>/": "tests/leaks/test_chat_in_progress.py",
    "ws/sync/": "tests/sync_events/test_progress_socket.py",
}

HOW_TO = (
    "There is no line for the route {route!r} in tests/leaks/routes.py. Add one that says what it"
    " can show: `documents(address, what is seen before)` where anything of a document can be on"
    " it, `admins(address)` for a page of the admin beside the ordinary five of a model,"
    " `own(address)`, `act(address, data)` for a form's target, `nothing()` otherwise."
)


def all_routes() -> list[str]:
    """Return the pattern of every route, as the resolver puts it together."""
    return sorted(set(_walk(get_resolver().url_patterns)))


def all_sockets() -> list[str]:
    """Return the pattern of every WebSocket."""
    return [str(route.pattern) for route in websocket_urlpatterns]


def of_models() -> set[str]:
    """Return the ordinary pages of the admin's models; test_admin_hunt.py crawls all of them."""
    pages = ("", "add/", "<path:object_id>/")
    acts = tuple(f"<path:object_id>/{act}/" for act in ("history", "delete", "change"))
    return {
        f"admin/{model._meta.app_label}/{model._meta.model_name}/{page}"
        for model in admin.site._registry
        for page in (*pages, *acts)
    }


def _walk(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        elif route.startswith("admin/^(?P<app_label>"):
            yield "admin/^(?P<app_label>)/$"  # it lists the apps that there are
        else:
            yield route
