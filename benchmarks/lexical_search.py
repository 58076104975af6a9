"""BM25 search at size: questions of four to six words, for readers of any share of a tenant.

A tenant of 1,000,000 made-up passages with 200,000 words, in an embedded PostgreSQL as durable as
in production, asked through row-level security. Run it on an idle machine:
    .venv/bin/python -m benchmarks.lexical_search [--quick] [--passages N]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import report, scratch


def main() -> int:
    """Build the tenant, ask, and judge."""
    options = _arguments()
    passages = 50_000 if options.quick else options.passages
    with scratch.database():
        # Models load only now that Django knows its database.
        from benchmarks import lexical_measures, worded_tenant

        tenant = worded_tenant.build(passages)
        figures = lexical_measures.all_of(tenant, questions=20 if options.quick else 100)
    return report.show(figures, options.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50,000 passages, few questions")
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, help="write JSON lines to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
