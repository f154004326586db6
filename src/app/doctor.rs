//! What an operator should know before a server is trusted with messages: database, disk, clock, certificates, permissions.
//!
//! Each check looks, and says in English and Chinese what it found and what to change. It changes nothing but a probe in the
//! copy's place, which it takes away again, starts nothing and shows no secret. Whether a server may start is decided elsewhere, by the same rules where they are the server's own.

mod files;
mod machine;
mod mirror;
mod postgres;
mod swap;
#[cfg(test)]
mod tests;
mod tls;
mod witnesses;

use std::path::Path;

use super::config::{Config, ConfigError};
use crate::units::Timestamp;

/// A language that findings are told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and somebody should look.
    Warn,
    /// It must be changed.
    Fail,
    /// It could not be looked at.
    Skipped,
}

impl State {
    /// Its name in JSON and in English.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

impl Said {
    /// The sentence in one language.
    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Chinese => &self.zh,
        }
    }
}

fn said(en: impl Into<String>, zh: impl Into<String>) -> Said {
    Said { en: en.into(), zh: zh.into() }
}

/// One check and what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its code, which never changes.
    pub code: &'static str,
    /// How it ended.
    pub state: State,
    /// What was found, or why nothing could be looked at.
    pub found: Said,
    /// What to change, when something should be.
    pub change: Option<Said>,
}

impl Check {
    const fn ok(code: &'static str, found: Said) -> Self {
        Self { code, state: State::Ok, found, change: None }
    }

    const fn skipped(code: &'static str, why: Said) -> Self {
        Self { code, state: State::Skipped, found: why, change: None }
    }

    const fn warn(code: &'static str, found: Said, change: Said) -> Self {
        Self { code, state: State::Warn, found, change: Some(change) }
    }

    const fn fail(code: &'static str, found: Said, change: Said) -> Self {
        Self { code, state: State::Fail, found, change: Some(change) }
    }
}

/// Makes every check of a configuration that was loaded, or not, from `file`. Without one only the machine is looked at.
pub async fn examine(loaded: &Result<Config, ConfigError>, file: Option<&Path>, now: Timestamp) -> Vec<Check> {
    let mut checks = vec![configuration(loaded)];
    if let Ok(config) = loaded {
        checks.extend(files::examine(config, file));
        checks.extend(tls::examine(&config.http, config.tenants.iter().all(|tenant| tenant.demo), now));
        checks.push(machine::disk(&config.data_dir));
    }
    if let Ok(Config { witness: Some(witness), .. }) = loaded {
        checks.push(witnesses::examine(witness).await);
    }
    if let Ok(config) = loaded
        && let Some(place) = &config.mirror
    {
        checks.extend(mirror::examine(config, place, now).await);
    }
    checks.push(machine::clock().await);
    checks.push(machine::open_files());
    checks.push(swap::examine());
    checks.extend(loaded.as_ref().ok().map(machine::confinement));
    if let Ok(config) = loaded {
        checks.extend(postgres::examine(config, now).await);
    }
    checks
}

fn configuration(loaded: &Result<Config, ConfigError>) -> Check {
    match loaded {
        Ok(config) => {
            let tenants = config.tenants.len();
            let word = if tenants == 1 { "tenant" } else { "tenants" };
            Check::ok("config.load", said(format!("good, {tenants} {word}"), format!("正确，共 {tenants} 个租户")))
        }
        Err(error) => Check::fail(
            "config.load",
            said(error.to_string(), format!("配置有误：{error}")),
            said(
                "mend that line; `lww config --explain` tells every key",
                "修改该行；`lww config --explain` 列出全部配置项",
            ),
        ),
    }
}
