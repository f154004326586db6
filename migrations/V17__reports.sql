-- Places in messages that the desk reported as masked wrongly, or not masked. What stands there is in the message alone: a report
-- has no words of its own, and goes with the person's key.
CREATE TABLE mask_report (
    tenant      integer  NOT NULL,
    id          uuid     NOT NULL,
    version     bigint   NOT NULL,
    state       smallint NOT NULL CHECK (state BETWEEN 0 AND 4),
    -- The entry of the report says which message and which place.
    made_by     uuid     NOT NULL,
    made_seq    bigint   NOT NULL,
    made_at     bigint   NOT NULL,
    -- Whoever brought it where it stands, by which entry.
    changed_by  uuid     NOT NULL,
    changed_seq bigint   NOT NULL,
    changed_at  bigint   NOT NULL,
    amendment   uuid,
    reason      smallint,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX mask_report_newest ON mask_report (tenant, made_seq);

ALTER TABLE mask_report ENABLE ROW LEVEL SECURITY;
ALTER TABLE mask_report FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON mask_report USING (tenant = nullif(current_setting('app.tenant', true), '')::integer);
GRANT SELECT, INSERT ON mask_report TO lww_app;
GRANT UPDATE (state, version, changed_by, changed_seq, changed_at, amendment, reason) ON mask_report TO lww_app;
