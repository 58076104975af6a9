from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connections", "0004_canaries")]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="paused_by_delegate",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
    ]
