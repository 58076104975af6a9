"""What the page's forms do to the sources' health: failures, expired tokens, withdrawn consent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from apps.ops.sandbox.drive.company import DriveCompany
from apps.ops.sandbox.page.forms import Done, Form, NotSaid
from apps.ops.sandbox.sample import Sandbox
from apps.ops.sandbox.slack.workspace import SlackWorkspace

Act = Callable[[Sandbox, Form], Done]
SOURCES = {"google": "Google Drive", "slack": "Slack"}
KINDS = {
    "too_many": "answer 429, too many requests",
    "server_error": "answer 500",
    "unavailable": "answer 503",
    "quota": "answer that the quota is used up",
    "truncated": "break off in the middle of the answer",
    "nonsense": "answer with a web page",
    "wrong_shape": "answer with other JSON",
    "slow": "answer slowly",
    "drop": "close the connection without an answer",
    "forbidden": "say that a scope is missing",
    "unauthorized": "say that the token is invalid",
}


def _source(box: Sandbox, form: Form) -> DriveCompany | SlackWorkspace:
    if form["source"] not in SOURCES:
        raise NotSaid("There is no such source.")
    return box.drive if form["source"] == "google" else box.slack


def _add_fault(box: Sandbox, form: Form) -> Done:
    source, times = _source(box, form), form.number("times", 1)
    source.faults.add(
        form["kind"],
        times=max(times, 1),
        path=form.text("path"),
        retry_after_s=form.number("seconds", 5),
        seconds=form.number("seconds", 5),
    )
    what = KINDS[form["kind"]]
    return Done(f"{SOURCES[form['source']]} will {what}, for the next {times} requests.")


def _clear(box: Sandbox, form: Form) -> Done:
    _source(box, form).faults.clear()
    return Done(f"{SOURCES[form['source']]} is well again.")


def _expire_tokens(box: Sandbox, form: Form) -> Done:
    source = _source(box, form)
    if isinstance(source, SlackWorkspace):
        source.expire_tokens()
    else:
        source.expire_access_tokens()
    return Done(f"The access tokens for {SOURCES[form['source']]} have run out.")


def _expire_cursors(box: Sandbox, form: Form) -> Done:
    source = _source(box, form)
    if isinstance(source, SlackWorkspace):
        source.expire_cursors()
    else:
        source.expire_page_tokens()
    return Done(f"{SOURCES[form['source']]} refuses all cursors that it has given out.")


def _repeat(box: Sandbox, form: Form) -> Done:
    _source(box, form).repeat_items(max(form.number("times", 1), 1))
    return Done(f"The next pages of {SOURCES[form['source']]} repeat items.")


def _revoke(box: Sandbox, form: Form) -> Done:
    source = _source(box, form)
    if isinstance(source, SlackWorkspace):
        source.revoke_all()
        return Done("All of Kenward’s tokens for Slack are revoked.")
    for user in list(source.people.everybody()):
        source.revoke_grant(user.email)
    return Done("Everybody at Google has withdrawn what they allowed.")


def _rotate(box: Sandbox, form: Form) -> Done:
    box.slack.app.rotates_tokens = form["rotates"] == "yes"
    how = "last twelve hours and come with a refresh token"
    usual = "last until they are revoked"
    return Done(f"New Slack tokens {how if box.slack.app.rotates_tokens else usual}.")


ACTS: Mapping[str, Act] = {
    "break.fault": _add_fault,
    "break.clear": _clear,
    "break.tokens": _expire_tokens,
    "break.cursors": _expire_cursors,
    "break.repeat": _repeat,
    "break.revoke": _revoke,
    "break.rotate": _rotate,
}
