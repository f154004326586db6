//! What `[[anchor]]` must mean: which outside parties confirm what is published, how often, and by what they are believed.

use std::path::{Path, PathBuf};

use hyper::Uri;

use super::super::Lines;
use super::{Checked, FILE, Field, Section, Unique, check_name, existing, path};

/// `[[anchor]]`.
#[derive(Clone, Debug)]
pub struct AnchorConfig {
    /// Its name in entries, metrics and the console.
    pub name: String,
    /// Pause between two receipts, in seconds.
    pub every_s: u32,
    /// Longest that it may take to answer, in milliseconds.
    pub wait_ms: u32,
    /// Where it is asked.
    pub url: String,
    /// Certificates that the address's own is checked against.
    pub ca: Option<PathBuf>,
    /// What it is, and by what its receipts are believed.
    pub form: AnchorFormConfig,
}

/// What an anchor is.
#[derive(Clone, Debug)]
pub enum AnchorFormConfig {
    /// A time-stamping authority (RFC 3161).
    Rfc3161 {
        /// Certificates of the authorities that its time stamps must lead to.
        authorities: PathBuf,
        /// The policy that is asked for, an object identifier.
        policy: Option<String>,
    },
    /// `lww-evm`, which anchors on an EVM chain.
    Evm,
}

impl AnchorConfig {
    pub(in super::super) fn write(&self, lines: &mut Lines) {
        lines.put("anchor.name", &self.name);
        match &self.form {
            AnchorFormConfig::Rfc3161 { authorities, policy } => {
                lines.put("anchor.form", RFC3161);
                lines.path("anchor.authorities", Some(authorities));
                lines.put("anchor.policy", policy.as_deref().unwrap_or_default());
            }
            AnchorFormConfig::Evm => lines.put("anchor.form", EVM),
        }
        lines.put("anchor.url", &self.url);
        lines.path("anchor.ca", self.ca.as_deref());
        lines.put("anchor.every_s", &self.every_s.to_string());
        lines.put("anchor.wait_ms", &self.wait_ms.to_string());
    }

    /// Files that are read while the server runs.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let authorities = match &self.form {
            AnchorFormConfig::Rfc3161 { authorities, .. } => Some(authorities.as_path()),
            AnchorFormConfig::Evm => None,
        };
        [authorities, self.ca.as_deref()].into_iter().flatten()
    }
}

const RFC3161: &str = "rfc3161";
const EVM: &str = "evm";

/// Every `[[anchor]]` of the file.
pub(super) fn read(root: &Section<'_>) -> Checked<Vec<AnchorConfig>> {
    let mut names = Unique::default();
    root.sections("anchor")?
        .iter()
        .map(|section| {
            let name = section.required("name")?;
            check_name(&name)?;
            names.check(&name, name.value)?;
            anchor(section, name.value)
        })
        .collect()
}

fn anchor(section: &Section<'_>, name: &str) -> Checked<AnchorConfig> {
    let form = section.required("form")?;
    let words = form.words();
    if !words.contains(&form.value) {
        return Err(form.expected(format!("one of: {}", words.join(", "))));
    }
    let url = section.required("url")?;
    let ca = existing(path(section, "ca")?, FILE, Path::is_file)?;
    if address(&url)?.scheme_str() == Some("https") && ca.is_none() {
        return Err(section.missing("ca"));
    }
    let authorities = existing(path(section, "authorities")?, FILE, Path::is_file)?;
    let form = if form.value == EVM {
        AnchorFormConfig::Evm
    } else {
        AnchorFormConfig::Rfc3161 {
            authorities: authorities.ok_or_else(|| section.missing("authorities"))?,
            policy: section.text("policy")?.map(|field| object_identifier(&field)).transpose()?,
        }
    };
    Ok(AnchorConfig {
        name: name.to_owned(),
        every_s: section.integer("every_s")?.unsigned_abs(),
        wait_ms: section.integer("wait_ms")?.unsigned_abs(),
        url: url.value.to_owned(),
        ca,
        form,
    })
}

/// An address of http or https. Without TLS an authority is as trustworthy as with it: what it gives is signed, and says nothing
/// of what it is about.
fn address(field: &Field<'_, &str>) -> Checked<Uri> {
    let expected = "an http or https URL without user, password and fragment";
    let uri = field.value.parse::<Uri>().ok().filter(|uri| {
        let is_known = matches!(uri.scheme_str(), Some("http" | "https"));
        is_known && uri.host().is_some_and(|host| !host.is_empty()) && !field.value.contains(['#', '@'])
    });
    uri.ok_or_else(|| field.expected(expected))
}

fn object_identifier(field: &Field<'_, &str>) -> Checked<String> {
    let is_number = |arc: &str| {
        !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'))
    };
    let arcs: Vec<&str> = field.value.split('.').collect();
    let bytes_max = field.bytes_max();
    if field.value.len() <= bytes_max && arcs.len() >= 2 && arcs.iter().all(|arc| is_number(arc)) {
        Ok(field.value.to_owned())
    } else {
        Err(field.expected(format!("an object identifier such as 1.2.3.4.1, at most {bytes_max} bytes")))
    }
}
