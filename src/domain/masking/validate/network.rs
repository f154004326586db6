//! Addresses of machines: IP addresses that the whole network knows, hardware addresses, and IMEIs.
//!
//! Private, local and reserved IP addresses say nothing of a person and are none of them. Sources: RFC 6890, RFC 4291,
//! IEEE 802, 3GPP TS 23.003.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Confidence, luhn};

/// Fewest digits of an IPv4 address that is no version number.
const DIGITS_MIN: usize = 7;

/// Judges an IP address as it is written, in ASCII.
pub(in super::super) fn ip(written: &str) -> Option<Confidence> {
    let (is_public, alone) = match written.parse().ok()? {
        IpAddr::V4(address) => {
            let digits = written.bytes().filter(u8::is_ascii_digit).count();
            (is_public_v4(address), if digits >= DIGITS_MIN { 78 } else { 45 })
        }
        IpAddr::V6(address) => (is_public_v6(address), 88),
    };
    is_public.then_some(Confidence::new(alone, 97))
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    !(address.is_private() || address.is_loopback() || address.is_link_local() || shared) && (1..224).contains(&first)
}

/// Only what is given out as unicast (2000::/3).
fn is_public_v6(address: Ipv6Addr) -> bool {
    address.octets().first().is_some_and(|first| first >> 5 == 1)
}

/// Judges twelve hexadecimal characters; `colons` says that colons stand between them.
pub(in super::super) fn mac(characters: &[u8], colons: bool) -> Option<Confidence> {
    let is_one = |character: u8| characters.iter().all(|&other| other == character);
    if characters.len() != 12 || !characters.iter().all(u8::is_ascii_hexdigit) || is_one(b'0') || is_one(b'F') {
        return None;
    }
    let lettered = characters.iter().any(|character| !character.is_ascii_digit());
    Some(Confidence::new(
        if lettered {
            92
        } else if colons {
            76
        } else {
            55
        },
        97,
    ))
}

/// Judges 15 digits as an IMEI.
pub(in super::super) fn imei(digits: &[u8]) -> Option<Confidence> {
    let valid = digits.len() == 15 && luhn(digits) && digits.windows(2).any(|pair| pair.first() != pair.last());
    valid.then_some(Confidence::checked(38, 96))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_told_from_private_ones_and_version_numbers() {
        for (written, alone) in [
            ("203.0.113.77", Some(78)),
            ("8.8.8.8", Some(45)),
            ("10.1.2.3", None),
            ("192.168.100.200", None),
            ("172.20.0.1", None),
            ("127.0.0.1", None),
            ("239.255.255.250", None),
            ("100.64.7.8", None),
            ("1.2.3.456", None),
            ("2001:db8::8a2e:370:7334", Some(88)),
            ("fe80::1", None),
            ("::1", None),
            ("fd00::12", None),
        ] {
            assert_eq!(ip(written).map(|confidence| confidence.alone), alone, "{written}");
        }
    }

    #[test]
    fn hardware_addresses_have_twelve_characters_that_are_not_all_alike() {
        assert_eq!(mac(b"001A2B3C4D5E", true).map(|confidence| confidence.alone), Some(92));
        assert_eq!(mac(b"001122334455", false).map(|confidence| confidence.alone), Some(55));
        for none in [&b"000000000000"[..], b"FFFFFFFFFFFF", b"001A2B3C4D5", b"001A2B3C4D5G"] {
            assert_eq!(mac(none, true), None);
        }
    }

    #[test]
    fn an_imei_needs_its_check_digit() {
        assert!(imei(b"490154203237518").is_some());
        for none in [&b"490154203237517"[..], b"49015420323751", b"000000000000000"] {
            assert_eq!(imei(none), None);
        }
    }
}
