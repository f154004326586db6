-- Governance of the masking policy: what somebody wants to change it to, who consented, and from when on it is to act.
CREATE TABLE amendment (
    tenant          integer  NOT NULL,
    id              uuid     NOT NULL,
    state           smallint NOT NULL CHECK (state BETWEEN 0 AND 3),
    -- The policy it would bring into force, whose text is in policy, and the one that it would follow.
    digest          bytea    NOT NULL,
    against         bytea    NOT NULL,
    only_masks_more boolean  NOT NULL,
    effective_at    bigint,
    version         bigint   NOT NULL,
    proposed_by     uuid     NOT NULL,
    proposed_seq    bigint   NOT NULL,
    proposed_at     bigint   NOT NULL,
    decided_by      uuid,
    decided_seq     bigint,
    decided_at      bigint,
    -- One person brought it into force; another one looked at it afterwards.
    reviewed_by     uuid,
    reviewed_seq    bigint,
    reviewed_at     bigint,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX amendment_newest ON amendment (tenant, proposed_seq);

-- Nobody consents twice.
CREATE TABLE amendment_consent (
    tenant    integer NOT NULL,
    amendment uuid    NOT NULL,
    account   uuid    NOT NULL,
    seq       bigint  NOT NULL,
    time      bigint  NOT NULL,
    PRIMARY KEY (tenant, amendment, account)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['amendment', 'amendment_consent'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant = nullif(current_setting(''app.tenant'', true), '''')::integer)',
            name);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON amendment, amendment_consent TO lww_app;
GRANT UPDATE (state, version, decided_by, decided_seq, decided_at, reviewed_by, reviewed_seq, reviewed_at)
    ON amendment TO lww_app;
