from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="history_days",
            field=models.PositiveIntegerField(
                default=365,
                help_text="How long it can be told who could read what.",
                verbose_name="permission history (days)",
            ),
        ),
    ]
