"""The record of a document over HTTP: what it says, who gets it, and whom it names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, timezone
from ipaddress import ip_address
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone as django_timezone

from apps.accounts.models import User
from apps.acls import circumstances, policy, record
from apps.acls.circumstances import Circumstances
from apps.acls.models import AccessRule, Principal
from apps.audit.models import Event
from apps.connections.models import Connection, WhenStale
from apps.connections.protocol import (
    ItemKind,
    Level,
    PrincipalKind,
    RemoteAcl,
    RemoteEntry,
    RemoteGroup,
    RemoteItem,
    RemotePrincipal,
)
from apps.documents import normalised, store
from apps.documents.models import Document
from apps.documents.record_permissions import rfc3339
from apps.errors import NotFound
from apps.tenants.context import tenant_context
from apps.tenants.models import Membership, Role
from tests.documents.record_schemas import problems
from tests.search import texts
from tests.search.library import REALM, Library, MemorySource, sources
from tests.world import World, make_member, signed_in

PLACE = "private/"


@pytest.fixture
def document(world: World, library: Library) -> Document:
    library.share(PLACE, world.ada, world.ida)
    return library.add("private/leave.md", texts.PARENTAL, place=PLACE)


def got(user: User, document: Document) -> Any:
    return signed_in(user).get(f"/documents/{document.uuid}/record.json")


def record_of(user: User, document: Document) -> dict[str, Any]:
    response = got(user, document)
    assert response.status_code == 200
    found: dict[str, Any] = json.loads(response.content)
    assert problems(found) == []
    return found


STAFF = RemotePrincipal(PrincipalKind.GROUP, "staff", "Staff")


def share(library: Library, *entries: RemoteEntry) -> None:
    with library.work():
        acl = RemoteAcl(PLACE, PLACE, entries=entries)
        record.apply(
            REALM, groups=[RemoteGroup(STAFF)], acls=[acl], observed_at=django_timezone.now()
        )


def person(user: User, level: Level = Level.READ, *, allow: bool = True) -> RemoteEntry:
    who = RemotePrincipal(PrincipalKind.USER, user.email, user.name, user.email)
    return RemoteEntry(who, level=level, is_allowed=allow)


def test_a_reader_gets_the_document_in_the_published_form(
    world: World, library: Library, document: Document
) -> None:
    with library.work():
        document.refresh_from_db()
    found = record_of(world.ada, document)
    assert (found["id"], found["kind"], found["name"]) == (
        str(document.uuid),
        "file",
        "Parental leave",
    )
    assert found["source"] == {
        "provider": "memory",
        "connection": str(library.connection.uuid),
        "name": "Files",
        "external_id": "private/leave.md",
    }
    assert (found["url"], found["created_at"], found["updated_at"]) == (None, None, None)
    assert "twenty-six weeks" in found["content"]["text"]
    assert (found["content"]["state"], found["content"]["failure"]) == ("current", None)
    assert found["metadata"]["path"] == "private/leave.md"
    assert found["metadata"]["synced_at"] == rfc3339(document.last_synced_at)
    assert found["metadata"]["deleted_at"] is None
    assert found["fields"] == {}


@pytest.mark.parametrize("kind", list(ItemKind))
def test_what_a_connector_tells_stands_in_the_record(
    world: World, library: Library, kind: ItemKind
) -> None:
    library.share(PLACE, world.ada)
    at = datetime(2026, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    item = RemoteItem(
        external_id="7",
        title="Renewal",
        path="Sales/Renewal",
        version="a",
        policy=((PLACE,),),
        url="https://crm.example/7",
        modified_at=at + timedelta(days=1, microseconds=5),
        labels=("won",),
        author="Grace",
        kind=kind,
        created_at=at,
        fields={"stage": "won", "amount": 12.5, "team": {"key": "EU"}},
    )
    with library.work():
        store.write(
            library.connection,
            [item],
            {item.policy: library.policy(PLACE)},
            observed_at=django_timezone.now(),
            run_id=1,
        )
        document = Document.objects.get(external_id="7")
    found = record_of(world.ada, document)
    assert found["kind"] == kind.value
    assert found["url"] == "https://crm.example/7"
    assert found["created_at"] == "2026-03-01T07:30:00Z"
    assert found["updated_at"] == "2026-03-02T07:30:00.000005Z"
    assert found["content"] == {"text": "", "pages": None, "state": "waiting", "failure": None}
    assert found["fields"] == item.fields
    assert (found["metadata"]["author"], found["metadata"]["labels"]) == ("Grace", ["won"])


def test_text_of_an_earlier_version_and_a_failure_are_said(
    world: World, library: Library, document: Document
) -> None:
    library.put("private/leave.md", texts.PARENTAL + "\nMore.", place=PLACE)
    assert record_of(world.ada, document)["content"]["state"] == "earlier"
    with library.work():
        Document.objects.update(failure=Document.Failure.ENCRYPTED)
    content = record_of(world.ada, document)["content"]
    assert (content["state"], content["failure"]) == ("failed", "encrypted")


def test_text_that_was_written_for_other_readers_is_not_in_it(
    world: World, library: Library, document: Document
) -> None:
    with library.work():
        Document.objects.update(version=2, text_from_version=2)
    content = record_of(world.ada, document)["content"]
    assert (content["text"], content["state"]) == ("", "waiting")


@pytest.mark.parametrize("name", ["bo", "cy"])
def test_everybody_else_gets_the_page_of_what_does_not_exist(
    world: World, library: Library, document: Document, name: str
) -> None:
    user: User = getattr(world, name)
    refused = got(user, document)
    missing = got(user, Document(uuid=uuid4()))
    assert refused.status_code == missing.status_code == 404
    assert b"leave" not in refused.content
    with library.work():
        words = []
        for uuid in (document.uuid, uuid4()):
            with pytest.raises(NotFound) as caught:
                normalised.for_user(user, uuid)
            words.append((caught.value.message, caught.value.hint, caught.value.code))
        assert words[0] == words[1]
        assert not Event.objects.filter(action="document.record_read").exists()


def test_it_is_kept_by_no_cache_and_recorded(
    world: World, library: Library, document: Document
) -> None:
    response = got(world.ada, document)
    assert response["Cache-Control"] == "private, no-store"
    assert response["Content-Type"] == "application/json"
    with library.work():
        event = Event.objects.get(action="document.record_read")
        assert (event.actor_id, event.target_id) == (world.ada.pk, str(document.uuid))
        assert event.details == {"permissions": "own"}


def test_the_page_of_the_document_leads_there(world: World, document: Document) -> None:
    page = signed_in(world.ada).get(f"/documents/{document.uuid}/").content.decode()
    assert f'href="/documents/{document.uuid}/record.json"' in page


def test_a_member_learns_of_nobody_else(world: World, library: Library, document: Document) -> None:
    share(library, person(world.ada, Level.COMMENT), person(world.ida, Level.WRITE))
    found = record_of(world.ada, document)
    assert "ida" not in json.dumps(found).lower()
    permissions = found["permissions"]
    assert (permissions["shown"], permissions["own"]) == ("own", "comment")
    assert (permissions["users"], permissions["exact"]) == ([], False)


@pytest.mark.parametrize("role", list(Role))
def test_only_roles_that_see_readers_elsewhere_see_them_here(
    world: World, library: Library, document: Document, role: Role
) -> None:
    with library.work():
        Membership.objects.filter(user=world.ada).update(role=role)
    shown = record_of(world.ada, document)["permissions"]["shown"]
    assert shown == ("all" if role in (Role.IT_ADMIN, Role.AUDITOR) else "own")


def test_an_operator_who_is_an_ordinary_member_here_sees_none(
    world: World, document: Document
) -> None:
    User.objects.filter(pk=world.ada.pk).update(is_superuser=True)
    assert record_of(world.ada, document)["permissions"]["shown"] == "own"


def test_an_admin_sees_the_readers_with_their_levels(
    world: World, library: Library, document: Document
) -> None:
    share(library, person(world.ida, Level.WRITE), RemoteEntry(STAFF, level=Level.COMMENT))
    permissions = record_of(world.ida, document)["permissions"]
    with library.work():
        ida = Principal.objects.get(kind="user", external_id=world.ida.email)
        group = Principal.objects.get(kind="group", external_id="staff")
    assert permissions["users"] == [
        {
            "id": str(ida.uuid),
            "external_id": world.ida.email,
            "label": world.ida.name,
            "email": world.ida.email,
            "access": "write",
        }
    ]
    assert permissions["groups"] == [
        {
            "id": str(group.uuid),
            "external_id": "staff",
            "label": "Staff",
            "kind": "group",
            "access": "comment",
        }
    ]
    assert (permissions["exact"], permissions["rules"]) == (True, None)
    assert (permissions["public"], permissions["own"]) == ("nobody", "write")


def test_what_a_list_cannot_say_stands_in_rules(
    world: World, library: Library, document: Document
) -> None:
    share(library, person(world.ida), RemoteEntry(STAFF), person(world.bo, allow=False))
    permissions = record_of(world.ida, document)["permissions"]
    assert [one["label"] for one in permissions["users"]] == ["Ida"]
    assert (permissions["groups"], permissions["exact"]) == ([], False)
    ((rules,),) = permissions["rules"]
    assert (rules["label"], rules["form"], rules["is_stale"]) == (PLACE, "place", False)
    told = [(one["principal"]["label"], one["allow"], one["access"]) for one in rules["entries"]]
    assert told[0] == ("Bo", False, None), "of equal ones, what keeps out is tried first"
    assert set(told[1:]) == {("Ida", True, "read"), ("Staff", True, "read")}


def test_rules_say_of_which_groups_the_members_are_unknown(
    world: World, library: Library, document: Document
) -> None:
    hidden = RemoteEntry(RemotePrincipal(PrincipalKind.GROUP, "hidden", "Hidden"), ord=1)
    share(library, person(world.ida), hidden, RemoteEntry(STAFF))
    permissions = record_of(world.ida, document)["permissions"]
    assert [one["label"] for one in permissions["groups"]] == ["Staff"]
    ((rules,),) = permissions["rules"]
    told = {
        one["principal"]["label"]: one["principal"]["members_known"] for one in rules["entries"]
    }
    assert told == {"Ida": True, "Staff": True, "Hidden": False}


def test_rules_that_are_too_long_are_left_out_whole(
    world: World, library: Library, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.acls.permission_rules.AT_MOST", 2)
    share(library, person(world.ida), person(world.ada), RemoteEntry(STAFF))
    permissions = record_of(world.ida, document)["permissions"]
    assert (permissions["exact"], permissions["rules"]) == (True, None)
    share(library, person(world.ida), RemoteEntry(STAFF), person(world.bo, allow=False))
    permissions = record_of(world.ida, document)["permissions"]
    assert (permissions["exact"], permissions["rules"]) == (False, None)


@pytest.mark.parametrize(
    ("asked", "condition"),
    [
        ({"requires_mfa": True}, "second_factor"),
        ({"networks": ["10.0.0.0/8"]}, "network"),
        ({"from_time": time(0, 0), "to_time": time(23, 59, 59)}, "hours"),
    ],
)
def test_lists_are_empty_where_a_session_is_asked_for_more(
    world: World, library: Library, document: Document, asked: dict[str, Any], condition: str
) -> None:
    with library.work():
        AccessRule.objects.create(tenant=world.acme, classification="confidential", **asked)
    session = Circumstances(has_mfa=True, address=ip_address("10.0.0.1"))
    with library.work(), circumstances.bound(session):
        milder = normalised.for_user(world.ida, document.uuid)["permissions"]
        AccessRule.objects.update(classification="public")
        permissions = normalised.for_user(world.ida, document.uuid)["permissions"]
    assert (milder["conditions"], milder["exact"], len(milder["users"])) == ([], True, 2)
    assert (permissions["conditions"], permissions["users"]) == ([condition], [])
    assert not permissions["exact"] and permissions["rules"]


class AnsweringSource(MemorySource):
    """One that can be asked, and lets everybody read."""

    def check_access(self, external_id: str, principals: Sequence[RemotePrincipal]) -> bool:
        return True


def test_lists_are_empty_where_the_source_is_asked_each_time(
    world: World, library: Library, document: Document
) -> None:
    sources[world.acme.pk] = AnsweringSource(library.source.files)
    with library.work():
        Connection.objects.update(
            when_stale=WhenStale.CHECK,
            permissions_confirmed_at=django_timezone.now() - timedelta(days=1),
        )
    permissions = record_of(world.ida, document)["permissions"]
    assert permissions["conditions"] == ["source"]
    assert (permissions["users"], permissions["exact"]) == ([], False)


def test_times_are_rfc_3339_in_utc() -> None:
    assert rfc3339(None) is None
    assert rfc3339(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"


def test_two_conditions_are_two_lists_of_rules(world: World, library: Library) -> None:
    everybody = RemoteEntry(RemotePrincipal(PrincipalKind.MEMBERS, "members"))
    guest = make_member(world.acme, "gus@acme.example", name="Gus")
    with library.work():
        record.apply(
            REALM,
            acls=[RemoteAcl("site", "Site", entries=(everybody,))],
            observed_at=django_timezone.now(),
        )
    library.share(PLACE, world.ida, guest)
    with library.work():
        both = policy.policies_for_places(REALM, [(("site",), (PLACE,))])[0]
        Membership.objects.filter(user=guest).update(is_guest=True)
    document = library.put("private/plan.md", "Plan", place=PLACE)
    with library.work():
        Document.objects.filter(pk=document.pk).update(policy_id=both)
    permissions = record_of(world.ida, document)["permissions"]
    assert [one["label"] for one in permissions["users"]] == ["Ida"]
    assert (permissions["exact"], len(permissions["rules"])) == (False, 2)
    with tenant_context(world.umbra), pytest.raises(NotFound):
        normalised.for_user(world.ida, document.uuid)
