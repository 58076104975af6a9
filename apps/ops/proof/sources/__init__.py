"""The sources that companies of the proof are connected to: one for each dialect."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from apps.ops.proof.source import Source
from apps.ops.proof.sources.algebra import AlgebraSource
from apps.ops.proof.sources.channels import AudienceSource, FlatSource, MailboxSource, SlackSource
from apps.ops.proof.sources.intersections import ConfluenceSource, JiraSource, SalesforceSource
from apps.ops.proof.sources.lists import NtfsSource, PosixSource, WebDavSource
from apps.ops.proof.sources.trees import BoxSource, DriveSource, DropboxSource, SharePointSource

_ALL: tuple[Callable[[Random], Source], ...] = (
    AlgebraSource,
    AudienceSource,
    BoxSource,
    ConfluenceSource,
    DriveSource,
    DropboxSource,
    FlatSource,
    JiraSource,
    MailboxSource,
    NtfsSource,
    PosixSource,
    SalesforceSource,
    SharePointSource,
    SlackSource,
    WebDavSource,
)
# Each makes a source with some random content.
DIALECTS: dict[str, Callable[[Random], Source]] = {
    source.dialect: source  # type: ignore[attr-defined]  # the classes say their dialect
    for source in _ALL
}
