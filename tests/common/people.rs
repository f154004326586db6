//! What tests about staff share: plain calls with their status and code, codes of second factors, and passwords by command.

use data_encoding::BASE32_NOPAD;
use liaowaiwai::cli::client::{Call, Client};
use ring::hmac;
use serde_json::Value;

use super::{World, now, until};

/// Seconds of one code.
const STEP_S: i64 = 30;

/// Sends a call with headers; its status and its body, null when there is none.
pub async fn call(
    client: &Client,
    method: &'static str,
    target: &str,
    headers: &[(&'static str, &str)],
    body: Option<&str>,
) -> (u16, Value) {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let body = body.map(|body| body.as_bytes().to_vec().into());
    let answer = client.send(Call { method, target: target.to_owned(), headers, body }).await.unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

/// The same with a JSON body and no more headers.
pub async fn ask(client: &Client, method: &'static str, target: &str, body: Option<Value>) -> (u16, Value) {
    call(client, method, target, &[], body.map(|body| body.to_string()).as_deref()).await
}

/// The code of a problem; empty when it is none.
pub fn code(answer: &(u16, Value)) -> &str {
    answer.1["code"].as_str().unwrap_or("")
}

/// The one-time password that a command prints.
pub fn printed_password(told: &str) -> String {
    let line = told.lines().find(|line| line.starts_with("one-time password of ")).unwrap_or_else(|| panic!("{told}"));
    line.rsplit(' ').next().unwrap().to_owned()
}

/// Makes an account by the operator's command; its one-time password.
pub fn create(world: &World, tenant: &str, login: &str, role: &str) -> String {
    created(world, &["--tenant", tenant, "--login", login, "--name", login, "--role", role])
}

/// Makes an agent who takes so many conversations at once; the one-time password.
pub fn create_agent(world: &World, login: &str, capacity: &str) -> String {
    created(world, &["--tenant", "demo", "--login", login, "--name", login, "--role", "agent", "--capacity", capacity])
}

fn created(world: &World, arguments: &[&str]) -> String {
    let (done, told) = world.lww("a", &[&["admin", "create"], arguments].concat());
    assert!(done, "{told}");
    printed_password(&told)
}

/// Sets a one-time password by the operator's command.
pub fn reset(world: &World, tenant: &str, login: &str) -> String {
    let (done, told) = world.lww("a", &["admin", "reset", "--tenant", tenant, "--login", login]);
    assert!(done, "{told}");
    printed_password(&told)
}

/// An authenticator app: it has the secret and never shows a code twice.
#[derive(Clone)]
pub struct Phone {
    secret: Vec<u8>,
    last: i64,
}

impl Phone {
    /// Takes a secret as it is told at enrolment.
    pub fn new(secret: &str) -> Self {
        Self { secret: BASE32_NOPAD.decode(secret.as_bytes()).unwrap(), last: 0 }
    }

    /// A code that was not shown before; one step ahead of the clock at most.
    pub async fn code(&mut self) -> String {
        let step = || now().as_micros() / 1_000_000 / STEP_S;
        until("the next code", async || self.last <= step()).await;
        self.last = (self.last + 1).max(step());
        self.code_at(self.last)
    }

    /// The code of a time step, as RFC 6238 has it.
    pub fn code_at(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.secret);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let at = usize::from(tag.as_ref()[19] & 15);
        let number = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}
