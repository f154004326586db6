-- People: sessions that can be listed and revoked, locked and disabled accounts, second factors, identities of the bank's
-- own provider, and failed logins that survive a restart.

-- Sessions get columns that none of the old ones could fill: everybody logs in again after this.
TRUNCATE session;
ALTER TABLE session ADD COLUMN id uuid NOT NULL;
ALTER TABLE session ADD COLUMN created bigint NOT NULL;
-- From which kind of device, sealed.
ALTER TABLE session ADD COLUMN device bytea NOT NULL;
-- The password was right and the code is still to come.
ALTER TABLE session ADD COLUMN pending boolean NOT NULL;
ALTER TABLE session ADD COLUMN factor_at bigint;
-- A secret that was shown and not confirmed by a code yet, sealed.
ALTER TABLE session ADD COLUMN enrolment bytea;
CREATE UNIQUE INDEX session_public ON session (tenant, id);
CREATE INDEX session_account ON session (tenant, account);

-- The login, sealed, for the administrators' list; accounts made before have none.
ALTER TABLE account ADD COLUMN login_name bytea;
ALTER TABLE account ADD COLUMN enabled boolean NOT NULL DEFAULT true;
ALTER TABLE account ADD COLUMN locked boolean NOT NULL DEFAULT false;

-- Attempts to log in, by the login's keyed hash; names that nobody has share 65,536 short keys.
CREATE TABLE login_failure (
    tenant   integer NOT NULL,
    login    bytea   NOT NULL,
    failures integer NOT NULL,
    last     bigint  NOT NULL,
    PRIMARY KEY (tenant, login)
) WITH (fillfactor = 50);

CREATE TABLE second_factor (
    tenant    integer NOT NULL,
    account   uuid    NOT NULL,
    secret    bytea   NOT NULL,
    last_step bigint  NOT NULL,
    PRIMARY KEY (tenant, account)
);

CREATE TABLE recovery_code (
    tenant  integer NOT NULL,
    account uuid    NOT NULL,
    code    bytea   NOT NULL,
    PRIMARY KEY (tenant, account, code)
);

-- Who the bank's own provider says somebody is, by a keyed hash of issuer and subject.
CREATE TABLE external_identity (
    tenant  integer NOT NULL,
    lookup  bytea   NOT NULL,
    account uuid    NOT NULL,
    PRIMARY KEY (tenant, lookup)
);
CREATE INDEX external_identity_account ON external_identity (tenant, account);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['login_failure', 'second_factor', 'recovery_code', 'external_identity'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant = nullif(current_setting(''app.tenant'', true), '''')::integer)',
            name);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON login_failure, second_factor TO lww_app;
GRANT SELECT, INSERT, DELETE ON recovery_code, external_identity TO lww_app;
