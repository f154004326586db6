-- Requests to open a masked value: which, by whose word, until when. Of what and why stands in the entry that asked; the value
-- is in no row of its own, it is found in the sealed original of its message.
CREATE TABLE unmasking (
    tenant        integer  NOT NULL,
    id            uuid     NOT NULL,
    state         smallint NOT NULL CHECK (state BETWEEN 0 AND 3),
    version       bigint   NOT NULL,
    conversation  uuid     NOT NULL,
    subject       uuid     NOT NULL,
    message       uuid     NOT NULL,
    -- Its place among the masked values of the message, and the entry that masked it so.
    span          integer  NOT NULL,
    of_seq        bigint   NOT NULL,
    until         bigint,
    requested_by  uuid     NOT NULL,
    requested_seq bigint   NOT NULL,
    requested_at  bigint   NOT NULL,
    decided_by    uuid,
    decided_seq   bigint,
    decided_at    bigint,
    used_by       uuid,
    used_seq      bigint,
    used_at       bigint,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX unmasking_newest ON unmasking (tenant, requested_seq);
CREATE INDEX unmasking_subject ON unmasking (tenant, subject, requested_seq);

ALTER TABLE unmasking ENABLE ROW LEVEL SECURITY;
ALTER TABLE unmasking FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON unmasking USING (tenant = nullif(current_setting('app.tenant', true), '')::integer);
GRANT SELECT, INSERT ON unmasking TO lww_app;
GRANT UPDATE (state, version, until, decided_by, decided_seq, decided_at, used_by, used_seq, used_at) ON unmasking TO lww_app;
