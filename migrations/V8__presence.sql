-- Presence that follows a desk's connection: an agent who opened one is gone when it is gone, also after a restart of the
-- server that knew of it. Who works without a connection keeps the switch as it is.
ALTER TABLE agent ADD COLUMN attached boolean NOT NULL DEFAULT false;
