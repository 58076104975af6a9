from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("chat", "0002_shared_by_permissions")]

    operations = []
