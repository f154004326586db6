-- What a policy is run over or beside: history that is masked again, and policies in shadow. The policy's text is among those
-- that were proposed, or sealed here.
CREATE TABLE policy_run (
    tenant     integer  NOT NULL,
    id         uuid     NOT NULL,
    version    bigint   NOT NULL,
    -- 0: what was said before is masked again, 1: held against the policy in force.
    kind       smallint NOT NULL CHECK (kind BETWEEN 0 AND 1),
    digest     bytea    NOT NULL,
    source     bytea,
    begun_by   uuid     NOT NULL,
    begun_seq  bigint   NOT NULL,
    begun_at   bigint   NOT NULL,
    until_at   bigint,
    -- The next entry to look at, and how much was masked again.
    cursor_seq bigint   NOT NULL,
    masked     bigint   NOT NULL,
    ended_how  smallint CHECK (ended_how BETWEEN 0 AND 3),
    ended_by   uuid,
    ended_seq  bigint,
    ended_at   bigint,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX policy_run_newest ON policy_run (tenant, kind, begun_seq);
-- One of each kind at a time.
CREATE UNIQUE INDEX policy_run_open ON policy_run (tenant, kind) WHERE ended_how IS NULL;

-- Policies that officers are writing: name and text, sealed.
CREATE TABLE policy_draft (
    tenant     integer NOT NULL,
    id         uuid    NOT NULL,
    version    bigint  NOT NULL,
    edited_by  uuid    NOT NULL,
    edited_seq bigint  NOT NULL,
    edited_at  bigint  NOT NULL,
    content    bytea   NOT NULL,
    PRIMARY KEY (tenant, id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['policy_run', 'policy_draft'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant = nullif(current_setting(''app.tenant'', true), '''')::integer)',
            name);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON policy_run TO lww_app;
GRANT UPDATE (version, cursor_seq, masked, ended_how, ended_by, ended_seq, ended_at) ON policy_run TO lww_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON policy_draft TO lww_app;
