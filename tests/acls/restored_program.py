"""One visit to a database of its own, as a program: what `test_restored_server` lets happen there.

    python -m tests.acls.restored_program DATA_DIR (begin | grant | judge) [--promote]

Each visit starts the servers and stops them, so that their files may be copied in between.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from apps.ops import embedded_postgres, not_root
from benchmarks import scratch

KEPT = "kept-set"
Answer = Mapping[str, Any]


def begin(data_dir: Path) -> Answer:
    """Make a company, a person, and a policy that does not admit the person."""
    from apps.accounts.models import User
    from apps.acls import placement, policy
    from apps.tenants.models import Membership, Tenant
    from tests.acls.reads import inside
    from tests.acls.small_worlds import acl

    tenant = Tenant.objects.create(slug="acme", name="Acme")
    ada = User.objects.create_user("ada@acme.example")
    with inside(tenant):
        Membership.objects.create(tenant=tenant, user=ada)
        placement.ensure()
        return {"policy": policy.policy_for([[acl(tenant, "folder").pk]])}


def grant(data_dir: Path) -> Answer:
    """Let the person in, and keep the set that says so, as a cache outside the database does."""
    from apps.acls.models import Acl
    from tests.acls.reads import cached, inside, passes
    from tests.acls.small_worlds import claim, entry, principal

    tenant, ada = _company()
    with inside(tenant):
        claim(ada, me := principal(tenant, "user"))
        entry(Acl.objects.get(external_id="folder"), me)
    kept = cached(tenant, ada)
    (data_dir / KEPT).write_bytes(kept.to_bytes())
    return {"kept": kept.ids.tolist(), "passes": passes(tenant, kept)}


def judge(data_dir: Path) -> Answer:
    """Hand the kept set to the guard, put it in the way of a reader, and say what comes of it."""
    from apps.acls import placement, set_cache
    from apps.acls.readable import ReadableSet
    from tests.acls.reads import cached, inside, passes, read

    tenant, ada = _company()
    kept = ReadableSet.from_bytes((data_dir / KEPT).read_bytes())
    assert kept is not None
    with inside(tenant):
        set_cache.put(set_cache.key(placement.incarnation(), tenant.pk, ada.pk), kept)
    passed = passes(tenant, kept)
    reads = sorted(read(tenant, ada))
    return {"passes": passed, "reads": reads, "label": cached(tenant, ada).incarnation}


def _company() -> tuple[Any, Any]:
    from apps.accounts.models import User
    from apps.tenants.models import Tenant

    return Tenant.objects.get(slug="acme"), User.objects.get(email="ada@acme.example")


def _promote(data_dir: Path) -> None:
    """Make the standby that answers here the primary."""
    control = embedded_postgres.binary("pg_ctl")
    cluster = str(embedded_postgres.cluster_dir(data_dir))
    subprocess.run(
        not_root.wrap([str(control), "promote", "--wait", "-D", cluster]),
        check=True,
        capture_output=True,
    )


ACTS: Mapping[str, Callable[[Path], Answer]] = {"begin": begin, "grant": grant, "judge": judge}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("act", choices=ACTS)
    parser.add_argument("--promote", action="store_true")
    options = parser.parse_args()
    promoted = _promote if options.promote else None
    with scratch.database_in(options.data_dir, once_it_answers=promoted):
        sys.stdout.write(json.dumps(ACTS[options.act](options.data_dir)) + "\n")


if __name__ == "__main__":
    main()
