//! Files that customers send, made here: small ones of each kind, and hostile ones.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn all(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().concat()
}

/// A ZIP file of named parts.
pub fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const TYPES: &[u8] =
    b"<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";

/// A Word document of these paragraphs.
pub fn docx(paragraphs: &[&str]) -> Vec<u8> {
    docx_with(paragraphs, &[])
}

/// A Word document with further parts.
pub fn docx_with(paragraphs: &[&str], more: &[(&str, &[u8])]) -> Vec<u8> {
    let body = all(paragraphs.iter().map(|text| format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")));
    let document = format!("<?xml version=\"1.0\"?><w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>");
    zip(&[&[("[Content_Types].xml", TYPES), ("word/document.xml", document.as_bytes())], more].concat())
}

/// A PowerPoint presentation of these slides.
pub fn pptx(slides: &[&str]) -> Vec<u8> {
    let slides: Vec<(String, String)> = (1..)
        .zip(slides)
        .map(|(number, text)| {
            let slide = format!("<p:sld xmlns:p=\"p\" xmlns:a=\"a\"><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sld>");
            (format!("ppt/slides/slide{number}.xml"), slide)
        })
        .collect();
    let mut parts: Vec<(&str, &[u8])> = vec![("[Content_Types].xml", TYPES), ("ppt/presentation.xml", b"<p/>")];
    parts.extend(slides.iter().map(|(name, slide)| (name.as_str(), slide.as_bytes())));
    zip(&parts)
}

/// An Excel workbook of one sheet with these rows of text.
pub fn xlsx(rows: &[&[&str]]) -> Vec<u8> {
    let cell = |row: usize, column: usize, text: &str| {
        let column = char::from(b'A' + u8::try_from(column).unwrap());
        format!("<c r=\"{column}{row}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
    };
    let row = |(number, cells): (usize, &&[&str])| {
        let cells: String = cells.iter().enumerate().map(|(column, text)| cell(number, column, text)).collect();
        format!("<row r=\"{number}\">{cells}</row>")
    };
    let rows: String = (1..).zip(rows).map(row).collect();
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let sheet = format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>");
    let related = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let book = format!(
        "<workbook xmlns=\"{main}\" xmlns:r=\"{related}\"><sheets><sheet name=\"s\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
    );
    let relations = format!(
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" \
         Type=\"{related}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
    );
    let root = format!(
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" \
         Type=\"{related}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    zip(&[
        ("[Content_Types].xml", TYPES),
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

/// A PDF of one page with these lines of ASCII.
pub fn pdf(lines: &[&str]) -> Vec<u8> {
    pdf_with(lines, "")
}

/// The same with more in its catalog.
pub fn pdf_with(lines: &[&str], catalog: &str) -> Vec<u8> {
    let shown = all(lines.iter().map(|line| format!("({line}) Tj 0 -20 Td ")));
    let content = format!("BT /F1 12 Tf 50 700 Td {shown}ET");
    let objects = [
        format!("<< /Type /Catalog /Pages 2 0 R {catalog} >>"),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let (mut out, mut places) = (b"%PDF-1.4\n".to_vec(), Vec::new());
    for (number, object) in (1..).zip(&objects) {
        places.push(out.len());
        out.extend(format!("{number} 0 obj\n{object}\nendobj\n").into_bytes());
    }
    let table = out.len();
    let entries = all(places.iter().map(|place| format!("{place:010} 00000 n \n")));
    let size = objects.len() + 1;
    out.extend(
        format!("xref\n0 {size}\n0000000000 65535 f \n{entries}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n")
            .into_bytes(),
    );
    out
}

/// A picture of one point.
pub fn png() -> Vec<u8> {
    let head: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
    [head, b"\0\0\0\0IEND\xaeB`\x82"].concat()
}

/// The beginning of a program for Linux.
pub fn program() -> Vec<u8> {
    [b"\x7fELF\x02\x01\x01\0".as_slice(), &[0; 64]].concat()
}
