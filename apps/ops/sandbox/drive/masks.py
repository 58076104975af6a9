"""Partial answers: the `fields` parameter, such as `nextPageToken,files(id,owners/me)`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from apps.ops.sandbox.drive.errors import ApiError

TOKEN = re.compile(r"[A-Za-z0-9_*\-]+|[,/()]|\S")

# What is wanted: a name stands for all below it where its mask is empty; "*" stands for all names.
Mask = dict[str, "Mask"]
# What exists: names with what is below them; an empty tree is a leaf, or open to any name.
Tree = Mapping[str, "Tree"]


def leaves(names: str) -> dict[str, Tree]:
    """Return a tree, or a mask, of the names in a text, with nothing below them."""
    return {name: {} for name in names.split()}


def parsed(text: str) -> Mask:
    """Return a mask from the text of the parameter.

    Raises:
        ApiError: 400, it cannot be read.
    """
    tokens = _Tokens(text)
    mask = _list(tokens)
    if tokens.next is not None:
        raise _refused(text)
    return mask


def check(mask: Mask, tree: Tree, path: str = "") -> None:
    """Refuse names that do not exist.

    Raises:
        ApiError: 400, as Google answers.
    """
    if not tree:
        return
    for name, below in mask.items():
        if name == "*":
            for each in tree.values():
                if below:
                    check(below, each, f"{path}*/")
        elif name not in tree:
            raise _refused(f"{path}{name}")
        else:
            check(below, tree[name], f"{path}{name}/")


def apply(mask: Mask, value: Any) -> Any:
    """Return what the mask wants of a JSON value; lists are looked through."""
    if not mask or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return [apply(mask, each) for each in value]
    return {
        name: apply(below(mask, name), each) for name, each in value.items() if wants(mask, name)
    }


def wants(mask: Mask, name: str) -> bool:
    """Whether a name is wanted."""
    return not mask or name in mask or "*" in mask


def below(mask: Mask, name: str) -> Mask:
    """Return the mask for what is below a name."""
    return mask[name] if name in mask else mask.get("*", {})


class _Tokens:
    """The tokens of a mask, read one by one; `next` is None at the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._rest: Iterator[str] = iter(TOKEN.findall(text))
        self.next: str | None = next(self._rest, None)

    def take(self) -> str:
        if self.next is None:
            raise _refused(self.text)
        taken, self.next = self.next, next(self._rest, None)
        return taken


def _list(tokens: _Tokens) -> Mask:
    mask: Mask = {}
    while True:
        _merge(mask, _selection(tokens))
        if tokens.next != ",":
            return mask
        tokens.take()


def _selection(tokens: _Tokens) -> Mask:
    name = tokens.take()
    if not re.fullmatch(r"[\w*\-]+", name):
        raise _refused(name)
    if tokens.next == "/":
        tokens.take()
        return {name: _selection(tokens)}
    if tokens.next == "(":
        tokens.take()
        inner = _list(tokens)
        if tokens.take() != ")":
            raise _refused(tokens.text)
        return {name: inner}
    return {name: {}}


def _merge(mask: Mask, more: Mask) -> None:
    for name, inner in more.items():
        if name not in mask:
            mask[name] = inner
        elif mask[name] and inner:
            _merge(mask[name], inner)
        else:
            # One of the two wants all of it.
            mask[name] = {}


def _refused(selection: str) -> ApiError:
    message = f"Invalid field selection {selection}"
    return ApiError(400, "invalidParameter", message, "fields")
