//! The customer's side of a connection: its channel reads the frames and writes the lines.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::{Line, Peer};
use crate::domain::message::{Message, RawBody};
use crate::domain::record::Marks;
use crate::http::problem::{Problem, Told};
use crate::http::service::{Served, Service};
use crate::pipeline::{Accepted, CustomerStream, Notice, Refusal, Since};
use crate::ports::{About, CustomerEvent, CustomerFrame, Incoming, KeyScope, Person, Session, random_bytes};
use crate::units::{EntryIndex, MessageId};

/// Pause between two entries about how far a customer's side has got.
const MARKS_EVERY: Duration = Duration::from_secs(1);

/// One customer's connection.
pub(crate) struct Customer {
    served: Arc<Served>,
    service: Arc<Service>,
    session: Arc<dyn Session>,
    token: String,
    stream: CustomerStream,
    key: Option<String>,
    marks: Marks,
    marked: Option<Instant>,
}

impl Customer {
    /// Admits whoever shows the token, and follows what is said.
    ///
    /// # Errors
    /// [`Problem`], by blame.
    pub(crate) async fn open(
        service: &Arc<Service>,
        served: Arc<Served>,
        session: Arc<dyn Session>,
        token: &str,
        since: Since,
    ) -> Result<Self, Problem> {
        let person = session.admit(token, service.clock.now())?;
        let stream = served.tenant.follow_customer(session.account(), &person, since).await?;
        let (service, token) = (Arc::clone(service), token.to_owned());
        let (key, marks, marked) = (None, Marks::default(), None);
        Ok(Self { served, service, session, token, stream, key, marks, marked })
    }

    /// What it resumes after.
    pub(crate) fn cursor(&self) -> Option<EntryIndex> {
        self.stream.cursor()
    }

    fn person(&self) -> Result<Person, Problem> {
        Ok(self.session.admit(&self.token, self.service.clock.now())?)
    }

    fn line(&self, event: &CustomerEvent) -> Line {
        Line::of(self.session.text(event), self.stream.cursor())
    }

    /// Marks are gathered, so that a customer who scrolls doesn't fill the ledger.
    async fn seen(&mut self, marks: Marks) -> Result<(), Problem> {
        self.marks =
            Marks { delivered: self.marks.delivered.max(marks.delivered), read: self.marks.read.max(marks.read) };
        if self.marked.is_none_or(|at| at.elapsed() >= MARKS_EVERY) {
            self.record_marks().await?;
        }
        Ok(())
    }

    async fn record_marks(&mut self) -> Result<(), Problem> {
        let marks = std::mem::take(&mut self.marks);
        if marks != Marks::default() {
            self.marked = Some(Instant::now());
            self.served.tenant.customer_seen(self.session.account(), &self.person()?, marks).await?;
        }
        Ok(())
    }
}

/// Takes in what a customer sends by any transport.
///
/// # Errors
/// [`Problem`], by blame.
pub(crate) async fn receive(
    service: &Service,
    served: &Served,
    session: &dyn Session,
    (contact, about): (Person, About),
    (key, fingerprint, text): (String, Vec<u8>, crate::domain::message::RawText),
) -> Result<(CustomerEvent, bool), Problem> {
    let id = MessageId::from_random(random_bytes(&*service.random));
    let message = Message::new(id, service.clock.now(), text);
    let channel = session.account().clone();
    let about = Box::new(about);
    let (key_scope, file) = (KeyScope::Person, None);
    let incoming = Incoming { channel, contact, key: key.clone(), key_scope, fingerprint, about, message, file };
    Ok(accepted(key, served.tenant.receive(incoming).await?))
}

/// What the customer hears of what was taken in under a key, and whether it had been before.
pub(crate) fn accepted(key: String, accepted: Accepted) -> (CustomerEvent, bool) {
    let Accepted { message, conversation, index, leaf, text, receipt, duplicate, file } = accepted;
    (CustomerEvent::Accepted { key, message, conversation, index, leaf, text, receipt, duplicate, file }, duplicate)
}

impl Peer for Customer {
    async fn tell(&mut self) -> Result<Vec<Line>, Refusal> {
        let events = self.stream.tell().await?;
        let line = |event: &CustomerEvent| {
            let cursor = match event {
                CustomerEvent::Said(message) => Some(message.index),
                CustomerEvent::Again(message) => message.again,
                CustomerEvent::Live { cursor } => *cursor,
                CustomerEvent::Stands(_)
                | CustomerEvent::Queue { .. }
                | CustomerEvent::Typing { .. }
                | CustomerEvent::Read { .. }
                | CustomerEvent::Accepted { .. }
                | CustomerEvent::Refused { .. } => None,
            };
            Line::of(self.session.text(event), cursor)
        };
        Ok(events.iter().map(line).collect())
    }

    async fn wait(&mut self) -> Option<Notice> {
        self.stream.wait().await
    }

    async fn take(&mut self, notice: Notice) -> Result<(), Refusal> {
        self.stream.take(notice).await
    }

    async fn frame(&mut self, frame: RawBody) -> Result<Vec<Line>, Problem> {
        self.key = None;
        match self.session.frame(&frame)? {
            CustomerFrame::Send { key, fingerprint, text } => {
                self.key = Some(key.clone());
                let person = (self.person()?, self.session.about(&self.token));
                let sent = (key, fingerprint, text);
                let (event, _) = receive(&self.service, &self.served, &*self.session, person, sent).await?;
                Ok(vec![self.line(&event)])
            }
            CustomerFrame::Typing => {
                self.stream.types();
                Ok(Vec::new())
            }
            CustomerFrame::Seen(marks) => {
                self.seen(marks).await?;
                Ok(Vec::new())
            }
            CustomerFrame::Wish { key, wish } => {
                self.key = Some(key);
                self.served.tenant.customer_wishes(self.session.account(), &self.person()?, wish).await?;
                Ok(Vec::new())
            }
        }
    }

    fn refused(&self, problem: &Told) -> Line {
        let Told { code, detail, retry_after_s } = problem;
        let event = CustomerEvent::Refused {
            key: self.key.clone(),
            code,
            detail: detail.clone(),
            retry_after_s: *retry_after_s,
        };
        self.line(&event)
    }

    /// A token that runs out while its socket is open is renewed by the next connection; marks that wait are written down.
    async fn check(&mut self) -> Result<(), Refusal> {
        match self.record_marks().await {
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn end(mut self) {
        // What could not be recorded, the next connection says again.
        let _marked = self.record_marks().await;
    }
}
