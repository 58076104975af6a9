"""PostgreSQL refuses to run as root, but root may start Kenward: the ways around that."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

from apps.ops.errors import CannotStart, DataFolderUnusable

_OVERFLOW_UID = 65534


def wrap(argv: Sequence[str]) -> tuple[str, ...]:
    """Return a command that runs `argv` as somebody whom PostgreSQL accepts.

    An ordinary user runs it directly. Root, and a user without a name, run it in a user namespace
    that shows their files under another user's number; where the machine forbids that, as
    containers often do, root runs it as another user, to whom `hand_over` gives the files.

    Raises:
        CannotStart: none of these ways is open.
    """
    if _is_acceptable():
        return tuple(argv)
    if _can_map():
        return (*_mapping(), "setpriv", "--pdeathsig", "INT", *argv)
    account = _account()
    keep = ("--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups")
    command = ("setpriv", *keep, "--pdeathsig", "INT")
    _refuse_unreachable(command, argv[0])
    return (*command, *argv)


def hand_over(data_dir: Path, folders: Sequence[Path]) -> None:
    """Give folders inside the data folder to the user that `wrap` changes to, if it does.

    That user may then pass through the data folder, but still not list it.
    """
    if _is_acceptable() or _can_map():
        return
    account = _account()
    data_dir.chmod(0o711)
    for folder in folders:
        if folder.stat().st_uid != account.pw_uid:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def refuse_foreign(cluster: Path) -> None:
    """Raise when the database's files belong to a user whom PostgreSQL would not run as.

    Raises:
        DataFolderUnusable: with the name of that user.
    """
    owner = cluster.stat().st_uid
    expected = os.geteuid() if _is_acceptable() or _can_map() else _account().pw_uid
    if owner not in (expected, os.geteuid()):
        raise DataFolderUnusable(
            f"{cluster} belongs to the user {_name(owner)}, but this is {_name(os.geteuid())}.",
            hint="Start Kenward as that user, or choose another folder with --data-dir.",
        )


@functools.cache
def _is_acceptable() -> bool:
    # initdb looks its user up by name, so one without an entry in the password file cannot run it.
    return os.geteuid() != 0 and _name(os.geteuid()) != str(os.geteuid())


@functools.cache
def _can_map() -> bool:
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    tried = subprocess.run([*_mapping(), "true"], capture_output=True, check=False)  # noqa: S603
    return tried.returncode == 0


def _mapping() -> tuple[str, ...]:
    # 65534 stands for everybody else inside the namespace: own files would look like others'.
    entry = next(e for e in pwd.getpwall() if e.pw_uid not in (0, _OVERFLOW_UID))
    return ("unshare", "--user", f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_gid}")


def _account() -> pwd.struct_passwd:
    if os.geteuid() == 0 and shutil.which("setpriv"):
        for name in ("postgres", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
    raise CannotStart(
        f"PostgreSQL does not run as {_name(os.geteuid())}, and nobody else can run it here.",
        hint="Start Kenward as an ordinary user, or set DATABASE_URL and DATABASE_APP_URL.",
    )


def _refuse_unreachable(command: Sequence[str], program: str) -> None:
    tried = subprocess.run([*command, "test", "-x", program], capture_output=True, check=False)  # noqa: S603
    if tried.returncode != 0:
        closed = [p for p in Path(program).parents if not p.stat().st_mode & stat.S_IXOTH]
        raise CannotStart(
            "PostgreSQL does not run as root, and another user may not enter"
            f" {closed[-1] if closed else program}.",
            hint="Move Kenward to where every user may go, such as /opt, or start it as an"
            " ordinary user.",
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
