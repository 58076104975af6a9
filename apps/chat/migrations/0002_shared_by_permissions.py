from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="citation",
            name="receipt",
            field=models.JSONField(default=dict),
        ),
    ]
