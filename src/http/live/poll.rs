//! Long polls: the lines since a cursor, or the first that come within a wait.

use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::{Line, Peer};
use crate::http::api::answers::Updates;
use crate::http::problem::Problem;
use crate::limits::PAGE_ITEMS_MAX;
use crate::units::EntryIndex;

/// Answers one poll.
///
/// # Errors
/// [`Problem`] when it can't be read at present.
pub(crate) async fn serve<P: Peer>(
    mut peer: P,
    after: Option<EntryIndex>,
    wait: Duration,
    mut stop: watch::Receiver<bool>,
) -> Result<HttpResponse, Problem> {
    let until = Instant::now() + wait;
    let mut lines = peer.tell().await?;
    while !lines.iter().any(|line| line.cursor > after) && lines.len() < PAGE_ITEMS_MAX as usize {
        let more = peer.tell().await?;
        if !more.is_empty() {
            lines.extend(more);
            continue;
        }
        let waited = tokio::select! {
            waited = timeout_at(until, peer.wait()) => waited,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Ok(Some(notice)) = waited else { break };
        peer.take(notice).await?;
    }
    peer.end().await;
    let next = lines.iter().filter_map(|line| line.cursor).max().or(after);
    Ok(HttpResponse::Ok().json(Updates { events: values(lines), next: next.map(|index| index.0) }))
}

/// Lines are JSON already.
fn values(lines: Vec<Line>) -> Vec<Box<RawValue>> {
    lines.into_iter().filter_map(|line| RawValue::from_string(line.text).ok()).collect()
}
