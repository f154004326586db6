//! Feeds what trusted proxies say of a client's address, and what a browser says of itself.
//!
//! Nobody but a trusted proxy changes who is believed to be there; an address that is believed was named or is the peer's.
#![no_main]

use std::net::IpAddr;

use liaowaiwai::domain::device;
use liaowaiwai::http::TrustedProxies;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address").to_canonical();
    let (proxy, other) = (ip("10.0.0.1"), ip("203.0.113.9"));
    let proxies =
        TrustedProxies(vec!["10.0.0.0/8".parse().expect("a network"), "fd00::/8".parse().expect("a network")]);
    let headers = || text.lines();
    assert_eq!(proxies.client(other, headers()), other, "somebody is believed who is no proxy");
    assert_eq!(TrustedProxies::default().client(proxy, headers()), proxy, "somebody is trusted unconfigured");
    let found = proxies.client(proxy, headers());
    let named = headers().flat_map(|line| line.split(',')).filter_map(|claim| claim.trim().parse::<IpAddr>().ok());
    assert!(found == proxy || named.map(|address| address.to_canonical()).any(|named| named == found));
    // Whatever a client puts before what the proxy appends changes nothing.
    let appended = format!("{text},203.0.113.9");
    assert_eq!(
        proxies.client(proxy, appended.lines()),
        if appended.lines().last() == Some("") { proxy } else { other }
    );
    let label = device::label(text);
    assert!(label.len() <= 32 && label.is_ascii(), "a label has something of what was sent");
});
