//! Keys, sealing, passwords, and the machine's own clock and randomness.
//!
//! It implements the ports `Vault`, `Tokens`, `Sealer`, `Passwords`, `Signer`, `LogKeys`, `Random` and `Clock`. No key leaves this
//! room: callers get sealers, lookups and signatures. It deliberately knows no database, no HTTP and no message rules.
//!
//! The hierarchy: the master key (a file, on a path of its own if configured) wraps the key files; an epoch's wrap key
//! wraps the data key of each subject, which is a row in the database; a data key seals that subject's messages. Keys
//! for signing, tokens, duplicate guards, sessions and staff are separate. Erasing a subject deletes the row and, once
//! the backups that need it are gone, the epoch's key file: nothing that is kept can make the data key again.

pub mod certificate;
pub mod clock;
mod database_tls;
mod derive;
pub mod dev_ca;
mod error;
pub mod keys;
pub mod live_authority;
pub mod live_certificate;
pub mod passwords;
mod private_file;
pub mod random;
mod seal;
pub mod secrets;
mod totp;
pub mod vault;
pub mod witness_key;

pub use clock::SystemClock;
pub use database_tls::database_tls;
pub use error::KeyError;
pub use keys::{
    EpochKeeper, EpochName, ErasedJournal, KeyDirectory, KeyIdentity, KeyPlaces, LogSigner, Sm2KeyFile, WrappedFile,
};
pub use passwords::{Argon2Passwords, one_time_password};
pub use random::SystemRandom;
pub use seal::Suite;
pub use vault::TenantVault;
