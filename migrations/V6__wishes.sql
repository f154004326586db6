-- What customers wish instead of waiting on: 1 to leave a message, 2 to be called back. Whoever waits comes before them.

ALTER TABLE conversation_route ADD COLUMN wish smallint CHECK (wish IN (1, 2));
CREATE INDEX conversation_route_present ON conversation_route (tenant, rule, (wish IS NOT NULL), waits_since) WHERE waiting;
DROP INDEX conversation_route_waiting;
