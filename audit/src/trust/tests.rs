//! Tests of trust policies: the specification's example, every rule of it in the negative, and quorums by all their subsets.

use super::*;
use crate::cosignature::Cosigner;
use crate::note::NoteSigner;

const ORIGIN: &str = "lww.example/acme/1";
const TIME_S: u64 = 1_795_658_400;

fn log(seed: u8) -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &[seed; 32]).unwrap()
}

fn witness(number: u8) -> Cosigner {
    Cosigner::from_seed(&format!("w{number}.example"), &[100 + number; 32]).unwrap()
}

/// Two of three of one house, and any of three of another.
fn example() -> String {
    let mut lines =
        vec!["# the specification's example".to_owned(), format!("log {}", log(1).verifier_key()), String::new()];
    for (number, name) in ["X1", "X2", "X3", "Y1", "Y2", "Y3"].iter().enumerate() {
        let key = witness(u8::try_from(number).unwrap()).key().clone();
        lines.push(format!("\twitness  {name} {key} https://{name}.example/  "));
    }
    lines.extend(
        ["group X-witnesses 2 X1 X2 X3", "group Y-witnesses any Y1 Y2 Y3", "group X-and-Y all X-witnesses Y-witnesses"]
            .map(str::to_owned),
    );
    lines.push("quorum X-and-Y\n".to_owned());
    lines.join("\n")
}

#[test]
fn a_quorum_says_in_words_how_many_of_whom() {
    let quorum = parse(&example()).unwrap().quorum();
    assert_eq!(quorum.as_deref(), Some("2 of (2 of (X1, X2, X3), 1 of (Y1, Y2, Y3))"));
    assert_eq!(parse("quorum none\n").unwrap().quorum(), None);
}

fn parse(text: &str) -> Result<TrustPolicy, Error> {
    TrustPolicy::parse(text.as_bytes())
}

fn cosigned(by: impl Iterator<Item = u8>) -> SignedCheckpoint {
    let checkpoint =
        Checkpoint { origin: ORIGIN.parse().unwrap(), size: crate::TreeSize(3), root: crate::Hash([9; 32]) };
    let own = log(1).sign(&checkpoint.to_string());
    let others = by.map(|number| witness(number).cosign(&checkpoint, TIME_S + u64::from(number)));
    let signatures = std::iter::once(own).chain(others).collect();
    SignedCheckpoint::with_signatures(checkpoint, signatures).unwrap()
}

#[test]
fn the_example_s_quorum_is_reached_by_exactly_the_right_subsets() {
    let policy = parse(&example()).unwrap();
    assert_eq!(policy.witnesses()[3].url.as_deref(), Some("https://Y1.example/"));
    for subset in 0_u8..64 {
        let has = |number: u8| subset >> number & 1 == 1;
        let enough = (0..3).filter(|n| has(*n)).count() >= 2 && (3..6).any(has);
        let signed = cosigned((0..6).filter(|n| has(*n)));
        match policy.verify(&signed, &[]) {
            Ok(witnessed) => {
                assert!(enough, "{subset:06b}");
                assert_eq!(witnessed.witnesses.len(), usize::try_from(subset.count_ones()).unwrap());
                assert!(witnessed.witnesses.iter().all(|(_, time_s)| (TIME_S..TIME_S + 6).contains(time_s)));
                assert_eq!(witnessed.signers, [log(1).verifier_key()]);
            }
            Err(Error::NoQuorum { quorum, .. }) => {
                assert!(!enough, "{subset:06b}");
                assert_eq!(quorum, "X-and-Y");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn the_log_s_own_signature_is_asked_for_whoever_cosigned() {
    let policy =
        parse(&example().replace(&log(1).verifier_key().to_string(), &log(2).verifier_key().to_string())).unwrap();
    assert!(matches!(policy.verify(&cosigned(0..6), &[]), Err(Error::Unsigned { .. })));
    // A policy without logs takes the caller's.
    let policy = parse("quorum none\n").unwrap();
    assert!(policy.verify(&cosigned(0..0), &[log(1).verifier_key().clone()]).is_ok());
    assert!(policy.verify(&cosigned(0..0), &[]).is_err());
}

#[test]
fn a_false_cosignature_of_a_trusted_witness_is_an_error_and_not_merely_missing() {
    let signed = cosigned(0..6);
    let text = signed.to_string();
    let line =
        witness(1).cosign(&Checkpoint { size: crate::TreeSize(4), ..signed.unverified().clone() }, TIME_S).to_string();
    let own = text.lines().find(|known| known.contains(" w1.example ")).unwrap();
    let spoilt = SignedCheckpoint::parse(text.replace(own, &line).as_bytes()).unwrap();
    assert!(matches!(parse(&example()).unwrap().verify(&spoilt, &[]), Err(Error::BadSignature { .. })));
}

#[test]
fn every_rule_of_the_format_is_held() {
    let (own, key) = (log(1).verifier_key().to_string(), witness(0).key().to_string());
    let other = witness(1).key().to_string();
    let two = format!("witness a {key}\nwitness b {other}\n");
    for (bad, reason) in [
        (String::new(), "no quorum"),
        ("quorum none\nquorum none\n".to_owned(), "given before"),
        ("quorum a\n".to_owned(), "no line before"),
        (format!("quorum a\nwitness a {key}\n"), "no line before"),
        (format!("log {key}\nquorum none\n"), "key of a log"),
        (format!("log {own}\nlog {own}\nquorum none\n"), "given before"),
        (format!("log {own} a b\nquorum none\n"), "a log is"),
        (format!("witness a {own}\nquorum a\n"), "key of a witness"),
        (format!("witness a {key}\nwitness b {key}\nquorum a\n"), "given before"),
        (format!("witness a {key}\nwitness a {other}\nquorum a\n"), "given before"),
        (format!("witness none {key}\nquorum none\n"), "the name none"),
        (format!("{two}group g 3 a b\nquorum g\n"), "no more than it has"),
        (format!("{two}group g 0 a b\nquorum g\n"), "at least one"),
        (format!("{two}group g 01 a b\nquorum g\n"), "a group is"),
        (format!("{two}group g all\nquorum g\n"), "at least one"),
        (format!("{two}group g any a a\nquorum g\n"), "counts elsewhere"),
        (format!("{two}group g any a\ngroup h any a b\nquorum h\n"), "counts elsewhere"),
        (format!("{two}group g any g\nquorum g\n"), "no line before"),
        (format!("{two}group g any none\nquorum g\n"), "no line before"),
        ("quorum none\r\n".to_owned(), "control character"),
        ("Quorum none\n".to_owned(), "neither"),
    ] {
        let error = parse(&bad).unwrap_err().to_string();
        assert!(error.contains(reason), "{bad:?}: {error}");
    }
    let many = (0..65).map(|n| {
        let key = Cosigner::from_seed("w.example", &[n; 32]).unwrap().key().clone();
        format!("witness w{n} {key}\n")
    });
    assert!(parse(&(many.collect::<String>() + "quorum none\n")).unwrap_err().to_string().contains("more than 64"));
    assert!(matches!(TrustPolicy::parse(&vec![b'#'; POLICY_BYTES_MAX + 1]), Err(Error::TooLong { .. })));
    // What is odd and allowed: no last line break, a quorum that is also a member, bytes that are no UTF-8 in a comment.
    assert!(parse(&format!("{two}group g any a\nquorum a")).is_ok());
    assert!(TrustPolicy::parse(b"# \xff\nquorum none\n").is_ok());
}
