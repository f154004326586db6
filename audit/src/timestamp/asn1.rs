//! The structures that a time stamp is made of, as far as their signature depends on them, in strict DER.
//!
//! What is signed is kept as the bytes that came. The set of certificates is outside of the signature, so that its order proves
//! nothing and is not demanded. Sources: RFC 3161 section 2.4, RFC 5652 section 5, RFC 5035 section 3 (signing certificates).

use der::asn1::{
    AnyRef, BitStringRef, ContextSpecific, IntRef, ObjectIdentifier, OctetStringRef, SequenceRef, UintRef,
};
use der::{Decode as _, Reader as _, Sequence, SliceReader, Tag, TagNumber, Tagged as _};
use x509_cert::ext::Extensions;
use x509_cert::spki::AlgorithmIdentifierRef;

pub(super) const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
pub(super) const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
pub(super) const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
pub(super) const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
pub(super) const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
pub(super) const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// `TimeStampReq`.
#[derive(Sequence)]
pub(super) struct TimeStampReq<'a> {
    pub(super) version: u8,
    pub(super) imprint: MessageImprint<'a>,
    #[asn1(optional = "true")]
    pub(super) policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    pub(super) nonce: Option<UintRef<'a>>,
    #[asn1(default = "Default::default")]
    pub(super) certificates_wanted: bool,
}

/// `MessageImprint`.
#[derive(Sequence)]
pub(super) struct MessageImprint<'a> {
    pub(super) algorithm: AlgorithmIdentifierRef<'a>,
    pub(super) digest: OctetStringRef<'a>,
}

/// `TimeStampResp`; the token stays the bytes that it is.
pub(super) struct TimeStampResp<'a> {
    pub(super) status: PkiStatusInfo<'a>,
    pub(super) token: Option<&'a [u8]>,
}

impl<'a> TimeStampResp<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(body(AnyRef::from_der(bytes)?, Tag::Sequence)?)?;
        let status = PkiStatusInfo::decode(&mut reader)?;
        let token = if reader.is_finished() { None } else { Some(reader.tlv_bytes()?) };
        reader.finish(Self { status, token })
    }
}

/// `PKIStatusInfo`.
#[derive(Sequence)]
pub(super) struct PkiStatusInfo<'a> {
    pub(super) status: u8,
    #[asn1(optional = "true")]
    pub(super) text: Option<SequenceRef<'a>>,
    #[asn1(optional = "true")]
    pub(super) failure: Option<BitStringRef<'a>>,
}

/// `ContentInfo`.
#[derive(Sequence)]
pub(super) struct ContentInfo<'a> {
    pub(super) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(super) content: AnyRef<'a>,
}

/// `SignedData`.
#[derive(Sequence)]
pub(super) struct SignedData<'a> {
    pub(super) version: u8,
    pub(super) digest_algorithms: AnyRef<'a>,
    pub(super) content: EncapsulatedContentInfo<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) certificates: Option<AnyRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) revocations: Option<AnyRef<'a>>,
    pub(super) signers: AnyRef<'a>,
}

/// `EncapsulatedContentInfo`.
#[derive(Sequence)]
pub(super) struct EncapsulatedContentInfo<'a> {
    pub(super) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) content: Option<OctetStringRef<'a>>,
}

/// `SignerInfo`, whose signer is told by one of two ways.
pub(super) struct SignerInfo<'a> {
    pub(super) signer: SignerIdentifier<'a>,
    pub(super) digest: AlgorithmIdentifierRef<'a>,
    /// The content of the set, as it came.
    pub(super) signed: &'a [u8],
    pub(super) algorithm: AlgorithmIdentifierRef<'a>,
    pub(super) signature: &'a [u8],
}

