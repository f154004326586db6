//! Time stamps of outside authorities: what is asked, what is answered, and what a token proves offline (RFC 3161).
//!
//! A token is an authority's signature over the SHA-256 of a text and a time. It is believed if everything of it fits together: the
//! imprint, the signed attributes, the certificate that they name (RFC 5035, RFC 5816), that certificate's usage, its path to an
//! authority that the caller trusts at the time stated, and the signature. Tokens are strict DER; lengths are bounded. It reads no
//! clock and no network.

mod asn1;
mod authorities;
mod query;

pub use authorities::{AUTHORITIES_BYTES_MAX, Authorities};
pub use query::Query;

use crate::error::{AnchorFault, Error};
use crate::time::Timestamp;
use crate::types::{Hash, push_hex};
use asn1::{
    Accuracy, Attribute, CONTENT_TYPE, CertificateId, ContentInfo, MESSAGE_DIGEST, SIGNED_DATA, SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2, SignedData, SignerInfo, SigningCertificate, TST_INFO, TstInfo, body, members,
};
use authorities::{SHA256, SHA384, SHA512, Signer};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Tag, Tagged as _};
use ring::digest;
use rustls_pki_types::CertificateDer;

/// Most certificates in a token.
const CERTIFICATES_MAX: usize = 16;
/// Most signed attributes.
const ATTRIBUTES_MAX: usize = 32;
/// Most certificates that a signing-certificate attribute names.
const NAMED_MAX: usize = 16;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// What a token states, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStamp {
    /// The time stated.
    pub at: Timestamp,
    /// How far the time may be off either way, in microseconds; `None` when it doesn't say.
    pub accuracy_us: Option<i64>,
    /// The authority's number of the stamp, in hex.
    pub serial: String,
    /// The policy that it was given under, an object identifier in dotted form.
    pub policy: String,
    /// The subject of the certificate that it was signed with.
    pub signer: String,
    /// What tells the question that it answers.
    pub nonce: Option<Vec<u8>>,
}

impl TimeStamp {
    /// What was stamped existed before this time, as far as the authority's clock is believed.
    #[must_use]
    pub const fn before(&self) -> Timestamp {
        Timestamp::from_micros(self.at.as_micros().saturating_add(self.off()))
    }

    /// The stamp itself did not exist before this time.
    #[must_use]
    pub const fn not_before(&self) -> Timestamp {
        Timestamp::from_micros(self.at.as_micros().saturating_sub(self.off()))
    }

    const fn off(&self) -> i64 {
        match self.accuracy_us {
            Some(accuracy_us) => accuracy_us,
            None => 0,
        }
    }
}

/// Verifies a token over the SHA-256 of a text.
///
/// # Errors
/// `BadAnchor`, naming what of it does not hold.
pub fn verify(token: &[u8], imprint: &Hash, authorities: &Authorities) -> Result<TimeStamp, Error> {
    let refuse = AnchorFault::Malformed;
    let content = ContentInfo::from_der(token).map_err(|_| refuse("not a ContentInfo in DER"))?;
    if content.content_type != SIGNED_DATA {
        return Err(refuse("not signed data").into());
    }
    let signed = content.content.decode_as::<SignedData<'_>>().map_err(|_| refuse("not SignedData in DER"))?;
    let stamped = signed.content.content.filter(|_| signed.content.content_type == TST_INFO);
    let stamped = stamped.ok_or(refuse("it signs something else than a time stamp"))?.as_bytes();
    let info = TstInfo::from_der(stamped).map_err(|_| refuse("not a TSTInfo in DER"))?;
    let stamp = read(&info)?;
    if info.imprint.algorithm.oid != SHA256 || info.imprint.digest.as_bytes() != imprint.as_bytes() {
        return Err(AnchorFault::Imprint.into());
    }
    let certificates = certificates(signed.certificates)?;
    let signers = body(signed.signers, Tag::Set).and_then(|signers| members(signers, 1));
    let signers = signers.map_err(|_| refuse("more than one signature"))?;
    let [signer_info] = signers[..] else { return Err(refuse("no signature").into()) };
    let signer_info = SignerInfo::parse(signer_info).map_err(|_| refuse("not a SignerInfo in DER"))?;
    let signer = authorities::find(&certificates, &signer_info.signer)?;
    check_attributes(&signer_info, stamped, &signer)?;
    authorities.lead(&signer, &certificates, stamp.at)?;
    signer.verify(
        signer_info.algorithm.oid,
        signer_info.digest.oid,
        &as_set(signer_info.signed),
        signer_info.signature,
    )?;
    Ok(TimeStamp { signer: signer.subject, ..stamp })
}

/// Reads what is stamped; whose it is isn't known yet.
fn read(info: &TstInfo<'_>) -> Result<TimeStamp, Error> {
    if info.version != 1 {
        return Err(AnchorFault::Malformed("another version of TSTInfo").into());
    }
    if info.extensions.iter().flatten().any(|extension| extension.critical) {
        return Err(AnchorFault::Malformed("a critical extension that nobody knows").into());
    }
    let mut serial = Vec::new();
    push_hex(&mut serial, info.serial.as_bytes());
    Ok(TimeStamp {
        at: time(info.time).ok_or(AnchorFault::Malformed("the time is no GeneralizedTime in UTC"))?,
        accuracy_us: info.accuracy.as_ref().map(accuracy_us),
        serial: String::from_utf8_lossy(&serial).into_owned(),
        policy: info.policy.to_string(),
        signer: String::new(),
        nonce: info.nonce.map(|nonce| nonce.as_bytes().to_vec()),
    })
}

