from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("documents", "0008_records")]

    operations = [
        migrations.AddField(
            model_name="document",
            name="told_title",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=1000
            ),
        ),
    ]
