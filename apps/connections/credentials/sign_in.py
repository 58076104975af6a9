"""What a provider declares about how its accounts are connected. No secrets, no requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.connections.credentials.models import AuthMethod


@dataclass(frozen=True, slots=True)
class SignIn:
    """How accounts of one kind of source are connected.

    Attributes:
        methods: in the order in which they are offered.
        endpoints: base URLs by name; each can be overridden in an auth configuration. OAuth needs
            `authorize`, `token` and, where the source has one, `revoke`; an installed app `api`.
        read_scopes: what reading needs.
        delegated_scopes: what a service account asks for beside `read_scopes` (the directory).
        optional_scopes: what reading needs more where a setting is switched on, by the setting's
            name; asked for when the account is connected again with it.
        write_scopes: asked for when somebody first lets Kenward act.
        scope_separator: between scopes in a request.
        extra: further parameters of the authorization request.
        uses_pkce: whether the source checks the proof key (RFC 7636).
        signs_deliveries: whether the source signs with a secret of the client's.
        issuer: who the source says it is when it sends people back (RFC 9207), where it does.
        suits_employees: whether an account can be one person's; a bot's cannot.
        setup: sentences that tell an IT admin what to make at the source, in order.
    """

    methods: tuple[AuthMethod, ...]
    endpoints: Mapping[str, str]
    read_scopes: tuple[str, ...] = ()
    delegated_scopes: tuple[str, ...] = ()
    optional_scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    write_scopes: tuple[str, ...] = ()
    scope_separator: str = " "
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)
    uses_pkce: bool = True
    signs_deliveries: bool = False
    issuer: str = ""
    suits_employees: bool = True
    setup: tuple[str, ...] = ()
