"""What a session must bring to see documents of a class."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.acls.classes import Classification
from apps.tenants.models import TenantModel


class Weekday(models.IntegerChoices):
    """Days as ISO counts them."""

    MONDAY = 1, "Monday"
    TUESDAY = 2, "Tuesday"
    WEDNESDAY = 3, "Wednesday"
    THURSDAY = 4, "Thursday"
    FRIDAY = 5, "Friday"
    SATURDAY = 6, "Saturday"
    SUNDAY = 7, "Sunday"


class AccessRule(TenantModel):
    """Documents of a class, and of every stricter one, are seen only where all of this holds.

    Of several rules each must pass, so that another one can only narrow. An empty part asks for
    nothing.
    """

    classification = models.CharField(
        "from this class on",
        max_length=20,
        choices=Classification,
        help_text="The rule holds for this class and for every stricter one.",
    )
    requires_mfa = models.BooleanField(
        "second factor",
        default=False,
        help_text="Only sessions in which the person has passed a second factor.",
    )
    networks = ArrayField(
        models.CharField(max_length=43),
        default=list,
        blank=True,
        help_text="Only from these networks, such as 10.20.0.0/16; empty: from anywhere.",
    )
    weekdays = ArrayField(
        models.PositiveSmallIntegerField(choices=Weekday),
        default=list,
        blank=True,
        help_text="Only on these days; none chosen: on every day.",
    )
    from_time = models.TimeField(
        "from", null=True, blank=True, help_text="Empty: the whole day long."
    )
    to_time = models.TimeField(
        "until",
        null=True,
        blank=True,
        help_text="Before “from”: on the next day, and the days chosen are those it begins on.",
    )
    time_zone = models.CharField(max_length=64, default="UTC")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(classification__in=Classification.values),
                name="accessrule_known_class",
            ),
            models.CheckConstraint(
                condition=Q(from_time=None, to_time=None)
                | (Q(from_time__isnull=False, to_time__isnull=False) & ~Q(from_time=F("to_time"))),
                name="accessrule_whole_hours",
            ),
        ]

    def __str__(self) -> str:
        return f"Rule {self.pk} from {self.get_classification_display().lower()} on"
