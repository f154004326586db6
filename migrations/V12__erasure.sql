-- Erasure: who is to be erased or must not be, by whose word; and the epochs that nothing hangs on any more.

-- Counts holds on a person, so that an erasure which did not see one collides.
ALTER TABLE subject ADD COLUMN version bigint NOT NULL DEFAULT 1;
-- The identity itself, sealed under the person's data key: a later epoch's index is made from it. Identities of before are
-- indexed anew when their person comes again.
ALTER TABLE identity ADD COLUMN sealed bytea;
ALTER TABLE identity ALTER COLUMN sealed SET STATISTICS 0;
CREATE INDEX identity_subject ON identity (tenant, subject);

-- Proposals to erase somebody, and what became of them. Reasons are numbers of a closed list: nobody writes about a person here.
CREATE TABLE erasure (
    tenant       integer  NOT NULL,
    id           uuid     NOT NULL,
    subject      uuid     NOT NULL,
    state        smallint NOT NULL CHECK (state BETWEEN 0 AND 2),
    reason       smallint NOT NULL,
    at_once      boolean  NOT NULL,
    version      bigint   NOT NULL,
    proposed_by  uuid     NOT NULL,
    proposed_seq bigint   NOT NULL,
    proposed_at  bigint   NOT NULL,
    decided_by   uuid,
    decided_seq  bigint,
    decided_at   bigint,
    epoch        integer,
    PRIMARY KEY (tenant, id)
);
-- A person is proposed once at a time, and erased once: the same pseudonym never comes again.
CREATE UNIQUE INDEX erasure_pending ON erasure (tenant, subject) WHERE state = 0;
CREATE UNIQUE INDEX erasure_erased ON erasure (tenant, subject) WHERE state = 2;
CREATE INDEX erasure_newest ON erasure (tenant, proposed_seq);

CREATE TABLE legal_hold (
    tenant       integer  NOT NULL,
    id           uuid     NOT NULL,
    subject      uuid     NOT NULL,
    reason       smallint NOT NULL,
    version      bigint   NOT NULL,
    placed_by    uuid     NOT NULL,
    placed_seq   bigint   NOT NULL,
    placed_at    bigint   NOT NULL,
    released_by  uuid,
    released_seq bigint,
    released_at  bigint,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX legal_hold_subject ON legal_hold (tenant, subject) WHERE released_seq IS NULL;
CREATE INDEX legal_hold_newest ON legal_hold (tenant, placed_seq);

-- Epochs that no row of the tenant hangs on, by which entry; and the entry that says that the key is gone.
CREATE TABLE retired_epoch (
    tenant        integer NOT NULL,
    epoch         integer NOT NULL,
    fingerprint   bytea   NOT NULL,
    retired_seq   bigint  NOT NULL,
    retired_at    bigint  NOT NULL,
    destroyed_seq bigint,
    destroyed_at  bigint,
    PRIMARY KEY (tenant, epoch)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['erasure', 'legal_hold', 'retired_epoch'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (tenant = nullif(current_setting(''app.tenant'', true), '''')::integer)',
            name);
    END LOOP;
END $$;

-- The server's role may delete no person's rows. It asks this function, which deletes what opens, finds and reaches one
-- person of the tenant that the transaction named, at the version that was decided on, and nobody who is held. Messages stay:
-- nothing opens them.
CREATE FUNCTION erase_subject(for_tenant integer, for_subject uuid, at_version bigint, again boolean) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF for_tenant IS DISTINCT FROM nullif(current_setting('app.tenant', true), '')::integer THEN
        RAISE EXCEPTION 'erase_subject: arguments out of range' USING ERRCODE = '22023';
    END IF;
    DELETE FROM subject WHERE tenant = for_tenant AND id = for_subject AND version = at_version;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    -- After the row is locked: a hold that is placed meanwhile raises its version first or waits for this.
    IF NOT again AND EXISTS (SELECT FROM legal_hold WHERE tenant = for_tenant AND subject = for_subject AND released_seq IS NULL) THEN
        RAISE EXCEPTION 'erase_subject: a hold is on it' USING ERRCODE = '23514';
    END IF;
    DELETE FROM data_key WHERE tenant = for_tenant AND subject = for_subject;
    DELETE FROM identity WHERE tenant = for_tenant AND subject = for_subject;
    RETURN 1;
END $$;
REVOKE ALL ON FUNCTION erase_subject(integer, uuid, bigint, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_subject(integer, uuid, bigint, boolean) TO lww_app;

-- What was decided under an epoch must not come to hang on it after it was retired: its key may be gone at any moment.
CREATE FUNCTION refuse_retired_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM retired_epoch WHERE tenant = NEW.tenant AND epoch = NEW.epoch) THEN
        RAISE EXCEPTION 'the epoch is retired' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_retired_epoch BEFORE INSERT OR UPDATE OF epoch ON data_key
    FOR EACH ROW EXECUTE FUNCTION refuse_retired_epoch();
CREATE TRIGGER refuse_retired_epoch BEFORE INSERT OR UPDATE OF epoch ON identity
    FOR EACH ROW EXECUTE FUNCTION refuse_retired_epoch();

GRANT SELECT, INSERT, UPDATE ON erasure, legal_hold, retired_epoch TO lww_app;
GRANT UPDATE (version) ON subject TO lww_app;
-- The same key under another epoch; what it opens stays what it was.
GRANT UPDATE (epoch, wrapped) ON data_key TO lww_app;
GRANT UPDATE (epoch, lookup, sealed) ON identity TO lww_app;
