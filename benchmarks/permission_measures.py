"""What `benchmarks.permissions` measures, one function for each bound."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps import audit
from apps.accounts.models import User
from apps.acls import binary, freshness, membership, policy, record, resolve
from apps.acls.models import Acl, AclEntry, Edge, Principal
from apps.acls.readable import Scope
from apps.connections.protocol import PrincipalKind, RemoteAcl, RemoteEntry, RemotePrincipal
from apps.documents import scope as scopes
from apps.documents.batch import Pair, can_read_many
from apps.documents.models import Document
from apps.documents.scope import IS_READABLE_DOCUMENT
from apps.tenants.context import reader_context, tenant_context, unrestricted_reading
from benchmarks import big_tenant
from benchmarks.big_tenant import REALM, BigTenant
from benchmarks.report import Figure
from benchmarks.syncs_beside import open_pages, syncing

_BELOW = f"SELECT count(*) AS n FROM documents_document d WHERE {IS_READABLE_DOCUMENT} AND d.policy_id = %(policy)s"  # noqa: S608, E501  no value stands in it


_PASSAGES = """
SELECT count(*) FROM search_chunk WHERE tenant_id = %(scope_tenant)s::bigint
    AND policy_id = ANY ((SELECT %(scope_ids)s::bigint[])::bigint[]) AND length(text) > 0
"""


def all_of(big: BigTenant, *, rounds: int) -> list[Figure]:
    """Measure everything; the slowest parts last."""
    settings = {**asdict(big.size), "rounds": rounds, **_memory_settings()}
    with tenant_context(big.tenant):
        widest, median_size = _widest_reader(big)
        measures: list[Callable[[], Iterator[Figure]]] = [
            lambda: _cold(widest, rounds, median_size),
            lambda: _warm(widest, rounds * 20),
            lambda: _wall(widest, rounds),
            lambda: _unshare(big, rounds),
            lambda: _nest(big, rounds),
            lambda: _during_a_sync(big),
            lambda: _batch(big, rounds),
        ]
        figures = []
        for measure in measures:
            big_tenant.settle()
            _attend()
            figures += list(measure())
    for figure in figures:
        figure.settings = settings
    return figures


def _cold(widest: User, rounds: int, median_size: int) -> Iterator[Figure]:
    """The readable set of the widest reader, computed from the rows."""
    taken: list[float] = []
    size = names = 0
    for _ in range(rounds):
        with transaction.atomic(), _timed(taken):
            found = resolve.compute(widest)
        size, names = len(found.ids), len(found.names)
    yield Figure("policies of a median user", median_size, "")
    yield Figure("policies of the widest reader", size, "")
    yield Figure("identities and groups of the widest reader", names, "")
    yield Figure("cold readable set, widest reader, median", _ms(taken), "ms", 60)


def _warm(widest: User, rounds: int) -> Iterator[Figure]:
    """The guard of a cached set, and a whole reading with it."""
    with transaction.atomic():
        resolve.policies_for(widest)
    guard: list[float] = []
    whole: list[float] = []
    for _ in range(rounds):
        with transaction.atomic():
            cached = resolve.policies_for(widest)
            scope = cached.scope()
            statement = scope.cte.replace("%(scope_ids)s::bigint[] AS ids", "true AS ids")
            assert statement != scope.cte
            with binary.cursor() as cursor, _timed(guard):
                row = cursor.execute(statement, scope.params).fetchone()
            assert row is not None and row[0] is True
        with transaction.atomic(), _timed(whole):
            resolve.reading(widest, lambda scope: scopes.rows(scope, "SELECT 1 AS one", "1", {}))
    yield Figure("warm guard, widest reader, median", _ms(guard), "ms", 1)
    yield Figure("warm reading in all (cache, bits, guard, ids), median", _ms(whole), "ms")


def _wall(widest: User, rounds: int) -> Iterator[Figure]:
    """A scan of all passages the widest reader may read: behind the wall, and without it."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    found: dict[bool, int] = {}
    with transaction.atomic():
        readable = resolve.policies_for(widest)
    for _ in range(rounds):
        for is_walled in taken:
            wall = reader_context(readable.bits) if is_walled else unrestricted_reading()
            with transaction.atomic(), wall, binary.cursor() as cursor:
                with _timed(taken[is_walled]):
                    row = cursor.execute(_PASSAGES, readable.scope().params).fetchone()
                found[is_walled] = row[0] if row else 0
    assert found[True] == found[False] > 0
    yield Figure("passages of the widest reader", found[True], "")
    without = _ms(taken[False])
    yield Figure(
        "scan of these passages behind the second wall",
        _ms(taken[True]),
        "ms",
        peer=f"the same statement without the wall: {without} ms",
        ratio=round(_ms(taken[True]) / without, 2),
    )


