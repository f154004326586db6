//! `lww mask`: what it writes, what it refuses, and that neither shows a value.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use std::cell::Cell;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use liaowaiwai::cli::mask::{MaskArgs, MaskCommandError, run};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: MaskArgs,
}

fn args(options: &[&str]) -> MaskArgs {
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/cn-retail.yaml");
    Command::try_parse_from([&["mask", "--policy", policy], options].concat()).unwrap().args
}

fn mask(options: &[&str], input: impl AsRef<[u8]>) -> (String, Result<(), MaskCommandError>) {
    let mut output = Vec::new();
    let result = run(&args(options), input.as_ref(), &mut output);
    (String::from_utf8(output).unwrap(), result)
}

fn key_file(name: &str, key: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("lww-mask-{}-{name}", std::process::id()));
    let mut file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).open(&path).unwrap();
    file.write_all(key).unwrap();
    path
}

#[test]
fn lines_are_masked_in_order() {
    for (input, expected) in [
        ("", ""),
        ("\n", "\n"),
        ("你好\n我的手机13812345678\n", "你好\n我的手机138****5678\n"),
        ("卡号6222 0212 3456 7890 128", "卡号622202*********0128\n"),
        ("cvv 123\r\n验证码384921\r\n", "cvv [cvv]\n验证码[otp]\n"),
    ] {
        let (output, result) = mask(&["--view", "agent"], input);
        assert!(result.is_ok());
        assert_eq!(output, expected, "{input:?}");
    }
}

#[test]
fn each_line_is_a_conversation_unless_told_otherwise() {
    let input = "验证码是多少？\n384921\n";
    assert_eq!(mask(&["--view", "agent"], input).0, input);
    assert_eq!(mask(&["--view", "agent", "--conversation"], input).0, "验证码是多少？\n[otp]\n");
    let input = "我的卡号是6222021234\n567890128\n";
    let expected = "我的卡号是622202****\n*****0128\n";
    assert_eq!(mask(&["--view", "agent", "--conversation"], input).0, expected);
    let input = "{\"text\":\"6222021234\"}\n{\"text\":\"567890128\"}\n";
    let told = mask(&["--view", "agent", "--conversation", "--jsonl"], input).0;
    assert!(told.lines().nth(1) == Some("{\"again\":1,\"text\":\"622202****\"}"), "{told}");
}

#[test]
fn json_lines_tell_spans_in_characters_of_the_input() {
    let input = "{\"text\":\"😀卡１３８１２３４５６７８，cvv 123\"}\n{\"text\":\"\\u4f60\\u597d\"}\n";
    let (output, result) = mask(&["--view", "agent", "--jsonl"], input);
    assert!(result.is_ok());
    assert_eq!(
        output,
        "{\"text\":\"😀卡138****5678，cvv [cvv]\",\"spans\":[\
         {\"start\":2,\"end\":13,\"entity\":\"cn.mobile\",\"class\":\"C2\",\"rule\":\"cn-retail@2/cn.mobile\",\"confidence\":92},\
         {\"start\":18,\"end\":21,\"entity\":\"card.cvv\",\"class\":\"C3\",\"rule\":\"cn-retail@2/card.cvv\",\"confidence\":95}]}\n\
         {\"text\":\"你好\",\"spans\":[]}\n"
    );
}

#[test]
fn bad_lines_stop_with_their_number_and_without_their_content() {
    let long = vec![b'7'; (8 << 20) + 1];
    let cases: &[(&[&str], &[u8], &str)] = &[
        (&[], b"ok\nsecret13812345678\xFF\nmore\n", "line 2: not UTF-8 text, at byte 17"),
        (
            &["--jsonl"],
            b"{\"text\":\"ok\"}\n{\"text\":13812345678}\n",
            "line 2: expected {\"text\": …} and nothing else, at column 19",
        ),
        (&["--jsonl"], b"{\"text\":\"ok\"}\n{\"text\":\"a\",\"secret13812345678\":1}\n", "line 2: expected"),
        (&["--jsonl"], b"{\"text\":\"ok\"}\n\n", "line 2: expected"),
        (&[], &[b"ok\n".as_slice(), &long].concat(), "line 2: longer than 8388608 bytes"),
    ];
    for (options, input, expected) in cases {
        let (output, result) = mask(&[&["--view", "agent"], *options].concat(), input);
        let shown = result.map_err(|error| format!("{error} {error:?}")).unwrap_err();
        assert!(shown.starts_with(expected), "{shown}");
        assert!(!shown.contains("1381234") && !shown.contains("secret"), "{shown}");
        assert_eq!(output.lines().count(), 1, "what came before is written");
        assert!(output.contains("ok"));
    }
}