/// `SignerIdentifier`.
pub(super) enum SignerIdentifier<'a> {
    Certificate(IssuerAndSerialNumber<'a>),
    Key(&'a [u8]),
}

/// `IssuerAndSerialNumber`.
#[derive(Sequence)]
pub(super) struct IssuerAndSerialNumber<'a> {
    pub(super) issuer: AnyRef<'a>,
    pub(super) serial: IntRef<'a>,
}

impl<'a> SignerInfo<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(body(AnyRef::from_der(bytes)?, Tag::Sequence)?)?;
        let _version = u8::decode(&mut reader)?;
        let key = ContextSpecific::<OctetStringRef<'a>>::decode_implicit(&mut reader, TagNumber::N0)?;
        let signer = match key {
            Some(key) => SignerIdentifier::Key(key.value.as_bytes()),
            None => SignerIdentifier::Certificate(IssuerAndSerialNumber::decode(&mut reader)?),
        };
        let digest = AlgorithmIdentifierRef::decode(&mut reader)?;
        let signed = ContextSpecific::<AnyRef<'a>>::decode_implicit(&mut reader, TagNumber::N0)?;
        let signed = signed.map_or(&[][..], |signed| signed.value.value());
        let algorithm = AlgorithmIdentifierRef::decode(&mut reader)?;
        let signature = OctetStringRef::decode(&mut reader)?.as_bytes();
        let _unsigned = ContextSpecific::<AnyRef<'a>>::decode_implicit(&mut reader, TagNumber::N1)?;
        reader.finish(Self { signer, digest, signed, algorithm, signature })
    }
}

/// `Attribute`.
#[derive(Sequence)]
pub(super) struct Attribute<'a> {
    pub(super) name: ObjectIdentifier,
    pub(super) values: AnyRef<'a>,
}

/// `SigningCertificate` and `SigningCertificateV2`.
#[derive(Sequence)]
pub(super) struct SigningCertificate<'a> {
    pub(super) certificates: AnyRef<'a>,
    #[asn1(optional = "true")]
    pub(super) policies: Option<SequenceRef<'a>>,
}

/// `ESSCertIDv2`; `ESSCertID` is the same without an algorithm, and means SHA-1.
#[derive(Sequence)]
pub(super) struct CertificateId<'a> {
    #[asn1(optional = "true")]
    pub(super) algorithm: Option<AlgorithmIdentifierRef<'a>>,
    pub(super) digest: OctetStringRef<'a>,
    #[asn1(optional = "true")]
    pub(super) issuer_and_serial: Option<SequenceRef<'a>>,
}

/// `TSTInfo`.
#[derive(Sequence)]
pub(super) struct TstInfo<'a> {
    pub(super) version: u8,
    pub(super) policy: ObjectIdentifier,
    pub(super) imprint: MessageImprint<'a>,
    pub(super) serial: IntRef<'a>,
    pub(super) time: AnyRef<'a>,
    #[asn1(optional = "true")]
    pub(super) accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    pub(super) ordering: bool,
    #[asn1(optional = "true")]
    pub(super) nonce: Option<IntRef<'a>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) authority: Option<AnyRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) extensions: Option<Extensions>,
}

/// `Accuracy`.
#[derive(Sequence)]
pub(super) struct Accuracy {
    #[asn1(optional = "true")]
    pub(super) seconds: Option<u32>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) micros: Option<u16>,
}

/// The content of a value that must have this tag.
pub(super) fn body(value: AnyRef<'_>, tag: Tag) -> der::Result<&[u8]> {
    value.tag().assert_eq(tag)?;
    Ok(value.value())
}

/// Reads the members of a set or sequence one by one, each as the bytes that it is; at most `max` of them.
pub(super) fn members(content: &[u8], max: usize) -> der::Result<Vec<&[u8]>> {
    let mut reader = SliceReader::new(content)?;
    let mut members = Vec::new();
    while !reader.is_finished() {
        if members.len() == max {
            return Err(reader.error(der::ErrorKind::Overlength));
        }
        members.push(reader.tlv_bytes()?);
    }
    Ok(members)
}
