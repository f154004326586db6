//! Feeds the reader of files bytes.
//!
//! Whatever comes there is an answer; a text has bounds and no control characters. A letter in front puts the rest where the
//! parts of an Office document stand, so that what is packed is reached, too.
#![no_main]

use std::io::{Cursor, Write};

use liaowaiwai::domain::masking::Layout;
use liaowaiwai::files;
use liaowaiwai::limits::FILE_TEXT_BYTES_MAX;
use liaowaiwai::ports::FileContent;
use libfuzzer_sys::fuzz_target;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((b'W', part)) => check(&packed("word/document.xml", part)),
        Some((b'X', part)) => check(&packed("xl/workbook.xml", part)),
        Some((b'P', part)) => check(&packed("ppt/presentation.xml", part)),
        Some(_) | None => check(bytes),
    }
});

fn check(file: &[u8]) {
    let FileContent::Text { text, layout } = files::read(file).content else { return };
    assert!(!text.is_empty() && text.len() <= FILE_TEXT_BYTES_MAX, "{} bytes", text.len());
    assert!(!text.chars().any(|c| c.is_control() && c != '\t' && c != '\n'), "a control character is left");
    assert!(layout == Layout::Table || !text.contains("\n\n\n"), "empty lines behind one another");
}

fn packed(name: &str, part: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [("[Content_Types].xml", b"<Types/>".as_slice()), (name, part), ("ppt/slides/slide1.xml", part)] {
        zip.start_file(name, SimpleFileOptions::default()).expect("a part begins");
        zip.write_all(bytes).expect("a part is written");
    }
    zip.finish().expect("a file ends").into_inner()
}
