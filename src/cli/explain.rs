//! `lww policy explain`: the one effective policy, which layer decided what, and why a text is masked as it is.
//!
//! It reads a policy file and starts no server. Of a text it prints what views show and the words that speak for a value, never
//! the value; tokens need keys, which it has none of, so that each is shown as `token`.

use std::io::Read as _;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::json;

use super::operator::{named, read};
use super::{CommandError, screen};
use crate::domain::masking::{self, FoundSpan, Lost, Policy, Rule, Tail, Tokens, UnknownView, View};
use crate::http::rules::{DecidedView, MaskingRule, PolicyLayer, rules_of};
use crate::limits::TEXT_BYTES_MAX;
use crate::units::Hash;

/// Say what a policy file makes of each entity for each view, which of its layers decided that, and why a text is masked so.
#[derive(clap::Args)]
pub struct ExplainArgs {
    /// The policy file.
    file: PathBuf,
    /// Explain each mask of a text as well; `-` reads it from standard input, where no list of processes shows it.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Who looks at it [default: every view].
    #[arg(long, value_parser = view)]
    view: Option<View>,
    /// Only this entity or rule, such as `cn.bank_card` or `custom.loan_no`.
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    #[command(flatten)]
    there: There,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Where something is said, for policies whose layers ask for it.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct There {
    /// The tenant, for layers `tenant/…`.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// The channel, for layers `channel/…`: web, http.
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// The conversation's queue, for layers `purpose/…`.
    #[arg(long, value_name = "QUEUE")]
    purpose: Option<String>,
}

impl There {
    /// The occasion.
    pub fn occasion(&self) -> masking::Occasion {
        let Self { tenant, channel, purpose } = self.clone();
        masking::Occasion { tenant, channel, purpose }
    }
}

fn view(name: &str) -> Result<View, UnknownView> {
    name.parse()
}

/// Stands for a tenant's keys.
struct NoKeys;

impl Tokens for NoKeys {
    fn token(&self, _key: &str, _entity: &str, _canonical: &str) -> String {
        "token".to_owned()
    }
}

/// What a view shows of a value, and who decided so.
#[derive(Serialize)]
struct ShownTo {
    view: &'static str,
    shows: String,
    text: String,
    #[serde(flatten)]
    decided: DecidedView,
}

/// Why a stretch of a text is masked.
#[derive(Serialize)]
struct Because {
    start: usize,
    end: usize,
    entity: &'static str,
    rule: String,
    class: &'static str,
    confidence: u8,
    min_confidence: u8,
    word: Option<String>,
    validators: &'static [&'static str],
    pattern: Option<String>,
    basis: Vec<String>,
    views: Vec<ShownTo>,
}

/// Explains a policy, or a text under it.
///
/// # Errors
/// The file is no policy, or the text is too long.
pub(super) fn run(args: &ExplainArgs) -> Result<(), CommandError> {
    let whole = Policy::load(&read(&args.file)?).map_err(|error| named(&args.file, &error.to_string()))?;
    let policy = whole.on(&args.there.occasion());
    let text = args.text.as_deref().map(typed).transpose()?;
    let because = text.as_deref().map(|text| because(policy, text, args.view));
    if args.json {
        let layers: Vec<PolicyLayer> = whole.layers().iter().map(Into::into).collect();
        let (digest, rules) = (Hash(whole.digest()).to_string(), rules_of(policy));
        let rules: Vec<MaskingRule> = rules.into_iter().filter(|rule| args.wants(&rule.name)).collect();
        let told = json!({"id": whole.id(), "version": whole.version(), "digest": digest, "layers": layers});
        let told = match because {
            Some(because) => json!({"policy": told, "spans": because}),
            None => json!({"policy": told, "rules": rules}),
        };
        screen::line(&told.to_string());
        return Ok(());
    }
    tell_policy(&whole);
    match because {
        Some(because) if because.is_empty() => screen::line("Nothing in the text is masked."),
        Some(because) => because.iter().for_each(tell_because),
        None => policy.rules().iter().filter(|rule| args.wants(&rule.name.to_string())).for_each(|rule| {
            tell_rule(rule, args.view);
        }),
    }
    Ok(())
}

impl ExplainArgs {
    fn wants(&self, rule: &str) -> bool {
        self.rule.as_deref().is_none_or(|wanted| wanted == rule)
    }
}

