"""The page where a person picks an account and allows an application what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.drive.oauth import Client, Grant

Form = Mapping[str, str]

SCOPES = {
    "drive": "See, edit, create and delete all of your Drive files",
    "drive.readonly": "See and download all your Drive files",
    "drive.metadata": "See and change information about your Drive files",
    "drive.metadata.readonly": "See information about your Drive files",
    "drive.file": "See and change only the Drive files that you use with this application",
    "admin.directory.user.readonly": "See the users of your domain",
    "admin.directory.group.readonly": "See the groups of your domain and their members",
    "admin.directory.group.member.readonly": "See the members of the groups of your domain",
    "openid": "Know who you are",
    "email": "See your address",
    "profile": "See your name",
}
KEPT = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "access_type",
    "prompt",
    "code_challenge",
    "code_challenge_method",
)
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:1rem/1.5 sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}}
label{{display:block;padding:.4rem 0}}button{{font:inherit;padding:.5rem 1rem}}</style></head>
<body><p>Simulated Google. No real account is involved.</p><main><h1>{title}</h1>{body}</main>
</body></html>"""


async def authorize(request: Request) -> Response:
    """Answer GET and POST /o/oauth2/v2/auth."""
    company: DriveCompany = request.app.state.company
    is_answer = request.method == "POST"
    sent = dict(parse_qsl((await request.body()).decode())) if is_answer else {}
    asked = sent or dict(request.query_params)
    with company.lock:
        client = company.oauth.clients.get(asked.get("client_id", ""))
        if client is None:
            return _refusal("invalid_client", "The OAuth client was not found.", 401)
        if asked.get("redirect_uri", "") not in client.redirect_uris:
            return _refusal("redirect_uri_mismatch", "This address is not registered.", 400)
        wrong = _wrong(asked)
        if wrong:
            return _back(asked, {"error": wrong})
        if is_answer:
            return _decided(company, client, asked)
        return HTMLResponse(_page(company, client, asked))


def _wrong(asked: Form) -> str:
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if not asked.get("scope", "").split():
        return "invalid_scope"
    if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
        return "invalid_request"
    return "interaction_required" if asked.get("prompt") == "none" else ""


def _decided(company: DriveCompany, client: Client, form: Form) -> Response:
    if form.get("decision") != "allow":
        return _back(form, {"error": "access_denied"})
    user = company.people.user(form.get("account", ""))
    if user is None or not user.may_sign_in or user.is_external:
        return _refusal("access_denied", "Pick an account that can sign in.", 400)
    first = not company.oauth.has_consented(client.id, user.id)
    asks_again = "consent" in form.get("prompt", "").split()
    code = company.oauth.new_code(
        Grant(client.id, user.id, frozenset(form["scope"].split())),
        form["redirect_uri"],
        form["code_challenge"],
        # As at Google: later consents give no refresh token unless the client asked for one.
        offline=form.get("access_type") == "offline" and (first or asks_again),
    )
    return _back(form, {"code": code, "scope": form["scope"]})


def _back(asked: Form, answer: Mapping[str, str]) -> Response:
    state = {"state": asked["state"]} if "state" in asked else {}
    uri = asked["redirect_uri"]
    separator = "&" if "?" in uri else "?"
    query = urlencode({**state, **answer})
    return RedirectResponse(f"{uri}{separator}{query}", status_code=302)


def _page(company: DriveCompany, client: Client, asked: Form) -> str:
    hint = asked.get("login_hint", "").lower()
    users = [user for user in company.people.everybody() if user.may_sign_in]
    accounts = "".join(
        f'<label><input type="radio" name="account" value="{escape(user.email)}" required'
        f"{' checked' if user.email.lower() == hint else ''}> "
        f"{escape(user.name)} ({escape(user.email)})</label>"
        for user in users
    )
    scopes = "".join(f"<li>{escape(_described(scope))}</li>" for scope in asked["scope"].split())
    kept = "".join(
        f'<input type="hidden" name="{name}" value="{escape(asked[name])}">'
        for name in KEPT
        if name in asked
    )
    body = f"""<form method="post">{kept}
<fieldset><legend>Account</legend>{accounts}</fieldset>
<h2>{escape(client.name)} will be able to:</h2><ul>{scopes}</ul>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny" formnovalidate>Cancel</button></form>"""
    return PAGE.format(title=f"Sign in to {escape(client.name)}", body=body)


def _described(scope: str) -> str:
    return SCOPES.get(scope.rpartition("/")[2], scope)


def _refusal(error: str, text: str, status: int) -> HTMLResponse:
    body = f"<p>{escape(text)}</p><p>Error {status}: {escape(error)}</p>"
    return HTMLResponse(PAGE.format(title="Access blocked", body=body), status)
