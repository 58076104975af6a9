"""A log of changes of which its source sent word is read alone; agreements stand before they are."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync_events", "0009_visible")]

    operations = [
        migrations.AddField(
            model_name="logposition",
            name="told_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="pushsubscription",
            name="source_id",
            field=models.CharField(blank=True, max_length=500),
        ),
    ]
