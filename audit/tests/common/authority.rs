//! A time-stamping authority for tests: it signs whatever it is told to, right or wrong. Its DER is written by hand, so that no
//! mistake of the reader's is repeated here.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair, SigningKey as _,
    date_time_ymd,
};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// What is wrong with a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// Over other bytes than were asked for.
    Imprint,
    /// With another nonce.
    Nonce,
    /// Without one.
    NoNonce,
    /// Under another policy.
    Policy,
    /// The signed attributes speak of other content.
    Digest,
    /// They name another certificate.
    OtherCertificate,
    /// They name none.
    NoCertificateNamed,
    /// The certificate is not sent along.
    NotSent,
    /// The signature is of another key.
    Signature,
    /// The certificate was over by then.
    Late,
    /// The answer is a refusal.
    Refused,
    /// The answer is granted and has no stamp.
    Empty,
}

/// What the certificate says of its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    TimeStamps,
    NotCritical,
    AndMore,
    Absent,
}

pub struct Authority {
    /// The root's certificate in PEM.
    pub root: String,
    certificate: Vec<u8>,
    key: KeyPair,
    /// Names the certificate by SHA-1, as RFC 3161 did before RFC 5816.
    pub is_old: bool,
}

const EKU: &[u64] = &[2, 5, 29, 37];
const TIME_STAMPING: &[u8] = &[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8];
const CODE_SIGNING: &[u8] = &[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 3];
const SHA256_OID: &[u8] = &[0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const ECDSA_OID: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const PKCS9: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1];
/// When stamps are made, and until when the certificate is valid.
pub const STAMPED: &str = "20260105020000.25Z";
const TOO_LATE: &str = "20400105020000Z";

impl Authority {
    pub fn new(name: &str) -> Self {
        Self::used_for(name, Usage::TimeStamps)
    }

    pub fn used_for(name: &str, usage: Usage) -> Self {
        let root_key = KeyPair::generate().unwrap();
        let mut root = params(&format!("{name} root"));
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = root.self_signed(&root_key).unwrap().pem();
        let issuer = Issuer::new(root, root_key);
        let key = KeyPair::generate().unwrap();
        let mut leaf = params(name);
        let purposes = if usage == Usage::AndMore { [TIME_STAMPING, CODE_SIGNING].concat() } else { TIME_STAMPING.to_vec() };
        let mut extension = CustomExtension::from_oid_content(EKU, tlv(0x30, &purposes));
        extension.set_criticality(usage != Usage::NotCritical);
        if usage != Usage::Absent {
            leaf.custom_extensions.push(extension);
        }
        let certificate = leaf.signed_by(&key, &issuer).unwrap().der().to_vec();
        Self { root: pem, certificate, key, is_old: false }
    }

    /// Answers a question (`application/timestamp-query`).
    pub fn answer(&self, query: &[u8], flaw: Flaw) -> Vec<u8> {
        let status = |number: u8| tlv(0x30, &tlv(2, &[number]));
        match flaw {
            // rejection, badAlg
            Flaw::Refused => tlv(0x30, &tlv(0x30, &[tlv(2, &[2]), tlv(3, &[7, 0x80])].concat())),
            Flaw::Empty => tlv(0x30, &status(0)),
            flaw => {
                let imprint = after(query, &[0x04, 32], 32).unwrap();
                let nonce = after(query, &[0x02, 16], 16);
                let token = self.token(imprint, nonce, STAMPED, flaw);
                tlv(0x30, &[status(0), token].concat())
            }
        }
    }

    /// Makes a token over a SHA-256.
    pub fn token(&self, imprint: &[u8], nonce: Option<&[u8]>, time: &str, flaw: Flaw) -> Vec<u8> {
        let time = if flaw == Flaw::Late { TOO_LATE } else { time };
        let info = stamped(imprint, nonce, time, flaw);
        let signed = self.attributes(&info, flaw);
        let other = KeyPair::generate().unwrap();
        let key = if flaw == Flaw::Signature { &other } else { &self.key };
        let signature = key.sign(&tlv(0x31, &signed)).unwrap();
        let signer = tlv(
            0x30,
            &[
                tlv(2, &[1]),
                self.issuer_and_serial(),
                tlv(0x30, SHA256_OID),
                tlv(0xa0, &signed),
                tlv(0x30, ECDSA_OID),
                tlv(4, &signature),
            ]
            .concat(),
        );
        let certificates = if flaw == Flaw::NotSent { Vec::new() } else { tlv(0xa0, &self.certificate) };
        let content = [pkcs9(&[9, 16, 1, 4]), tlv(0xa0, &tlv(4, &info))].concat();
        let signed_data = [
            tlv(2, &[3]),
            tlv(0x31, &tlv(0x30, SHA256_OID)),
            tlv(0x30, &content),
            certificates,
            tlv(0x31, &signer),
        ];
        let signed_data = tlv(0x30, &signed_data.concat());
        tlv(0x30, &[pkcs9(&[7, 2]), tlv(0xa0, &signed_data)].concat())
    }

