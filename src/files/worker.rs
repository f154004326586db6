//! The processes that read files: one that lives as long as the server and hands each file to a new one, which reads it, says
//! what it found and ends.
//!
//! The long-lived one exists because a server beside the bank's own PostgreSQL may start no program (see `app/confine.rs`): it
//! is started before that right is given up. It looks at no byte of a file. The short-lived one takes limits upon itself
//! before it reads; who calls [`read_one`] has taken its right to files away.
//!
//! ```text
//! question = length (4 bytes, big endian)  file        answer = length (4 bytes, big endian)  JSON of a ReadFile
//! ```

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use zeroize::Zeroizing;

use crate::domain::file::{Format, Withheld};
use crate::limits::{FILE_BYTES_MAX, FILE_READ_MS_MAX, FILE_READER_BYTES_MAX, FILE_TEXT_BYTES_MAX};
use crate::ports::ReadFile;

/// The word of the command line that begins the long-lived process; hidden, as nobody types it.
pub const COMMAND: &str = "file-reader";
/// What is added for the short-lived one.
pub const ONE: &str = "--one";
/// Longest answer: each byte of a text may take six in JSON.
const ANSWER_BYTES_MAX: usize = 6 * FILE_TEXT_BYTES_MAX + 1024;

/// Hands files from standard input on, one after the other, until it ends.
///
/// # Errors
/// The pipe's.
pub fn serve() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    while let Some(file) = take(&mut input, usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX))? {
        let answer = in_a_process(&file).unwrap_or_else(|| withheld(Withheld::Broken));
        give(&mut output, &answer)?;
    }
    Ok(())
}

/// Reads the file that standard input holds, within limits, and says on standard output what it found.
///
/// # Errors
/// The pipe's, and the kernel's when it sets no limits: then nothing is read.
pub fn read_one() -> io::Result<()> {
    let mut file = Vec::new();
    io::stdin().lock().read_to_end(&mut file)?;
    let seconds = FILE_READ_MS_MAX.div_ceil(1_000);
    for (resource, most) in [
        (Resource::Data, FILE_READER_BYTES_MAX),
        (Resource::Cpu, seconds),
        (Resource::Fsize, 0),
        (Resource::Nproc, 0),
        (Resource::Core, 0),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    let answer = serde_json::to_vec(&super::read(&file)).unwrap_or_else(|_| withheld(Withheld::Broken));
    // A library may have printed something: only the last line counts.
    io::stdout().lock().write_all(&[b"\n", answer.as_slice()].concat())
}

/// Starts this program again.
pub(super) fn start(arguments: &[&str]) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

/// What a process of its own finds in a file; `None` when it ends without a word.
fn in_a_process(file: &[u8]) -> Option<Vec<u8>> {
    let mut child = start(&[COMMAND, ONE]).ok()?;
    let (mut to, from) = (child.stdin.take()?, child.stdout.take()?);
    let (heard, hears) = mpsc::channel();
    let answer = std::thread::scope(|threads| {
        threads.spawn(move || {
            // Whoever ends early reads no further; their answer tells.
            let _ended_early = to.write_all(file);
        });
        threads.spawn(move || {
            let mut answer = Vec::new();
            let most = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
            let read = from.take(most).read_to_end(&mut answer);
            // Nobody waits any more when the time is over.
            let _late = heard.send(read.is_ok().then_some(answer));
        });
        let answer = hears.recv_timeout(Duration::from_millis(FILE_READ_MS_MAX));
        let _gone_already = child.kill();
        let _reaped = child.wait();
        answer
    });
    match answer {
        Ok(answer) => {
            let last = answer?.rsplit(|byte| *byte == b'\n').next()?.to_vec();
            serde_json::from_slice::<ReadFile<String>>(&last).is_ok().then_some(last)
        }
        Err(_) => Some(withheld(Withheld::TooSlow)),
    }
}

fn withheld(reason: Withheld) -> Vec<u8> {
    serde_json::to_vec(&ReadFile::<String>::withheld(Format::Other, reason)).unwrap_or_default()
}

/// Writes one question or answer.
pub(super) fn give(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(bytes)?;
    to.flush()
}

/// Reads one question or answer of at most so many bytes; `None` at the end.
pub(super) fn take(from: &mut impl Read, bytes_max: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > bytes_max {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Zeroizing::new(vec![0; length]);
    from.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

/// Longest answer that is taken from the long-lived process.
pub(super) const fn answer_bytes_max() -> usize {
    ANSWER_BYTES_MAX
}
