"""The company: its whole true state, and a verb for every change that a person can make.

Who asks it is elsewhere: `api.py` over HTTP by Google's rules, `oracle.py` in Python for tests.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.ops.sandbox.drive.item_verbs import ItemVerbs
from apps.ops.sandbox.drive.listing import Listings
from apps.ops.sandbox.drive.oauth import Client, Grant, OAuth, ServiceAccount
from apps.ops.sandbox.drive.oracle import LiveFile, Oracle
from apps.ops.sandbox.drive.people_verbs import PeopleVerbs
from apps.ops.sandbox.drive.push import Push
from apps.ops.sandbox.drive.state import locked
from apps.ops.sandbox.faults import Faults
from apps.ops.sandbox.journal import Journal

SCOPE_ROOT = "https://www.googleapis.com/auth/"
READING_SCOPES = (
    f"{SCOPE_ROOT}drive.readonly",
    f"{SCOPE_ROOT}admin.directory.user.readonly",
    f"{SCOPE_ROOT}admin.directory.group.readonly",
    f"{SCOPE_ROOT}admin.directory.group.member.readonly",
)


class DriveCompany(PeopleVerbs, ItemVerbs):
    """A company with Google Workspace.

    Args:
        domain: its e-mail domain.
        seed: ids are the same for the same seed and the same history.
        lists_descendants: whether the change logs also name what is in a folder that was shared
            anew, moved or put into the trash. Google does not promise it, so it is off.
    """

    def __init__(
        self, domain: str = "example.com", *, seed: int = 0, lists_descendants: bool = False
    ) -> None:
        super().__init__(domain, seed=seed, lists_descendants=lists_descendants)
        self.faults = Faults()
        self.journal = Journal()
        self.listings = Listings(self.ids)
        self.oauth = OAuth(self.clock, self.ids)
        self.push = Push(self.clock)
        self.feed.listeners.append(self.push.tell)

    @locked
    def readers(self, item_id: str, *, with_link: bool = False) -> set[str]:
        """Return the addresses of those who may read an item now; see `Oracle.readers`."""
        return Oracle(self).readers(item_id, with_link=with_link)

    @locked
    def live_files(self) -> dict[str, LiveFile]:
        """Return all files by id, without folders, shortcuts and the trash."""
        return Oracle(self).live_files()

    @locked
    def add_client(self, redirect_uris: Iterable[str], name: str = "Kenward") -> Client:
        """Register an application with the sign-in service."""
        return self.oauth.add_client(redirect_uris, name)

    @locked
    def add_service_account(
        self, name: str = "kenward", scopes: Iterable[str] = READING_SCOPES
    ) -> ServiceAccount:
        """Register a service account that may act for everybody in the company."""
        return self.oauth.add_service_account(name, scopes)

    @locked
    def sign_in(self, email: str, scopes: Iterable[str] = READING_SCOPES) -> str:
        """Return an access token as if the user had just allowed it."""
        grant = Grant("signed-in", self.account(email).id, frozenset(scopes))
        return self.oauth.new_access_token(grant)

    @locked
    def revoke_grant(self, email: str) -> None:
        """Let a user withdraw what he allowed; refreshing then gives invalid_grant."""
        self.oauth.revoke_grants(self.account(email).id)

    @locked
    def expire_access_tokens(self) -> None:
        """Let all access tokens end now, as they do after an hour."""
        self.oauth.expire_access_tokens()

    @locked
    def expire_page_tokens(self) -> None:
        """Refuse all page tokens given out until now, of lists and of change logs."""
        self.listings.expire()
        self.feed.expire()

    @locked
    def repeat_items(self, times: int = 1) -> None:
        """Let the next pages of lists begin with items of the page before."""
        self.listings.repeats += times
