"""What was taken away shows on no route from the next request on; and no route is forgotten."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.models import User
from tests.leaks import routes
from tests.leaks.conftest import Browser
from tests.leaks.routes import ROUTES, SOCKETS, Kind, Shown
from tests.leaks.scene import SUM, TEXT, TITLE, Scene, set_up
from tests.search.library import Library
from tests.world import World


@pytest.fixture
def scene(committed_world: World, library: Library) -> Scene:
    """Return the secret, with everything that can show it."""
    return set_up(committed_world, library)


def address(route: str, shown: Shown, scene: Scene) -> str:
    """Return where a route is asked for in the scene."""
    if shown.address is not None:
        return shown.address(scene)
    assert "<" not in route, f"{route} has parameters: give its line an address"
    return f"/{route}"


def body(client: Client, url: str) -> tuple[int, str]:
    """Return the status, and everything that goes out: head and body."""
    response = client.get(url)
    content = b"".join(response) if response.streaming else response.content
    return response.status_code, f"{response.headers} {content.decode()}"


def of_kind(*kinds: Kind) -> list[tuple[str, Shown]]:
    return [(route, shown) for route, shown in ROUTES.items() if shown.kind in kinds]


def test_every_route_has_its_line_and_every_line_its_route() -> None:
    known = set(ROUTES) | routes.of_models()
    for route in routes.all_routes():
        assert route in known, routes.HOW_TO.format(route=route)
    gone = set(ROUTES) - set(routes.all_routes())
    assert not gone, f"these routes are no more; take their lines out: {sorted(gone)}"
    assert set(routes.all_sockets()) == set(SOCKETS), "say in SOCKETS which test covers it"


def test_revoked_document_shows_on_no_route_from_the_next_request_on(
    scene: Scene, browser: Browser
) -> None:
    ada = browser(scene.world.ada)
    exits = [(address(route, s, scene), s) for route, s in of_kind(Kind.DOCUMENT)]
    for url, shown in exits:
        status, page = body(ada, url)
        assert status == 200, url
        missing = set(shown.before) - scene.seen_in(page)
        assert not missing, f"{url} does not show {missing}, so that it would prove nothing"
    scene.revoke()
    for url, _shown in exits:
        status, page = body(ada, url)
        assert status in (200, 404), url
        assert not scene.seen_in(page.replace(url, "")), f"{url} still shows the document"


@pytest.mark.parametrize("name", ["ada", "bo", "ida", "cy"])
def test_no_other_page_shows_any_of_it_to_anybody(
    scene: Scene, browser: Browser, name: str
) -> None:
    user: User = getattr(scene.world, name)
    client = browser(user)
    for route, shown in of_kind(Kind.NOTHING, Kind.OWN):
        if route.endswith("logout/"):
            continue
        url = address(route, shown, scene)
        _, page = body(client, url)
        assert not scene.seen_in(page.replace(url, "")), f"{url} shows a document to {name}"


@pytest.mark.parametrize("name", ["bo", "ida", "cy", "visitor"])
def test_who_may_not_read_it_sees_none_of_it_on_any_route(
    scene: Scene, browser: Browser, name: str
) -> None:
    client = Client() if name == "visitor" else browser(getattr(scene.world, name))
    for route, shown in of_kind(Kind.DOCUMENT):
        url = address(route, shown, scene)
        _, page = body(client, url)
        told_back = {word for word in scene.words if word in url}
        assert scene.seen_in(page) <= told_back, f"{url} shows the document to {name}"


def test_acts_answer_only_to_forms_and_tell_nothing_of_what_was_taken_away(
    scene: Scene, browser: Browser
) -> None:
    ada = browser(scene.world.ada)
    scene.revoke()
    for route, shown in of_kind(Kind.ACT):
        url = address(route, shown, scene)
        assert ada.get(url).status_code in (404, 405), f"{url} acts without a form"
        data = shown.data(scene)
        response = ada.post(url, data, follow=True)
        page = f"{response.headers} {response.redirect_chain} {response.content.decode()}"
        sent = {word for word in scene.words if word in f"{url} {data}"}
        assert scene.seen_in(page) <= sent, f"{url} shows the document"


def test_pages_of_the_admin_show_neither_title_nor_text(scene: Scene, browser: Browser) -> None:
    ida = browser(scene.world.ida)
    for route, shown in of_kind(Kind.ADMIN):
        url = address(route, shown, scene)
        _, page = body(ida, url)
        assert not {TITLE, TEXT, SUM} & scene.seen_in(page), url


def test_members_open_no_page_of_the_admin(scene: Scene, browser: Browser) -> None:
    ada = browser(scene.world.ada)
    for route, shown in of_kind(Kind.ADMIN):
        url = address(route, shown, scene)
        status, page = body(ada, url)
        assert status in (302, 403, 404), url
        told_back = {word for word in scene.words if word in url}
        assert scene.seen_in(page) <= told_back, url


def test_preview_loses_the_path_with_the_access(scene: Scene, browser: Browser) -> None:
    ida = browser(scene.world.ida)
    url = f"/admin/documents/document/preview/{scene.membership(scene.world.ada).pk}/"
    assert scene.secret.path in body(ida, url)[1]
    scene.revoke()
    assert scene.secret.path not in body(ida, url)[1]


def test_why_tells_by_path_that_the_access_is_gone(scene: Scene, browser: Browser) -> None:
    ida = browser(scene.world.ida)
    why = "admin/documents/document/why/"
    url = address(why, ROUTES[why], scene)
    assert "Yes, may read it" in body(ida, url)[1]
    scene.revoke()
    page = body(ida, url)[1]
    assert "No, may not read it" in page and scene.secret.path in page
    assert not {TITLE, TEXT, SUM} & scene.seen_in(page)
