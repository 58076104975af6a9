"""The pages of collections as the people of Acme see them."""

from __future__ import annotations

import re

from apps.accounts.models import User
from apps.acls import sharing
from apps.documents.collection_models import Collection
from apps.tenants.context import tenant_context
from tests.world import World, signed_in


def share(world: World, kept: Collection, user: User, level: str = "view") -> None:
    with tenant_context(world.acme):
        sharing.grant(kept, user, level, actor=world.ada)


def page_of(user: User, kept: Collection, query: str = "") -> str:
    response = signed_in(user).get(f"/collections/{kept.uuid}/{query}")
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-store"
    return response.content.decode()


def steady(page: str) -> str:
    """Return a page without what differs from request to request."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)
    return re.sub(r"<time.*?</time>", "", page)


def titles(page: str) -> set[str]:
    return set(re.findall(r'/documents/[-0-9a-f]+/">([^<]+)</a>', page))