def _unshare(big: BigTenant, rounds: int) -> Iterator[Figure]:
    """Take a reader from a folder with a tenth of all documents, alone and beside two syncs."""
    folder, policy_id = _shared_folder(big)
    reader = big_tenant.user(1)
    for beside, busy in (("", 0), (", beside two syncs", 2)):
        commits: list[float] = []
        nexts: list[float] = []
        with open_pages(busy):
            for _ in range(rounds):
                _share(folder, reader)
                assert _count(reader, policy_id) == big.size.shared_documents
                started = time.perf_counter()
                _unshare_now(folder)
                commits.append(time.perf_counter() - started)
                with _timed(nexts):
                    assert _count(reader, policy_id) == 0, "a revoked document came back"
        yield Figure(f"unshare {big.size.shared_documents:,} files{beside}", _ms(commits), "ms", 5)
        yield Figure(f"next query without them{beside}", _ms(nexts), "ms")
    rewritten = _rewrite_arrays(big.size.shared_documents)
    yield Figure(
        "peer: principals array rewritten on every chunk",
        round(rewritten * 1000),
        "ms",
        peer="UPDATE of an int[] with its GIN index, one chunk for each file",
        ratio=round(rewritten * 1000 / max(_ms(commits), 0.001)),
    )


def _nest(big: BigTenant, rounds: int) -> Iterator[Figure]:
    """Put a group with very many members into one that lies in fifty others."""
    crowd, middle = _crowd(big)
    taken: list[float] = []
    for _ in range(rounds):
        with _timed(taken):
            membership.add(group=middle, members=[crowd], actor=None)
        membership.remove(group=middle, members=[crowd], actor=None)
    yield Figure("nest a group of 100,000 into one that lies in 50", _ms(taken), "ms", 100)


def _during_a_sync(big: BigTenant) -> Iterator[Figure]:
    """How often a cached set serves while a sync changes other people's permissions."""
    people = [big_tenant.user(n) for n in range(1, 41)]
    for user in people:
        with transaction.atomic():
            resolve.policies_for(user)
    hits = asked = 0
    taken: list[float] = []
    with syncing():
        ends_at = time.monotonic() + 10
        while time.monotonic() < ends_at:
            user = people[asked % len(people)]
            begun = timezone.now()
            with transaction.atomic(), _timed(taken):
                resolve.reading(user, lambda scope: scopes.rows(scope, "SELECT 1 AS x", "1", {}))
                cached = resolve.policies_for(user)
            hits += cached.computed_at < begun
            asked += 1
    missed = 1 - hits / asked
    yield Figure("share of cold reads during a sync", round(missed, 4), "", 0.05)
    yield Figure("reading during a sync, median", _ms(taken), "ms")


