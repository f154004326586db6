-- The agents' desk: internal notes, canned replies, and lists of what somebody has or had.

-- What staff write about a conversation among themselves. The entry of the same index commits to it.
CREATE TABLE note (
    tenant       integer  NOT NULL,
    conversation uuid     NOT NULL,
    entry_seq    bigint   NOT NULL,
    id           uuid     NOT NULL,
    time         bigint   NOT NULL,
    author       uuid     NOT NULL,
    original     bytea    NOT NULL,
    masked       bytea    NOT NULL,
    PRIMARY KEY (tenant, conversation, entry_seq)
);

-- One row a reply, replaced by each newer version; one that was removed keeps its row without a text. The entry of the same
-- index commits to the text.
CREATE TABLE canned_reply (
    tenant    integer NOT NULL,
    id        uuid    NOT NULL,
    version   bigint  NOT NULL,
    entry_seq bigint  NOT NULL,
    time      bigint  NOT NULL,
    author    uuid    NOT NULL,
    removed   boolean NOT NULL,
    original  bytea   NOT NULL,
    masked    bytea   NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Sealed text doesn't compress, and nobody asks by it.
ALTER TABLE note ALTER COLUMN original SET STORAGE EXTERNAL;
ALTER TABLE note ALTER COLUMN masked SET STORAGE EXTERNAL;
ALTER TABLE note ALTER COLUMN original SET STATISTICS 0;
ALTER TABLE note ALTER COLUMN masked SET STATISTICS 0;
ALTER TABLE canned_reply ALTER COLUMN original SET STATISTICS 0;
ALTER TABLE canned_reply ALTER COLUMN masked SET STATISTICS 0;

-- What somebody had counts in their lists beside what they have.
CREATE INDEX conversation_agent ON conversation (tenant, agent, opened_seq);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['note', 'canned_reply'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant = nullif(current_setting(''app.tenant'', true), '''')::integer)',
            name);
    END LOOP;
END $$;

GRANT SELECT, INSERT ON note TO lww_app;
GRANT SELECT, INSERT, UPDATE ON canned_reply TO lww_app;
