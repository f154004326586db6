-- Routing: where each conversation was sent by the decision table, what it waits for, and what agents can do.

-- One row a conversation, written whole with every change of its routing. Words of the table's lists, no person's.
CREATE TABLE conversation_route (
    tenant       integer  NOT NULL,
    conversation uuid     NOT NULL,
    rule         text     NOT NULL,
    queue        text     NOT NULL,
    priority     smallint NOT NULL CHECK (priority BETWEEN 1 AND 9),
    skills       text     NOT NULL,
    sla_s        integer,
    sticky       boolean  NOT NULL,
    tier         text,
    language     text,
    weight       integer  NOT NULL CHECK (weight BETWEEN 1 AND 100000),
    waiting      boolean  NOT NULL,
    waits_since  bigint   NOT NULL,
    let_go       boolean  NOT NULL,
    held_since   bigint,
    told_until   bigint,
    PRIMARY KEY (tenant, conversation)
) WITH (fillfactor = 70);
CREATE INDEX conversation_route_waiting ON conversation_route (tenant, rule, waits_since) WHERE waiting;

-- The owner is under forced row level security too; these statements are about every tenant.
ALTER TABLE conversation NO FORCE ROW LEVEL SECURITY;
INSERT INTO conversation_route (tenant, conversation, rule, queue, priority, skills, sticky, weight, waiting, waits_since,
        let_go, held_since)
    SELECT tenant, id, 'default', 'default', 5, '', false, 100, state = 0, opened_at, false,
        CASE WHEN state = 1 THEN touched_at END FROM conversation;
ALTER TABLE conversation FORCE ROW LEVEL SECURITY;

-- A load is counted in hundredths of a place: conversations of some channels weigh more than others.
ALTER TABLE agent NO FORCE ROW LEVEL SECURITY;
UPDATE agent SET load = load * 100;
ALTER TABLE agent FORCE ROW LEVEL SECURITY;
-- Skills and groups, words with a space between them.
ALTER TABLE agent ADD COLUMN skills text NOT NULL DEFAULT '';
-- Since when the agent has been gone; outside the ledger, as presence is.
ALTER TABLE agent ADD COLUMN offline_since bigint;

-- Digest of the active routing table; its text is in policy.
ALTER TABLE settings ADD COLUMN routing bytea;

ALTER TABLE conversation_route ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation_route FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON conversation_route
    USING (tenant = nullif(current_setting('app.tenant', true), '')::integer);
GRANT SELECT, INSERT, UPDATE ON conversation_route TO lww_app;