fn accuracy_us(accuracy: &Accuracy) -> i64 {
    let seconds = i64::from(accuracy.seconds.unwrap_or(0)) * MICROS_PER_SECOND;
    seconds + i64::from(accuracy.millis.unwrap_or(0)) * 1000 + i64::from(accuracy.micros.unwrap_or(0))
}

/// `YYYYMMDDhhmmss[.f…]Z`; a fraction beyond microseconds is cut off.
fn time(value: AnyRef<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(value.value()).ok().filter(|_| value.tag() == Tag::GeneralizedTime)?;
    let text = text.strip_suffix('Z').filter(|text| text.is_ascii())?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let part = |from, to| whole.get(from..to).unwrap_or_default();
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let (hour, minute, second) = (part(8, 10), part(10, 12), part(12, 14));
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}.{fraction:0<6.6}Z").parse().ok()
}

fn certificates(set: Option<AnyRef<'_>>) -> Result<Vec<CertificateDer<'_>>, Error> {
    let set = set.ok_or(AnchorFault::Certificate)?;
    let found = members(set.value(), CERTIFICATES_MAX);
    let found = found.map_err(|_| AnchorFault::Malformed("its certificates are no set, or too many"))?;
    Ok(found.into_iter().map(CertificateDer::from).collect())
}

/// Checks that what is signed is about this content and this certificate. Without the latter, somebody who has another
/// certificate for the same key could pass a stamp off under that.
fn check_attributes(info: &SignerInfo<'_>, stamped: &[u8], signer: &Signer<'_>) -> Result<(), Error> {
    let wrong = || Error::from(AnchorFault::Attributes);
    let found = members(info.signed, ATTRIBUTES_MAX).map_err(|_| wrong())?;
    let found: Vec<Attribute<'_>> =
        found.into_iter().map(Attribute::from_der).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let one = |name: ObjectIdentifier| single(&found, name).map_err(|()| wrong());
    let content_type = one(CONTENT_TYPE)?.ok_or_else(wrong)?;
    if ObjectIdentifier::from_der(content_type).ok() != Some(TST_INFO) {
        return Err(wrong());
    }
    let algorithm = digest_of(info.digest.oid).ok_or(AnchorFault::Algorithm)?;
    let message_digest = one(MESSAGE_DIGEST)?.and_then(|value| OctetStringRef::from_der(value).ok());
    let is_digest = |digest: OctetStringRef<'_>| digest.as_bytes() == digest::digest(algorithm, stamped).as_ref();
    if !message_digest.is_some_and(is_digest) {
        return Err(wrong());
    }
    let named = match (one(SIGNING_CERTIFICATE_V2)?, one(SIGNING_CERTIFICATE)?) {
        (Some(value), _) => names(value, SHA256, &signer.der),
        (None, Some(value)) => names(value, SHA1, &signer.der),
        (None, None) => None,
    };
    if named == Some(true) { Ok(()) } else { Err(wrong()) }
}

/// The one value of the attribute of a name; `None` when it is not there.
fn single<'a>(attributes: &[Attribute<'a>], name: ObjectIdentifier) -> Result<Option<&'a [u8]>, ()> {
    let mut named = attributes.iter().filter(|attribute| attribute.name == name);
    let Some(attribute) = named.next() else { return Ok(None) };
    let values = body(attribute.values, Tag::Set).and_then(|values| members(values, 1)).map_err(drop)?;
    match (&values[..], named.next()) {
        ([value], None) => Ok(Some(value)),
        _ => Err(()),
    }
}

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// Whether the first certificate that a signing-certificate attribute names is this one; `None` when it can't be read. SHA-1,
/// which the first version of the attribute has, only tells which certificate is meant: nothing rests on its collisions.
fn names(value: &[u8], digest_default: ObjectIdentifier, certificate: &[u8]) -> Option<bool> {
    let attribute = SigningCertificate::from_der(value).ok()?;
    let named = members(body(attribute.certificates, Tag::Sequence).ok()?, NAMED_MAX).ok()?;
    let first = CertificateId::from_der(named.first()?).ok()?;
    let algorithm = first.algorithm.map_or(digest_default, |algorithm| algorithm.oid);
    let algorithm = if algorithm == SHA1 { &digest::SHA1_FOR_LEGACY_USE_ONLY } else { digest_of(algorithm)? };
    Some(first.digest.as_bytes() == digest::digest(algorithm, certificate).as_ref())
}

fn digest_of(name: ObjectIdentifier) -> Option<&'static digest::Algorithm> {
    match name {
        SHA256 => Some(&digest::SHA256),
        SHA384 => Some(&digest::SHA384),
        SHA512 => Some(&digest::SHA512),
        _ => None,
    }
}

/// The attributes as the set that was signed: in the token they have another tag (RFC 5652 section 5.4).
fn as_set(content: &[u8]) -> Vec<u8> {
    let mut set = vec![0x31];
    match content.len() {
        short @ ..=0x7f => set.push(u8::try_from(short).unwrap_or_default()),
        long => {
            let length = long.to_be_bytes();
            let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
            set.push(0x80 | u8::try_from(length.len()).unwrap_or_default());
            set.extend(length);
        }
    }
    set.extend(content);
    set
}
