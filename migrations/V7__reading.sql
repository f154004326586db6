-- Reading: which entry activated the policy and the routing table in force, so that whoever reads them can go to it.
ALTER TABLE settings ADD COLUMN policy_entry bigint;
ALTER TABLE settings ADD COLUMN routing_entry bigint;

-- The owner is under forced row level security too; this statement is about every tenant. Entries are canonical JSON in
-- UTF-8, so that one kind's name between quotes finds those that can be meant; the newest of them that names the digest is it.
ALTER TABLE settings NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger_entry NO FORCE ROW LEVEL SECURITY;
UPDATE settings s SET
    policy_entry = (SELECT max(e.seq) FROM ledger_entry e WHERE e.tenant = s.tenant AND s.policy IS NOT NULL
        AND position('"kind":"policy.activated/'::bytea IN e.body) > 0
        AND position(convert_to('"digest":"' || encode(s.policy, 'hex') || '"', 'UTF8') IN e.body) > 0),
    routing_entry = (SELECT max(e.seq) FROM ledger_entry e WHERE e.tenant = s.tenant AND s.routing IS NOT NULL
        AND position('"kind":"routing.activated/'::bytea IN e.body) > 0
        AND position(convert_to('"digest":"' || encode(s.routing, 'hex') || '"', 'UTF8') IN e.body) > 0);
ALTER TABLE ledger_entry FORCE ROW LEVEL SECURITY;
ALTER TABLE settings FORCE ROW LEVEL SECURITY;
