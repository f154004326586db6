//! `lww config`: every key explained, a complete example, and whether a file is good. All three come from the table that
//! the parser reads by.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::{CommandError, Place, screen};
use crate::app::config::{Bounds, KEYS, Key, Kind, LISTS, OPTIONAL};

/// The configuration file.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct ConfigArgs {
    /// Print every key with its type, unit, default, bounds and meaning, in the order of the file.
    #[arg(long)]
    explain: bool,
    /// With --explain: print a JSON array.
    #[arg(long, requires = "explain")]
    json: bool,
    /// Print a complete commented file, which can be loaded as it is.
    #[arg(long, conflicts_with = "explain")]
    example: bool,
    #[command(subcommand)]
    command: Option<ConfigCommand>,
}

/// What to do with a configuration file.
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Read a configuration as the server would, and print what it comes to. Secrets are not fetched.
    Check {
        #[command(flatten)]
        place: Place,
    },
}

pub(super) fn run(args: &ConfigArgs) -> Result<(), CommandError> {
    match &args.command {
        Some(ConfigCommand::Check { place }) => {
            let config = place.load()?;
            screen::line(&screen::good("the configuration is good"));
            screen::line(config.canonical().trim_end());
        }
        None if args.example => screen::line(example().trim_end()),
        None if args.json => screen::line(&explained_as_json()),
        None => screen::line(explained().trim_end()),
    }
    Ok(())
}

/// Every key in words.
fn explained() -> String {
    let mut out = String::new();
    for key in KEYS {
        // Writing to a String can't fail.
        let _written = writeln!(out, "{}", screen::strong(key.key));
        let _written = writeln!(out, "  {}", key.meaning);
        let bounds = bounds(key).map(|bounds| format!("; {bounds}")).unwrap_or_default();
        let _written = writeln!(out, "  {}, {}{bounds}; {}\n", key.kind.name(), key.unit, default(key));
    }
    out
}

fn default(key: &Key) -> String {
    match (key.default, key.required) {
        ("", true) => "required".to_owned(),
        ("", false) => "no default".to_owned(),
        (default, _) => format!("default {}", written(key, default)),
    }
}

/// The bounds in words; `None` when the unit says it all.
fn bounds(key: &Key) -> Option<String> {
    match key.bounds {
        Bounds::Form | Bounds::Words(_) => None,
        Bounds::Bytes(bytes_max) => Some(format!("at most {bytes_max} bytes")),
        Bounds::Numbers(least, most) => Some(format!("{least} to {most}")),
    }
}

fn explained_as_json() -> String {
    let keys = KEYS.iter().map(|key| {
        let (least, most, bytes_max, words) = match key.bounds {
            Bounds::Form => (None, None, None, None),
            Bounds::Bytes(bytes_max) => (None, None, Some(bytes_max), None),
            Bounds::Numbers(least, most) => (Some(least), Some(most), None, None),
            Bounds::Words(words) => (None, None, None, Some(words)),
        };
        serde_json::json!({
            "key": key.key, "type": key.kind.name(), "unit": key.unit, "meaning": key.meaning, "required": key.required,
            "default": (!key.default.is_empty()).then_some(key.default),
            "least": least, "most": most, "bytes_max": bytes_max, "words": words,
            "repeated": LISTS.contains(&key.parts().0),
        })
    });
    serde_json::Value::Array(keys.collect()).to_string()
}

/// A file with every key: those that hold by default or must be there are set, the others are commented out.
fn example() -> String {
    file(OPTIONAL)
}

/// The same with these sections commented out as a whole.
fn file(sections_off: &[&str]) -> String {
    let mut out =
        String::from("# Every key of Liaowaiwai's configuration. What is commented out is off or has no default.\n");
    let mut section = "";
    for key in KEYS {
        let (here, name) = key.parts();
        if here == section {
            out.push('\n');
        } else {
            let header = if LISTS.contains(&here) { format!("[[{here}]]") } else { format!("[{here}]") };
            let off = if sections_off.contains(&here) { "# " } else { "" };
            let _written = write!(out, "\n{off}{header}\n");
            section = here;
        }
        let bounds = bounds(key).map(|bounds| format!("; {bounds}")).unwrap_or_default();
        let _written = writeln!(out, "# {}\n# {}{bounds}; {}.", key.meaning, key.unit, default(key));
        let shown = if key.example.is_empty() { key.default } else { key.example };
        let is_on = (!key.default.is_empty() || key.required) && !sections_off.contains(&here);
        let off = if is_on { "" } else { "# " };
        let _written = writeln!(out, "{off}{name} = {}", written(key, shown));
    }
    out
}

