//! What becomes of several layers' words on one entity: the stricter wins, view by view.
//!
//! drop > replace > token > generalise > FPE > keep. Between two that show parts of a value that one wins behind which more
//! values remain possible; where that can't be counted, the one that shows fewer characters; and where neither is stricter, the
//! more specific layer, which stands later. It never makes anything up: each part of the result is some layer's own words.

use std::cmp::Ordering;

use super::super::view::{Class, View};
use super::compare::strictness;
use super::error::Weakening;
use super::layers::Words;
use super::occasion::Occasion;
use super::residual::candidates;
use super::resolve::{CONTEXT_WINDOW, MIN_CONFIDENCE, Stance, invalid};
use super::{Leaving, Level, Opening, Operator, PolicyError, Rule, RuleName};

/// Why a layer's word did not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It shows the whole value, and another layer holds it too strictly for that.
    Class,
    /// Its operator tells more.
    ShowsMore,
    /// Fewer values remain possible behind its mask.
    FewerLeft {
        /// How many at most.
        left: u64,
        /// How many behind the mask that won.
        behind_winner: u64,
    },
    /// Its mask shows more characters.
    MoreCharacters,
    /// It says the same as the winner.
    Same,
    /// It is neither stricter nor weaker, and more general than the winner.
    LessSpecific,
}

impl Lost {
    /// The word that answers and the command line have for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::ShowsMore => "shows_more",
            Self::FewerLeft { .. } => "fewer_left",
            Self::MoreCharacters => "more_characters",
            Self::Same => "same",
            Self::LessSpecific => "less_specific",
        }
    }
}

/// Who decides what a view shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided<'r> {
    /// The layer whose word counts; none when no layer says anything of the view, which then sees nothing.
    pub layer: Option<&'r str>,
    /// Whose word doesn't, with that and why.
    pub lost: Vec<(&'r str, &'r Operator, Lost)>,
}

/// Decides what a view shows; the operator is `None` when nobody says anything of it.
pub(super) fn decide<'s>(
    (name, class, view): (&RuleName, Class, View),
    stances: &[&'s Stance],
) -> (Option<&'s Operator>, Decided<'s>) {
    let said: Vec<(&str, &Operator)> = stances
        .iter()
        .filter_map(|stance| Some((stance.layer.as_str(), stance.operators[view.index()].as_ref()?)))
        .collect();
    let may = |operator: &Operator| class == Class::C1 || *operator != Operator::KeepAll;
    let stands = said.iter().filter(|(_, operator)| may(operator)).copied();
    // Of two that are alike the later one is taken.
    let winner = stands.max_by(|(_, one), (_, other)| stricter(name, one, other));
    let mut lost = Vec::new();
    for (layer, operator) in said {
        if winner.is_some_and(|(by, won)| by == layer && std::ptr::eq(won, operator)) {
            continue;
        }
        let why = winner.filter(|_| may(operator)).map_or(Lost::Class, |(_, won)| why(name, operator, won));
        lost.push((layer, operator, why));
    }
    (winner.map(|(_, operator)| operator), Decided { layer: winner.map(|(layer, _)| layer), lost })
}

/// Which of two tells less: it is the greater.
fn stricter(name: &RuleName, one: &Operator, other: &Operator) -> Ordering {
    let left = |operator: &Operator| candidates(name.entity, operator);
    let by_left = || match (left(one), left(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_) | None, _) => Ordering::Equal,
    };
    strictness(one)
        .cmp(&strictness(other))
        .then_with(by_left)
        .then_with(|| shown(other).cmp(&shown(one)))
        .then_with(|| vagueness(one).cmp(&vagueness(other)))
}

fn why(name: &RuleName, loser: &Operator, winner: &Operator) -> Lost {
    let left = |operator: &Operator| candidates(name.entity, operator);
    match (strictness(loser) < strictness(winner), left(loser), left(winner)) {
        (true, ..) => Lost::ShowsMore,
        (false, Some(left), Some(behind_winner)) if left < behind_winner => Lost::FewerLeft { left, behind_winner },
        _ if loser == winner => Lost::Same,
        _ if shown(loser) > shown(winner) => Lost::MoreCharacters,
        _ if vagueness(loser) < vagueness(winner) => Lost::ShowsMore,
        _ => Lost::LessSpecific,
    }
}

