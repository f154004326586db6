//! A socket's connection, taken over from the HTTP library as soon as its request was read.
//!
//! The library keeps a reading and a writing buffer of 8 KiB each as long as a connection is open, which is half of what an
//! idle socket would cost. So requests that ask for a WebSocket come here with their connection (RFC 9110, section 7.8): the
//! application answers them like any other, and when the answer is 101 (Switching Protocols) whoever gave it gets the bare
//! connection. The task that serves it is the connection's own, so that it counts among the connections of its worker and a
//! server that stops waits for it.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use actix_codec::{Framed, FramedParts};
use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::h1::{Codec, Message};
use actix_http::{ConnectionType, Request, Response};
use actix_service::Service;
use actix_web::dev::ServiceResponse;
use actix_web::{Error, HttpMessage as _, HttpRequest};
use futures_util::SinkExt;
use futures_util::future::{LocalBoxFuture, poll_fn};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::limits::SOCKET_SEND_MS_MAX;

/// A connection without anything of HTTP left.
pub(crate) trait Bare: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Bare for T {}

/// What serves a connection from its 101 on; gets what was read of it beyond the request, too.
struct Takeover(Box<dyn FnOnce(Box<dyn Bare>, Vec<u8>) -> LocalBoxFuture<'static, ()>>);

/// Leaves with the request what is to serve its connection once the answer, which must be 101, is sent.
pub(crate) fn leave<F: Future<Output = ()> + 'static>(
    request: &HttpRequest,
    serve: impl FnOnce(Box<dyn Bare>, Vec<u8>) -> F + 'static,
) {
    let serve = |connection, ahead| -> LocalBoxFuture<'static, ()> { Box::pin(serve(connection, ahead)) };
    request.extensions_mut().insert(Takeover(Box::new(serve)));
}

/// Lets the application answer a request that asks for a WebSocket, and hands the connection over or ends it.
///
/// # Errors
/// The connection's, and [`io::ErrorKind::TimedOut`] when the peer doesn't take the answer.
pub(crate) async fn answer<T, S>(
    application: Rc<S>,
    request: Request,
    connection: Framed<T, Codec>,
) -> Result<(), Error>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let mut connection = connection;
    let (answer, takeover) = match application.call(request).await {
        Ok(answer) => {
            let takeover = answer.request().extensions_mut().remove::<Takeover>();
            (Response::from(answer), takeover)
        }
        Err(error) => (Response::from(error), None),
    };
    let Some(Takeover(serve)) = takeover else {
        write(&mut connection, answer, Some(ConnectionType::Close)).await?;
        return Ok(timed(SinkExt::<Outgoing>::close(&mut connection)).await?);
    };
    write(&mut connection, answer, None).await?;
    let FramedParts { io, read_buf, .. } = connection.into_parts();
    let ahead = read_buf.to_vec();
    // Before the wait: the library's buffers are what must not stay.
    drop(read_buf);
    serve(Box::new(io), ahead).await;
    Ok(())
}

type Outgoing = Message<(Response<()>, BodySize)>;

async fn write<T: AsyncWrite + Unpin>(
    connection: &mut Framed<T, Codec>,
    answer: Response<BoxBody>,
    kind: Option<ConnectionType>,
) -> io::Result<()> {
    let (mut head, mut body) = answer.into_parts();
    if let Some(kind) = kind {
        head.head_mut().set_connection_type(kind);
    }
    let size = body.size();
    timed(connection.send(Message::Item((head, size)))).await?;
    if matches!(size, BodySize::None | BodySize::Sized(0)) {
        return Ok(());
    }
    while let Some(chunk) = poll_fn(|context| std::pin::Pin::new(&mut body).poll_next(context)).await {
        let chunk = chunk.map_err(|_| io::Error::other("the answer's body ended too early"))?;
        timed(connection.send(Message::Chunk(Some(chunk)))).await?;
    }
    timed(connection.send(Message::Chunk(None))).await
}

async fn timed(write: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let bound = Duration::from_millis(SOCKET_SEND_MS_MAX);
    timeout(bound, write).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
