from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync_events", "0003_drift")]

    operations = [
        migrations.AddField(
            model_name="syncrun",
            name="opened",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
