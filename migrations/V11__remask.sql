-- Masking again: what a later message tells of an earlier one replaces both sealed parts of that one, and names the entry
-- that says so. What was sealed before is not kept.
ALTER TABLE message ADD COLUMN remask_seq bigint CHECK (remask_seq > entry_seq);
ALTER TABLE note ADD COLUMN remask_seq bigint CHECK (remask_seq > entry_seq);
-- Few messages are ever masked again: readers find those since their cursor without going through the others.
CREATE INDEX message_remasked ON message (tenant, conversation, remask_seq) WHERE remask_seq IS NOT NULL;

-- Of a message or note that exists, the server's role may replace these columns and nothing else.
GRANT UPDATE (original, masked, remask_seq) ON message, note TO lww_app;
