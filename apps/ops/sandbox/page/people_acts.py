"""What the page's forms do to people and groups, in both sources where both know the person."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from apps.ops.sandbox.page.forms import Done, Form
from apps.ops.sandbox.sample import Sandbox
from apps.ops.sandbox.slack.records import Guest

Act = Callable[[Sandbox, Form], Done]
_GUESTS = {Guest.NO: "a full member", Guest.MULTI_CHANNEL: "a guest"}


def _add_member(box: Sandbox, form: Form) -> Done:
    box.drive.add_member(form["group"], form["member"])
    return Done(f"{form['member']} is now in {form['group']}.")


def _remove_member(box: Sandbox, form: Form) -> Done:
    box.drive.remove_member(form["group"], form["member"])
    return Done(f"{form['member']} is no longer in {form['group']}.")


def _close(box: Sandbox, form: Form) -> Done:
    if box.drive.people.user(form["email"]):
        box.drive.suspend(form["email"])
    for person_id in _slack_ids(box, form["email"]):
        box.slack.deactivate(person_id)
    return Done(f"The accounts of {form['email']} are closed.")


def _open(box: Sandbox, form: Form) -> Done:
    if box.drive.people.user(form["email"]):
        box.drive.suspend(form["email"], suspended=False)
    for person_id in _slack_ids(box, form["email"]):
        box.slack.reactivate(person_id)
    return Done(f"The accounts of {form['email']} are open again.")


def _set_guest(box: Sandbox, form: Form) -> Done:
    guest = Guest.MULTI_CHANNEL if form["guest"] == "yes" else Guest.NO
    for person_id in _slack_ids(box, form["email"]):
        box.slack.set_guest(person_id, guest)
    return Done(f"{form['email']} is {_GUESTS[guest]} of Slack.")


def _slack_ids(box: Sandbox, email: str) -> list[str]:
    return [person.id for person in box.slack.people.values() if person.email == email]


ACTS: Mapping[str, Act] = {
    "group.add": _add_member,
    "group.remove": _remove_member,
    "person.close": _close,
    "person.open": _open,
    "person.guest": _set_guest,
}
