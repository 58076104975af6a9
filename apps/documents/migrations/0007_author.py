"""Who wrote a document, as its source or the file itself says."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("documents", "0006_wall")]

    operations = [
        # The deferred checks of earlier statements have to be over before a table is altered.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.AddField(
            model_name="document",
            name="author",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
    ]
