"""What Kenward may not read is told and hidden; what does not answer is never taken for empty."""

from __future__ import annotations

import codecs
import errno
import io
import os
import pickle
import resource
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from apps.connections.errors import ItemForbidden, ItemGone, SettingsRejected, SourceUnavailable
from apps.connections.providers.file_share import system_errors
from apps.errors import KenwardError
from tests.connections.folders import Known, Share, problems

OPEN = "version: 1\nfolders: {.: {readers: [ada@x.example]}}\n"
_NOBODY = 65534


def in_child(work: Callable[[], Any], *, before: Callable[[], None]) -> Any:
    """Return what `work` returns in a forked process that ran `before` first."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            before()
            answer: Any = work()
        except BaseException as error:  # noqa: BLE001  told to the parent, whatever it is
            answer = error
        with os.fdopen(writable, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        answer = pickle.load(pipe)  # noqa: S301  from our own child
    os.waitpid(child, 0)
    if isinstance(answer, BaseException):
        raise answer
    return answer


def as_ordinary_user() -> None:
    """Give up root, whom no file mode stops."""
    codecs.lookup("utf-8-sig")  # loaded on first use, from where an ordinary user may not read
    if os.geteuid() == 0:
        os.setegid(_NOBODY)
        os.seteuid(_NOBODY)


@pytest.fixture
def open_share(settings: Any) -> Iterator[Share]:
    """Return a share that an ordinary user reaches; pytest's own folders are private."""
    with tempfile.TemporaryDirectory(prefix="kenward-share-") as parent:
        Path(parent).chmod(0o755)
        settings.KENWARD_FOLDER_ROOTS = [Path(parent)]
        folder = Path(parent) / "share"
        folder.mkdir()
        yield Share(folder)


@pytest.fixture
def guarded(open_share: Share) -> Iterator[Share]:
    open_share.write("a.md", "closed.md", "shut/b.md", "shut/deep/c.md", "no-search/d.md")
    open_share.manifest(OPEN)
    modes = {"closed.md": 0o000, "shut": 0o000, "no-search": 0o444}
    for name, mode in modes.items():
        (open_share.folder / name).chmod(mode)
    yield open_share
    for name in modes:
        (open_share.folder / name).chmod(0o700)


def test_unreadable_files_and_folders_are_told_and_the_sweep_goes_on(guarded: Share) -> None:
    pages = in_child(lambda: list(guarded.connector().sweep(None)), before=as_ordinary_user)
    assert Known().take(pages).told == ["a.md"]
    assert set(problems(pages)) == {
        "item_forbidden closed.md",
        "item_forbidden shut/",
        "item_forbidden no-search/d.md",
    }
    assert all(p.is_error and p.hint for page in pages for p in page.problems)


def test_what_became_unreadable_is_hidden_at_once(guarded: Share) -> None:
    known = Known(items=dict.fromkeys(("closed.md", "shut/b.md", "a.md"), (("./",),)))
    names = ["closed.md", "shut", "shut/deep/c.md"]
    pages = in_child(lambda: list(guarded.connector().changes(names)), before=as_ordinary_user)
    assert set(known.take(pages).items) == {"a.md"}
    assert {code.split()[0] for code in problems(pages)} == {"item_forbidden"}


def test_a_folder_that_cannot_be_listed_keeps_what_closes_it(guarded: Share) -> None:
    guarded.manifest(OPEN[:-2] + ", shut/deep: {inherit: false}}\n")
    pages = in_child(lambda: list(guarded.connector().permissions()), before=as_ordinary_user)
    known = Known(items={"shut/deep/c.md": (("shut/deep/",),)}).take(pages)
    assert known.readers("shut/deep/c.md") == set()


def test_an_unreadable_file_does_not_open(guarded: Share) -> None:
    def read(name: str) -> bytes:
        with guarded.connector().open(name) as content:
            return content.read()

    for name in ("closed.md", "shut/b.md"):
        with pytest.raises(ItemForbidden):
            in_child(partial(_told, read, name), before=as_ordinary_user).throw()


def test_an_unreadable_manifest_closes_the_folder(guarded: Share) -> None:
    (guarded.folder / "kenward.yaml").chmod(0o000)
    pages = in_child(lambda: list(guarded.connector().permissions()), before=as_ordinary_user)
    assert "Kenward may not read it" in problems(pages)["manifest_invalid kenward.yaml"]


def test_an_unreadable_root_is_the_admins_to_settle(open_share: Share) -> None:
    open_share.manifest(OPEN)
    open_share.folder.chmod(0o000)
    answer = in_child(
        lambda: _told(lambda _: list(open_share.connector().sweep(None)), ""),
        before=as_ordinary_user,
    )
    open_share.folder.chmod(0o700)
    with pytest.raises(SettingsRejected, match="may not read the folder"):
        answer.throw()


def test_too_many_open_files_do_not_look_like_missing_ones(share: Share) -> None:
    share.write("a/b/c.md")
    share.manifest(OPEN)

    def use_up_descriptors() -> None:
        taken = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken, taken))
        while True:
            try:
                os.dup(0)
            except OSError:
                return

    for ask in (
        lambda _: list(share.connector().sweep(None)),
        lambda _: list(share.connector().changes(["a/b/c.md"])),
        lambda _: list(share.connector().permissions()),
    ):
        answer = in_child(partial(_told, ask, ""), before=use_up_descriptors)
        with pytest.raises(SourceUnavailable):
            answer.throw()


def test_a_read_error_of_the_disk_is_no_empty_file() -> None:
    """The first page of a process's own memory cannot be read: the kernel answers EIO."""
    for size in (-1, 10):
        raw = system_errors.Content(os.open("/proc/self/mem", os.O_RDONLY), "a.md")
        with io.BufferedReader(raw) as content, pytest.raises(SourceUnavailable):
            content.read(size)


@pytest.mark.parametrize(
    "number",
    [errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT],
)
def test_a_share_that_does_not_answer_is_unavailable(number: int) -> None:
    with pytest.raises(SourceUnavailable), system_errors.translated("a.md"):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTDIR, errno.ELOOP])
def test_only_what_is_known_to_mean_absence_is_absence(number: int) -> None:
    with pytest.raises(ItemGone), system_errors.translated("a.md"):
        raise OSError(number, os.strerror(number))


class _Told:
    """An answer, or the kind and message of a Kenward error, which itself does not pickle."""

    def __init__(self, answer: Any = None, error: tuple[str, str] | None = None) -> None:
        self.answer, self.error = answer, error

    def throw(self) -> Any:
        if self.error is None:
            return self.answer
        name, message = self.error
        if name == "ItemForbidden":
            raise ItemForbidden(message, external_id="")
        kinds = {kind.__name__: kind for kind in (SourceUnavailable, SettingsRejected)}
        raise kinds.get(name, KenwardError)(message)


def _told(ask: Callable[[str], Any], name: str) -> _Told:
    try:
        return _Told(ask(name))
    except KenwardError as error:
        return _Told(error=(type(error).__name__, error.message))
