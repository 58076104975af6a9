from __future__ import annotations

import django.db.models.functions.datetime
from django.db import migrations, models

# The owner, too, sees no row of a table whose row-level security is forced.
FILL_ORDINALS = [
    "ALTER TABLE acls_policy NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE acls_policyclause NO FORCE ROW LEVEL SECURITY",
    "UPDATE acls_policyclause c SET ordinal = p.ordinal FROM acls_policy p"
    " WHERE p.tenant_id = c.tenant_id AND p.id = c.policy_id",
    "ALTER TABLE acls_policy FORCE ROW LEVEL SECURITY",
    "ALTER TABLE acls_policyclause FORCE ROW LEVEL SECURITY",
]


class Migration(migrations.Migration):
    dependencies = [
        ("acls", "0003_change_log"),
    ]

    operations = [
        migrations.AddField(
            model_name="acl",
            name="brought_by",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="aclentry",
            name="brought_by",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="aclentry",
            name="level",
            field=models.PositiveSmallIntegerField(
                choices=[(1, "Read"), (2, "Comment"), (3, "Write")], db_default=1, default=1
            ),
        ),
        migrations.AddField(
            model_name="edge",
            name="brought_by",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="placement",
            name="attended_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AddField(
            model_name="policyclause",
            name="ordinal",
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.RunSQL(FILL_ORDINALS),
        migrations.RemoveIndex(model_name="policyclause", name="policyclause_by_acl"),
        migrations.AddIndex(
            model_name="policyclause",
            index=models.Index(
                fields=["tenant", "acl"],
                include=["policy", "clause", "clause_count", "ordinal"],
                name="policyclause_by_acl",
            ),
        ),
    ]
