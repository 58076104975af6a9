"""What the page's forms do in the simulated Drive."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from apps.ops.sandbox.drive.records import SPREADSHEET
from apps.ops.sandbox.page.forms import Done, Form
from apps.ops.sandbox.sample import Sandbox

Act = Callable[[Sandbox, Form], Done]


def _name(box: Sandbox, item_id: str) -> str:
    return f"“{box.drive.item(item_id).name}”"


def _rename(box: Sandbox, form: Form) -> Done:
    before = _name(box, form["item"])
    box.drive.rename(form["item"], form["name"])
    return Done(f"{before} is now called “{form['name']}”.")


def _edit(box: Sandbox, form: Form) -> Done:
    box.drive.edit(form["item"], form.text("text") + "\n")
    return Done(f"{_name(box, form['item'])} has a new text.")


def _move(box: Sandbox, form: Form) -> Done:
    box.drive.move(form["item"], form["into"])
    return Done(f"{_name(box, form['item'])} is now in {_name(box, form['into'])}.")


def _share(box: Sandbox, form: Form) -> Done:
    discoverable = form.text("found") == "yes"
    box.drive.share(form["item"], form["who"], form["role"], discoverable=discoverable)
    return Done(f"{_name(box, form['item'])} is shared with {form['who']} as {form['role']}.")


def _unshare(box: Sandbox, form: Form) -> Done:
    box.drive.unshare(form["item"], form["who"])
    return Done(f"{form.text('label') or form['who']} is off {_name(box, form['item'])}.")


def _trash(box: Sandbox, form: Form) -> Done:
    box.drive.trash(form["item"])
    return Done(f"{_name(box, form['item'])} is in the trash.")


def _untrash(box: Sandbox, form: Form) -> Done:
    box.drive.untrash(form["item"])
    return Done(f"{_name(box, form['item'])} is out of the trash.")


def _delete(box: Sandbox, form: Form) -> Done:
    name = _name(box, form["item"])
    box.drive.delete(form["item"])
    return Done(f"{name} is deleted for good.", "/")


def _limit(box: Sandbox, form: Form) -> Done:
    limited = form["limited"] == "yes"
    box.drive.limit_access(form["item"], limited=limited)
    how = "only who is named here" if limited else "whoever comes from above"
    return Done(f"{_name(box, form['item'])} now lets in {how}.")


def _add_document(box: Sandbox, form: Form) -> Done:
    item_id = box.drive.add_doc(form["name"], form.text("text") + "\n", into=form["item"])
    return Done(f"“{form['name']}” is there.", f"/drive/{item_id}")


def _add_folder(box: Sandbox, form: Form) -> Done:
    item_id = box.drive.add_folder(form["name"], into=form["item"])
    return Done(f"The folder “{form['name']}” is there.", f"/drive/{item_id}")


ACTS: Mapping[str, Act] = {
    "drive.rename": _rename,
    "drive.edit": _edit,
    "drive.move": _move,
    "drive.share": _share,
    "drive.unshare": _unshare,
    "drive.trash": _trash,
    "drive.untrash": _untrash,
    "drive.delete": _delete,
    "drive.limit": _limit,
    "drive.add-document": _add_document,
    "drive.add-folder": _add_folder,
}


def is_text(mime_type: str) -> bool:
    """Return whether a file's content can be edited in a form."""
    return mime_type.startswith(("text/", "application/vnd.google-apps.document")) or (
        mime_type in {SPREADSHEET, "application/vnd.google-apps.presentation"}
    )
