"""Why `up` ends before it was asked to.

KenwardError
├── CannotStart             the person at the keyboard can put it right (exit 2)
│   ├── DataFolderUnusable  the data folder cannot be made, written or used by this user
│   ├── AlreadyRunning      another `up` works on the same data folder
│   ├── PortTaken           the web port cannot be opened
│   └── NotPrepared         an outside database or Redis lacks what Kenward needs
└── KeptDying               a child ended too often (exit 1)
"""

from __future__ import annotations

from apps.errors import KenwardError


class CannotStart(KenwardError):
    """The person at the keyboard can put it right; the hint says how."""

    code = "cannot_start"


class DataFolderUnusable(CannotStart):
    """The data folder cannot be made, written or used by this user."""

    code = "data_folder_unusable"


class AlreadyRunning(CannotStart):
    """Another `up` works on the same data folder."""

    code = "already_running"


class PortTaken(CannotStart):
    """The web port cannot be opened."""

    code = "port_taken"


class NotPrepared(CannotStart):
    """An outside database or Redis lacks what Kenward needs."""

    code = "not_prepared"


class KeptDying(KenwardError):
    """A child ended too often to start it once more."""

    code = "kept_dying"
