-- Live conversations: one thread a person over all channels, a life cycle, and what the customer has got and read.

-- Which channel account a message came or went by: a person may change it within one conversation.
ALTER TABLE message ADD COLUMN channel smallint;
-- The owner is under forced row level security too; this one statement is about every tenant.
ALTER TABLE message NO FORCE ROW LEVEL SECURITY;
ALTER TABLE conversation NO FORCE ROW LEVEL SECURITY;
UPDATE message m SET channel = c.channel FROM conversation c WHERE c.tenant = m.tenant AND c.id = m.conversation;
ALTER TABLE message FORCE ROW LEVEL SECURITY;
ALTER TABLE message ALTER COLUMN channel SET NOT NULL;

-- 3 is solved: over unless the customer writes again within the tenant's time.
ALTER TABLE conversation DROP CONSTRAINT conversation_state_check;
ALTER TABLE conversation ADD CONSTRAINT conversation_state_check CHECK (state BETWEEN 0 AND 3);
-- Time of the newest message or change of state; not indexed, so that a message's update stays within its page.
ALTER TABLE conversation ADD COLUMN touched_at bigint NOT NULL DEFAULT 0;
UPDATE conversation SET touched_at = opened_at;
ALTER TABLE conversation FORCE ROW LEVEL SECURITY;
ALTER TABLE conversation ADD COLUMN solved_at bigint;
-- Who held it before it was solved or put back: the first to be asked when it comes again.
ALTER TABLE conversation ADD COLUMN last_agent uuid;
-- The earlier conversation that it goes on from.
ALTER TABLE conversation ADD COLUMN continues uuid;
-- Index of the newest entry that the customer's side has got, and that it has read; -1 before the first.
ALTER TABLE conversation ADD COLUMN delivered_seq bigint NOT NULL DEFAULT -1;
ALTER TABLE conversation ADD COLUMN read_seq bigint NOT NULL DEFAULT -1;

-- A person has at most one conversation that is not closed: two that begin at the same instant collide here.
DROP INDEX conversation_open;
CREATE UNIQUE INDEX conversation_open ON conversation (tenant, subject) WHERE state <> 2;
CREATE INDEX conversation_solved ON conversation (tenant, solved_at) WHERE state = 3;
