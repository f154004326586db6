//! Which generation of a log this server knows: what it keeps of a log lies under the log's number.

use super::Config;
use crate::storage::head::FIRST_GENERATION;

impl Config {
    /// The newest generation of a tenant's log that guards or published files of this server know.
    pub fn generation(&self, tenant: &str) -> u32 {
        let of = |folder: &str| {
            let names = std::fs::read_dir(self.data_dir.join(folder)).into_iter().flatten().flatten();
            let number = |name: std::ffi::OsString| {
                let digits = name.to_str()?.strip_prefix(tenant)?.strip_prefix('-')?.to_owned();
                digits.parse().ok().filter(|number: &u32| number.to_string() == digits)
            };
            names.filter_map(|file| number(file.file_name())).max()
        };
        of("guard").max(of("audit")).unwrap_or(FIRST_GENERATION)
    }
}