/// A value as TOML has it.
fn written(key: &Key, value: &str) -> String {
    match key.kind {
        Kind::Text => format!("{value:?}"),
        Kind::Integer | Kind::Boolean => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::config::Config;

    #[test]
    fn the_example_loads_and_comes_to_the_defaults() {
        let config = Config::parse("example.toml", &example()).unwrap();
        let defaults = Config::load(None).unwrap();
        assert_eq!(config.http.listen, defaults.http.listen);
        assert_eq!(config.data_dir, defaults.data_dir);
        assert!(config.tenants[0].demo && config.tenants[0].agents_capacity_default == 8);
    }

    #[test]
    fn every_key_stands_in_the_example_and_in_the_explanation_once() {
        let (example, explained) = (example(), explained());
        for key in KEYS {
            let name = key.parts().1;
            let line = |line: &&str| line.trim_start_matches("# ").starts_with(&format!("{name} = "));
            assert!(example.lines().any(|text| line(&text)), "{}", key.key);
            assert_eq!(explained.lines().filter(|line| *line == key.key).count(), 1, "{}", key.key);
        }
    }

    #[test]
    fn a_commented_key_is_known_when_it_is_switched_on() {
        let example = file(&[]);
        let off = example.lines().filter(|line| line.starts_with("# ") && line.contains(" = "));
        let mut count = 0;
        for line in off {
            let text = example.replace(line, line.trim_start_matches("# "));
            let problem = Config::parse("example.toml", &text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!problem.contains("unknown key") && !problem.contains("of type"), "{line}: {problem}");
            count += 1;
        }
        assert!(count >= 8, "{count}");
    }

    /// Sections that can't be read without a file that is there.
    const OF_FILES: &[&str] = &["witness"];

    #[test]
    fn a_required_key_is_missed_by_its_name() {
        let example = file(OF_FILES);
        for key in KEYS.iter().filter(|key| key.required && !OF_FILES.contains(&key.parts().0)) {
            let name = key.parts().1;
            let shown = format!("\n{name} = {}\n", written(key, key.example));
            let problem = Config::parse("e.toml", &example.replace(&shown, "\n")).unwrap_err().to_string();
            assert!(problem.contains(&format!("{} is missing", key.key)), "{problem}");
        }
    }

    #[test]
    fn bounds_are_those_of_the_checks() {
        let example = file(OF_FILES);
        let with = |key: &Key, value: &str| {
            let (section, name) = key.parts();
            let shown = if key.example.is_empty() { key.default } else { key.example };
            let off = if key.default.is_empty() && !key.required { "# " } else { "" };
            let line = format!("\n{off}{name} = {}\n", written(key, shown));
            assert!(example.contains(&line), "{section}.{line}");
            Config::parse("e.toml", &example.replace(&line, &format!("\n{name} = {}\n", written(key, value))))
        };
        for key in KEYS.iter().filter(|key| !OF_FILES.contains(&key.parts().0)) {
            match key.bounds {
                Bounds::Form => {}
                Bounds::Bytes(bytes_max) => {
                    let told = with(key, &"a".repeat(bytes_max + 1)).unwrap_err().to_string();
                    assert!(told.contains(key.key) && told.contains(&bytes_max.to_string()), "{told}");
                }
                Bounds::Numbers(least, most) => {
                    for good in [least, most] {
                        with(key, &good.to_string()).unwrap();
                    }
                    for bad in [least - 1, most + 1] {
                        let told = with(key, &bad.to_string()).unwrap_err().to_string();
                        assert!(told.contains(&format!("{least} to {most}")), "{told}");
                    }
                }
                Bounds::Words(words) => {
                    for word in words {
                        with(key, word).unwrap();
                    }
                    with(key, "other").unwrap_err();
                }
            }
        }
    }
}
