"""What every verb of the company works on, and how a change is written into the logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import RLock
from typing import Concatenate, ParamSpec, TypeVar

from apps.ops.sandbox.drive.access import Access
from apps.ops.sandbox.drive.feed import Feed
from apps.ops.sandbox.drive.identifiers import Identifiers
from apps.ops.sandbox.drive.people import People
from apps.ops.sandbox.drive.records import FOLDER, Clock, Item, Permission, User

P = ParamSpec("P")
R = TypeVar("R")


class State:
    """The state of a company, guarded by `lock`.

    Args:
        domain: the company's e-mail domain.
        seed: ids are the same for the same seed and the same history.
        lists_descendants: whether the logs also name what is in a folder that was shared anew,
            moved or put into the trash. Google does not promise it, so it is off.
    """

    def __init__(
        self, domain: str = "example.com", *, seed: int = 0, lists_descendants: bool = False
    ) -> None:
        self.lock = RLock()
        self.clock = Clock()
        self.ids = Identifiers(seed)
        self.lists_descendants = lists_descendants
        self.people = People(domain, self.ids)
        self.items: dict[str, Item] = {}
        self.drives: dict[str, Item] = {}
        self.children: dict[str, dict[str, None]] = {}
        self.access = Access(self.people, self.items)
        self.feed = Feed()
        # Items with permissions that end some day.
        self.expiring: set[str] = set()

    def item(self, item_id: str) -> Item:
        """Return an item.

        Raises:
            LookupError: there is none, or no longer.
        """
        if item_id not in self.items:
            raise LookupError(f"no item {item_id}")
        return self.items[item_id]

    def account(self, key: str) -> User:
        """Return the account with this id, address or alias.

        Raises:
            LookupError: there is none.
        """
        user = self.people.user(key)
        if user is None:
            raise LookupError(f"no user {key}")
        return user

    def below(self, item: Item) -> Iterator[Item]:
        """Yield everything in a folder, parents before their children."""
        for child_id in list(self.children.get(item.id, ())):
            child = self.items[child_id]
            yield child
            yield from self.below(child)

    def path_up(self, item: Item) -> Iterator[Item]:
        """Yield an item, its parent, and so on up to the root."""
        while True:
            yield item
            if item.is_root:
                return
            item = self.items[item.parent]

    def is_trashed(self, item: Item) -> bool:
        """Whether an item is in the trash, itself or through a parent."""
        return any(each.trashed for each in self.path_up(item))

    def new_root(self, item_id: str, name: str, maker: User, *, is_drive: bool) -> Item:
        """Make the root of a shared drive or of a My Drive."""
        now = self.clock.now()
        root = Item(
            id=item_id,
            name=name,
            mime_type=FOLDER,
            parent="",
            drive_id=item_id if is_drive else "",
            owner="" if is_drive else maker.id,
            created_at=now,
            modified_at=now,
            modified_by=maker.id,
        )
        if not is_drive:
            root.permissions[maker.id] = Permission(maker.id, "user", "owner", maker.email)
        self.items[root.id] = root
        return root

    def keep(self, item: Item) -> None:
        """Put a new item into its folder and write it into the logs."""
        self.items[item.id] = item
        self.children.setdefault(item.parent, {})[item.id] = None
        self._write(item, self.access.audience(item), frozenset({item.drive_id}))

    def forget(self, item: Item) -> None:
        """Take an item out of its folder and out of existence."""
        self.children.get(item.parent, {}).pop(item.id, None)
        self.items.pop(item.id, None)

    @contextmanager
    def changing(self, item: Item, *, spreads: bool = False) -> Iterator[None]:
        """Write a change to an item into the logs of all who saw it before or see it after.

        Args:
            item: what changes.
            spreads: whether what is in it changes too, for those who see it.
        """
        touched = [item]
        if spreads and self.lists_descendants:
            touched.extend(self.below(item))
        before = [(each, self.access.audience(each), each.drive_id) for each in touched]
        yield
        self.access.forget_items()
        item.version += 1
        for each, audience, drive_id in before:
            after = self.access.audience(each) if each.id in self.items else frozenset()
            self._write(each, audience | after, frozenset({drive_id, each.drive_id}))

    @contextmanager
    def changing_drive(self, root: Item) -> Iterator[None]:
        """Write a change to a shared drive, or to who is in it, into the logs."""
        audience = self.access.audience(root)
        yield
        self.access.forget_items()
        if root.id in self.items:
            audience |= self.access.audience(root)
        self.feed.append(
            self.clock.now(), drive_id=root.id, places=frozenset({root.id}), audience=audience
        )

    def expire_permissions(self) -> None:
        """Drop the permissions whose time is over; the logs say nothing about it."""
        now = self.clock.now()
        for item in [self.items[each] for each in self.expiring if each in self.items]:
            over = [
                place
                for place, permission in item.permissions.items()
                if permission.expires_at is not None and permission.expires_at <= now
            ]
            for place in over:
                del item.permissions[place]
            if over:
                self.access.forget_items()

    def _write(self, item: Item, audience: frozenset[str], places: frozenset[str]) -> None:
        self.feed.append(self.clock.now(), file_id=item.id, places=places, audience=audience)


S = TypeVar("S", bound=State)


def locked(verb: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Let a verb have the company for itself, with expired permissions gone."""

    @wraps(verb)
    def alone(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            self.expire_permissions()
            return verb(self, *args, **kwargs)

    return alone
