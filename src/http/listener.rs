//! What happens between a listener and the first request of a connection: TLS, the choice of a protocol, and the bounds of
//! both.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use actix_codec::{AsyncRead, AsyncWrite, Framed};
use actix_http::h1::Codec;
use actix_http::{HttpServiceBuilder, Protocol, Request};
use actix_server::{GracefulShutdownSignal, ServerBuilder};
use actix_service::{ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service, map_config};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, Error};
use rustix::net::sockopt::set_tcp_user_timeout;
use rustls::ServerConfig;

use super::connection::Connection;
use super::gate::Gated;
use super::guard::{Guard, around};
use super::live::takeover::answer;
use super::server::{HttpError, Https};
use super::service::Service;
use crate::limits::{
    DISCONNECT_WAIT_MS_MAX, HANDSHAKE_WAIT_MS_MAX, HTTP2_WINDOW_BYTES_MAX, KEEP_ALIVE_MS_MAX, REQUEST_HEAD_WAIT_MS_MAX,
    UNREAD_MS_MAX,
};

const HTTP_2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// What every listener serves.
#[derive(Clone)]
pub(super) struct Application {
    pub(super) service: Data<Service>,
    pub(super) guard: Data<Guard>,
}

/// A builder with one listener more, and the address that it got.
type Listening = Result<(ServerBuilder, Option<SocketAddr>), HttpError>;

impl Application {
    /// Adds plain HTTP/1.1.
    pub(super) fn listen_plain(
        self,
        builder: ServerBuilder,
        address: SocketAddr,
        routes: fn(&mut ServiceConfig),
    ) -> Listening {
        let (listener, bound) = bind(address)?;
        let signal = builder.graceful_shutdown_signal();
        let listening = builder.listen("http", listener, move || {
            let service = bounded(&signal).upgrade(self.taking_over(routes));
            let service = service.on_connect_ext(|stream: &TcpStream, data| Connection::note(stream, data));
            service.finish(self.routed(routes)).tcp()
        });
        Ok((listening.map_err(refused(address))?, Some(bound)))
    }

    /// Adds HTTPS: HTTP/2 where the client offers it (RFC 7301), else HTTP/1.1.
    pub(super) fn listen_tls(self, builder: ServerBuilder, https: Https, routes: fn(&mut ServiceConfig)) -> Listening {
        let Https { address, mut config, .. } = https;
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
        let (listener, bound) = bind(address)?;
        let signal = builder.graceful_shutdown_signal();
        let listening = builder.listen("https", listener, move || {
            let service = bounded(&signal).upgrade(self.taking_over(routes));
            let service = service.on_connect_ext(|stream: &Gated, data| Connection::note(stream, data));
            let service = service.finish(self.routed(routes)).map_err(TlsError::Service);
            accepting(config.clone()).and_then(service)
        });
        Ok((listening.map_err(refused(address))?, Some(bound)))
    }

    /// The same application for requests that ask for a WebSocket, whose connections it may take over.
    fn taking_over<T: AsyncRead + AsyncWrite + Unpin + 'static>(
        &self,
        routes: fn(&mut ServiceConfig),
    ) -> impl ServiceFactory<(Request, Framed<T, Codec>), Config = (), Response = (), Error = Error, InitError = ()> + use<T>
    {
        let factory = Rc::new(self.routed(routes));
        fn_factory(move || {
            let factory = Rc::clone(&factory);
            async move {
                let application = Rc::new(factory.new_service(()).await?);
                Ok(fn_service(move |(request, connection)| answer(Rc::clone(&application), request, connection)))
            }
        })
    }

    fn routed(
        &self,
        routes: fn(&mut ServiceConfig),
    ) -> impl ServiceFactory<
        Request,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
        Service: 'static,
        Future: 'static,
    > + use<> {
        let application = App::new()
            .app_data(self.service.clone())
            .app_data(self.guard.clone())
            .configure(routes)
            .wrap(from_fn(around));
        map_config(application, |()| AppConfig::default())
    }
}

fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), HttpError> {
    let listener = TcpListener::bind(address).map_err(refused(address))?;
    // Its connections inherit this. The kernel ends one whose peer takes nothing of what waits for it, be it an answer, an
    // event stream or a socket; a peer that reads slowly but reads goes on.
    set_tcp_user_timeout(&listener, UNREAD_MS_MAX).map_err(|error| refused(address)(error.into()))?;
    let bound = listener.local_addr().map_err(refused(address))?;
    Ok((listener, bound))
}

fn refused(address: SocketAddr) -> impl Fn(io::Error) -> HttpError {
    move |source| HttpError::Bind { address, source }
}

/// The bounds of a connection of either protocol.
fn bounded<T, S>(signal: &GracefulShutdownSignal) -> HttpServiceBuilder<T, S>
where
    S: ServiceFactory<Request, Config = (), Error = Error, InitError = (), Service: 'static, Future: 'static>,
{
    let signal = signal.clone();
    HttpServiceBuilder::default()
        .graceful_shutdown_signal(move || {
            let signal = signal.clone();
            async move { signal.notified().await }
        })
        .client_request_timeout(Duration::from_millis(REQUEST_HEAD_WAIT_MS_MAX))
        .client_disconnect_timeout(Duration::from_millis(DISCONNECT_WAIT_MS_MAX))
        .keep_alive(Duration::from_millis(KEEP_ALIVE_MS_MAX))
        .h2_initial_window_size(HTTP2_WINDOW_BYTES_MAX)
        .h2_initial_connection_window_size(HTTP2_WINDOW_BYTES_MAX)
}

/// Does the handshake and puts HTTP/2 behind its gate.
fn accepting<E>(
    config: ServerConfig,
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    Response = (Gated, Protocol, Option<SocketAddr>),
    Error = TlsError<io::Error, E>,
    InitError = (),
> {
    let mut acceptor = Acceptor::new(config);
    acceptor.set_handshake_timeout(Duration::from_millis(HANDSHAKE_WAIT_MS_MAX));
    acceptor.map_init_err(|()| ()).map_err(TlsError::into_service_error).map(|stream: TlsStream<TcpStream>| {
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
        let peer = stream.get_ref().0.peer_addr().ok();
        let protocol = if is_http2 { Protocol::Http2 } else { Protocol::Http1 };
        (Gated::new(stream, is_http2), protocol, peer)
    })
}
