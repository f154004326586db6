//! What is known of a connection: who is at its other end, how it is encrypted, and how much of it is under way.

use std::any::Any;
use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::http::header::HeaderMap;
use actix_web::rt::net::TcpStream;
use ipnet::IpNet;
use x509_parser::parse_x509_certificate;

use super::gate::Gated;
use super::problem::Problem;
use super::service::{Served, Service};
use crate::limits::REQUESTS_PER_CONNECTION_MAX;
use crate::units::ChannelAccount;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Networks of the bank's own proxies, whose word about the client's address is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(pub Vec<IpNet>);

/// A connection, as the requests that came by it see it.
pub(super) struct Connection {
    peer: Option<IpAddr>,
    /// Whether it is encrypted.
    pub(super) is_secure: bool,
    /// The common name of the client certificate that the handshake verified.
    client_name: Option<String>,
    /// Whether the newest request was somebody's who proved who they are.
    pub(super) is_proven: Cell<bool>,
    under_way: Rc<Cell<usize>>,
}

impl Connection {
    fn new(peer: Option<SocketAddr>, is_secure: bool, client_name: Option<String>) -> Self {
        let peer = peer.map(|address| address.ip().to_canonical());
        Self { peer, is_secure, client_name, is_proven: Cell::default(), under_way: Rc::default() }
    }

    /// Notes a new connection for the requests that will come by it.
    pub(super) fn note(stream: &dyn Any, extensions: &mut Extensions) {
        if let Some(plain) = stream.downcast_ref::<TcpStream>() {
            extensions.insert(Self::new(plain.peer_addr().ok(), false, None));
        } else if let Some(gated) = stream.downcast_ref::<Gated>() {
            let (tcp, tls) = gated.stream.get_ref();
            let name = tls.peer_certificates().and_then(|chain| common_name(chain.first()?));
            extensions.insert(Self::new(tcp.peer_addr().ok(), true, name));
        }
    }

    /// The connection that a request came by.
    pub(super) fn of(request: &HttpRequest) -> Option<&Self> {
        request.conn_data::<Self>()
    }

    /// Begins a request; its end gives the place back.
    ///
    /// # Errors
    /// [`Problem::TooManyAtOnce`] when as many as a connection may have are under way. HTTP/1.1 has one at a time.
    pub(super) fn begin(&self) -> Result<UnderWay, Problem> {
        let present = self.under_way.get();
        if present >= REQUESTS_PER_CONNECTION_MAX {
            return Err(Problem::TooManyAtOnce);
        }
        self.under_way.set(present + 1);
        Ok(UnderWay(Rc::clone(&self.under_way)))
    }

    /// The client's address: the peer's, or what trusted proxies say of it.
    pub(super) fn client(&self, headers: &HeaderMap, proxies: &TrustedProxies) -> Option<IpAddr> {
        let values = headers.get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok());
        Some(proxies.client(self.peer?, values))
    }
}

/// The common name of a certificate's subject; `None` when it has none, or several.
fn common_name(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let mut names = certificate.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?.to_owned();
    names.next().is_none().then_some(name)
}

/// A request that is under way.
pub(super) struct UnderWay(Rc<Cell<usize>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// Whether a request came encrypted.
pub(super) fn is_secure(request: &HttpRequest) -> bool {
    Connection::of(request).is_some_and(|connection| connection.is_secure)
}

/// Refuses a request to a channel account that takes another machine's requests only.
///
/// # Errors
/// [`Problem::WrongCertificate`].
pub(super) fn right_machine(request: &HttpRequest, served: &Served, account: &ChannelAccount) -> Result<(), Problem> {
    let named = || Connection::of(request)?.client_name.as_deref();
    match served.client_names.get(account) {
        Some(needed) if named() != Some(needed) => Err(Problem::WrongCertificate),
        Some(_) | None => Ok(()),
    }
}

/// The tenant whose published log the connection's certificate may read, with its name and the certificate's.
pub(super) fn auditor(service: &Service, request: &HttpRequest) -> Option<(String, Arc<Served>, String)> {
    let name = Connection::of(request)?.client_name.clone()?;
    let (tenant, served) = service.audited_by(&name)?;
    Some((tenant, served, name))
}

impl TrustedProxies {
    /// The nearest address that is not a trusted proxy's: `peer`, unless that is one; then what stands rightmost in
    /// `X-Forwarded-For`, and so on. What is left of the first untrusted address is anybody's claim.
    pub fn client<'a>(&self, peer: IpAddr, forwarded_for: impl Iterator<Item = &'a str>) -> IpAddr {
        let claims: Vec<&str> = forwarded_for.flat_map(|value| value.split(',')).collect();
        let mut nearest = peer;
        for claim in claims.iter().rev() {
            if !self.trusts(nearest) {
                break;
            }
            // A proxy that writes no address is the last one whose word counts.
            let Ok(address) = claim.trim().parse::<IpAddr>() else { break };
            nearest = address.to_canonical();
        }
        nearest
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed_and_only_about_who_is_next() {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for (peer, headers, expect) in [
            // Spoofed by a client that comes directly.
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("203.0.113.9", &["10.0.0.1, 198.51.100.1"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            // Spoofed by a client of the proxy, which appends the true address.
            ("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1,10.9.9.9, 203.0.113.9 ,10.2.2.2"], "203.0.113.9"),
            ("::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
        ] {
            let peer: IpAddr = peer.parse().unwrap();
            let found = proxies.client(peer.to_canonical(), headers.iter().copied());
            assert_eq!(found, expect.parse::<IpAddr>().unwrap(), "{peer} {headers:?}");
        }
        let nobody = TrustedProxies::default().client("10.0.0.1".parse().unwrap(), ["203.0.113.9"].into_iter());
        assert_eq!(nobody, "10.0.0.1".parse::<IpAddr>().unwrap(), "nobody is trusted unless configured");
    }

    #[test]
    fn a_connection_has_a_bounded_number_of_requests_under_way() {
        let connection = Connection::new(None, true, None);
        let mut under_way: Vec<_> = (0..REQUESTS_PER_CONNECTION_MAX).map(|_| connection.begin().unwrap()).collect();
        assert!(matches!(connection.begin(), Err(Problem::TooManyAtOnce)));
        under_way.pop();
        assert!(connection.begin().is_ok());
    }
}
