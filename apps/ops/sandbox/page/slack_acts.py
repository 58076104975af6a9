"""What the page's forms do in the simulated Slack."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from apps.ops.sandbox.page.forms import Done, Form
from apps.ops.sandbox.sample import Sandbox

Act = Callable[[Sandbox, Form], Done]


def _name(box: Sandbox, form: Form) -> str:
    channel = box.slack.channel(form["channel"])
    return f"#{channel.name}" if channel.name else "the conversation"


def _who(box: Sandbox, form: Form) -> str:
    return box.slack.person(form["person"]).name


def _post(box: Sandbox, form: Form) -> Done:
    box.slack.post(form["channel"], form["person"], form["text"], thread_ts=form.text("thread"))
    return Done(f"{_who(box, form)} wrote in {_name(box, form)}.")


def _edit(box: Sandbox, form: Form) -> Done:
    box.slack.edit(form["channel"], form["message"], form["text"])
    return Done(f"A message in {_name(box, form)} says something else now.")


def _delete(box: Sandbox, form: Form) -> Done:
    box.slack.delete(form["channel"], form["message"])
    return Done(f"A message in {_name(box, form)} is deleted.")


def _invite(box: Sandbox, form: Form) -> Done:
    box.slack.invite(form["channel"], form["person"])
    return Done(f"{_who(box, form)} is now in {_name(box, form)}.")


def _remove(box: Sandbox, form: Form) -> Done:
    box.slack.remove_member(form["channel"], form["person"])
    return Done(f"{_who(box, form)} is no longer in {_name(box, form)}.")


def _rename(box: Sandbox, form: Form) -> Done:
    before = _name(box, form)
    box.slack.rename_channel(form["channel"], form["name"])
    return Done(f"{before} is now {_name(box, form)}.")


def _private(box: Sandbox, form: Form) -> Done:
    box.slack.make_private(form["channel"])
    return Done(f"{_name(box, form)} is private: only its members read it.")


def _public(box: Sandbox, form: Form) -> Done:
    box.slack.make_public(form["channel"])
    return Done(f"{_name(box, form)} is public: every full member reads it.")


def _archive(box: Sandbox, form: Form) -> Done:
    box.slack.archive(form["channel"])
    return Done(f"{_name(box, form)} is archived; it can still be read.")


def _unarchive(box: Sandbox, form: Form) -> Done:
    box.slack.unarchive(form["channel"])
    return Done(f"{_name(box, form)} is open again.")


def _delete_channel(box: Sandbox, form: Form) -> Done:
    name = _name(box, form)
    box.slack.delete_channel(form["channel"])
    return Done(f"{name} is deleted for good.", "/channels")


def _create(box: Sandbox, form: Form) -> Done:
    private = form.text("private") == "yes"
    channel = box.slack.create_channel(form["name"], form["person"], private=private)
    return Done(f"#{channel.name} is there.", f"/channels/{channel.id}")


def _unshare(box: Sandbox, form: Form) -> Done:
    name = box.slack.file(form["file"]).name
    box.slack.unshare_file(form["file"], form["channel"])
    return Done(f"{name} is no longer in {_name(box, form)}.")


def _delete_file(box: Sandbox, form: Form) -> Done:
    name = box.slack.file(form["file"]).name
    box.slack.delete_file(form["file"])
    return Done(f"{name} is deleted everywhere.")


ACTS: Mapping[str, Act] = {
    "slack.post": _post,
    "slack.edit": _edit,
    "slack.delete": _delete,
    "slack.invite": _invite,
    "slack.remove": _remove,
    "slack.rename": _rename,
    "slack.private": _private,
    "slack.public": _public,
    "slack.archive": _archive,
    "slack.unarchive": _unarchive,
    "slack.delete-channel": _delete_channel,
    "slack.create": _create,
    "slack.unshare-file": _unshare,
    "slack.delete-file": _delete_file,
}
