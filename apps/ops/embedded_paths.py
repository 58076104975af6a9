"""Where the embedded services listen: computed from the data folder, by settings and by `up` alike.

Only the standard library is imported, since settings read this before Django exists.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

from apps.ops.errors import DataFolderUnusable

DATABASE = "kenward"
OWNER = "kenward_owner"
APPLICATION = "kenward_app"
SUPERUSER = "postgres"
REDIS_SOCKET = "redis.sock"
POSTGRES_SOCKET = ".s.PGSQL.5432"

# sockaddr_un.sun_path holds 108 bytes with the closing zero.
_LONGEST_SOCKET_PATH_BYTES = 107


def socket_dir(data_dir: Path) -> Path:
    """Return the folder that holds the services' sockets; nothing is created.

    It is `run` in the data folder or, where that path is too long for a socket, a folder of this
    user's under the temporary folder, named after the data folder.

    Raises:
        DataFolderUnusable: the folder under the temporary folder belongs to somebody else.
    """
    data_dir = Path(os.path.abspath(data_dir))  # noqa: PTH100 - Path.resolve() would do I/O
    usual = data_dir / "run"
    if len(os.fsencode(usual / POSTGRES_SOCKET)) <= _LONGEST_SOCKET_PATH_BYTES:
        return usual
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"kenward-{os.geteuid()}-{digest}"
    _refuse_foreign(short)
    return short


def postgres_url(data_dir: Path, role: str) -> str:
    """Return the address of the embedded database for a role, to be used without a password.

    Whoever may enter the socket's folder (mode 0700) also owns the database's files.
    """
    return f"postgresql://{role}@/{DATABASE}?host={quote(str(socket_dir(data_dir)), safe='')}"


def redis_url(data_dir: Path) -> str:
    """Return the address of the embedded Redis."""
    return f"unix://{quote(str(socket_dir(data_dir) / REDIS_SOCKET))}?db=0"


def _refuse_foreign(folder: Path) -> None:
    """Raise when somebody else made the folder first, to listen in our place."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise DataFolderUnusable(
            f"{folder} exists, but is not a private folder of this user.",
            hint="Remove it, or choose a shorter path with --data-dir.",
        )