    fn attributes(&self, info: &[u8], flaw: Flaw) -> Vec<u8> {
        let content: &[u8] = if flaw == Flaw::Digest { b"other" } else { info };
        let certificate: &[u8] = if flaw == Flaw::OtherCertificate { b"other" } else { &self.certificate };
        let attribute = |name: &[u8], value: &[u8]| tlv(0x30, &[pkcs9(name), tlv(0x31, value)].concat());
        let named = |digest: &[u8]| tlv(0x30, &tlv(0x30, &tlv(0x30, &tlv(4, digest))));
        let mut attributes = vec![
            attribute(&[9, 3], &pkcs9(&[9, 16, 1, 4])),
            attribute(&[9, 4], &tlv(4, digest(&SHA256, content).as_ref())),
        ];
        match (flaw, self.is_old) {
            (Flaw::NoCertificateNamed, _) => {}
            (_, true) => attributes.push(attribute(
                &[9, 16, 2, 12],
                &named(digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref()),
            )),
            (_, false) => attributes.push(attribute(&[9, 16, 2, 47], &named(digest(&SHA256, certificate).as_ref()))),
        }
        attributes.sort();
        attributes.concat()
    }

    /// Issuer and serial number out of the certificate: behind its version, number and algorithm.
    fn issuer_and_serial(&self) -> Vec<u8> {
        let body = children(children(&self.certificate)[0]);
        let [_version, serial, _algorithm, issuer, ..] = body[..] else { panic!("no certificate") };
        tlv(0x30, &[issuer, serial].concat())
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2025, 1, 1), date_time_ymd(2035, 1, 1));
    params
}

fn stamped(imprint: &[u8], nonce: Option<&[u8]>, time: &str, flaw: Flaw) -> Vec<u8> {
    let imprint = if flaw == Flaw::Imprint { &[7; 32] } else { imprint };
    let nonce = match flaw {
        Flaw::Nonce => Some(&[0x41; 16][..]),
        Flaw::NoNonce => None,
        _ => nonce,
    };
    let policy: &[u8] = if flaw == Flaw::Policy { &[0x2a, 3, 5] } else { &[0x2a, 3, 4] };
    let fields = [
        tlv(2, &[1]),
        tlv(6, policy),
        tlv(0x30, &[tlv(0x30, SHA256_OID), tlv(4, imprint)].concat()),
        tlv(2, &[0x12, 0x34]),
        tlv(0x18, time.as_bytes()),
        // accuracy: 1 s and 500 ms
        tlv(0x30, &[tlv(2, &[1]), tlv(0x80, &[0x01, 0xf4])].concat()),
        nonce.map(|nonce| tlv(2, nonce)).unwrap_or_default(),
    ];
    tlv(0x30, &fields.concat())
}

fn pkcs9(rest: &[u8]) -> Vec<u8> {
    tlv(6, &[PKCS9, rest].concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match u16::try_from(content.len()).unwrap().to_be_bytes() {
        [0, short @ ..=0x7f] => vec![short],
        [0, long] => vec![0x81, long],
        [high, low] => vec![0x82, high, low],
    };
    [&[tag][..], &length, content].concat()
}

/// The members of a constructed value, each with its tag and length.
fn children(value: &[u8]) -> Vec<&[u8]> {
    let (mut rest, _) = content(value);
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (_, length) = content(rest);
        let (one, behind) = rest.split_at(length);
        found.push(one);
        rest = behind;
    }
    found
}

/// The content of a value, and how long the whole value is.
fn content(value: &[u8]) -> (&[u8], usize) {
    let (header, length) = match value[1] {
        0x81 => (3, usize::from(value[2])),
        0x82 => (4, usize::from(value[2]) << 8 | usize::from(value[3])),
        short => (2, usize::from(short)),
    };
    (&value[header..header + length], header + length)
}

/// What follows the first place where these bytes stand.
fn after<'a>(bytes: &'a [u8], mark: &[u8], length: usize) -> Option<&'a [u8]> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)? + mark.len();
    bytes.get(at..at + length)
}
