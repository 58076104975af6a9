"""What a connector is: the values it yields and the questions it answers. No provider's dialect.

A connector never writes: it yields frozen pages, and the sync engine stores each page in one
transaction together with the cursor that the page carries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, BinaryIO, Protocol, runtime_checkable

Cursor = dict[str, Any]


class PrincipalKind(StrEnum):
    """Whom a source can name as a reader."""

    USER = "user"
    GROUP = "group"
    DOMAIN = "domain"
    MEMBERS = "members"  # all full members of the tenant
    EVERYONE = "everyone"  # guests too
    LINK = "link"


class Mode(StrEnum):
    """What a place does with the readers of its parent."""

    ADD = "add"
    CUT = "cut"


class Form(StrEnum):
    """What an ACL is in its source."""

    PLACE = "place"  # a folder, space, channel or site; has a parent
    VALUE = "value"  # an immutable list that items share, named by the hash of its content


class Level(IntEnum):
    """What an allowing entry lets people do. Reading needs the least; a denial denies reading."""

    READ = 1
    COMMENT = 2
    WRITE = 3


@dataclass(frozen=True, slots=True)
class RemotePrincipal:
    """A person, a group or a dynamic set of people, as the source names it.

    Attributes:
        is_active: whether the source's directory lets them in; None where this observation does
            not say.
    """

    kind: PrincipalKind
    external_id: str
    label: str = ""
    email: str = ""
    is_active: bool | None = None


@dataclass(frozen=True, slots=True)
class RemoteGroup:
    """A group with its direct members.

    Attributes:
        is_known: False when the source would not list the members.
        ends: when the membership of some of the members ends by itself.
    """

    principal: RemotePrincipal
    members: tuple[RemotePrincipal, ...] = ()
    is_known: bool = True
    ends: tuple[tuple[RemotePrincipal, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """One line of an ACL; entries of equal distance are tried in the order of `ord`."""

    principal: RemotePrincipal
    is_allowed: bool = True
    ord: int = 0
    is_sticky: bool = False
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    level: Level = Level.READ


@dataclass(frozen=True, slots=True)
class RemoteAcl:
    """A place of the source with its own entries and the place above it, or a value.

    A value has neither parent nor cut, and never changes: other entries make another value.
    """

    external_id: str
    label: str
    parent: str | None = None
    mode: Mode = Mode.ADD
    entries: tuple[RemoteEntry, ...] = ()
    form: Form = Form.PLACE


class ItemKind(StrEnum):
    """What a document is, in the words of the published schemas (`documents.normalised`)."""

    FILE = "file"
    PAGE = "page"
    MESSAGE = "message"
    RECORD = "record"
    TICKET = "ticket"


# An AND of ORs of places, by their external ids; the empty tuple admits nobody.
RemotePolicy = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class RemoteItem:
    """A document as the source lists it; `version` changes whenever its content does.

    Attributes:
        author: who wrote it, where the source knows; otherwise what the file says counts.
        created_at: when it was made in the source, where the source knows.
        fields: what this source alone knows of it, as JSON values; no text, no readers.
    """

    external_id: str
    title: str
    path: str
    version: str
    policy: RemotePolicy
    mime_type: str = ""
    size_bytes: int = 0
    url: str = ""
    modified_at: datetime | None = None
    labels: tuple[str, ...] = ()
    author: str = ""
    kind: ItemKind = ItemKind.FILE
    created_at: datetime | None = None
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about one item that an admin should know; the run goes on."""

    external_id: str
    code: str
    message: str
    hint: str = ""
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """One step of a sync, stored in one transaction with its cursor.

    Attributes:
        observed_at: taken before the request to the source was sent.
        acls: places mentioned; with `are_acls_complete` every place that is not listed has
            no entry of its own and adds to its parent, and groups not listed have no members.
        deleted_groups: groups that the source has no more; entries that name them match nobody.
        item_policies: new policies of items whose content is not told (external id -> policy).
        deleted_prefixes: everything is gone whose external id begins so (a subtree: with the slash
            at the end).
        deleted_places: places that are gone with everything in them: every item one clause of
            whose policy names only such places, or places below them.
        cursor: where the next page starts; None after the last one.
        positions: how far the source's logs of changes are read with this page (name -> position);
            None for a log that is read no more. Only pages of `FollowsChanges` carry them.
    """

    observed_at: datetime
    items: tuple[RemoteItem, ...] = ()
    deleted_ids: tuple[str, ...] = ()
    deleted_prefixes: tuple[str, ...] = ()
    deleted_places: tuple[str, ...] = ()
    groups: tuple[RemoteGroup, ...] = ()
    deleted_groups: tuple[RemotePrincipal, ...] = ()
    acls: tuple[RemoteAcl, ...] = ()
    are_acls_complete: bool = False
    item_policies: tuple[tuple[str, RemotePolicy], ...] = ()
    problems: tuple[Problem, ...] = ()
    total_items: int | None = None
    cursor: Cursor | None = None
    positions: Mapping[str, str | None] = field(default_factory=dict, hash=False)

    @property
    def tells_nothing(self) -> bool:
        """Whether it says no more than how far the logs are read."""
        return replace(self, positions={}) == Page(self.observed_at)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the engine may count on, and what an admin should know that a source cannot tell.

    Attributes:
        requests_per_s: how many requests one connection sends in the long run.
        burst: how many it may send at once before.
        slice_s: how long a worker works on one run before it looks at its queues again (seconds).
        cannot: what this source does not tell, as sentences for an admin.
    """

    requests_per_s: float = 10.0
    burst: int = 20
    slice_s: float = 10.0
    cannot: tuple[str, ...] = ()


class Connector(Protocol):
    """One source system, read-only."""

    def check(self) -> None:
        """Prove that the source can be reached with these settings.

        Raises:
            ConnectorError: with a message for the admin and a hint.
        """

    def sweep(self, cursor: Cursor | None) -> Iterator[Page]:
        """List everything, starting where the cursor points (None: at the beginning)."""

    def changes(self, external_ids: Sequence[str]) -> Iterator[Page]:
        """Look at the named items or places again and tell what they are now."""

    def permissions(self, cursor: Cursor | None) -> Iterator[Page]:
        """List places, readers and groups, without any content, from where the cursor points.

        The last page's cursor is None, as in a sweep.
        """

    def open(self, external_id: str) -> AbstractContextManager[BinaryIO]:
        """Open an item's content.

        Raises:
            ItemGone: it is not there any more.
            ItemForbidden: the source refuses to hand it out.
        """


@runtime_checkable
class Watches(Protocol):
    """A connector whose source tells of changes on this machine, without polling."""

    def watched_folders(self) -> Iterable[str]:
        """Return the folders whose changes concern this connection."""

    def external_ids(self, paths: Iterable[str]) -> list[str]:
        """Translate changed paths into the ids that `changes` takes."""

    def changes_permissions(self, paths: Iterable[str]) -> bool:
        """Return whether one of the changed paths says who may read."""


@runtime_checkable
class FollowsChanges(Protocol):
    """A connector whose source keeps logs of what changed, which are read from a position on."""

    def positions(self) -> Mapping[str, str]:
        """Return where every log ends now; taken before everything is listed for the first time."""

    def follow(self, positions: Mapping[str, str]) -> Iterator[Page]:
        """Tell what has changed since, with readers and deletions, and how far that was read.

        The engine may stop between two pages and call again with the logs that are left. So each
        page names in its `positions` every log that it has read, one that has not moved too.

        Args:
            positions: where each log was read to, the one first that has waited longest. A
                connector may keep positions of its own among them, for what it has begun and not
                ended (a subtree to be read again): they are told anew, or None when it is done.

        Raises:
            CursorExpired: a position is known no more; everything has to be compared.
        """


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request that a source sent to Kenward; header names in lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Push:
    """What a verified delivery means. It is a hint: what is true now is asked of the source.

    Attributes:
        id: the source's name of the delivery; the same one is worked on once.
        external_ids: items and places to look at again, as `Connector.changes` takes them.
        follows: whether the logs of changes have something new.
        subscription: the source's id of the agreement it comes from, where it names one. Only the
            log of that agreement's name is read then.
        permissions: whether people, groups or places are to be listed again.
        answer: what the source expects to read back (a handshake).
        is_revoked: whether the source says that the grant is withdrawn.
    """

    id: str
    external_ids: tuple[str, ...] = ()
    follows: bool = False
    subscription: str = ""
    permissions: bool = False
    answer: str = ""
    is_revoked: bool = False


@runtime_checkable
class ReceivesPush(Protocol):
    """A connector whose source sends a request when something has changed."""

    @staticmethod
    def received(delivery: Delivery, secret: str) -> Push:
        """Verify a delivery and say what it means. Asks nobody.

        Args:
            delivery: as it came.
            secret: what only the source and Kenward know.

        Raises:
            PushRefused: it is not from the source, or too old.
        """


@dataclass(frozen=True, slots=True)
class Subscription:
    """An agreement that the source sends word, until it ends.

    Attributes:
        name: of what is watched; one subscription for each name.
        id: the source's name of it.
        resource_id: what the source wants told beside the id to end it.
    """

    name: str
    id: str
    resource_id: str
    expires_at: datetime


@runtime_checkable
class Subscribes(ReceivesPush, Protocol):
    """A connector that has to ask for pushes, and to ask again before they end."""

    def subscription_names(self) -> Sequence[str]:
        """Return what is to be watched now: of a log, its name (see `FollowsChanges`)."""

    def subscribe(self, name: str, *, address: str, secret: str) -> Subscription:
        """Have changes of one thing sent to an address, with a secret in each delivery."""

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; one that has ended already is no error."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A folder, drive or channel that somebody may pick.

    Attributes:
        id: as the provider's settings keep it.
        note: a few words beside the label (“private”, “42 members”).
    """

    id: str
    label: str
    note: str = ""
    has_children: bool = False


