-- Routing: what a supervisor holds follows their desk's connection, and lists that stay quick with many conversations.

-- As an agent's switch does: a session that opened a connection says so, also after a restart of the server that knew of it.
ALTER TABLE session ADD COLUMN attached boolean NOT NULL DEFAULT false;

-- Each list goes down an index in its own order, by state and by queue; those of a state are counted in the index alone.
CREATE INDEX conversation_state ON conversation (tenant, state, opened_seq);
DROP INDEX conversation_waiting;

-- The order of lists beside the queue, because an index can't reach over two tables; it never changes.
ALTER TABLE conversation_route ADD COLUMN opened_seq bigint;
-- The owner is under forced row level security too; this statement is about every tenant.
ALTER TABLE conversation NO FORCE ROW LEVEL SECURITY;
ALTER TABLE conversation_route NO FORCE ROW LEVEL SECURITY;
UPDATE conversation_route r SET opened_seq = c.opened_seq FROM conversation c WHERE c.tenant = r.tenant AND c.id = r.conversation;
ALTER TABLE conversation_route FORCE ROW LEVEL SECURITY;
ALTER TABLE conversation FORCE ROW LEVEL SECURITY;
ALTER TABLE conversation_route ALTER COLUMN opened_seq SET NOT NULL;
CREATE INDEX conversation_route_queue ON conversation_route (tenant, queue, opened_seq);
