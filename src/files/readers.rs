//! The server's side of those who read files: a few processes, each asked one file at a time.

use std::io;
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::worker::{COMMAND, answer_bytes_max, give, start, take};
use crate::domain::message::RawBody;
use crate::limits::FILE_READERS;
use crate::ports::{FileReader, FileReaderGone, ReadFile};

/// The processes that read files; each ends with this value, or with the server.
pub struct Readers {
    turns: Semaphore,
    idle: Mutex<Vec<Process>>,
}

impl Default for Readers {
    /// None is started before there is a file.
    fn default() -> Self {
        Self { turns: Semaphore::new(FILE_READERS), idle: Mutex::default() }
    }
}

/// One of them.
struct Process {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Process {
    fn start() -> io::Result<Self> {
        let mut child = start(&[COMMAND])?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        match (to, from) {
            (Some(to), Some(from)) => Ok(Self { child, to, from }),
            (_, _) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn ask(&mut self, file: &RawBody) -> io::Result<ReadFile> {
        give(&mut self.to, file.bytes())?;
        let answer = take(&mut self.from, answer_bytes_max())?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(serde_json::from_slice(&answer)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Readers {
    /// Starts them before this process gives up its right to start programs.
    pub fn started() -> Self {
        let readers = Self::default();
        let started = (0..FILE_READERS).map_while(|_| Process::start().ok());
        readers.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(started);
        readers
    }
}

#[async_trait]
impl FileReader for Readers {
    async fn read(&self, file: Arc<RawBody>) -> Result<ReadFile, FileReaderGone> {
        let _turn = self.turns.acquire().await.map_err(|_| FileReaderGone)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let asked = tokio::task::spawn_blocking(move || {
            let mut process = idle.map_or_else(Process::start, Ok)?;
            let read = process.ask(&file)?;
            Ok::<_, io::Error>((process, read))
        });
        match asked.await {
            Ok(Ok((process, read))) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(process);
                Ok(read)
            }
            Ok(Err(error)) => {
                tracing::warn!(event = "file_reader_gone", %error, "a file could not be read");
                Err(FileReaderGone)
            }
            Err(_) => Err(FileReaderGone),
        }
    }
}
