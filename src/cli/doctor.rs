//! `lww doctor`: whether this machine and its database are fit for a server, in English or Chinese, for people or scripts.

use clap::{Args, ValueEnum};

use super::{CommandError, Place, screen};
use crate::app::doctor::{Check, Language, State, examine};
use crate::crypto::SystemClock;
use crate::ports::Clock as _;

/// Look at configuration, database, disk, clock, certificates and permissions.
#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    place: Place,
    /// The language; without it LC_ALL, LC_MESSAGES or LANG decides.
    #[arg(long, value_enum)]
    lang: Option<Lang>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A language on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Lang {
    /// 中文
    Zh,
    /// English
    En,
}

/// Some checks failed; the text is in the operator's language.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failed(String);

pub(super) async fn run(args: DoctorArgs) -> Result<(), CommandError> {
    let language = match args.lang {
        Some(Lang::Zh) => Language::Chinese,
        Some(Lang::En) => Language::English,
        None => language_of(|name| std::env::var(name).ok()),
    };
    let checks = examine(&args.place.load(), args.place.config.as_deref(), SystemClock.now()).await;
    if args.json {
        screen::line(&as_json(&checks, language));
    } else {
        for check in &checks {
            print(check, language);
        }
    }
    let count = |state: State| checks.iter().filter(|check| check.state == state).count();
    let (failed, warned) = (count(State::Fail), count(State::Warn));
    let (text, nothing) = match language {
        Language::English => (
            format!("{failed} of {} checks failed; warnings: {warned}", checks.len()),
            format!("nothing failed; warnings: {warned}"),
        ),
        Language::Chinese => (
            format!("共 {} 项检查，{failed} 项失败，{warned} 项警告", checks.len()),
            format!("没有失败项，{warned} 项警告"),
        ),
    };
    if failed > 0 {
        return Err(Failed(text).into());
    }
    if !args.json {
        screen::line(&nothing);
    }
    Ok(())
}

/// The language that the environment asks for, as `setlocale` reads it: the first variable that is set and not empty.
fn language_of(variable: impl Fn(&str) -> Option<String>) -> Language {
    let named = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    if named.is_some_and(|value| value.to_ascii_lowercase().starts_with("zh")) {
        Language::Chinese
    } else {
        Language::English
    }
}

fn print(check: &Check, language: Language) {
    let word = match (check.state, language) {
        (State::Ok, Language::Chinese) => "正常   ",
        (State::Warn, Language::Chinese) => "警告   ",
        (State::Fail, Language::Chinese) => "失败   ",
        (State::Skipped, Language::Chinese) => "跳过   ",
        (State::Ok, Language::English) => "ok     ",
        (State::Warn, Language::English) => "warn   ",
        (State::Fail, Language::English) => "fail   ",
        (State::Skipped, Language::English) => "skipped",
    };
    let word = match check.state {
        State::Ok => screen::good(word),
        State::Warn => screen::strong(word),
        State::Fail => screen::bad(word),
        State::Skipped => word.to_owned(),
    };
    screen::line(&format!("{word}  {:<34}  {}", check.code, check.found.text(language)));
    if let Some(change) = &check.change {
        screen::line(&format!("{:45}-> {}", "", change.text(language)));
    }
}

fn as_json(checks: &[Check], language: Language) -> String {
    let one = |check: &Check| {
        serde_json::json!({
            "code": check.code,
            "state": check.state.name(),
            "found": check.found.text(language),
            "change": check.change.as_ref().map(|change| change.text(language)),
        })
    };
    let failed = checks.iter().filter(|check| check.state == State::Fail).count();
    serde_json::json!({"failed": failed, "checks": checks.iter().map(one).collect::<Vec<_>>()}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides_the_language() {
        for (set, expect) in [
            (&[("LANG", "zh_CN.UTF-8")][..], Language::Chinese),
            (&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")], Language::English),
            (&[("LC_ALL", ""), ("LANG", "zh_CN.UTF-8")], Language::Chinese),
            (&[("LC_MESSAGES", "zh_TW"), ("LANG", "en_US")], Language::Chinese),
            (&[], Language::English),
        ] {
            let value = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(language_of(value), expect, "{set:?}");
        }
    }
}
