"""An authenticator app for tests: it knows the secret and shows the code of this moment."""

from __future__ import annotations

import re
import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from apps.accounts.models import User
from tests.world import PASSWORD

SETUP, SIGN_IN = "/accounts/2fa/totp/activate/", "/accounts/2fa/authenticate/"


def code(secret: str) -> str:
    """Return the code of this moment; it counts as one that was not used yet."""
    cache.clear()
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def sign_in(user: User, client: Client | None = None) -> Client:
    """Return a browser in which the person has given the password, and nothing more."""
    client = client or Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return client


def set_up(user: User) -> tuple[Client, str]:
    """Return a browser in which the person has set up an authenticator app, and its secret."""
    client = sign_in(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get(SETUP).content.decode()
    found = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page)
    assert found, page
    secret = found[1].replace(" ", "")
    response = client.post(SETUP, {"code": code(secret)})
    assert response.status_code == 302, response.content.decode()
    return client, secret


def sign_in_with(user: User, secret: str) -> Client:
    """Return another browser in which the person has given password and code."""
    client = sign_in(user)
    response = client.post(SIGN_IN, {"code": code(secret)})
    assert response.status_code == 302, response.content.decode()
    assert client.cookies[settings.SESSION_COOKIE_NAME].value
    return client
