-- A request may ask for a file instead of a value: it has no place among the masked values of its message.
ALTER TABLE unmasking ALTER COLUMN span DROP NOT NULL;

-- What is in quarantine is listed, the newest first.
CREATE INDEX attachment_quarantined ON attachment (tenant, entry_seq) WHERE fate >= 16;
