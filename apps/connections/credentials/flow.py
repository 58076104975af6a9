"""A sign-in at a source that is under way: what came of it is believed only where it began.

The state is random and counts once, for ten minutes, in the session of the person who began, in the
tenant in which they did. It says by which configuration they went, so that the code of one source
is never sent to another (RFC 9700, 4.4). The proof key never leaves the server.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import cache

from apps.errors import InvalidInput
from apps.tenants import encryption
from apps.tenants.encryption import Undecipherable

LIFE_S = 600
# Sign-ins that one session may have under way; the oldest gives way.
AT_ONCE = 5
_KEY = "connectors.flows"
_PURPOSE = b"kenward sign-ins at sources"


class FlowRefused(InvalidInput):
    """Nobody here began this sign-in, or it was too long ago, or it has ended."""

    code = "flow_refused"


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in at a source.

    Attributes:
        tenant_id: where it began.
        user_id: who began it.
        config: the configuration's uuid.
        redirect_uri: where the source sends the person back.
        connection: the uuid of the one to reconnect; empty: a new one.
        name: for a new connection; empty: one is made.
        is_own: whether the account is to be the person's own.
        writes: whether rights to write were asked for.
    """

    tenant_id: int
    user_id: int
    config: str
    redirect_uri: str
    connection: str = ""
    name: str = ""
    is_own: bool = False
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """What the authorization request carries."""

    state: str
    verifier: str


def begin(session: SessionBase, flow: Flow) -> Begun:
    """Remember a sign-in in the session, and return its state and proof key."""
    begun = Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(64))
    flows = _under_way(session)
    flows[_digest(begun.state)] = {
        "flow": asdict(flow),
        "verifier": encryption.encrypt(begun.verifier, purpose=_PURPOSE),
        "began_at": int(time.time()),
    }
    oldest_first = sorted(flows, key=lambda digest: int(flows[digest]["began_at"]))
    for digest in oldest_first[:-AT_ONCE]:
        del flows[digest]
    session[_KEY] = flows
    return begun


def finish(
    session: SessionBase, state: str, *, tenant_id: int | None, user_id: int | None
) -> tuple[Flow, str]:
    """Return a sign-in and its proof key, once; whatever comes of it, its state counts no more.

    Args:
        session: of the request.
        state: what came back.
        tenant_id: in which the request is.
        user_id: who sends it.

    Raises:
        FlowRefused: it did not begin here, not with this person or tenant, or too long ago.
    """
    digest = _digest(state)
    flows = _under_way(session)
    kept = flows.pop(digest, None)
    session[_KEY] = flows
    # Two requests at once read the same session: only one of them gets further.
    is_first = cache.add(f"connectors:state:{digest}", 1, timeout=2 * LIFE_S)
    if kept is None or not is_first:
        raise _refused()
    flow = Flow(**kept["flow"])
    if (flow.tenant_id, flow.user_id) != (tenant_id, user_id):
        raise _refused()
    try:
        return flow, encryption.decrypt(kept["verifier"], purpose=_PURPOSE)
    except Undecipherable as error:  # the key was taken out in these ten minutes
        raise _refused() from error


def _under_way(session: SessionBase) -> dict[str, Any]:
    earliest = int(time.time()) - LIFE_S
    flows: dict[str, Any] = session.get(_KEY, {})
    return {digest: kept for digest, kept in flows.items() if kept["began_at"] > earliest}


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def _refused() -> FlowRefused:
    return FlowRefused(
        "This sign-in is not known here any more.", hint="Start again from the page you came from."
    )
