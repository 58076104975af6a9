"""The Admin SDK's Directory: a company's people, its groups and who is in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from apps.connections.http import SourceClient
from apps.connections.providers.google_drive.answers import Json, text
from apps.connections.providers.google_drive.client import every

_MOST_USERS = 500
_MOST_GROUPS = 200
_MOST_MEMBERS = 200


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with an account in the company.

    Attributes:
        email: the primary address, in lower case; changes when the person is renamed.
        addresses: the primary one and all aliases.
        is_active: neither suspended nor archived.
    """

    id: str
    email: str
    name: str
    customer_id: str
    addresses: tuple[str, ...]
    is_active: bool = True
    is_guest: bool = False

    @property
    def domain(self) -> str:
        """The domain of the primary address."""
        return self.email.rpartition("@")[2]

    @classmethod
    def parsed(cls, told: Json) -> User:
        """Read a User resource."""
        email = text(told, "primaryEmail").lower()
        aliases = [*(told.get("aliases") or ()), *(told.get("nonEditableAliases") or ())]
        return cls(
            id=text(told, "id"),
            email=email,
            name=str((told.get("name") or {}).get("fullName", "")),
            customer_id=str(told.get("customerId", "")),
            addresses=(email, *(str(alias).lower() for alias in aliases)),
            is_active=told.get("suspended") is not True and told.get("archived") is not True,
            is_guest=told.get("isGuestUser") is True,
        )


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the company."""

    id: str
    email: str
    name: str
    addresses: tuple[str, ...]

    @classmethod
    def parsed(cls, told: Json) -> Group:
        """Read a Group resource."""
        email = text(told, "email").lower()
        aliases = [*(told.get("aliases") or ()), *(told.get("nonEditableAliases") or ())]
        addresses = (email, *(str(alias).lower() for alias in aliases))
        return cls(text(told, "id"), email, str(told.get("name", "")), addresses)


@dataclass(frozen=True, slots=True)
class Member:
    """A direct member of a group.

    Attributes:
        type: USER, GROUP, EXTERNAL (a user of another company) or CUSTOMER (all of the company).
        email: empty for CUSTOMER.
    """

    id: str
    type: str
    email: str

    @classmethod
    def parsed(cls, told: Json) -> Member:
        """Read a Member resource."""
        return cls(
            text(told, "id"), str(told.get("type", "")).upper(), str(told.get("email", "")).lower()
        )


@dataclass(frozen=True, slots=True)
class DirectoryClient:
    """Asks the Directory.

    Args:
        http: signed in as an administrator.
        base: the address of the Directory API, without a slash at its end.
    """

    http: SourceClient
    base: str

    def users(self) -> Iterator[User]:
        """Yield everybody, suspended people too."""
        # https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/list
        fields = "id,primaryEmail,aliases,nonEditableAliases,name/fullName,suspended,archived"
        params = {
            "customer": "my_customer",
            "maxResults": _MOST_USERS,
            "orderBy": "email",
            "fields": f"kind,nextPageToken,users({fields},customerId,isGuestUser)",
        }
        yield from map(User.parsed, self._every("users", "users", params))

    def groups(self) -> Iterator[Group]:
        """Yield all groups of the company."""
        # https://developers.google.com/workspace/admin/directory/reference/rest/v1/groups/list
        params = {
            "customer": "my_customer",
            "maxResults": _MOST_GROUPS,
            "fields": "kind,nextPageToken,groups(id,email,name,aliases,nonEditableAliases)",
        }
        yield from map(Group.parsed, self._every("groups", "groups", params))

    def members(self, group_id: str) -> Iterator[Member]:
        """Yield the direct members of a group.

        Args:
            group_id: or its address.

        Raises:
            ItemForbidden: the company does not show them.
            ItemGone: there is no such group.
        """
        # https://developers.google.com/workspace/admin/directory/reference/rest/v1/members/list
        params = {
            "maxResults": _MOST_MEMBERS,
            "fields": "kind,nextPageToken,members(id,type,email)",
        }
        path = f"groups/{quote(group_id, safe='')}/members"
        yield from map(Member.parsed, self._every(path, "members", params, group_id))

    def has_member(self, group_id: str, email: str) -> bool:
        """Return whether somebody is in a group, through nested groups too.

        Raises:
            ItemForbidden, ItemGone, ContractBroken: Google cannot say.
        """
        # https://developers.google.com/workspace/admin/directory/reference/rest/v1/members/hasMember
        path = f"groups/{quote(group_id, safe='')}/hasMember/{quote(email, safe='')}"
        return self.http.get(f"{self.base}/{path}", item=group_id).get("isMember") is True

    def _every(
        self, path: str, name: str, params: dict[str, Any], group_id: str = ""
    ) -> Iterator[Json]:
        def ask(page: str) -> Any:
            return self.http.get(
                f"{self.base}/{path}", params | {"pageToken": page or None}, item=group_id
            )

        return every(ask, f"admin#directory#{name}", name)
