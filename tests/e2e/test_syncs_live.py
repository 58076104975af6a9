"""Syncs in the admin as they go on: pushed through the socket, and how the pages look."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.db import connections, transaction
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route, expect

from apps.accounts.models import User
from apps.connections.models import Connection
from apps.sync_events import by_hand, pace, progress_events, runs
from apps.sync_events.models import Lane, RunChange, RunState, SyncRun
from apps.tenants.context import tenant_context
from config.asgi import application
from tests import world
from tests.acls.reads import inside
from tests.admin.conftest import Stock, stock
from tests.chat.live import Server
from tests.e2e.test_looks import check
from tests.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.usefixtures("beside_the_browser_s_loop"),
]

SIZES = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
LIST = "/admin/sync_events/syncrun/"
LIVE = re.compile(r"/admin/sync_events/syncrun/live/")


@pytest.fixture
def server(committed_world: World) -> Iterator[Server]:
    # It serves static files, and passes all else on.
    with Server(app=ASGIStaticFilesHandler(application)).running() as server:  # type: ignore[arg-type]  # any application will do
        yield server


@pytest.fixture
def acme(committed_world: World) -> Stock:
    with inside(committed_world.acme):
        found = stock(committed_world.acme, "acme")
        SyncRun.objects.filter(pk=found.run.pk).update(total=400)
    return found


@pytest.fixture
def open_page(
    committed_world: World, server: Server, browser: Browser
) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a browser as Ida; any fault in a page fails the test."""
    faults: list[str] = []
    contexts = []

    def show(path: str, *, width: int = 1280, scheme: str = "light") -> Page:
        url = f"http://127.0.0.1:{server.port}"
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            base_url=url,
        )
        contexts.append(context)
        session = world.signed_in(committed_world.ida).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(path)
        return page

    yield show
    for context in contexts:
        context.close()
    assert faults == []


def elsewhere(work: Callable[[], None]) -> None:
    """Do something as a worker does: on a thread in which no loop of the browser's runs."""

    def done() -> None:
        try:
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(done).result()


def store(found: Stock, seen: int) -> None:
    """Store a page of the waiting run, after which so many documents are seen."""

    def work() -> None:
        with tenant_context(found.source.tenant_id):
            token = runs.claim(found.run.pk)
            with transaction.atomic():
                run = SyncRun.objects.select_for_update(of=("self",)).get(pk=found.run.pk)
                assert token == run.claim or token is None
                run.seen = run.added = seen
                progress_events.stored(run)
                run.save()

    elsewhere(work)


def no_polling(page: Page) -> list[str]:
    """Fail what a page asks for beside its socket, and return the list of what it asked."""
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route(LIVE, refuse)
    return asked


def test_progress_moves_without_polling(acme: Stock, open_page: Callable[..., Page]) -> None:
    page = open_page("/admin/")
    asked = no_polling(page)
    page.goto(LIST)
    row = page.locator("tr", has_text="Queued")
    expect(row).to_be_visible()
    for seen in (100, 200, 300):
        store(acme, seen)
        expect(page.locator("#result_list, table").first).to_contain_text(f"{seen} of 400")
    bar = page.locator("progress").first
    assert bar.get_attribute("value") is not None
    assert bar.evaluate("bar => bar.value") == 75
    status = page.locator("#kw-live-status")
    expect(status).to_have_text("acme files: Running")

    def finish() -> None:
        with tenant_context(acme.source.tenant_id), transaction.atomic():
            run = SyncRun.objects.get(pk=acme.run.pk)
            assert run.claim is not None
            runs.finish(run.pk, run.claim, RunState.SUCCEEDED)

    elsewhere(finish)
    expect(status).to_have_text("acme files: Succeeded")
    assert asked == [], "the socket told all of it"


def test_a_page_without_a_socket_asks(acme: Stock, open_page: Callable[..., Page]) -> None:
    page = open_page("/admin/")
    # A proxy that passes no sockets on.
    page.route_web_socket(re.compile("/ws/sync/"), lambda socket: socket.close(code=1011))
    page.goto(LIST)
    expect(page.locator("tr", has_text="Queued")).to_be_visible()
    store(acme, 120)
    expect(page.locator("#result_list, table").first).to_contain_text("120 of 400")


