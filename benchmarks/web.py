"""Signs in to a running Kenward as a browser would."""

from __future__ import annotations

import httpx2

from tests.e2e.running import Running


def signed_in(kenward: Running, email: str) -> httpx2.Client:
    """Return an HTTP client with the session of a person of the sample company."""
    client = httpx2.Client(base_url=kenward.url, follow_redirects=True)
    client.get("/accounts/login/")
    form = {
        "login": email,
        "password": kenward.passwords()[email],
        "csrfmiddlewaretoken": client.cookies["csrftoken"],
    }
    client.post("/accounts/login/", data=form, headers={"Referer": kenward.url}).raise_for_status()
    return client
