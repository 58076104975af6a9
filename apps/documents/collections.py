"""Collections: making and keeping lists of documents. A collection never widens what is read.

Guardian's rows say who opens, changes and shares a collection; what anybody sees in it is decided
by the same guarded statement as everywhere (`collections_contents`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from apps import audit
from apps.accounts.models import User
from apps.acls import sharing, sharing_kinds
from apps.acls.sharing_kinds import Shareable, ShareLevel
from apps.documents import access
from apps.documents.collection_models import Collection, CollectionItem
from apps.errors import InvalidInput, NotFound
from apps.tenants.context import required_tenant_id
from apps.tenants.models import Membership

VIEW, CHANGE, SHARE = "view_collection", "change_collection", "share_collection"
_LONGEST_NAME = 200
_LONGEST_DESCRIPTION = 1000


@dataclass(frozen=True, slots=True)
class Added:
    """What became of documents that were to be put into a collection.

    Attributes:
        new: how many were not in it.
        there: how many were.
        refused: how many the actor may not read, or do not exist.
    """

    new: int
    there: int
    refused: int


def may_share(user: User, collection: Collection) -> bool:
    """Return whether somebody decides about a collection: its owner, and whom it was given so."""
    found = Collection.objects.filter(pk=collection.pk)
    return collection.owner_id == user.pk or sharing.objects_for(user, SHARE, found).exists()


SHAREABLE = Shareable(
    name="collection",
    noun="collection",
    model=Collection,
    levels=(
        ShareLevel("view", VIEW, "May open it"),
        ShareLevel("change", CHANGE, "May also change what is in it"),
        ShareLevel("share", SHARE, "May also share it"),
    ),
    explanation=(
        "Sharing a collection never opens a document. Everybody sees only those of its documents"
        " that they may read anyway, where the documents live; of the others they see nothing,"
        " not even how many there are."
    ),
    may_share=may_share,
    address=lambda shared: reverse("collections:collection", args=[shared.uuid]),
    owner_id=lambda shared: int(shared.owner_id),
)


def register() -> None:
    """Give collections their sharing page."""
    sharing_kinds.register(SHAREABLE)


def of(user: User, codename: str = VIEW) -> QuerySet[Collection]:
    """Return the collections on which somebody holds a permission, by name."""
    found = Collection.objects.select_related("owner").order_by("name", "pk")
    return sharing.objects_for(user, codename, found)


def offered(request: HttpRequest) -> QuerySet[Collection] | None:
    """Return the collections that a page offers to add to; None for who keeps none, operators."""
    if getattr(request, "membership", None) is None:
        return None
    return of(request.user, CHANGE)  # type: ignore[arg-type]  # a member is no visitor


def find(user: User, uuid: UUID, codename: str = VIEW) -> Collection:
    """Return one collection.

    Raises:
        NotFound: there is none, or the person lacks the permission; nobody learns which.
    """
    collection = of(user, codename).filter(uuid=uuid).first()
    if collection is None:
        raise NotFound("There is no such collection, or it is not shared with you.")
    return collection


def create(*, name: str, description: str = "", owner: User) -> Collection:
    """Make an empty collection that its owner alone has.

    Raises:
        InvalidInput: it has no name, or too long a text.
        NotFound: the person is no member of the tenant.
    """
    tenant_id = required_tenant_id()
    told = _checked(name, description)
    members = Membership.objects.usable().filter(tenant_id=tenant_id, user_id=owner.pk)
    if not members.exists():  # an operator who entered the tenant keeps nothing in it
        raise NotFound("Only members of an organisation keep collections in it.")
    with transaction.atomic():
        collection = Collection.objects.create(tenant_id=tenant_id, owner_id=owner.pk, **told)
        audit.record(
            "collection.created", tenant_id=tenant_id, actor_id=owner.pk, target=collection
        )
        sharing.grant(collection, owner, "share", actor=owner)
    return collection


def rename(collection: Collection, *, name: str, description: str, actor: User) -> None:
    """Give a collection another name and description.

    Raises:
        InvalidInput: it has no name, or too long a text.
        NotFound: the actor may not change it.
    """
    now = find(actor, collection.uuid, CHANGE)
    told = _checked(name, description)
    changed = sorted(field for field, value in told.items() if getattr(now, field) != value)
    if not changed:
        return
    for field in changed:
        setattr(now, field, told[field])
    with transaction.atomic():
        now.save(update_fields=changed)
        _record("collection.changed", now, actor, fields=changed)


def delete(collection: Collection, *, actor: User) -> None:
    """Delete a collection for everybody; its documents stay where they are.

    Raises:
        NotFound: the actor does not own it.
    """
    now = find(actor, collection.uuid)
    if now.owner_id != actor.pk:
        raise NotFound("Only its owner deletes a collection.")
    with transaction.atomic():
        _record("collection.deleted", now, actor)
        now.delete()


def add(collection: Collection, document_uuid: UUID, *, actor: User) -> bool:
    """Put a document into a collection, and return whether it was not in it.

    Raises:
        NotFound: the actor may not change the collection, or not read the document.
    """
    added = add_all(collection, [document_uuid], actor=actor)
    if added.refused:
        raise NotFound("There is no such document, or you may not read it.")
    return bool(added.new)


def add_all(collection: Collection, document_uuids: Sequence[UUID], *, actor: User) -> Added:
    """Put documents into a collection, in their order, and return how many could be added.

    Raises:
        NotFound: the actor may not change the collection.
    """
    now = find(actor, collection.uuid, CHANGE)
    wanted = list(dict.fromkeys(document_uuids))
    readable = access.documents_for(actor, wanted)
    new = 0
    with transaction.atomic():
        for document in (readable[uuid] for uuid in wanted if uuid in readable):
            _, is_new = CollectionItem.objects.get_or_create(
                tenant_id=now.tenant_id,
                collection=now,
                document_id=document.id,
                defaults={"added_by_id": actor.pk},
            )
            if is_new:
                _record("collection.document_added", now, actor, document=str(document.uuid))
            new += is_new
    return Added(new, len(readable) - new, len(wanted) - len(readable))


def remove(collection: Collection, document_uuid: UUID, *, actor: User) -> bool:
    """Take a document out of a collection, and return whether it was in it.

    Raises:
        NotFound: the actor may not change the collection, or not read the document: nobody finds
            out by trying what else is in it.
    """
    now = find(actor, collection.uuid, CHANGE)
    document = access.document_for(actor, document_uuid)
    with transaction.atomic():
        gone, _ = CollectionItem.objects.filter(
            tenant_id=now.tenant_id, collection=now, document_id=document.id
        ).delete()
        if gone:
            _record("collection.document_removed", now, actor, document=str(document_uuid))
    return bool(gone)


def _checked(name: str, description: str) -> dict[str, str]:
    told = {"name": " ".join(name.split()), "description": description.strip()}
    if not told["name"]:
        raise InvalidInput("A collection needs a name.")
    if len(told["name"]) > _LONGEST_NAME or len(told["description"]) > _LONGEST_DESCRIPTION:
        raise InvalidInput(
            "That is too long.",
            hint=f"A name has up to {_LONGEST_NAME} characters,"
            f" a description up to {_LONGEST_DESCRIPTION}.",
        )
    return told


def _record(action: str, collection: Collection, actor: User, **details: object) -> None:
    audit.record(
        action,
        tenant_id=collection.tenant_id,
        actor_id=actor.pk,
        target=collection,
        **details,
    )