def _batch(big: BigTenant, rounds: int) -> Iterator[Figure]:
    """A thousand mixed pairs of person and document in one call."""
    people = [big_tenant.user(n) for n in range(1, 1_001)]
    with transaction.atomic():
        documents = list(Document.objects.order_by("-pk")[:10_000:10])
    mixed = [(people[n % 100], documents[(n * 7 + n // 100) % 100]) for n in range(1_000)]
    yield from _checked("1,000 pairs of 100 people and 100 documents", mixed, rounds, bound=50)
    apart = list(zip(people, documents, strict=True))
    yield from _checked("1,000 pairs of 1,000 people and 1,000 documents", apart, rounds)


def _checked(
    what: str, pairs: list[Pair], rounds: int, bound: float | None = None
) -> Iterator[Figure]:
    taken: list[float] = []
    for _ in range(rounds):
        with transaction.atomic(), _timed(taken):
            verdicts = can_read_many(pairs)
    yield Figure(f"may read, of {what}", sum(verdicts), "")
    yield Figure(f"check {what}", _ms(taken), "ms", bound)


def _widest_reader(big: BigTenant) -> tuple[User, int]:
    sizes = []
    for number in range(1, min(big.size.users, 400)):
        with transaction.atomic():
            sizes.append((len(resolve.compute(big_tenant.user(number)).ids), number))
    sizes.sort()
    return big_tenant.user(sizes[-1][1]), sizes[len(sizes) // 2][0]


def _shared_folder(big: BigTenant) -> tuple[Acl, int]:
    """Make a folder whose place holds a tenth of the documents."""
    with transaction.atomic():
        if not Acl.objects.filter(external_id="shared").exists():
            places = [RemoteAcl("shared", "shared"), RemoteAcl("shared/in", "in", parent="shared")]
            record.apply(REALM, acls=places, observed_at=timezone.now())
        policy_id = policy.policies_for_places(REALM, [(("shared/in",),)])[0]
        first = Document.objects.order_by("pk").values_list("pk", flat=True)[0]
        moved = Document.objects.filter(pk__lt=first + big.size.shared_documents)
        moved.update(policy_id=policy_id)
        return Acl.objects.get(external_id="shared"), policy_id


def _share(folder: Acl, reader: User) -> None:
    entry = RemoteEntry(RemotePrincipal(PrincipalKind.USER, str(reader.pk)))
    with transaction.atomic():
        place = RemoteAcl("shared", "shared", entries=(entry,))
        record.apply(REALM, acls=[place], observed_at=timezone.now())


def _unshare_now(folder: Acl) -> None:
    """Take the entry away as a person does: with history, change log and audit."""
    with transaction.atomic():
        AclEntry.objects.filter(tenant_id=folder.tenant_id, content_object=folder).delete()
        audit.record("benchmark.unshared", tenant_id=folder.tenant_id, target=folder)


def _count(reader: User, policy_id: int) -> int:
    def run(scope: Scope) -> tuple[bool, int]:
        ok, rows = scopes.rows(scope, _BELOW, "found.n", {"policy": policy_id})
        return ok, int(rows[0][0]) if rows else 0

    with transaction.atomic():
        return resolve.reading(reader, run)


def _rewrite_arrays(number: int) -> float:
    """Return the seconds that a peer needs who copies the readers' list onto every chunk."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE peer_chunk (id bigint PRIMARY KEY, readers int[])")
        cursor.execute(
            "INSERT INTO peer_chunk SELECT n, ARRAY[1, 2, 3, n %% 500, n %% 700]"
            " FROM generate_series(1, %s) n",
            [number],
        )
        cursor.execute("CREATE INDEX ON peer_chunk USING gin (readers)")
        started = time.perf_counter()
        cursor.execute("UPDATE peer_chunk SET readers = array_remove(readers, 1)")
        taken = time.perf_counter() - started
        cursor.execute("DROP TABLE peer_chunk")
    return taken


def _crowd(big: BigTenant) -> tuple[Principal, Principal]:
    """Make a group of 100,000 members, and one that lies in fifty others."""
    members = 100_000 if big.size is big_tenant.FULL else 10_000
    with transaction.atomic():
        wanted = [
            RemotePrincipal(PrincipalKind.GROUP, name, name)
            for name in ("crowd", "middle", *(f"above-{n}" for n in range(50)))
        ]
        record.apply(REALM, principals=wanted, observed_at=timezone.now())
        found = {
            p.external_id: p
            for p in Principal.objects.filter(external_id__in=[w.external_id for w in wanted])
        }
        middle = found["middle"]
        for name, group in found.items():
            if name.startswith("above-"):
                membership.add(group=group, members=[middle], actor=None)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence('auth_group', 'id'))"
                " FROM generate_series(1, %s)",
                [members],
            )
            ids = [row[0] for row in cursor.fetchall()]
            cursor.execute(
                "INSERT INTO auth_group (id, name) SELECT n, 'crowd:' || n"
                " FROM unnest(%s::bigint[]) n",
                [ids],
            )
            cursor.execute(
                "INSERT INTO acls_principal (tenant_id, group_ptr_id, uuid, realm, kind,"
                " external_id, label, email, is_active, members_known)"
                " SELECT %s, n, gen_random_uuid(), %s, 'user', 'crowd' || n, '', '', true, true"
                " FROM unnest(%s::bigint[]) n",
                [big.tenant.pk, REALM, ids],
            )
            cursor.execute(
                "INSERT INTO acls_edge (tenant_id, member_id, group_id)"
                " SELECT %s, n, %s FROM unnest(%s::bigint[]) n",
                [big.tenant.pk, found["crowd"].pk, ids],
            )
        assert Edge.objects.filter(group=found["crowd"]).count() == members
        return found["crowd"], middle


@contextmanager
def _timed(taken: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    taken.append(time.perf_counter() - started)


def _ms(taken: list[float]) -> float:
    return round(statistics.median(taken) * 1000, 2)


def _attend() -> None:
    """Say that the scheduler is there, as beat does every few seconds."""
    freshness.attend()


def _memory_settings() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting || coalesce(unit, '') FROM pg_settings WHERE name IN"
            " ('shared_buffers', 'work_mem', 'effective_cache_size', 'fsync', 'synchronous_commit')"
        )
        return dict(cursor.fetchall())
