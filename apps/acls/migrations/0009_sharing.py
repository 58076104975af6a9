"""Guardian's generic tables stay empty: they know no tenant, and `get_objects_for_user` reads them.

Every model with object permissions has tables of its own, which belong to a tenant.
"""

from __future__ import annotations

from django.db import migrations

NO_ROWS_WITHOUT_A_TENANT = """
ALTER TABLE guardian_userobjectpermission
    ADD CONSTRAINT object_permissions_belong_to_a_tenant CHECK (false);
ALTER TABLE guardian_groupobjectpermission
    ADD CONSTRAINT object_permissions_belong_to_a_tenant CHECK (false);
"""

ROWS_AGAIN = """
ALTER TABLE guardian_userobjectpermission DROP CONSTRAINT object_permissions_belong_to_a_tenant;
ALTER TABLE guardian_groupobjectpermission DROP CONSTRAINT object_permissions_belong_to_a_tenant;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("acls", "0008_class_rules"),
        (
            "guardian",
            "0003_remove_groupobjectpermission_guardian_gr_content_ae6aec_idx_and_more",
        ),
    ]

    operations = [migrations.RunSQL(NO_ROWS_WITHOUT_A_TENANT, ROWS_AGAIN)]
