//! What national algorithms cost beside the ones that are used without them: sealing and opening by AES-256-GCM and SM4-GCM, leaves by
//! SHA-256 and SM3, signatures by Ed25519 and SM2. One core, each figure from the same run, one line a size.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints figures and stops at the first thing that is wrong"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use liaowaiwai::crypto::{KeyDirectory, KeyPlaces, Suite, SystemRandom, TenantVault};
use liaowaiwai::domain::message::Part;
use liaowaiwai::ports::{SharedSealer, Vault as _};
use liaowaiwai::units::{MessageId, TenantId};
use lww_audit::merkle::{Sha256, Sm3, TreeHash};
use lww_audit::{Checkpoint, NoteSigner, SignedCheckpoint, Sm2Signer, TreeSize};

const FOR: Duration = Duration::from_millis(500);
const MESSAGE: MessageId = MessageId::from_random([2; 16]);
const ORIGIN: &str = "lww.example/acme/1";

/// How often a second something is done, on this core.
fn rate<T>(mut work: impl FnMut() -> T) -> f64 {
    let (began, mut done) = (Instant::now(), 0_u32);
    while began.elapsed() < FOR {
        black_box(work());
        done += 1;
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

fn sealer(home: &std::path::Path, suite: Suite) -> SharedSealer {
    let places = KeyPlaces { directory: home.join("keys"), master: None };
    let keys = KeyDirectory::open_sealing(&places, suite, Arc::new(SystemRandom::new()), true).unwrap();
    TenantVault::new(&keys, TenantId(1)).unwrap().house_sealer()
}

fn main() {
    let home = tempfile::tempdir().unwrap();
    let (aes, sm4) = (sealer(home.path(), Suite::Aes256Gcm), sealer(home.path(), Suite::Sm4Gcm));
    for bytes in [64, 256, 1024, 65_536] {
        let text = vec![0x5a; bytes];
        let seal = |with: &SharedSealer| rate(|| with.seal(Part::Masked, MESSAGE, &text).unwrap());
        let open = |with: &SharedSealer| {
            let sealed = with.seal(Part::Masked, MESSAGE, &text).unwrap();
            rate(|| with.open(Part::Masked, MESSAGE, &sealed).unwrap())
        };
        told("seal", bytes, seal(&aes), seal(&sm4));
        told("open", bytes, open(&aes), open(&sm4));
        let sha = rate(|| Sha256::leaf(&text));
        told("leaf", bytes, sha, rate(|| Sm3::leaf(&text)));
    }
    let checkpoint = Checkpoint { origin: ORIGIN.parse().unwrap(), size: TreeSize(0), root: Sha256::empty() };
    let (ed, sm2) =
        (NoteSigner::from_seed(ORIGIN, &[7; 32]).unwrap(), Sm2Signer::from_bytes(ORIGIN, &[7; 32]).unwrap());
    let text = checkpoint.to_string();
    let sign = rate(|| sm2.cosign(&checkpoint, &Sm3::empty()).unwrap());
    told("sign", 0, rate(|| ed.sign(&text)), sign);
    let lines = vec![ed.sign(&text), sm2.cosign(&checkpoint, &Sm3::empty()).unwrap()];
    let signed = SignedCheckpoint::with_signatures(checkpoint, lines).unwrap();
    let keys = [ed.verifier_key().clone()];
    let verify = rate(|| sm2.key().cosigned(&signed).unwrap());
    told("verify", 0, rate(|| signed.verify(&keys).unwrap()), verify);
}

fn told(what: &str, bytes: usize, usual: f64, national: f64) {
    println!("{what:<7} {bytes:>6} B   {usual:>12.0}/s   national {national:>12.0}/s   ratio {:.2}", usual / national);
}
