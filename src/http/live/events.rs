//! Event streams (HTML living standard, section 9.2): the same lines as a socket's, one way.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{ALIVE, Line, Peer};
use crate::limits::SOCKET_PING_MS;

struct Stream<P> {
    peer: P,
    stop: watch::Receiver<bool>,
    /// Goes on however much is told or heard of meanwhile: who may no longer be here is noticed by it.
    beat: Interval,
}

/// Tells a peer until it leaves, the server stops, or it must begin again from its cursor.
pub(crate) fn serve<P: Peer + 'static>(peer: P, stop: watch::Receiver<bool>) -> HttpResponse {
    let period = Duration::from_millis(SOCKET_PING_MS);
    let mut beat = interval_at(Instant::now() + period, period);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let lines = stream::unfold(Some(Stream { peer, stop, beat }), |state| async move {
        let mut state = state?;
        match state.next().await {
            Some(text) => Some((Ok::<Bytes, std::convert::Infallible>(Bytes::from(text)), Some(state))),
            None => {
                state.peer.end().await;
                None
            }
        }
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Box::pin(lines))
}

impl<P: Peer> Stream<P> {
    async fn next(&mut self) -> Option<String> {
        loop {
            let lines = self.peer.tell().await.ok()?;
            if !lines.is_empty() {
                return Some(lines.iter().map(event).collect());
            }
            tokio::select! {
                notice = self.peer.wait() => self.peer.take(notice?).await.ok()?,
                _ = self.beat.tick() => {
                    self.peer.check().await.ok()?;
                    return Some(event(&Line::of(ALIVE.to_owned(), None)));
                }
                _ = self.stop.wait_for(|stop| *stop) => return None,
            }
        }
    }
}

fn event(line: &Line) -> String {
    match line.cursor {
        Some(cursor) => format!("id: {}\ndata: {}\n\n", cursor.0, line.text),
        None => format!("data: {}\n\n", line.text),
    }
}
