"""`reindex`: index every document anew, for example after the embedding model was changed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from apps.search.embeddings import embedding_models
from apps.tenants.context import tenant_context, unrestricted_reading
from apps.tenants.models import Tenant


class Command(BaseCommand):
    """Puts all documents of one or every tenant back into the queue."""

    help = "Index every document anew. Until a document's turn comes, only its words find it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the tenant."""
        parser.add_argument("--tenant", metavar="SLUG", help="one tenant instead of all")

    def handle(self, *args: Any, **options: Any) -> None:
        """Mark the documents, tenant by tenant, each in one transaction."""
        tenants = Tenant.objects.filter(is_active=True)
        if options["tenant"]:
            tenants = tenants.filter(slug=options["tenant"])
            if not tenants:
                raise CommandError(f"There is no tenant “{options['tenant']}”.")
        for tenant in tenants:
            with tenant_context(tenant), unrestricted_reading(), transaction.atomic():
                waiting = embedding_models.start_over()
            self.stdout.write(f"{tenant.slug}: {waiting} documents wait for indexing")
