"""The sources that companies of the proof are connected to: one for each dialect."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from apps.ops.proof.source import Source
from apps.ops.proof.sources.algebra import AlgebraSource
from apps.ops.proof.sources.channels import AudienceSource, FlatSource, MailboxSource, SlackSource
from apps.ops.proof.sources.directory import TreeSource
from apps.ops.proof.sources.intersections import ConfluenceSource, JiraSource, SalesforceSource
from apps.ops.proof.sources.lists import NtfsSource, WebDavSource
from apps.ops.proof.sources.posix import PosixSource
from apps.ops.proof.sources.trees import BoxSource, DriveSource, DropboxSource, SharePointSource

_ALL: tuple[type[AlgebraSource] | type[TreeSource], ...] = (
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
DIALECTS: dict[str, Callable[[Random], Source]] = {source.dialect: source for source in _ALL}
