//! What `[witness]` must mean: who cosigns, and that enough of them can be asked.

use std::path::{Path, PathBuf};

use lww_audit::TrustPolicy;
use lww_audit::trust::POLICY_BYTES_MAX;

use super::super::Lines;
use super::{Checked, FILE, Problem, Section, existing, oidc, path, read};

/// `[witness]`.
#[derive(Clone, Debug)]
pub struct WitnessConfig {
    /// The policy's file.
    pub policy: PathBuf,
    /// Who counts, and how many are enough.
    pub trust: TrustPolicy,
    /// Certificates that those of witnesses are checked against.
    pub ca: Option<PathBuf>,
}

impl WitnessConfig {
    pub(in super::super) fn write(&self, lines: &mut Lines) {
        lines.path("witness.policy", Some(&self.policy));
        lines.path("witness.ca", self.ca.as_deref());
    }
}

/// The section, when the file has it.
pub(super) fn read_section(section: &Section<'_>) -> Checked<Option<WitnessConfig>> {
    if !section.is_there() {
        return Ok(None);
    }
    let ca = existing(path(section, "ca")?, FILE, Path::is_file)?;
    let policy = path(section, "policy")?.ok_or_else(|| section.missing("policy"))?;
    let bytes = read(&policy.value, POLICY_BYTES_MAX)
        .map_err(|_| policy.error(Problem::Absent { key: policy.key, expected: FILE }))?
        .ok_or_else(|| policy.expected(format!("a file of at most {POLICY_BYTES_MAX} bytes")))?;
    let trust = TrustPolicy::parse(&bytes).map_err(|error| policy.expected(format!("a tlog-policy: {error}")))?;
    for url in trust.witnesses().iter().filter_map(|witness| witness.url.as_deref()) {
        let Some(found) = oidc::safe(url) else {
            let expected = "https URLs of witnesses, or http URLs with a loopback address such as 127.0.0.1";
            return Err(policy.expected(expected));
        };
        if found.scheme_str() == Some("https") && ca.is_none() {
            return Err(section.missing("ca"));
        }
    }
    let is_asked = |at: usize| trust.witnesses().get(at).is_some_and(|witness| witness.url.is_some());
    if !trust.is_content_with(is_asked) {
        return Err(policy.expected("the addresses of enough witnesses for its quorum"));
    }
    Ok(Some(WitnessConfig { policy: policy.value, trust, ca }))
}
