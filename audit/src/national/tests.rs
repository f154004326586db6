//! Tests of the second signature: the standard's example, what must be refused, and that other readers ignore the line.

use super::*;
use crate::merkle::{Sm3, TreeHash as _};
use crate::note::{NoteSigner, VerifierKey};

const TEXT: &str = "lww.example/acme/1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
const NAME: &str = "lww.example/acme/1";

fn signer(byte: u8) -> Sm2Signer {
    Sm2Signer::from_bytes(NAME, &[byte; 32]).unwrap()
}

fn log() -> NoteSigner {
    NoteSigner::from_seed(NAME, &[1; 32]).unwrap()
}

fn signed_with(lines: Vec<NoteSignature>) -> SignedCheckpoint {
    let signatures = std::iter::once(log().sign(TEXT)).chain(lines).collect();
    let signed = SignedCheckpoint::with_signatures(TEXT.parse().unwrap(), signatures).unwrap();
    SignedCheckpoint::parse(signed.to_string().as_bytes()).unwrap()
}

fn line(byte: u8, root: &Hash) -> NoteSignature {
    signer(byte).cosign(&TEXT.parse().unwrap(), root).unwrap()
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
    std::array::from_fn(byte)
}

/// GB/T 32918.5-2017, appendix A.2: the recommended curve, the default id, the text `message digest`.
#[test]
fn the_standard_s_example_verifies_and_its_key_is_computed() {
    let private = hex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8");
    let public = "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020\
                  ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
    let signer = Sm2Signer::from_bytes(NAME, &private).unwrap();
    assert_eq!(*signer.key().public(), hex(public));
    let mut signature = hex::<64>(
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3\
         b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
    );
    let verify = |signature: &[u8], text: &[u8]| {
        let signature = Signature::from_slice(signature).unwrap();
        signer.key().verifying().unwrap().verify(text, &signature).is_ok()
    };
    assert!(verify(&signature, b"message digest"));
    assert!(!verify(&signature, b"message digesT"));
    signature[63] ^= 1;
    assert!(!verify(&signature, b"message digest"));
}

#[test]
fn a_cosignature_states_the_sm3_root_and_every_other_reader_ignores_its_line() {
    let root = Sm3::empty();
    let signed = signed_with(vec![line(7, &root)]);
    assert_eq!(signer(7).key().cosigned(&signed).unwrap(), Some(root));
    assert_eq!(demand(&signed, &[signer(7).key().clone()]).unwrap(), Some(root));
    assert_eq!(unverified_roots(&signed).collect::<Vec<_>>(), [root]);
    assert!(signed.verify(&[log().verifier_key().clone()]).is_ok());
    // The same key and text sign alike: nothing depends on luck.
    assert_eq!(line(7, &root), line(7, &root));
    let theirs = signed_note::StandardVerifier::new(&log().verifier_key().to_string()).unwrap();
    let note = signed_note::Note::from_bytes(signed.to_string().as_bytes()).unwrap();
    let verified = note.verify(&signed_note::VerifierList::new(vec![Box::new(theirs)])).unwrap();
    assert_eq!((verified.0.len(), verified.1.len()), (1, 1));
}

#[test]
fn a_flipped_bit_anywhere_in_line_or_text_is_a_bad_signature() {
    let good = line(7, &Sm3::empty());
    for at in 0..good.signature.len() {
        let mut flipped = good.clone();
        flipped.signature[at] ^= 1;
        let found = signer(7).key().cosigned(&signed_with(vec![flipped]));
        assert!(matches!(found, Err(Error::BadSignature { .. })), "byte {at}");
    }
    for length in [0, 31, 32, 95] {
        let mut short = good.clone();
        short.signature.truncate(length);
        if length > 0 {
            assert!(signer(7).key().cosigned(&signed_with(vec![short])).is_err(), "{length} bytes");
        }
    }
    let mut long = good.clone();
    long.signature.push(0);
    assert!(signer(7).key().cosigned(&signed_with(vec![long])).is_err());
    let other = TEXT.replace("\n0\n", "\n1\n");
    let signed = SignedCheckpoint::with_signatures(other.parse().unwrap(), vec![log().sign(&other), good]).unwrap();
    assert!(matches!(signer(7).key().cosigned(&signed), Err(Error::BadSignature { .. })));
}

#[test]
fn who_demands_a_key_is_content_with_no_other_and_with_no_second_root() {
    let root = Sm3::empty();
    let key = |byte| signer(byte).key().clone();
    let signed = signed_with(vec![line(7, &root)]);
    assert!(matches!(demand(&signed, &[key(8)]), Err(Error::Uncosigned { .. })));
    assert!(matches!(demand(&signed, &[key(7), key(8)]), Err(Error::Uncosigned { .. })));
    assert!(matches!(demand(&signed_with(Vec::new()), &[key(7)]), Err(Error::Uncosigned { .. })));
    assert_eq!(demand(&signed, &[]).unwrap(), None);
    let of_another_log = Sm2Signer::from_bytes("lww.example/evil/1", &[7; 32]).unwrap().key().clone();
    assert_eq!(demand(&signed, &[of_another_log]).unwrap(), None);
    let two = signed_with(vec![line(7, &root), line(7, &Hash::ZERO)]);
    assert!(matches!(demand(&two, &[key(7)]), Err(Error::BadSignature { .. })));
    let two = signed_with(vec![line(7, &root), line(8, &Hash::ZERO)]);
    assert!(matches!(demand(&two, &[key(7), key(8)]), Err(Error::BadSignature { .. })));
}

#[test]
fn a_key_has_one_text_and_is_taken_for_no_other_kind() {
    let key = signer(7).key().clone();
    let text = key.to_string();
    assert_eq!(text.parse::<Sm2Key>().unwrap(), key);
    assert!(Sm2Key::is_one(&text) && !Sm2Key::is_one(&log().verifier_key().to_string()));
    assert!(text.parse::<VerifierKey>().is_err());
    assert!(log().verifier_key().to_string().parse::<Sm2Key>().is_err());
    let id = format!("{:08x}", u32::from_be_bytes(key.id()));
    let typed = |bytes: &[u8]| format!("{NAME}+{id}+{}", STANDARD.encode(bytes));
    let good = key.typed();
    let mut off_curve = good.clone();
    *off_curve.last_mut().unwrap() ^= 1;
    let mut compressed = good[..=IDENTIFIER.len()].to_vec();
    compressed.push(0x02 + (key.public()[64] & 1));
    compressed.extend(&key.public()[1..33]);
    for bad in [
        text.replace(&id, "00000000"),
        text.replace(NAME, "lww.example/acme/2"),
        format!("{text}="),
        typed(&good[..good.len() - 1]),
        typed(&off_curve),
        typed(&compressed),
        typed(&[0xff]),
        typed(&[]),
        String::new(),
        "+".to_owned(),
    ] {
        assert!(bad.parse::<Sm2Key>().is_err(), "{bad}");
    }
}

#[test]
fn what_is_no_private_key_is_refused() {
    // The group's order, and the order less one, for which 1 + d has no inverse.
    let order: [u8; 32] = hex("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123");
    for bad in [[0; 32], order, [0xff; 32]] {
        assert!(Sm2Signer::from_bytes(NAME, &bad).is_err());
    }
    assert!(Sm2Signer::from_bytes("a name", &[7; 32]).is_err());
}
