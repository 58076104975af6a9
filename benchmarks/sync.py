"""Syncing: a source's listing, changes of access taking effect, and the cost of a request.

The source is the simulated Google Drive in a process of its own. Run it on an idle machine:

    .venv/bin/python -m benchmarks.sync [--quick] [--only listing|overhead|effects]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import report, scratch, sync_effects
from benchmarks.report import Figure
from benchmarks.sync_company import Size
from benchmarks.sync_effects import Rounds
from benchmarks.sync_peer import TINY, Peer

_PARTS = ("listing", "overhead", "effects")
_QUICK_ROUNDS = Rounds(webhook=2, polling=1, groups=1, age_s=30, files=40)


def main() -> int:
    """Measure, and judge."""
    options = _arguments()
    parts = [options.only] if options.only else _PARTS
    figures: list[Figure] = []
    if {"listing", "overhead"} & set(parts):
        figures += _in_process(parts, is_quick=options.quick)
    if "effects" in parts:
        figures += sync_effects.all_of(_QUICK_ROUNDS if options.quick else Rounds())
    return report.show(figures, options.out)


def _in_process(parts: tuple[str, ...] | list[str], *, is_quick: bool) -> Iterator[Figure]:
    size = Size(500, 20, people=12) if is_quick else Size(10_000, 200)
    with Peer(size) as peer:
        os.environ["KENWARD_SOURCE_HOSTS"] = peer.host
        with scratch.database():
            # Models load only now that Django knows its database.
            from benchmarks import sync_listing, sync_overhead

            if "overhead" in parts:
                rounds, limit_s = (500, 5.0) if is_quick else (10_000, 60.0)
                yield from sync_overhead.all_of(
                    f"{peer.base}{TINY}", rounds=rounds, limit_s=limit_s
                )
            if "listing" in parts:
                amounts = sync_listing.Amounts(*((60, 3.0) if is_quick else (2_000, 30.0)))
                yield from sync_listing.all_of(peer, amounts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rounds only")
    parser.add_argument("--out", type=Path, help="write JSON lines to this file")
    parser.add_argument("--only", choices=_PARTS, help="measure one part only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
