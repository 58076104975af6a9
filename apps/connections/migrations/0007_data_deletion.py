from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connections", "0006_accounts")]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="data_deletion_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="connection",
            name="data_deleted",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
