//! Files of each kind are read, and hostile ones put aside with their reason; never does anything but an answer come of one.

use proptest::prelude::*;

use super::read;
use crate::domain::file::{Fate, Format, Withheld};
use crate::domain::masking::Layout;
use crate::limits::{FILE_PARTS_MAX, FILE_TEXT_BYTES_MAX, FILE_XML_DEPTH_MAX};
use crate::ports::FileContent;

#[path = "../../tests/common/files.rs"]
mod made;

/// Format, layout and text of a file that can be read.
fn text(file: &[u8]) -> (Format, Layout, String) {
    let read = read(file);
    let fate = read.fate();
    let FileContent::Text { text, layout } = read.content else { panic!("{:?} {fate:?}", read.format) };
    (read.format, layout, text)
}

fn withheld(file: &[u8]) -> (Format, Option<Withheld>) {
    let read = read(file);
    (read.format, read.fate().reason())
}

#[test]
fn documents_of_every_kind_give_their_text() {
    let (format, layout, said) = text(&made::docx(&["第一行 &lt;1&gt; &#65;", "身份证110101199003074514"]));
    assert_eq!((format, layout, said.as_str()), (Format::Docx, Layout::Text, "第一行 <1> A\n身份证110101199003074514"));
    let slides: Vec<String> = (1..=11).map(|number| format!("slide {number}")).collect();
    let (format, _, said) = text(&made::pptx(&slides.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(
        (format, said.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>()),
        (Format::Pptx, slides.iter().map(String::as_str).collect())
    );
    let (format, layout, said) = text(&made::xlsx(&[&["姓名", "cvv"], &["张三", "737"]]));
    assert_eq!((format, layout, said.as_str()), (Format::Xlsx, Layout::Table, "s\n姓名\tcvv\n张三\t737"));
    let (format, _, said) = text(&made::pdf(&["card 6222021234567890128", "second line"]));
    assert_eq!((format, said.contains("6222021234567890128"), said.contains("second line")), (Format::Pdf, true, true));
    let (format, _, said) =
        text("<html><style>p{color:red}</style><p>卡号6222<b>02</b>12&#51;4</p><td>x</td></html>".as_bytes());
    assert_eq!((format, said.trim()), (Format::Html, "卡号6222021234\n\tx"));
    for (file, expected) in [
        (r#"{"sfzh": "110101199003074514"}"#, Format::Json),
        ("# Title\n\nsome, words\nand more", Format::Text),
        ("a,b\n1,2\n", Format::Csv),
        ("a;\"b;c\"\n1;2\n", Format::Csv),
    ] {
        assert_eq!(text(file.as_bytes()).0, expected, "{file}");
    }
}

#[test]
fn text_is_text_in_the_encodings_that_people_have() {
    let said = "姓名,手机号\n张三,13812345678\n";
    let (gb, ..) = encoding_rs::GB18030.encode(said);
    let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(said.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for file in [said.as_bytes(), &gb, &utf16, &[b"\xEF\xBB\xBF", said.as_bytes()].concat()] {
        assert_eq!(text(file), (Format::Csv, Layout::Table, "姓名\t手机号\n张三\t13812345678".to_owned()));
    }
}

#[test]
fn what_can_not_be_read_or_must_not_be_is_put_aside_with_its_reason() {
    let active = made::docx_with(&["text"], &[("word/vbaProject.bin", b"x")]);
    let object = made::docx_with(&["text"], &[("word/embeddings/oleObject1.bin", b"x")]);
    let encrypted: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let ole: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
    let cut = made::docx(&["text"]);
    let mut long = made::pdf(&["text"]);
    long.extend(made::zip(&[("a", b"b")]));
    for (file, format, reason) in [
        (active, Format::Docx, Withheld::Active),
        (object, Format::Docx, Withheld::Active),
        (made::zip(&[("readme.txt", b"x")]), Format::Archive, Withheld::Unknown),
        (cut[..cut.len() / 2].to_vec(), Format::Archive, Withheld::Broken),
        ([ole, &encrypted].concat(), Format::Office, Withheld::Encrypted),
        ([ole, b"WordDocument\0"].concat(), Format::Office, Withheld::Unknown),
        (made::program(), Format::Program, Withheld::Program),
        (b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0".to_vec(), Format::Program, Withheld::Program),
        (b"#!/bin/sh\nrm -rf /\n".to_vec(), Format::Program, Withheld::Program),
        (b"<html><script>alert(1)</script></html>".to_vec(), Format::Html, Withheld::Active),
        (b"<html><img src=x onerror=alert(1)></html>".to_vec(), Format::Html, Withheld::Active),
        (b"<svg onload='x()'></svg>".to_vec(), Format::Html, Withheld::Active),
        (made::pdf_with(&["text"], "/OpenAction << /S /JavaScript /JS (app.alert) >>"), Format::Pdf, Withheld::Active),
        (made::pdf_with(&["text"], "/Names << /EmbeddedFiles << >> >>"), Format::Pdf, Withheld::Active),
        (made::pdf_with(&["text"], "/Encrypt 9 0 R"), Format::Pdf, Withheld::Encrypted),
        (made::pdf(&[]), Format::Pdf, Withheld::NoText),
        (b"%PDF-1.7\nno more".to_vec(), Format::Pdf, Withheld::Broken),
        (long, Format::Pdf, Withheld::Mixed),
        ([made::png(), made::zip(&[("a", b"b")])].concat(), Format::Image, Withheld::Mixed),
        ([made::png(), b"<script>".to_vec()].concat(), Format::Image, Withheld::Mixed),
        (vec![0; 64], Format::Other, Withheld::Unknown),
        (Vec::new(), Format::Text, Withheld::NoText),
    ] {
        assert_eq!(withheld(&file), (format, Some(reason)), "{}", String::from_utf8_lossy(&file));
    }
    assert_eq!((read(&made::png()).format, read(&made::png()).fate()), (Format::Image, Fate::Sealed));
}

#[test]
fn documents_that_unpack_to_too_much_or_are_too_deep_are_put_aside() {
    let bomb = made::docx_with(&["text"], &[("word/media/zeros.bin", &vec![0; 70 << 20])]);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(withheld(&bomb), (Format::Docx, Some(Withheld::TooLong)));
    let many: Vec<String> = (0..=FILE_PARTS_MAX).map(|number| format!("word/{number}.xml")).collect();
    let parts: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), b"<a/>".as_slice())).collect();
    assert_eq!(withheld(&made::docx_with(&["text"], &parts)).1, Some(Withheld::TooLong));
    let deep = format!("{}x{}", "<a>".repeat(FILE_XML_DEPTH_MAX + 1), "</a>".repeat(FILE_XML_DEPTH_MAX + 1));
    assert_eq!(
        withheld(&made::docx_with(&["text"], &[("word/footer1.xml", deep.as_bytes())])).1,
        Some(Withheld::TooLong)
    );
    let entities = b"<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><w:t>&c;</w:t>";
    assert_eq!(withheld(&made::docx_with(&["text"], &[("word/footer1.xml", entities)])).1, Some(Withheld::Broken));
    let long = "字".repeat(FILE_TEXT_BYTES_MAX / 3 + 1);
    assert_eq!(withheld(long.as_bytes()), (Format::Text, Some(Withheld::TooLong)));
    assert_eq!(withheld(&made::docx(&[&long])), (Format::Docx, Some(Withheld::TooLong)));
    assert_eq!(text("x".repeat(FILE_TEXT_BYTES_MAX).as_bytes()).2.len(), FILE_TEXT_BYTES_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_bytes_come_there_is_an_answer_within_bounds(
        head in prop_oneof![Just(&b"PK\x03\x04"[..]), Just(&b"<html>"[..]), Just(&b"a,b\n"[..]), Just(&b""[..])],
        body in proptest::collection::vec(any::<u8>(), 0..512),
    ) {
        if let FileContent::Text { text, .. } = read(&[head, &body].concat()).content {
            prop_assert!(!text.is_empty() && text.len() <= FILE_TEXT_BYTES_MAX);
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\t' && c != '\n'));
        }
    }
}
