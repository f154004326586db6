//! Accounts out of a CSV file (RFC 4180), all or none: every line is checked before the first account is made, and they
//! come to be by one entry; what agents among them can do is an entry each, recorded with it.
//!
//! The first line names the columns: `login`, `name`, `role` and, where wanted, `capacity`,
//! `skills` and `groups` (several in one field with `;` between them), in any order. Spreadsheets'
//! byte order mark, CRLF and quoted fields are taken. An error names line and column and never repeats what stands there.

use std::collections::HashSet;

use csv::{Position, ReaderBuilder, StringRecord};
use futures_util::future::try_join_all;

use super::accounts::{CAPACITY_EXPECTED, ROLE_EXPECTED};
use super::{Manager, NewStaff, Refusal, Tenant};
use crate::domain::event::{Event, Role};
use crate::domain::message::RawText;
use crate::domain::record::{Draft, Effect, Proposal};
use crate::limits::IMPORT_ACCOUNTS_MAX;
use crate::units::AccountId;

const COLUMNS: [&str; 6] = ["login", "name", "role", "capacity", "skills", "groups"];
/// Between the words of one field: a comma would end the field.
const WORDS_END: char = ';';
const COLUMNS_EXPECTED: &str = "columns login, name, role and perhaps capacity, skills and groups";
const NEW_EXPECTED: &str = "a login that no account has";
const FEWER_EXPECTED: &str = "at most 256 accounts";
const OTHER_EXPECTED: &str = "a login that no other line has";
const SOME_EXPECTED: &str = "at least one account";
const FIELDS_EXPECTED: &str = "as many fields as the first line names, in RFC 4180's form";
const MARK: char = '\u{feff}';

/// An account that was just made.
pub struct Imported {
    /// Its pseudonym.
    pub account: AccountId,
    /// Its login.
    pub login: RawText,
    /// Its one-time password, kept nowhere.
    pub password: RawText,
}

/// One line, with its number.
struct Line {
    number: u64,
    new: NewStaff,
    capacity: i32,
}

impl Tenant {
    /// Makes the accounts of a file. Their one-time passwords are returned once.
    ///
    /// # Errors
    /// [`Refusal::Line`] for the first line that can't be taken; nothing was made then.
    pub async fn import_accounts(&self, by: Manager<'_>, file: &RawText) -> Result<Vec<Imported>, Refusal> {
        let actor = by.actor()?;
        let lines = self.lines(file.expose())?;
        for line in &lines {
            if self.has_account(&line.new.login).await? {
                return Err(refused(line.number, "login", NEW_EXPECTED));
            }
        }
        let made = lines.iter().map(|line| self.new_account(&line.new, line.capacity, true));
        let (accounts, passwords): (Vec<_>, Vec<_>) = try_join_all(made).await?.into_iter().unzip();
        let named = accounts.iter().map(|account| (account.id, account.role)).collect();
        let ids: Vec<AccountId> = accounts.iter().map(|account| account.id).collect();
        let effects = accounts.into_iter().map(Effect::NewAccount).collect();
        let draft = Draft::of(Event::AccountsImported { accounts: named }, actor);
        let mut proposal = Proposal::single(draft, effects);
        proposal.steps.extend(lines.iter().zip(&ids).filter_map(|(line, id)| line.new.skilled(*id, actor)));
        self.record(proposal).await?;
        let told = lines.into_iter().zip(ids).zip(passwords);
        Ok(told.map(|((line, account), password)| Imported { account, login: line.new.login, password }).collect())
    }

    fn lines(&self, text: &str) -> Result<Vec<Line>, Refusal> {
        let mut lines: Vec<Line> = Vec::new();
        let mut logins = HashSet::new();
        for read in account_lines(text)? {
            let (number, new) = read?;
            let capacity = self.checked(&new).map_err(|(column, expected)| refused(number, column, expected))?;
            if lines.len() == IMPORT_ACCOUNTS_MAX {
                return Err(refused(number, "file", FEWER_EXPECTED));
            }
            if !logins.insert(self.ports.vault.login_lookup(&new.login)) {
                return Err(refused(number, "login", OTHER_EXPECTED));
            }
            lines.push(Line { number, new, capacity });
        }
        if lines.is_empty() {
            return Err(refused(2, "file", SOME_EXPECTED));
        }
        Ok(lines)
    }
}

/// The accounts of a file as they stand in it, each with the number of its line; whether a login is free or a name within
/// bounds is not looked at.
///
/// # Errors
/// [`Refusal::Line`] when the first line doesn't name the columns; the items likewise, each for its own line.
pub fn account_lines(text: &str) -> Result<impl Iterator<Item = Result<(u64, NewStaff), Refusal>>, Refusal> {
    let text = text.strip_prefix(MARK).unwrap_or(text);
    let mut records = ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes()).into_records();
    let header = records.next().ok_or(refused(1, "file", COLUMNS_EXPECTED))?;
    let columns = columns(&header.map_err(|error| unreadable(text, &error))?)?;
    Ok(records.map(move |record| {
        let record = record.map_err(|error| unreadable(text, &error))?;
        line(line_at(text, record.position()), &columns, &record)
    }))
}