def test_new_runs_are_shown_where_they_belong(acme: Stock, open_page: Callable[..., Page]) -> None:
    listed, overview = open_page(LIST), open_page("/admin/")
    expect(listed.locator("#kw-newer")).to_have_count(0)
    listed.wait_for_timeout(500)

    def request() -> None:
        with tenant_context(acme.source.tenant_id), transaction.atomic():
            runs.request(
                acme.source, Lane.PERMISSIONS, trigger=SyncRun.Trigger.PERSON, is_sweep=True
            )

    elsewhere(request)
    link = listed.get_by_role("link", name="Show 1 newer sync")
    expect(link).to_be_visible()
    expect(overview.locator("[data-refreshed=running]")).to_contain_text("acme files, permissions")
    link.click()
    expect(listed.locator("#result_list, table").first).to_contain_text("Permissions, everything")
    expect(listed.locator("#kw-newer")).to_have_count(0)


def test_cancelling_on_the_page_leaves_what_one_can_do_next(
    acme: Stock, open_page: Callable[..., Page]
) -> None:
    store(acme, 100)
    page = open_page(f"{LIST}{acme.run.pk}/change/")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()

    def cancel() -> None:
        with tenant_context(acme.source.tenant_id), transaction.atomic():
            SyncRun.objects.filter(pk=acme.run.pk).update(cursor={"after": "m"})
            SyncRun.objects.filter(pk=acme.finished.pk).delete()
            run = SyncRun.objects.get(pk=acme.run.pk)
            by_hand.cancel(run, actor_id=ida())

    elsewhere(cancel)
    expect(page.get_by_role("button", name="Go on where it stopped")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def ida() -> int:
    return User.objects.get(email="ida@acme.example").pk


def filled(found: Stock) -> None:
    """Make one run work, one stuck and one ended with all kinds of changes; and a source late."""
    now = timezone.now()
    with inside(found.source.tenant):
        run = SyncRun.objects.get(pk=found.run.pk)
        run.state, run.started_at, run.claim = RunState.RUNNING, now, uuid4()
        run.heartbeat_at = now
        for seconds_ago, seen in ((50, 0), (25, 2_000), (0, 4_000)):
            run.seen = seen
            pace.note(run, now - timedelta(seconds=seconds_ago))
        run.total = 12_345
        run.added, run.updated, run.moved, run.deleted = 1_234, 56, 7, 8
        run.permissions_changed = 90
        run.save()
        SyncRun.objects.create(
            tenant=run.tenant, connection=run.connection, lane=Lane.PERMISSIONS, is_sweep=True,
            trigger="schedule", state=RunState.RUNNING, started_at=now - timedelta(hours=1),
            progressed_at=now - timedelta(minutes=40), stuck_at=now, pages=12, claim=uuid4(),
        )  # fmt: skip
        SyncRun.objects.filter(pk=found.finished.pk).update(
            added=1_236, updated=3, deleted=1, permissions_changed=30, seen=4_000
        )
        for kind, name in (
            ("added", "acme/plan.md"),
            ("added", f"acme/{'very-long-name-' * 12}.md"),
            ("updated", "acme/scan.pdf"),
            ("deleted", "acme/old.md"),
        ):
            uuid = found.document.uuid if name == "acme/plan.md" else uuid4()
            RunChange.objects.create(
                tenant=run.tenant, run=found.finished, kind=kind, document_uuid=uuid,
                external_id=name,
            )  # fmt: skip
        Connection.objects.filter(pk=found.source.pk).update(
            last_swept_at=now - timedelta(hours=5), pushed_at=now - timedelta(minutes=2)
        )


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_looks(
    acme: Stock,
    open_page: Callable[..., Page],
    axe: str,
    screenshots: Path,
    width: int,
    scheme: str,
) -> None:
    filled(acme)
    with inside(acme.source.tenant):
        stuck = SyncRun.objects.exclude(stuck_at=None).get()
    page = open_page("/admin/", width=width, scheme=scheme)
    pages = {
        "sync-overview": "/admin/",
        "sync-list": LIST,
        "sync-ended": f"{LIST}{acme.finished.pk}/change/",
        "sync-running": f"{LIST}{acme.run.pk}/change/",
        "sync-stuck": f"{LIST}{stuck.pk}/change/",
        "sync-connection": f"/admin/connections/connection/{acme.source.pk}/change/",
        "sync-connections": "/admin/connections/connection/",
    }
    for name, path in pages.items():
        page.goto(path)
        if name == "sync-ended":
            for summary in page.locator("details.kw-diff > summary").all():
                summary.click()
        if name == "sync-connection":
            page.locator("#kw-lag").scroll_into_view_if_needed()
        check(page, axe, screenshots / f"{name}-{width}-{scheme}.png")
