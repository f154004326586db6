//! The HTTP room: addresses under `/api/v1`, their bodies and answers, and the listeners.
//!
//! It turns requests into calls of the pipeline and refusals into problem documents, once. It knows no business rule, no
//! SQL and no cipher; who may do what is decided below. Logs name routes, statuses, counts and durations, never content.

mod api;
mod body;
mod connection;
mod gate;
mod guard;
mod limiter;
mod listener;
mod live;
mod machine;
pub mod oidc;
mod openapi;
mod outgoing;
mod pages;
mod problem;
mod rights;
mod routes;
mod server;
mod service;
mod session;
mod witness;

pub use api::{
    amendment_answers, answers, desk_answers, erasure_answers, evidence_answers, files as file_answers,
    history_answers, leaving_answers, reading, report_answers, rules, staff, unmasking_answers,
};
pub use connection::TrustedProxies;
pub use limiter::Rates;
pub use machine::{AskMachine, Finding, Level, Machine, Sentence};
pub use openapi::document as openapi_document;
pub use problem::{Problem, ProblemDetails};
pub use rights::{Need, RIGHTS, Right};
pub use server::{Addresses, HttpError, Https, Server, Serves};
pub use service::{Readiness, Served, ServerRole, Service};
pub use witness::HttpWitness;
