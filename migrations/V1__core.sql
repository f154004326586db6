-- The core: one log a tenant, its entries, and what commits with them.
--
-- Every table carries the tenant and is under forced row level security: a connection sees and writes only the tenant
-- that its transaction named in app.tenant. Whatever tells of a person is sealed (bytea); tests/tidy.rs holds the list of
-- columns that may be text. Hot rows are kept narrow: the write path is bounded by bytes and index entries.

CREATE TABLE tenant (
    id   integer PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    demo boolean NOT NULL DEFAULT false
);

-- The head of each log. Every commit moves it by compare-and-swap; the epoch rises with every take-over, so that a
-- server which lost the log can't write again.
CREATE TABLE log_head (
    tenant        integer PRIMARY KEY,
    generation    integer NOT NULL,
    size          bigint  NOT NULL,
    root          bytea   NOT NULL,
    last_leaf     bytea   NOT NULL,
    last_time     bigint  NOT NULL,
    frontier      bytea   NOT NULL,
    epoch         bigint  NOT NULL,
    holder        uuid    NOT NULL,
    lease_expires timestamptz NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE ledger_entry (
    tenant     integer NOT NULL,
    generation integer NOT NULL,
    seq        bigint  NOT NULL,
    body       bytea   NOT NULL,
    PRIMARY KEY (tenant, generation, seq)
) PARTITION BY LIST (tenant);

CREATE TABLE dedup (
    tenant integer NOT NULL,
    key    bytea   NOT NULL,
    seq    bigint  NOT NULL,
    body   bytea   NOT NULL,
    PRIMARY KEY (tenant, key)
);

CREATE TABLE subject (
    tenant  integer NOT NULL,
    id      uuid    NOT NULL,
    contact bytea   NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE identity (
    tenant  integer NOT NULL,
    epoch   integer NOT NULL,
    lookup  bytea   NOT NULL,
    subject uuid    NOT NULL,
    PRIMARY KEY (tenant, epoch, lookup)
);

CREATE TABLE data_key (
    tenant     integer NOT NULL,
    subject    uuid    NOT NULL,
    generation integer NOT NULL,
    epoch      integer NOT NULL,
    wrapped    bytea   NOT NULL,
    PRIMARY KEY (tenant, subject, generation)
);

CREATE TABLE channel_account (
    tenant  integer  NOT NULL,
    id      smallint NOT NULL,
    channel text     NOT NULL CHECK (channel ~ '^[a-z0-9-]{1,32}$'),
    account text     NOT NULL CHECK (account ~ '^[a-z0-9-]{1,64}$'),
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, channel, account)
);

CREATE TABLE conversation (
    tenant       integer  NOT NULL,
    id           uuid     NOT NULL,
    public_id    uuid     NOT NULL,
    subject      uuid     NOT NULL,
    channel      smallint NOT NULL,
    state        smallint NOT NULL CHECK (state BETWEEN 0 AND 2),
    agent        uuid,
    version      bigint   NOT NULL,
    last_message integer  NOT NULL,
    opened_seq   bigint   NOT NULL,
    opened_at    bigint   NOT NULL,
    chain_n      bigint   NOT NULL,
    chain_seq    bigint   NOT NULL,
    chain_leaf   bytea    NOT NULL,
    subject_n    bigint   NOT NULL,
    subject_seq  bigint   NOT NULL,
    subject_leaf bytea    NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX conversation_public ON conversation (tenant, public_id);
-- A person has at most one conversation open by one channel account: two that begin at the same instant collide here.
CREATE UNIQUE INDEX conversation_open ON conversation (tenant, subject, channel) WHERE state < 2;
CREATE INDEX conversation_opened ON conversation (tenant, opened_seq);
CREATE INDEX conversation_held ON conversation (tenant, agent, opened_seq) WHERE state = 1;
CREATE INDEX conversation_waiting ON conversation (tenant, opened_seq) WHERE state = 0;
CREATE INDEX conversation_subject ON conversation (tenant, subject);

CREATE TABLE message (
    tenant       integer  NOT NULL,
    conversation uuid     NOT NULL,
    seq          integer  NOT NULL,
    entry_seq    bigint   NOT NULL,
    id           uuid     NOT NULL,
    time         bigint   NOT NULL,
    direction    smallint NOT NULL CHECK (direction BETWEEN 0 AND 1),
    author       uuid,
    original     bytea    NOT NULL,
    masked       bytea    NOT NULL,
    PRIMARY KEY (tenant, conversation, seq)
);
-- Sealed text doesn't compress; trying costs time.
ALTER TABLE message ALTER COLUMN original SET STORAGE EXTERNAL;
ALTER TABLE message ALTER COLUMN masked SET STORAGE EXTERNAL;

CREATE TABLE account (
    tenant      integer  NOT NULL,
    id          uuid     NOT NULL,
    login       bytea    NOT NULL,
    profile     bytea    NOT NULL,
    password    text     NOT NULL,
    role        smallint NOT NULL,
    must_change boolean  NOT NULL,
    version     bigint   NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, login)
);

CREATE TABLE agent (
    tenant     integer NOT NULL,
    id         uuid    NOT NULL,
    capacity   integer NOT NULL CHECK (capacity BETWEEN 0 AND 1000),
    load       integer NOT NULL CHECK (load >= 0),
    online     boolean NOT NULL,
    idle_since bigint  NOT NULL,
    version    bigint  NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 50);

CREATE TABLE session (
    tenant    integer NOT NULL,
    token     bytea   NOT NULL,
    account   uuid    NOT NULL,
    last_seen bigint  NOT NULL,
    expires   bigint  NOT NULL,
    PRIMARY KEY (tenant, token)
);

CREATE TABLE policy (
    tenant integer NOT NULL,
    digest bytea   NOT NULL,
    source text    NOT NULL,
    PRIMARY KEY (tenant, digest)
);

CREATE TABLE settings (
    tenant  integer PRIMARY KEY,
    policy  bytea,
    version bigint NOT NULL
);

-- Nobody asks by what is sealed or hashed: sorting samples of it for the planner would take a tenth of a busy machine.
ALTER TABLE dedup ALTER COLUMN body SET STATISTICS 0;
ALTER TABLE subject ALTER COLUMN contact SET STATISTICS 0;
ALTER TABLE data_key ALTER COLUMN wrapped SET STATISTICS 0;
ALTER TABLE conversation ALTER COLUMN chain_leaf SET STATISTICS 0;
ALTER TABLE conversation ALTER COLUMN subject_leaf SET STATISTICS 0;
ALTER TABLE message ALTER COLUMN original SET STATISTICS 0;
ALTER TABLE message ALTER COLUMN masked SET STATISTICS 0;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'log_head', 'ledger_entry', 'dedup', 'subject', 'identity', 'data_key', 'channel_account', 'conversation',
        'message', 'account', 'agent', 'session', 'policy', 'settings'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant = nullif(current_setting(''app.tenant'', true), '''')::integer)',
            name);
    END LOOP;
END $$;

-- A log's entries lie in partitions of 4,194,304 indexes. The server's role may not create tables, so it asks this
-- function, which makes nothing but the partition that is named by its arguments.
CREATE FUNCTION ensure_partition(for_tenant integer, for_generation integer, first_seq bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    width  constant bigint := 4194304;
    low    bigint := first_seq - first_seq % width;
    parent text := format('ledger_entry_%s', for_tenant);
    child  text := format('ledger_entry_%s_%s_%s', for_tenant, for_generation, low / width);
BEGIN
    IF for_tenant < 0 OR for_generation < 1 OR first_seq < 0
       OR for_tenant IS DISTINCT FROM nullif(current_setting('app.tenant', true), '')::integer THEN
        RAISE EXCEPTION 'ensure_partition: arguments out of range' USING ERRCODE = '22023';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_partition'), for_tenant);
    IF to_regclass(parent) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF ledger_entry FOR VALUES IN (%s) PARTITION BY RANGE (generation, seq)',
            parent, for_tenant);
    END IF;
    IF to_regclass(child) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s, %s) TO (%s, %s)',
            child, parent, for_generation, low, for_generation, low + width);
        EXECUTE format('ALTER TABLE %I ALTER COLUMN body SET STORAGE EXTERNAL', child);
        EXECUTE format('ALTER TABLE %I ALTER COLUMN body SET STATISTICS 0', child);
    END IF;
END $$;

REVOKE ALL ON FUNCTION ensure_partition(integer, integer, bigint) FROM PUBLIC;

-- What the server's role may do. It owns nothing. The ledger is append-only for it: no UPDATE, no DELETE.
GRANT SELECT, INSERT ON tenant, ledger_entry, dedup, subject, identity, data_key, message, policy, channel_account
    TO lww_app;
GRANT SELECT, INSERT, UPDATE ON log_head, conversation, account, agent, settings TO lww_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON session TO lww_app;
GRANT SELECT ON refinery_schema_history TO lww_app;
GRANT EXECUTE ON FUNCTION ensure_partition(integer, integer, bigint) TO lww_app;
