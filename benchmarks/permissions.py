"""Permissions at size: cold and warm reads, revoking, nesting, and a sync beside them.

A tenant of 1,000,000 documents, 50,000 ACLs, 60,000 policies, 5,000 groups nested 6 deep and 10,000
users, in an embedded PostgreSQL as durable as in production. Run it on an idle machine:
    .venv/bin/python -m benchmarks.permissions [--quick]
"""

from __future__ import annotations

import sys

from benchmarks import report, scratch


def main() -> int:
    """Build the tenant, measure, and judge."""
    options = report.arguments(__doc__ or "")
    with scratch.database():
        # Models load only now that Django knows its database.
        from benchmarks import big_tenant, permission_measures

        big = big_tenant.build(big_tenant.QUICK if options.quick else big_tenant.FULL)
        figures = permission_measures.all_of(big, rounds=5 if options.quick else 20)
    return report.show(figures, options.out)


if __name__ == "__main__":
    sys.exit(main())
