"""The second wall: a document's text is seen only under the bound reader's policies."""

from __future__ import annotations

from django.db import migrations

from apps.tenants.row_security import reader_statements, reads_ordinal

TEXTS = "documents_documenttext"

# The document's own policy, so that a moved document's text follows at once.
OF_THE_DOCUMENT = f"""EXISTS (
    SELECT FROM documents_document d
    JOIN acls_policy p ON p.tenant_id = d.tenant_id AND p.id = d.policy_id
    WHERE d.tenant_id = {TEXTS}.tenant_id AND d.id = {TEXTS}.document_id
        AND {reads_ordinal("p.ordinal")})"""


class Migration(migrations.Migration):
    dependencies = [("documents", "0005_history")]

    operations = [migrations.RunSQL(reader_statements(TEXTS, OF_THE_DOCUMENT))]
