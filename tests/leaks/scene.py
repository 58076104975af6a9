"""One secret document, shown by everything that can show a document, until its reader loses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from asgiref.sync import async_to_sync
from django.db import transaction

from apps.accounts.models import User
from apps.chat.answer import answer
from apps.chat.frames import Frames
from apps.documents import collections
from apps.documents.collection_models import Collection
from apps.documents.models import Document
from apps.tenants.context import tenant_context, user_context
from apps.tenants.models import Membership
from tests.search.library import Library
from tests.world import World

TITLE, TEXT, PATH = "Quokkatitle", "wombattext", "numbatpath"
SUM = "quollsum"
SECRET = f"""# {TITLE} plan

The winter party takes place on the {TEXT} island and costs a {SUM} of euros.
"""
QUESTION = "Where does the winter party take place?"


@dataclass
class Scene:
    """Ada reads the secret, has asked about it, and keeps it in a collection with another."""

    world: World
    library: Library
    secret: Document
    conversation: UUID = field(default_factory=uuid4)
    frames: list[dict[str, object]] = field(default_factory=list)
    collection: Collection = None  # type: ignore[assignment]  # made right after

    @property
    def words(self) -> tuple[str, ...]:
        """What nobody may see of the secret who may not read it."""
        return (TITLE, TEXT, PATH, SUM, str(self.secret.uuid))

    def seen_in(self, page: str | bytes) -> set[str]:
        """Return the words of the secret that a page shows."""
        text = page.decode("utf-8", "replace") if isinstance(page, bytes) else page
        return {word for word in self.words if word.lower() in text.lower()}

    def membership(self, user: User) -> Membership:
        """Return somebody's membership in Acme."""
        with self.library.work():
            return Membership.objects.get(tenant=self.library.tenant, user=user)

    def revoke(self) -> None:
        """Take the secret's place away from everybody, committed."""
        self.library.share("vault/")


def set_up(world: World, library: Library) -> Scene:
    """Return the scene as it is before anything is taken away."""
    library.share("vault/", world.ada)
    secret = library.add(f"vault/{PATH}.md", SECRET, place="vault/")
    scene = Scene(world, library, secret)

    async def keep(frame: dict[str, object]) -> None:
        scene.frames.append(frame)

    with tenant_context(library.tenant), user_context(world.ada.pk):
        async_to_sync(answer)(world.ada, scene.conversation, QUESTION, Frames(keep))
        with transaction.atomic():
            scene.collection = collections.create(name="Parties", owner=world.ada)
            collections.add(scene.collection, secret.uuid, actor=world.ada)
            other = Document.objects.get(path="staff/ferret.md")
            collections.add(scene.collection, other.uuid, actor=world.ada)
    assert scene.seen_in(str(scene.frames)) == set(scene.words), "the answer rests on the secret"
    return scene
