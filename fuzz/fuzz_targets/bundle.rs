//! Feeds the reader of entry bundles; the first byte says how many entries the file's name promises.
//!
//! A bundle that is read has that many entries, each where its offset says, and their lengths and bytes make up the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lww_audit::tile::Bundle;

fuzz_target!(|data: &[u8]| {
    let Some((width, bytes)) = data.split_first() else { return };
    let width = u64::from(*width) + 1;
    let Ok(bundle) = Bundle::parse(bytes.to_vec(), width) else { return };
    let mut written = Vec::new();
    for entry in bundle.entries() {
        written.extend(u16::try_from(entry.bytes.len()).expect("a length in two bytes").to_be_bytes());
        assert_eq!(entry.offset, written.len() as u64);
        written.extend(entry.bytes);
    }
    assert_eq!(written, bytes);
    assert_eq!(bundle.leaves().len() as u64, width);
    assert_eq!(bundle.into_bytes(), bytes);
});
