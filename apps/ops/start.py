"""READING PAGE of `up`: from a data folder to a served, searchable Kenward, and down again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from apps.documents import canary_planting
from apps.ops import (
    children,
    connect_folder,
    data_folder,
    embedded,
    embedded_paths,
    external,
    first_sync,
    resume,
    sample,
    sandbox_sources,
    web_port,
)
from apps.ops.embedded_paths import APPLICATION, OWNER
from apps.ops.errors import NotPrepared
from apps.ops.supervise import Output, Supervisor
from apps.search.vectors import vector_checks


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the person who starts Kenward asked for.

    Attributes:
        host: address to serve at.
        port: port to serve at.
        folder: a folder to connect, absolute.
        tenant: slug of the tenant that gets the folder; empty means the first sample tenant.
        with_sample: None means on the very first start of the embedded database.
        with_sandbox: also run the simulated sources, and connect the first sample tenant to them.
    """

    host: str
    port: int
    folder: Path | None = None
    tenant: str = ""
    with_sample: bool | None = None
    with_sandbox: bool = False


class Stopped(BaseException):
    """Somebody asked Kenward to stop: Ctrl-C, SIGTERM or a closed terminal."""


def serve(wishes: Wishes, show: Output) -> None:
    """Run Kenward until somebody stops it.

    Raises:
        CannotStart: something is wrong that the person can put right.
        KeptDying: a child ended too often.
    """
    data_dir: Path = settings.KENWARD_DATA_DIR
    # This process forks children: it keeps to one thread, and a pool would start its own.
    connections["default"].settings_dict["OPTIONS"].pop("pool", None)
    try:
        with _stopped_by_signals():
            data_folder.prepare(data_dir)
            with data_folder.locked(data_dir), Supervisor(show) as supervisor:
                _serve(data_dir, wishes, supervisor, show)
    except Stopped:
        show("stopped")


def _serve(data_dir: Path, wishes: Wishes, supervisor: Supervisor, show: Output) -> None:
    web_port.check(wishes.host, wishes.port)
    if wishes.folder is not None:
        connect_folder.check(wishes.folder, data_dir)
    environment = children.environment(data_dir)
    if wishes.with_sandbox:
        sandbox_sources.check(wishes.port)
        supervisor.start(children.sandbox(data_dir, wishes.port, environment))
    are_services_up = _start_services(data_dir, supervisor)
    # The web server takes seconds to load, and nobody asks it for anything before `serving`.
    supervisor.start(children.web(wishes.host, wishes.port, environment))
    supervisor.run(are_services_up, every_s=0.05)
    _migrate()
    _prepare_vectors(show)
    resume.resume()
    signins = sample.load(data_dir) if _wants_sample(data_dir, wishes) else []
    canary_planting.plant_everywhere()
    data_folder.mark_started(data_dir)
    if wishes.folder is not None:
        show(connect_folder.connect(wishes.folder, tenant_slug=wishes.tenant))
    supervisor.run(lambda: web_port.is_answering(wishes.host, wishes.port), every_s=0.1)
    address = web_port.url(wishes.host, wishes.port)
    show(f"serving {address}")
    if wishes.with_sandbox:
        supervisor.run(lambda: sandbox_sources.is_answering(wishes.port), every_s=0.1)
        show(sandbox_sources.connect(data_dir, wishes.port))
    for line in sample.table(signins):
        show(line)
    for child in children.background(environment):
        supervisor.start(child)
    supervisor.run(first_sync.readiness(show), every_s=0.5)
    show(f"ready {address}")
    connections.close_all()
    supervisor.run(lambda: False)


def _start_services(data_dir: Path, supervisor: Supervisor) -> Callable[[], bool]:
    """Start what nobody else runs; return the question whether all of it answers."""
    has_database, has_redis = _is_database_outside(data_dir), _is_redis_outside(data_dir)
    if has_redis:
        external.check_redis(settings.REDIS_URL)
    if has_database:
        application_url = settings.DATABASE_APP_URL
        if application_url == embedded_paths.postgres_url(data_dir, APPLICATION):
            application_url = ""  # the default, so it was not set
        external.check_database(settings.DATABASE_OWNER_URL, application_url)
    wanted = embedded.services(data_dir, postgres=not has_database, redis=not has_redis)
    for spec, _ in wanted:
        supervisor.start(spec)
    return lambda: all(is_answering(data_dir) for _, is_answering in wanted)


def _is_database_outside(data_dir: Path) -> bool:
    given = (settings.DATABASE_OWNER_URL, settings.DATABASE_APP_URL)
    return given != tuple(embedded_paths.postgres_url(data_dir, r) for r in (OWNER, APPLICATION))


def _is_redis_outside(data_dir: Path) -> bool:
    return embedded_paths.redis_url(data_dir) != str(settings.REDIS_URL)


def _migrate() -> None:
    """Bring the schema up to date as its owner; a schema that is current costs a quick look."""
    executor = MigrationExecutor(connections["owner"])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", database="owner", verbosity=0, interactive=False)
    connections["owner"].close()


def _prepare_vectors(show: Output) -> None:
    """Hold that the database can search vectors, and index those of a model of one's own."""
    if problems := vector_checks.problems():
        raise NotPrepared("The database cannot search vectors.", hint="\n".join(problems))
    if settings.EMBEDDING_BASE_URL:
        try:
            call_command("index_vectors", verbosity=0)
        except CommandError as error:  # searches are exact until then
            show(f"vectors are not indexed: {error}")
        connections["owner"].close()


def _wants_sample(data_dir: Path, wishes: Wishes) -> bool:
    if wishes.with_sample is not None:
        return wishes.with_sample
    return not _is_database_outside(data_dir) and not data_folder.was_started(data_dir)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Turn the first of these signals into `Stopped`; later ones change nothing."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in wanted:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in wanted}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)
