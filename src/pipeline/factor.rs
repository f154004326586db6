//! The second factor: codes by time (RFC 6238) from an app on one's phone, and recovery codes on paper.
//!
//! A code counts once: the newest time step used is stored, and it moves with the entry that says so. Wrong codes are
//! counted together with wrong passwords.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::attempts::Attempt;
use super::{NewSession, Refusal, Staff, Tenant};
use crate::domain::access::{APPROVAL_FACTOR_S_MAX, Action};
use crate::domain::event::{Event, FactorKind};
use crate::domain::message::RawText;
use crate::domain::record::{AccountChange, Alteration, Draft, Effect, Proposal, Step};
use crate::limits::{DECISIONS_MAX, FACTOR_CODE_BYTES_MAX, FACTOR_STEP_S, RECOVERY_CODES};
use crate::ports::{AccountRow, Clock, RecordError, StaffPart, Vault};
use crate::units::MICROS_PER_SECOND;
use crate::wire;

/// A code may be one step early or late (RFC 6238, section 5.2): phones' clocks are not exact.
const SKEW_STEPS: i64 = 1;
const ISSUER: &str = "Liaowaiwai";

/// A secret that waits for its first code; shown once.
pub struct Enrolment {
    /// The secret in base 32, to be typed in.
    pub secret: Zeroizing<String>,
    /// The same for a QR code, as apps read it.
    pub uri: Zeroizing<String>,
}

/// A second factor that was just set up.
pub struct Confirmed {
    /// The session from here on.
    pub session: NewSession,
    /// Codes for the day when the phone is lost, shown once.
    pub recovery: Vec<RawText>,
}

impl Tenant {
    /// Draws the secret of a new second factor and keeps it with the session until its first code comes.
    ///
    /// # Errors
    /// [`Refusal::FactorRequired`] when there is one already that was not shown just now.
    pub async fn enrol_factor(&self, staff: &Staff) -> Result<Enrolment, Refusal> {
        staff.may(Action::OwnAccount)?;
        fresh_if_there(staff)?;
        let secret = self.ports.vault.new_factor_secret();
        let sealed =
            self.ports.vault.seal_staff(StaffPart::Factor, staff.account, &RawText::new(secret.to_string()))?;
        self.ports.people.set_enrolment(staff.session.id, Some(&sealed)).await?;
        let label = wire::percent_encoded(&format!("{}:{}", self.name.name, *staff.name));
        let rest = format!("issuer={ISSUER}&algorithm=SHA1&digits=6&period={FACTOR_STEP_S}");
        let uri = Zeroizing::new(format!("otpauth://totp/{label}?secret={}&{rest}", *secret));
        Ok(Enrolment { secret, uri })
    }

    /// Makes the secret that waits the second factor, once a code shows that the phone has it.
    ///
    /// # Errors
    /// [`Refusal::BadCode`]; [`Refusal::NotFound`] when no secret waits.
    pub async fn confirm_factor(&self, staff: &Staff, code: RawText) -> Result<Confirmed, Refusal> {
        staff.may(Action::OwnAccount)?;
        fresh_if_there(staff)?;
        let sealed = staff.session.enrolment.clone().ok_or(Refusal::NotFound { what: "enrolment" })?;
        let row = self.managed(staff.account).await?;
        let attempt = self.attempt(&row.login, Some(&row)).await?;
        let Some(step) = self.step_of(&row, &sealed, &code)? else {
            return self.refuse_code(&attempt, &row).await;
        };
        self.attempt_was_right(&attempt).await?;
        let draw = |_| self.ports.passwords.one_time(&*self.ports.random);
        let recovery: Vec<RawText> = (0..RECOVERY_CODES).map(draw).collect();
        let lookup = |code: &RawText| self.ports.vault.recovery_lookup(row.id, code.expose());
        let change =
            Alteration::FactorEnrolled { secret: sealed, step, recovery: recovery.iter().map(lookup).collect() };
        let change = AccountChange { account: row.id, expected: row.version, change };
        let draft = Draft::of(Event::FactorEnrolled, staff.actor());
        self.record(Proposal::single(draft, vec![Effect::Account(change)])).await?;
        self.attempts_forgiven(&row).await?;
        let session = self.renew(staff, &self.managed(staff.account).await?).await?;
        Ok(Confirmed { session, recovery })
    }

