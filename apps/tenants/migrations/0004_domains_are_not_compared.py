"""A managed domain says nothing beyond its tenant, so it is not compared with other tenants' ones.

Nobody proves that a domain is theirs: one tenant could keep another from managing its own, and
learn by asking who else is here.
"""

from __future__ import annotations

from django.db import migrations

STATEMENTS = """
DROP TRIGGER of_one_tenant ON tenants_manageddomain;
DROP FUNCTION tenants_domain_is_taken();
DROP POLICY domains_are_compared ON tenants_manageddomain;
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_managed_domains")]

    operations = [migrations.RunSQL(STATEMENTS)]
