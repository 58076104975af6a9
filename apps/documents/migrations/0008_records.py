"""What a record says beside the text: its kind, when it was made, and what its source alone knows.

Constants as defaults: PostgreSQL keeps them in its catalogue and rewrites no row.
"""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Value


class Migration(migrations.Migration):
    dependencies = [("documents", "0007_author")]

    operations = [
        # The deferred checks of earlier statements have to be over before a table is altered.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.AddField(
            model_name="document",
            name="kind",
            field=models.CharField(
                choices=[
                    ("file", "File"),
                    ("page", "Page"),
                    ("message", "Message"),
                    ("record", "Record"),
                    ("ticket", "Ticket"),
                ],
                db_default="file",
                default="file",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="document",
            name="source_created_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="document",
            name="fields",
            field=models.JSONField(
                blank=True, db_default=Value({}, models.JSONField()), default=dict
            ),
        ),
    ]