fn line(number: u64, columns: &[&'static str], record: &StringRecord) -> Result<(u64, NewStaff), Refusal> {
    let of = |column| {
        let at = columns.iter().position(|known| *known == column);
        at.and_then(|at| record.get(at)).unwrap_or("")
    };
    let role = Role::from_word(of("role")).filter(|role| role.is_staff());
    let role = role.ok_or(refused(number, "role", ROLE_EXPECTED))?;
    let capacity = match of("capacity") {
        "" => None,
        word => Some(word.parse().map_err(|_| refused(number, "capacity", CAPACITY_EXPECTED))?),
    };
    let text = |column| RawText::new(of(column).to_owned());
    let words = |column| {
        let words = of(column).split(WORDS_END).map(str::trim).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let (skills, groups) = (words("skills"), words("groups"));
    Ok((number, NewStaff { login: text("login"), name: text("name"), role, capacity, skills, groups }))
}

/// The columns of a file by its first line.
fn columns(header: &StringRecord) -> Result<Vec<&'static str>, Refusal> {
    let wrong = || refused(1, "file", COLUMNS_EXPECTED);
    let known = |word: &str| COLUMNS.into_iter().find(|column| *column == word).ok_or_else(wrong);
    let columns: Vec<&'static str> = header.iter().map(known).collect::<Result<_, _>>()?;
    let each_once = columns.iter().collect::<HashSet<_>>().len() == columns.len();
    let needed = ["login", "name", "role"].iter().all(|column| columns.contains(column));
    if each_once && needed { Ok(columns) } else { Err(wrong()) }
}

/// The reader's own words could repeat what stands in the file; its line is all that is taken.
fn unreadable(text: &str, error: &csv::Error) -> Refusal {
    refused(line_at(text, error.position()), "file", FIELDS_EXPECTED)
}

/// The line that a record begins in, as editors count: CRLF, LF and CR alone each end one. The reader counts LF alone, and
/// what it calls a record's place may lie before the line ends between two records.
fn line_at(text: &str, place: Option<&Position>) -> u64 {
    let place = place.and_then(|place| usize::try_from(place.byte()).ok()).unwrap_or(0);
    let (before, after) = text.split_at_checked(place).unwrap_or((text, ""));
    let between = after.len() - after.trim_start_matches(['\r', '\n']).len();
    let before = &text[..before.len() + between];
    let ends = before.matches(['\r', '\n']).count() - before.matches("\r\n").count();
    ends as u64 + 1
}

fn refused(line: u64, column: &'static str, expected: &'static str) -> Refusal {
    Refusal::Line { line, column, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<Vec<&'static str>, Refusal> {
        let record = ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes()).records().next();
        columns(&record.unwrap().unwrap())
    }

    #[test]
    fn the_first_line_names_each_known_column_once() {
        assert_eq!(header("login,name,role").unwrap(), ["login", "name", "role"]);
        assert_eq!(header("role,capacity,name,login").unwrap(), ["role", "capacity", "name", "login"]);
        assert_eq!(header("login,name,role,groups,skills").unwrap().len(), 5);
        for text in ["login,name", "login,name,role,role", "login,name,role,password", "Login,name,role", "a;b;c"] {
            assert!(matches!(header(text), Err(Refusal::Line { line: 1, column: "file", .. })), "{text}");
        }
    }

    /// The lines of a file's accounts, or of its first error.
    fn numbers(text: &str) -> Result<Vec<u64>, u64> {
        let line = |refusal: Refusal| {
            let Refusal::Line { line, .. } = refusal else { panic!("{refusal}") };
            line
        };
        let lines = account_lines(text).map_err(line)?;
        lines.map(|read| read.map(|(number, _)| number).map_err(line)).collect()
    }

    #[test]
    fn lines_are_counted_as_editors_do_however_they_end() {
        for end in ["\n", "\r\n", "\r"] {
            let check = |lines: &[&str], expect| {
                for mark in ["", "\u{feff}"] {
                    let text = format!("{mark}{}", lines.join(end));
                    assert_eq!(numbers(&text), expect, "{text:?}");
                }
            };
            check(&["login,name,role", "a,A,agent", "b,B,agent", ""], Ok(vec![2, 3]));
            check(&["login,name,role", "", "", "a,A,agent", "", "b,B,agent"], Ok(vec![4, 6]));
            check(&["login,name,role", "a,\"A", "A\",agent", "b,B,agent"], Ok(vec![2, 4]));
            check(&["login,name,role", "a,A,agent", "b,B,boss", "c,C,agent"], Err(3));
            check(&["login,name,role", "a,A,agent", "b,B", "c,C,agent"], Err(3));
            check(&["login,name,role", "a,A,agent", "", "b,B,boss"], Err(4));
            check(&["login,name", "a,A"], Err(1));
        }
    }
}
