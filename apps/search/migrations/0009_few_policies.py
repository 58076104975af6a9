"""The search in terms looks only at passages of the reader's policies where these are few.

PostgreSQL can then lay the rows of the policies over those of the terms before it reads any. With
many policies that costs more than it saves, in planning alone.
"""

# ruff: noqa: S608  the statement is put together from constants

from __future__ import annotations

from django.db import migrations

from apps.tenants.row_security import BOUND_TENANT, READS_EVERYTHING, reads_ordinal

_FEW_POLICIES = 500
_BEST = f"""
        SELECT best.id, -best.distance FROM (
        SELECT t.id, t.impacts <#> question AS distance
        FROM search_chunkterms t
        WHERE t.tenant_id = bound
          AND t.terms && matching
          AND (cardinality(required) = 0 OR t.terms @> required)
          AND {reads_ordinal("t.policy_ordinal")}
          AND {{of_policies}}
          AND (documents IS NULL OR t.document_id + 0 IN (SELECT unnest(documents)))
          AND (phrases IS NULL OR kenward_has_phrases(bound, t.id, phrases))
        ORDER BY distance, t.id
        LIMIT most) best ORDER BY best.distance, best.id;
"""
# Who may call it stays as it was. See 0004_terms.
_SEARCH = f"""
CREATE OR REPLACE FUNCTION kenward_search_terms(
    matching integer[],     -- any of these is in each passage that is found
    required integer[],     -- and all of these
    question sparsevec,     -- what each term of the question counts
    phrases tsquery,        -- and this matches; NULL: no phrase
    policies bigint[],      -- those asked for; the bound reader's are meant anyway
    documents bigint[],     -- only these; NULL: all
    most integer)
RETURNS TABLE (id bigint, score float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_indexscan = off SET enable_indexonlyscan = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    bound bigint := {BOUND_TENANT};
    -- With a reader's bits bound, these are the policies asked for, and much faster to look at.
    asked bigint[] := CASE WHEN {READS_EVERYTHING} THEN policies END;
BEGIN
    IF bound IS NULL THEN RETURN; END IF;
    IF documents IS NULL AND cardinality(policies) <= {_FEW_POLICIES} THEN
        RETURN QUERY {_BEST.format(of_policies="t.policy_id = ANY (policies)")}
    ELSE
        RETURN QUERY {
    _BEST.format(of_policies="(asked IS NULL OR t.policy_id + 0 IN (SELECT unnest(asked)))")
}
    END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("search", "0008_score_once")]

    operations = [migrations.RunSQL(_SEARCH, migrations.RunSQL.noop)]
