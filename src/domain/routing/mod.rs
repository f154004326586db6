//! Who gets the next conversation: a decision table says which queue it waits in, a matcher which agent it goes to.
//!
//! Pure: both decide on what they are shown, and say why, so that each decision can be read in its entry and made again.
//! Neither knows when it is called nor how the decision is recorded.

mod calendar;
mod compile;
mod digest;
mod document;
mod error;
mod facts;
mod language;
mod lint;
mod matcher;
mod record;
mod replay;
mod self_test;
mod table;

pub use calendar::{Calendar, Moment};
pub use compile::is_word;
pub use document::CaseDoc;
pub use error::{CaseError, TableError};
pub use facts::{HoursFacts, RowFacts};
pub use language::language_of;
pub use matcher::{Choice, Given, Held, Look, Place, Rank, Waiting, choose, due, estimate_ms, position, rank};
pub use record::{Assigned, Routed};
pub use replay::{Replay, ReplayError, replay, table_of};
pub use table::{Case, Decision, Queue, Table};
