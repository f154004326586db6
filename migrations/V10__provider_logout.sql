-- Logouts by the provider: sessions know which of its logins they came from, by keyed hashes, so that it can end them; and its
-- orders that were followed are known until they are over.
-- Of the sessions before nobody knows which login they came from: everybody logs in again after this.
TRUNCATE session;
ALTER TABLE session ADD COLUMN vouched_subject bytea;
ALTER TABLE session ADD COLUMN vouched_session bytea;

CREATE TABLE provider_logout (
    tenant integer NOT NULL,
    token  bytea   NOT NULL,
    until  bigint  NOT NULL,
    PRIMARY KEY (tenant, token)
);
ALTER TABLE provider_logout ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider_logout FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON provider_logout USING (tenant = nullif(current_setting('app.tenant', true), '')::integer);
GRANT SELECT, INSERT, DELETE ON provider_logout TO lww_app;
