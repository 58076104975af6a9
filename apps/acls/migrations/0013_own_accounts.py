from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("acls", "0012_realms_keep_their_connection")]

    operations = [
        migrations.AlterField(
            model_name="claim",
            name="source",
            field=models.CharField(
                choices=[
                    ("email", "Verified e-mail address"),
                    ("sso", "Single sign-on"),
                    ("scim", "Directory (SCIM)"),
                    ("alias", "Confirmed alias"),
                    ("admin", "IT admin"),
                    ("own", "Own connected account"),
                ],
                max_length=10,
            ),
        ),
    ]
