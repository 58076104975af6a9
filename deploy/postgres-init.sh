#!/bin/sh
# Runs once, when the database's folder is empty: the extension and the two roles.
set -eu
psql -v ON_ERROR_STOP=1 -v owner="$KENWARD_OWNER_PASSWORD" -v app="$KENWARD_APP_PASSWORD" \
    --username postgres --dbname kenward <<'SQL'
CREATE EXTENSION IF NOT EXISTS vector;
CREATE ROLE kenward_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner';
CREATE ROLE kenward_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'app';
ALTER DATABASE kenward OWNER TO kenward_owner;
ALTER SCHEMA public OWNER TO kenward_owner;
ALTER DEFAULT PRIVILEGES FOR ROLE kenward_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO kenward_app;
ALTER DEFAULT PRIVILEGES FOR ROLE kenward_owner IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO kenward_app;
SQL