# Returns, for external ids, the `fields` of the items that are known by them.
Recall = Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]


@runtime_checkable
class Recalls(Protocol):
    """A connector that wants to know what it told of an item before."""

    def recalls(self, recall: Recall) -> None:
        """Take the way to ask; called before anything else is."""


@runtime_checkable
class KnowsItsAccount(Protocol):
    """A connector whose source says whose account is connected."""

    def identity(self) -> str:
        """Return whom the source says the account is: an address, or a workspace's name."""


@runtime_checkable
class OffersChoices(Protocol):
    """A connector of which parts can be picked."""

    def choices(self, parent: str = "") -> Sequence[Choice]:
        """Return what can be picked below a choice; at the top with no parent."""


@runtime_checkable
class ChecksAccess(Protocol):
    """A connector whose source can say at once whether somebody may read an item."""

    def check_access(self, external_id: str, principals: Sequence[RemotePrincipal]) -> bool | None:
        """Ask the source itself, past everything that is stored.

        Args:
            external_id: of the item.
            principals: identities of one person in this source, and the dynamic ones they count
                as (all members, everyone). Groups are not named: the source knows its own.

        Returns:
            whether the source lets any of them read the item now; None when it cannot say.

        Raises:
            ItemGone: there is no such item any more.
            ConnectorError: the source does not answer.
        """
