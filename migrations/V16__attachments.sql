-- Files that came with messages: what is told of each, and its sealed pieces. A message's own row holds what was read out of it.
CREATE TABLE attachment (
    tenant    integer  NOT NULL,
    message   uuid     NOT NULL,
    -- The entry of the message; the file's own stands right before it.
    entry_seq bigint   NOT NULL,
    format    smallint NOT NULL,
    bytes     bigint   NOT NULL CHECK (bytes >= 0),
    -- 0: its text is shown; 1: nothing of it is; 16 and more: it is in quarantine, and why.
    fate      smallint NOT NULL,
    kept      boolean  NOT NULL,
    PRIMARY KEY (tenant, message)
);

-- Sealed under the person's data key like the message; empty once the file is not kept any more.
CREATE TABLE attachment_piece (
    tenant  integer NOT NULL,
    message uuid    NOT NULL,
    number  integer NOT NULL,
    sealed  bytea   NOT NULL,
    PRIMARY KEY (tenant, message, number)
);
-- What is sealed can't be made smaller.
ALTER TABLE attachment_piece ALTER COLUMN sealed SET STORAGE EXTERNAL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['attachment', 'attachment_piece'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant = nullif(current_setting(''app.tenant'', true), '''')::integer)',
            name);
    END LOOP;
END $$;
GRANT SELECT, INSERT ON attachment, attachment_piece TO lww_app;
GRANT UPDATE (kept) ON attachment TO lww_app;
GRANT UPDATE (sealed) ON attachment_piece TO lww_app;
