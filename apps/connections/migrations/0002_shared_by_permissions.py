from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connections", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="hold_above",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="A sync that opens more documents than this to somebody waits for an IT admin. Empty: never. What takes access away never waits.",
                null=True,
                verbose_name="hold widening above (documents)",
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="permissions_confirmed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="connection",
            name="permissions_max_age_s",
            field=models.PositiveIntegerField(
                default=3600,
                help_text="What was last confirmed longer ago is hidden, or asked of the source.",
                verbose_name="permissions count for (seconds)",
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="when_stale",
            field=models.CharField(
                choices=[
                    ("hide", "Hide them until their permissions are confirmed"),
                    ("check", "Ask the source each time somebody opens one"),
                ],
                default="hide",
                max_length=10,
                verbose_name="older permissions",
            ),
        ),
    ]