#[test]
fn tokens_need_a_key_and_join_equal_values() {
    let (_, refused) = mask(&["--view", "record"], "13812345678\n");
    assert!(matches!(refused, Err(MaskCommandError::KeyMissing { .. })));
    let short = key_file("short", b"short");
    let (_, refused) = mask(&["--view", "record", "--token-key-file", short.to_str().unwrap()], "");
    assert!(matches!(refused, Err(MaskCommandError::KeyTooShort { got_bytes: 5, .. })));

    let first = key_file("first", &[1; 32]);
    let other = key_file("other", &[2; 32]);
    let record = |key: &PathBuf, text: &str| {
        let (output, result) = mask(&["--view", "record", "--token-key-file", key.to_str().unwrap()], text);
        assert!(result.is_ok());
        output
    };
    let token = record(&first, "13812345678\n");
    assert!(token.starts_with("[mobile:") && !token.contains(|c: char| c.is_ascii_digit()), "{token}");
    assert_eq!(record(&first, "一三八-1234-5678\n"), token);
    assert_ne!(record(&first, "13812345679\n"), token);
    assert_ne!(record(&other, "13812345678\n"), token);
    for path in [short, first, other] {
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn wrong_policies_and_views_are_refused() {
    assert!(Command::try_parse_from(["mask", "--policy", "x", "--view", "boss"]).is_err());
    let missing = Command::try_parse_from(["mask", "--policy", "/nonexistent.yaml", "--view", "agent"]).unwrap();
    let error = run(&missing.args, &b""[..], Vec::new()).unwrap_err();
    assert!(matches!(error, MaskCommandError::File { .. }), "{error}");
    let failing =
        key_file("failing.yaml", b"apiVersion: mask/v1\nid: a\nversion: 1\nmode: shadow\nrules: []\ntests: []\n");
    let command = Command::try_parse_from(["mask", "--policy", failing.to_str().unwrap(), "--view", "agent"]).unwrap();
    let error = run(&command.args, &b"13812345678\n"[..], Vec::new()).unwrap_err();
    assert!(error.to_string().contains("line 4: mode: expected enforce"), "{error}");
    std::fs::remove_file(failing).unwrap();
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert!(run(&args(&["--view", "agent"]), &b"hello\n"[..], Closed).is_ok());
}

mod slow {
    use super::*;

    #[test]
    fn memory_does_not_grow_with_the_input() {
        const LINE: &[u8] = "我的手机13812345678\n".as_bytes();
        /// What may be between input and output: their buffers, and a line.
        const AHEAD_MAX: u64 = 1 << 20;
        /// Gives lines for as long as what was given before came out again; their masked form is as long.
        struct Stream<'a> {
            left: u64,
            given: u64,
            written: &'a Cell<u64>,
        }
        impl std::io::Read for Stream<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                assert!(self.given - self.written.get() <= AHEAD_MAX, "it reads on and holds what it has read");
                let count = buffer.len().min(LINE.len()).min(usize::try_from(self.left).unwrap());
                buffer[..count].copy_from_slice(&LINE[..count]);
                self.left -= count as u64;
                self.given += count as u64;
                Ok(count)
            }
        }
        struct Count<'a>(&'a Cell<u64>);
        impl Write for Count<'_> {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.set(self.0.get() + bytes.len() as u64);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let length = 400_000 * LINE.len() as u64;
        let written = Cell::new(0);
        let stream = Stream { left: length, given: 0, written: &written };
        run(&args(&["--view", "agent"]), std::io::BufReader::with_capacity(LINE.len(), stream), Count(&written))
            .unwrap();
        assert_eq!(written.get(), length);
    }
}
