from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_domains_are_not_compared")]

    operations = [
        migrations.AddField(
            "membership",
            "department",
            models.CharField(
                max_length=100,
                blank=True,
                db_default="",
                help_text="A hint for the search, where the search settings use it. It grants nothing.",
            ),
        )
    ]
