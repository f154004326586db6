//! What passes of an HTTP/2 connection: its frames are counted before the library takes them in.
//!
//! The server's library sets no bound for header blocks below 16 MiB, and none for streams. So every frame's head (RFC 9113,
//! section 4.1) is looked at on its way in: a header block has the same bound as a head of HTTP/1.1, and streams can be
//! reset, settings changed and pings sent at a bounded rate only. What exceeds a bound ends the connection. How many
//! requests of a connection are under way is bounded by the guard. This module decodes no headers and reads no data.

use std::io;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::rt::net::TcpStream;
use governor::DefaultDirectRateLimiter;
use governor::{Quota, RateLimiter};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::{HEADER_BYTES_MAX, HTTP2_CONTROL_FRAMES_BURST_MAX, HTTP2_CONTROL_FRAMES_PER_S_MAX};
use crate::telemetry::{Limited, Occurrence, emit};

/// What a client sends first (RFC 9113, section 3.4).
const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const PING: u8 = 0x6;
const CONTINUATION: u8 = 0x9;

/// A frame that this server doesn't take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GateError {
    /// Headers and continuations of one block are too long.
    #[error("a header block of {bytes} bytes, at most {HEADER_BYTES_MAX} are taken")]
    HeaderBlock {
        /// Its bytes so far, as announced.
        bytes: usize,
    },
    /// Frames that cost the sender nothing come too fast.
    #[error("more than {HTTP2_CONTROL_FRAMES_PER_S_MAX} resets, settings and pings a second")]
    ControlFrames,
}

/// Counts the frames of one connection.
pub(super) struct Gate {
    /// Bytes that belong to the preface or to the present frame's payload.
    skip: usize,
    head: [u8; HEAD_BYTES],
    head_bytes: usize,
    block_bytes: usize,
    control: DefaultDirectRateLimiter,
}

impl Gate {
    pub(super) fn new() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(number(HTTP2_CONTROL_FRAMES_PER_S_MAX))
            .allow_burst(number(HTTP2_CONTROL_FRAMES_BURST_MAX));
        Self {
            skip: PREFACE_BYTES,
            head: [0; HEAD_BYTES],
            head_bytes: 0,
            block_bytes: 0,
            control: RateLimiter::direct(quota),
        }
    }

    /// Looks at bytes that came next.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), GateError> {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let taken = bytes.len().min(HEAD_BYTES - self.head_bytes);
            let (new, rest) = bytes.split_at(taken);
            if let Some(place) = self.head.get_mut(self.head_bytes..self.head_bytes + taken) {
                place.copy_from_slice(new);
            }
            self.head_bytes += taken;
            bytes = rest;
            if self.head_bytes == HEAD_BYTES {
                self.head_bytes = 0;
                self.frame()?;
            }
        }
        Ok(())
    }

    fn frame(&mut self) -> Result<(), GateError> {
        let [high, middle, low, kind, ..] = self.head;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        self.skip = length;
        match kind {
            HEADERS => self.block(length),
            CONTINUATION => self.block(self.block_bytes + length),
            RST_STREAM | SETTINGS | PING => self.control.check().map_err(|_| GateError::ControlFrames),
            _ => Ok(()),
        }
    }

    fn block(&mut self, bytes: usize) -> Result<(), GateError> {
        self.block_bytes = bytes;
        if bytes > HEADER_BYTES_MAX { Err(GateError::HeaderBlock { bytes }) } else { Ok(()) }
    }
}

/// A TLS connection; with a gate when HTTP/2 is spoken.
pub(super) struct Gated {
    pub(super) stream: TlsStream<TcpStream>,
    gate: Option<Gate>,
}

impl Gated {
    pub(super) fn new(stream: TlsStream<TcpStream>, is_http2: bool) -> Self {
        Self { stream, gate: is_http2.then(Gate::new) }
    }
}

impl AsyncRead for Gated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let new = buffer.filled().get(before..).unwrap_or_default();
        if let Some(gate) = &mut self.gate
            && let Err(error) = gate.pass(new)
        {
            emit(&Occurrence::RateLimited { whose: Limited::Connection });
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gated {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let mut bytes = u32::try_from(length).unwrap().to_be_bytes()[1..].to_vec();
        bytes.extend([kind, 0, 0, 0, 0, 1]);
        bytes.extend(vec![0; length]);
        bytes
    }

    /// Passes frames after a preface, in pieces of every size that could hide a border.
    fn check(frames: &[Vec<u8>], expect: Result<(), GateError>) {
        for piece in [1, 3, 9, 10, usize::MAX] {
            let bytes = [vec![b'P'; PREFACE_BYTES], frames.concat()].concat();
            let mut gate = Gate::new();
            let passed = bytes.chunks(piece.min(bytes.len())).try_for_each(|bytes| gate.pass(bytes));
            assert_eq!(passed, expect, "in pieces of {piece}");
        }
    }

    #[test]
    fn header_blocks_end_at_their_bound_however_they_are_cut_and_data_may_be_long() {
        let half = HEADER_BYTES_MAX / 2;
        check(&[frame(HEADERS, half), frame(CONTINUATION, half), frame(HEADERS, half)], Ok(()));
        check(&[frame(0, 1 << 20), frame(HEADERS, 9)], Ok(()));
        let bytes = 2 * half + 1;
        check(&[frame(HEADERS, bytes)], Err(GateError::HeaderBlock { bytes }));
        check(
            &[frame(HEADERS, half), frame(CONTINUATION, half), frame(CONTINUATION, 1)],
            Err(GateError::HeaderBlock { bytes }),
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_is_judged_the_same_however_it_is_cut(
            bytes in vec(any::<u8>(), 0..2_000),
            cuts in vec(1_usize..64, 1..64),
        ) {
            let mut whole = Gate::new();
            let expect = whole.pass(&bytes);
            let mut gate = Gate::new();
            let mut rest = &bytes[..];
            let mut passed = Ok(());
            for cut in cuts.into_iter().cycle() {
                if rest.is_empty() || passed.is_err() {
                    break;
                }
                let (piece, left) = rest.split_at(cut.min(rest.len()));
                passed = gate.pass(piece);
                rest = left;
            }
            prop_assert_eq!(passed, expect);
        }
    }

    #[test]
    fn a_flood_of_resets_settings_or_pings_ends_the_connection() {
        let burst = usize::try_from(HTTP2_CONTROL_FRAMES_BURST_MAX).unwrap();
        for kind in [RST_STREAM, SETTINGS, PING] {
            check(&vec![frame(kind, 8); burst / 2], Ok(()));
            check(&vec![frame(kind, 8); burst * 3], Err(GateError::ControlFrames));
        }
        check(&vec![frame(0, 8); burst * 3], Ok(()));
    }
}
