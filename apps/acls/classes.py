"""How confidential a document is. A class never opens anything: it can only narrow."""

from __future__ import annotations

from django.db import models


class Classification(models.TextChoices):
    """A document's class, from the most to the least open."""

    PUBLIC = "public", "Public"
    INTERNAL = "internal", "Internal"
    CONFIDENTIAL = "confidential", "Confidential"
    RESTRICTED = "restricted", "Restricted"


# The classes as SQL, the most open first: `array_position` in it says how strict one is.
ORDERED = f"ARRAY[{', '.join(repr(each.value) for each in Classification)}]::text[]"