/// Characters that a mask shows.
fn shown(operator: &Operator) -> usize {
    match operator {
        Operator::Keep { first, last } => first + last,
        Operator::Drop
        | Operator::KeepAll
        | Operator::Replace { .. }
        | Operator::Token { .. }
        | Operator::Encrypt { .. }
        | Operator::ShiftDate { .. }
        | Operator::Generalise(_) => 0,
    }
}

/// How inexact what is shown in place of a value is.
fn vagueness(operator: &Operator) -> u8 {
    match operator {
        Operator::Generalise(Level::Month | Level::City) => 1,
        Operator::Generalise(Level::Year | Level::Province) => 2,
        Operator::Generalise(Level::Decade | Level::Range) => 3,
        Operator::Drop
        | Operator::KeepAll
        | Operator::Keep { .. }
        | Operator::Replace { .. }
        | Operator::Token { .. }
        | Operator::Encrypt { .. }
        | Operator::ShiftDate { .. } => 0,
    }
}

/// The rules of a policy where `there` applies, one for each name that any layer speaks of, in the order in which they do. A
/// rule of which nobody says anything there keeps its place, so that a span's number means the same wherever it was found.
pub(super) fn rules(layers: &[Words], there: &Occasion) -> Vec<Rule> {
    let mut names: Vec<&RuleName> = Vec::new();
    for (name, _) in layers.iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let rule = |name: &RuleName| {
        let of_it = || layers.iter().flatten().filter(|(known, _)| known == name).map(|(_, stance)| stance);
        let here: Vec<&Stance> = of_it().filter(|stance| stance.occasion.holds_at(there)).collect();
        if here.is_empty() { merged(name, &of_it().collect::<Vec<_>>(), false) } else { merged(name, &here, true) }
    };
    names.into_iter().map(rule).collect()
}

fn merged(name: &RuleName, stances: &[&Stance], is_active: bool) -> Rule {
    let class = stances.iter().map(|stance| stance.class).max().unwrap_or(Class::C3);
    let operators = View::ALL.map(|view| decide((name, class, view), stances).0.cloned().unwrap_or(Operator::Drop));
    let all = |of: fn(&Stance) -> &Vec<String>| {
        let mut all: Vec<String> = Vec::new();
        for one in stances.iter().flat_map(|stance| of(stance)) {
            if !all.contains(one) {
                all.push(one.clone());
            }
        }
        all
    };
    let min_confidence = stances.iter().map(|stance| stance.min_confidence.unwrap_or(MIN_CONFIDENCE)).min();
    let window = stances.iter().map(|stance| stance.context_window.unwrap_or(CONTEXT_WINDOW)).max();
    let patterns = stances.iter().filter_map(|stance| stance.pattern.as_ref());
    Rule {
        name: name.clone(),
        entity: name.entity,
        class,
        basis: all(|stance| &stance.basis),
        min_confidence: min_confidence.unwrap_or(MIN_CONFIDENCE),
        context: all(|stance| &stance.context),
        context_window: window.unwrap_or(CONTEXT_WINDOW),
        pattern: patterns.max_by_key(|pattern| pattern.certainty).cloned(),
        opening: opening(class, stances),
        leaving: leaving(class, stances),
        is_active,
        shows: super::compile::shows(&operators),
        operators,
        said: stances.iter().map(|stance| (*stance).clone()).collect(),
    }
}

/// What happens when a value is about to leave: it is held if any layer holds it, and released only by whom all of those name.
fn leaving(class: Class, stances: &[&Stance]) -> Leaving {
    let held = stances.iter().filter_map(|stance| stance.leaving.as_ref()).filter(|leaving| leaving.hold);
    let stands = held.cloned().reduce(|stands, more| {
        let roles = stands.release_roles.into_iter().filter(|role| more.release_roles.contains(role));
        Leaving { hold: true, release_roles: roles.collect() }
    });
    let Leaving { hold, release_roles } = stands.unwrap_or_default();
    Leaving { hold, release_roles: if class == Class::C3 { Vec::new() } else { release_roles } }
}

