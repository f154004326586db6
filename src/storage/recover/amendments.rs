//! Proposed changes of the masking policy made anew of the entries.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::RecoverError;
use super::people::{Rows, signed, uuid};
use crate::storage::verify::amendments::{Act, Told};
use crate::units::{Hash, Id128, Timestamp};

impl Rows<'_> {
    pub(super) async fn amendments(&self) -> Result<(), RecoverError> {
        for (id, told) in &self.walk.state.amendments.told {
            if self.is_missing(told.newest()) {
                self.amendment(uuid(*id), told).await?;
            }
        }
        Ok(())
    }

    async fn amendment(&self, id: Uuid, told: &Told) -> Result<(), RecoverError> {
        let sql = "INSERT INTO amendment (tenant, id, state, digest, against, only_masks_more, effective_at, version, proposed_by, \
                   proposed_seq, proposed_at, decided_by, decided_seq, decided_at, reviewed_by, reviewed_seq, reviewed_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT (tenant, id) \
                   DO UPDATE SET state = excluded.state, version = amendment.version + 1, decided_by = excluded.decided_by, \
                   decided_seq = excluded.decided_seq, decided_at = excluded.decided_at, reviewed_by = excluded.reviewed_by, \
                   reviewed_seq = excluded.reviewed_seq, reviewed_at = excluded.reviewed_at";
        let (state, digest) = (told.state.code(), told.digest.as_bytes().as_slice());
        let against = told.against.unwrap_or(Hash::ZERO);
        let against = against.as_bytes().as_slice();
        let effective =
            told.effective.as_ref().and_then(|from| from.parse::<Timestamp>().ok()).map(Timestamp::as_micros);
        let (proposed, proposed_by, at) = parts(Some(told.proposed));
        let (decided, decided_by, decided_at) = parts(told.decided);
        let (reviewed, reviewed_by, reviewed_at) = parts(told.reviewed);
        let own: [&(dyn ToSql + Sync); 15] = [
            &id,
            &state,
            &digest,
            &against,
            &told.only_masks_more,
            &effective,
            &proposed_by,
            &proposed,
            &at,
            &decided_by,
            &decided,
            &decided_at,
            &reviewed_by,
            &reviewed,
            &reviewed_at,
        ];
        self.run(sql, &own).await?;
        for (index, by, time) in &told.consents {
            let sql = "INSERT INTO amendment_consent (tenant, amendment, account, seq, time) VALUES ($1, $2, $3, $4, $5) \
                       ON CONFLICT DO NOTHING";
            self.run(sql, &[&id, &uuid(*by), &signed(*index), time]).await?;
        }
        Ok(())
    }
}

/// The columns of an act that may not have happened.
fn parts(act: Option<Act>) -> (Option<i64>, Option<Uuid>, Option<i64>) {
    act.map_or((None, None, None), |(index, by, time): (_, Id128, _)| (Some(signed(index)), Some(uuid(by)), Some(time)))
}
