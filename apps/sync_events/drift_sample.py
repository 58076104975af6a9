"""Chooses people and documents of a connection, and puts the same question to us and to the source.

Half of the pairs, as far as there are such, we allow, and half we deny: across people and policies.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import transaction

from apps.accounts.models import User
from apps.connections.models import Connection
from apps.documents import live
from apps.documents import scope as scopes
from apps.documents.models import Document
from apps.documents.scope import IS_READABLE
from apps.tenants.models import Membership

# How many people one sample takes, and how many documents of each kind per person.
PEOPLE = 8
PER_KIND = 3
# Documents are found at random places of their random ids, so that a large table costs no more.
_PLACES = 12
_AT_EACH = 16
# How long the source may take for all questions of a check (seconds).
_PATIENCE_S = 30.0

# Without the rules for classes: they are ours, and the source knows nothing of them.
_READABLE = (
    "SELECT d.id FROM documents_document d"  # noqa: S608  no value stands in it
    f" WHERE {IS_READABLE.format(alias='d')} AND d.deleted_at IS NULL"
)
_OF_THESE = f"{_READABLE} AND d.id = ANY (%(ids)s::bigint[])"
_SOME = f"{_READABLE} AND d.connection_id = %(connection)s LIMIT %(most)s"


@dataclass(frozen=True, slots=True)
class Pair:
    """A person and a document."""

    user: User
    document: Document


@dataclass(frozen=True, slots=True)
class Judged:
    """What was answered about a pair; `theirs` is None where the source did not say."""

    pair: Pair
    ours: bool
    theirs: bool | None


def sample(source: Connection, rng: random.Random) -> list[Pair]:
    """Return pairs to ask about; none while nobody is a member, or nothing is synced."""
    with transaction.atomic():
        members = Membership.objects.usable().filter(tenant_id=source.tenant_id)
        people = [one.user for one in members.select_related("user").order_by("?")[:PEOPLE]]
        documents = _some_documents(source)
        return [pair for user in people for pair in _pairs(user, source, documents, rng)]


def pairs(ids: Iterable[Sequence[int]]) -> list[Pair]:
    """Return the pairs of these ids of people and documents, as far as they still exist."""
    wanted = [(user_id, document_id) for user_id, document_id in ids]
    with transaction.atomic():
        users = User.objects.in_bulk({user_id for user_id, _ in wanted})
        documents = Document.objects.in_bulk({document_id for _, document_id in wanted})
    return [
        Pair(users[user_id], documents[document_id])
        for user_id, document_id in wanted
        if user_id in users and document_id in documents
    ]


def judge(source: Connection, asked: Sequence[Pair]) -> list[Judged]:
    """Return our answers, and the source's own."""
    by_user: dict[int, list[Pair]] = {}
    for pair in asked:
        by_user.setdefault(pair.user.pk, []).append(pair)
    with transaction.atomic():
        who = {pk: live.principals_of(of_user[0].user, source) for pk, of_user in by_user.items()}
    questions = [(pair.document.external_id, who[pair.user.pk]) for pair in asked]
    theirs = live.answers(source, questions, patience_s=_PATIENCE_S)
    with transaction.atomic():
        ours = {
            (user_id, document_id)
            for user_id, of_user in by_user.items()
            for document_id in _readable_of(of_user[0].user, [p.document.pk for p in of_user])
        }
    return [
        Judged(pair, (pair.user.pk, pair.document.pk) in ours, said)
        for pair, said in zip(asked, theirs, strict=True)
    ]


def _pairs(
    user: User, source: Connection, documents: dict[int, Document], rng: random.Random
) -> list[Pair]:
    readable = _readable_of(user, list(documents))
    if len(readable) < PER_KIND:  # few of very many: find them by their policies
        more = _some_readable(user, source)
        documents = documents | Document.objects.in_bulk(more)
        readable |= more
    allowed = [documents[pk] for pk in readable]
    denied = [document for pk, document in documents.items() if pk not in readable]
    return [Pair(user, one) for kind in (allowed, denied) for one in _spread(kind, rng)]


def _spread(documents: list[Document], rng: random.Random) -> list[Document]:
    """Return a few of the documents, of as many policies as there are."""
    rng.shuffle(documents)
    seen: dict[int, int] = {}
    turns = []
    for document in documents:
        turns.append(seen.get(document.policy_id, 0))
        seen[document.policy_id] = turns[-1] + 1
    order = sorted(range(len(documents)), key=turns.__getitem__)
    return [documents[place] for place in order[:PER_KIND]]


def _some_documents(source: Connection) -> dict[int, Document]:
    mine = Document.objects.live().filter(connection=source).order_by("uuid")
    found = {one.pk: one for one in mine[:_AT_EACH]}
    for _ in range(_PLACES):
        found |= {one.pk: one for one in mine.filter(uuid__gte=uuid4())[:_AT_EACH]}
    return found


def _readable_of(user: User, ids: list[int]) -> set[int]:
    """Return which of the documents we let the person read."""
    return _ids(user, _OF_THESE, {"ids": ids})


def _some_readable(user: User, source: Connection) -> set[int]:
    """Return a few documents of the source that we let the person read."""
    return _ids(user, _SOME, {"connection": source.pk, "most": _AT_EACH})


def _ids(user: User, select: str, params: Mapping[str, Any]) -> set[int]:
    return {pk for (pk,) in scopes.rows_for(user, select, "found.id", params)}