    /// Shows the second factor: leads a login to its end, or makes the factor fresh for an approval. The session is another
    /// one afterwards.
    ///
    /// # Errors
    /// [`Refusal::BadCode`], also for one that was used before; [`Refusal::NotFound`] when there is no second factor.
    pub async fn show_factor(&self, staff: &Staff, code: RawText) -> Result<NewSession, Refusal> {
        let row = self.managed(staff.account).await?;
        let attempt = self.attempt(&row.login, Some(&row)).await?;
        for decision in 0..DECISIONS_MAX {
            let row = self.managed(staff.account).await?;
            let Some((by, change)) = self.use_of(&row, &code).await? else {
                return self.refuse_code(&attempt, &row).await;
            };
            if decision == 0 {
                self.attempt_was_right(&attempt).await?;
            }
            match self.record(shown(staff, &row, by, change)).await {
                Ok(_) => {
                    self.attempts_forgiven(&row).await?;
                    return self.renew(staff, &row).await;
                }
                // Somebody was quicker, perhaps with the same code: what is used up is read again.
                Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Conflict)
    }

    /// What a code uses up, when it is right.
    async fn use_of(&self, row: &AccountRow, code: &RawText) -> Result<Option<(FactorKind, Alteration)>, Refusal> {
        let factor = self.ports.people.factor(row.id).await?.ok_or(Refusal::NotFound { what: "second factor" })?;
        if let Some(step) = self.step_of(row, &factor.secret, code)? {
            return Ok((step > factor.last_step).then_some((FactorKind::Code, Alteration::CodeUsed { step })));
        }
        let written = code.expose().trim().to_ascii_lowercase();
        let lookup = self.ports.vault.recovery_lookup(row.id, &Zeroizing::new(written));
        let known = self.ports.people.has_recovery_code(row.id, &lookup).await?;
        Ok(known.then_some((FactorKind::Recovery, Alteration::RecoveryUsed(lookup))))
    }

    fn step_of(&self, row: &AccountRow, sealed: &[u8], code: &RawText) -> Result<Option<i64>, Refusal> {
        step_of((&*self.ports.vault, &*self.ports.clock), row, sealed, code)
    }

    async fn refuse_code<T>(&self, attempt: &Attempt, row: &AccountRow) -> Result<T, Refusal> {
        self.attempt_failed(attempt, Some(row)).await;
        Err(Refusal::BadCode)
    }
}

/// The newest time step whose code this is, of those that are near enough.
pub(super) fn step_of(
    (vault, clock): (&dyn Vault, &dyn Clock),
    row: &AccountRow,
    sealed: &[u8],
    code: &RawText,
) -> Result<Option<i64>, Refusal> {
    if code.len() > FACTOR_CODE_BYTES_MAX {
        return Ok(None);
    }
    let secret = vault.open_staff(StaffPart::Factor, row.id, sealed)?;
    let now = clock.now().as_micros() / MICROS_PER_SECOND / FACTOR_STEP_S;
    let mut found = None;
    // Every step is tried, so that the time taken tells nothing.
    for step in now - SKEW_STEPS..=now + SKEW_STEPS {
        let expected = vault.factor_code(&secret, u64::try_from(step).unwrap_or(0))?;
        if bool::from(expected.as_bytes().ct_eq(code.expose().as_bytes())) {
            found = Some(step);
        }
    }
    Ok(found)
}

/// The entries of a second factor that was shown: a login that waited for it succeeds with it.
fn shown(staff: &Staff, row: &AccountRow, by: FactorKind, change: Alteration) -> Proposal {
    let change = AccountChange { account: row.id, expected: row.version, change };
    let passed = Draft::of(Event::FactorPassed { by }, staff.actor());
    let mut proposal = Proposal::single(passed, vec![Effect::Account(change)]);
    if staff.is_pending() {
        let draft = Draft::of(Event::LoginSucceeded, staff.actor());
        proposal.steps.push(Step { draft, effects: Vec::new() });
    }
    proposal
}

/// Whoever has a second factor shows it before replacing it.
fn fresh_if_there(staff: &Staff) -> Result<(), Refusal> {
    let fresh = staff.factor_age_s.is_some_and(|age| age <= APPROVAL_FACTOR_S_MAX);
    if staff.has_factor && !fresh { Err(Refusal::FactorRequired) } else { Ok(()) }
}
