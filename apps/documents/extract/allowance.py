"""What one file, with all that is packed in it, may take while it is read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_MEMBERS = 1_000
MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_MEMBER_BYTES = 50 * 1024 * 1024
# A mail in an archive that is attached to a mail; what lies deeper is listed, not read.
MAX_DEPTH = 4
MAX_RECOGNISED_PAGES = 200


@dataclass(slots=True)
class Allowance:
    """What is left; every reader that unpacks or recognises takes from it.

    Args:
        readers: modules to use for some formats instead of the usual ones.
        ends_at: when the last member or page has to be begun, on the clock of `time.monotonic`.
        members: how many more files may be unpacked.
        unpacked_bytes: how much more may be unpacked.
        recognised_pages: how many more pages may be given to OCR.
    """

    readers: Mapping[str, str] = field(default_factory=dict)
    ends_at: float = float("inf")
    members: int = MAX_MEMBERS
    unpacked_bytes: int = MAX_UNPACKED_BYTES
    recognised_pages: int = MAX_RECOGNISED_PAGES

    @property
    def seconds_left(self) -> float:
        """Seconds until `ends_at`, never less than 0."""
        return max(0.0, self.ends_at - time.monotonic())