/// By whom a value may be opened: only by whom every layer that speaks of it names, for the shortest time, and with the word of
/// somebody whom all of them would ask. Packs say nothing of it: whom a bank trusts is its own word.
fn opening(class: Class, stances: &[&Stance]) -> Option<Opening> {
    let mut said = stances.iter().filter_map(|stance| stance.opening.as_ref());
    let first = said.next().filter(|_| class != Class::C3)?.clone();
    said.try_fold(first, |stands, more| {
        let both = |some: &[String], others: &[String]| -> Vec<String> {
            some.iter().filter(|word| others.contains(word)).cloned().collect()
        };
        let second_person = match (stands.second_person.is_empty(), more.second_person.is_empty()) {
            (_, true) => stands.second_person,
            (true, false) => more.second_person.clone(),
            (false, false) => Some(both(&stands.second_person, &more.second_person)).filter(|all| !all.is_empty())?,
        };
        let roles = Some(both(&stands.roles, &more.roles)).filter(|roles| !roles.is_empty())?;
        Some(Opening { roles, ttl_s: stands.ttl_s.min(more.ttl_s), second_person })
    })
}

/// Refuses what can't count: words of a layer that are weaker than those of one below it which applies wherever it does. Packs
/// may differ among each other; that the stricter one wins is what they are layers for.
pub(super) fn check(layers: &[Words]) -> Result<(), PolicyError> {
    for (place, words) in layers.iter().enumerate() {
        for (name, stance) in words {
            let below = layers.iter().take(place).flatten();
            for (_, other) in below.filter(|(known, other)| known == name && other.occasion.holds_at(&stance.occasion))
            {
                check_against(name, stance, other)?;
            }
            check_pattern(name, stance, layers)?;
        }
    }
    Ok(())
}

/// A name stands for one pattern, wherever it is used.
fn check_pattern(name: &RuleName, stance: &Stance, layers: &[Words]) -> Result<(), PolicyError> {
    let text = |stance: &Stance| stance.pattern.as_ref().map(|pattern| pattern.text.clone());
    let others = layers.iter().flatten().filter(|(known, _)| known == name);
    match others.map(|(_, other)| text(other)).find(|other| *other != text(stance)) {
        Some(_) => Err(invalid(stance.line, "pattern", "the same as in every layer with this name", name.to_string())),
        None => Ok(()),
    }
}

fn check_against(name: &RuleName, stance: &Stance, below: &Stance) -> Result<(), PolicyError> {
    if stance.is_pack {
        return Ok(());
    }
    let weaker = |field: String, says: String, stricter: String| {
        Err(PolicyError::Weakens(Box::new(Weakening {
            line: stance.line,
            layer: stance.layer.clone(),
            rule: name.to_string(),
            field,
            says,
            stricter,
            by: below.layer.clone(),
        })))
    };
    if stance.class < below.class {
        return weaker("class".into(), stance.class.to_string(), below.class.to_string());
    }
    for view in View::ALL {
        let (says, asks) = (&stance.operators[view.index()], &below.operators[view.index()]);
        if let (Some(says), Some(asks)) = (says, asks)
            && stricter(name, says, asks) == Ordering::Less
        {
            return weaker(format!("views.{view}"), says.to_string(), asks.to_string());
        }
    }
    let share = |percent: u8| format!("{:.2}", f64::from(percent) / 100.0);
    let (asks, window) =
        (below.min_confidence.unwrap_or(MIN_CONFIDENCE), below.context_window.unwrap_or(CONTEXT_WINDOW));
    match (stance.min_confidence, stance.context_window) {
        (Some(says), _) if says > asks => weaker("detect.min_confidence".into(), share(says), share(asks)),
        (_, Some(says)) if says < window => {
            weaker("detect.context_window".into(), says.to_string(), window.to_string())
        }
        (Some(_) | None, _) => Ok(()),
    }
}