/// The text that was given, or that stands on standard input; the line feed at its end is none of it.
fn typed(given: &str) -> Result<String, CommandError> {
    let mut text = given.to_owned();
    if given == "-" {
        text.clear();
        std::io::stdin().lock().take(TEXT_BYTES_MAX as u64 + 2).read_to_string(&mut text)?;
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(std::io::Error::other(format!("the text is longer than {TEXT_BYTES_MAX} bytes")).into());
    }
    Ok(text)
}

fn because(policy: &Policy, text: &str, only: Option<View>) -> Vec<Because> {
    let spans = masking::detect(policy, text, &mut Tail::empty(), 0);
    let masked = masking::apply(policy, text, &spans, &NoKeys);
    let one = |(place, FoundSpan { span, word }): (usize, FoundSpan)| {
        let rule = policy.rules().get(usize::from(span.rule))?;
        let shown = |view: View| {
            let place = masked.shown_spans(view).get(place).map_or(0..0, |shown| shown.start..shown.end);
            ShownTo {
                view: view.as_str(),
                shows: rule.operator(view).to_string(),
                text: masked.render(view).chars().skip(place.start).take(place.len()).collect(),
                decided: rule.decided(view).into(),
            }
        };
        let views = View::ALL.into_iter().filter(|view| only.is_none_or(|only| only == *view)).map(shown);
        Some(Because {
            start: span.start,
            end: span.end,
            entity: span.entity.as_str(),
            rule: rule.name.to_string(),
            class: rule.class.as_str(),
            confidence: span.confidence,
            min_confidence: rule.min_confidence,
            word,
            validators: rule.checks(),
            pattern: rule.pattern.as_ref().map(|pattern| pattern.text.clone()),
            basis: rule.basis.clone(),
            views: views.collect(),
        })
    };
    masking::found_spans(text, &spans).into_iter().enumerate().filter_map(one).collect()
}

fn tell_policy(policy: &Policy) {
    screen::line(&format!("{} version {} (digest {})", policy.id(), policy.version(), Hash(policy.digest())));
    for layer in policy.layers() {
        let place = layer.occasion.to_string();
        let only = if place.is_empty() || place == layer.name { String::new() } else { format!(" (only {place})") };
        let title = layer.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
        screen::line(&format!("layer {}{only}{title}", layer.name));
    }
}

fn tell_rule(rule: &Rule, only: Option<View>) {
    let inactive = if rule.is_active() { "" } else { ", not on this occasion" };
    let (name, class, min) = (&rule.name, rule.class, rule.min_confidence);
    screen::line(&screen::strong(&format!("{name} {class}, from {min} % on{inactive}")));
    if let Some(pattern) = &rule.pattern {
        screen::line(&format!("  pattern {}", pattern.text));
    }
    for view in View::ALL.into_iter().filter(|view| only.is_none_or(|only| only == *view)) {
        let decided = rule.decided(view);
        let by = decided.layer.unwrap_or("no layer says anything");
        screen::line(&format!("  {:<10} {} <- {by}", view.as_str(), rule.operator(view)));
        for (layer, operator, why) in &decided.lost {
            screen::line(&format!("             not {layer}: {operator} ({})", in_words(*why)));
        }
    }
}

fn tell_because(because: &Because) {
    let Because { start, end, rule, class, confidence, min_confidence, word, validators, basis, views, .. } = because;
    screen::line(&screen::strong(&format!("{start}-{end} {rule} {class}")));
    let checks = validators.join(", ");
    screen::line(&format!("  {confidence} % sure, {min_confidence} % are enough; judged by {checks}"));
    if let Some(pattern) = &because.pattern {
        screen::line(&format!("  pattern {pattern}"));
    }
    match word {
        Some(word) => screen::line(&format!("  the word {word} speaks for it")),
        None => screen::line("  no word in the text speaks for it"),
    }
    if !basis.is_empty() {
        screen::line(&format!("  because of {}", basis.join(", ")));
    }
    for ShownTo { view, shows, text, decided } in views {
        let by = decided.layer.as_deref().unwrap_or("no layer");
        screen::line(&format!("  {view:<10} {text} ({shows} <- {by})"));
    }
}

fn in_words(why: Lost) -> String {
    match why {
        Lost::Class => "another layer's class forbids it".to_owned(),
        Lost::ShowsMore => "it shows more".to_owned(),
        Lost::FewerLeft { left, behind_winner } => {
            format!("behind it {left} values remain possible, behind the other {behind_winner}")
        }
        Lost::MoreCharacters => "it shows more characters".to_owned(),
        Lost::Same => "the same".to_owned(),
        Lost::LessSpecific => "as strict, and more general".to_owned(),
    }
}
