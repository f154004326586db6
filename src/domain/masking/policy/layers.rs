//! Which layers a policy is made of: packs that are built in, and layers that it defines itself.
//!
//! A pack never changes: what asks for something else is its next version, and the older one stays. So a policy's text says
//! the same to every program that can read it, and an upgrade changes no mask. It deliberately does not know what layers say.

use serde_saphyr::Spanned;

use super::super::super::canonical;
use super::document::{Document, LayerDoc, PackDoc};
use super::occasion::Occasion;
use super::resolve::{Speaker, Stance, all, invalid};
use super::{PolicyError, RuleName, digest};
use crate::domain::yaml;
use crate::limits::{LAYER_DEPTH_MAX, LAYERS_MAX};

/// Longest pack in bytes.
const PACK_BYTES_MAX: usize = 64 * 1024;
/// The name of the policy's own list among the layers.
pub(super) const OWN: &str = "rules";
/// Begins the names of packs.
const PACK_PREFIX: &str = "base/";

/// Every pack, by name and version.
const PACKS: [(&str, u64, &str); 4] = [
    ("base/pci", 1, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/base/pci.yaml"))),
    ("base/jrt0171", 1, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/base/jrt0171.yaml"))),
    ("base/pipl", 1, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/base/pipl.yaml"))),
    ("base/gdpr", 1, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/base/gdpr.yaml"))),
];

/// A layer of a policy, for whoever looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its name, of a pack with the version: `base/pci@1`.
    pub name: String,
    /// Of a pack the norm that it follows.
    pub title: Option<String>,
    /// Which messages it applies to.
    pub occasion: Occasion,
    /// SHA-256 of what it says, in canonical JSON.
    pub digest: [u8; 32],
}

/// What a layer says.
pub(super) type Words = Vec<(RuleName, Stance)>;

/// Returns the layers of a policy with what they say, the more general first and the policy's own list last.
pub(super) fn of(document: &Document) -> Result<(Vec<Layer>, Vec<Words>), PolicyError> {
    let mut walk = Walk { document, path: Vec::new(), layers: Vec::new(), words: Vec::new() };
    for name in &document.layers {
        walk.visit(name, &Occasion::ANY)?;
    }
    let named = |name: &String| walk.layers.iter().any(|layer| layer.name == *name);
    if let Some((name, layer)) = document.define.iter().find(|(name, _)| !named(name)) {
        let line = layer.referenced.line();
        return Err(invalid(line, "define", "layers that `layers` names, or one that it names does", name.clone()));
    }
    let own = Speaker { layer: OWN, occasion: &Occasion::ANY, is_pack: false };
    walk.words.push(all(own, &document.rules)?);
    Ok((walk.layers, walk.words))
}

struct Walk<'d> {
    document: &'d Document,
    /// The names on the way here.
    path: Vec<&'d str>,
    layers: Vec<Layer>,
    words: Vec<Words>,
}

impl<'d> Walk<'d> {
    /// Takes a layer that is named where `there` applies, those that it names itself before it.
    fn visit(&mut self, name: &'d Spanned<String>, there: &Occasion) -> Result<(), PolicyError> {
        let line = name.referenced.line();
        if self.path.contains(&name.value.as_str()) {
            let around = [&self.path[..], &[&name.value]].concat().join(" -> ");
            return Err(invalid(line, "layers", "layers that don't name each other in a circle", around));
        }
        if self.path.len() >= LAYER_DEPTH_MAX {
            return Err(invalid(line, "layers", "layers that are named at most 3 deep", name.value.clone()));
        }
        if self.layers.len() >= LAYERS_MAX {
            return Err(invalid(line, "layers", "at most 32 layers", name.value.clone()));
        }
        if name.value.starts_with(PACK_PREFIX) {
            return self.take_pack(name, there);
        }
        let expected = "base/pci, base/jrt0171, base/pipl, base/gdpr, or the name of a layer under `define`";
        let Some(layer) = self.document.define.get(&name.value) else {
            return Err(invalid(line, "layers", expected, name.value.clone()));
        };
        self.take_defined(name, layer, there)
    }

    fn take_defined(
        &mut self,
        name: &'d Spanned<String>,
        layer: &'d Spanned<LayerDoc>,
        there: &Occasion,
    ) -> Result<(), PolicyError> {
        let line = layer.referenced.line();
        let asked = Occasion::of_layer(&name.value).filter(|_| is_plain(&name.value));
        let expected = "tenant/, channel/ or purpose/ and 1 to 64 of a-z, 0-9, - and _";
        let asked = asked.ok_or_else(|| invalid(line, "define", expected, name.value.clone()))?;
        let expected = "a layer that applies where those apply that name it";
        let here = there.and(&asked);
        let here = here.ok_or_else(|| invalid(name.referenced.line(), "layers", expected, name.value.clone()))?;
        self.path.push(&name.value);
        for inner in &layer.value.layers {
            self.visit(inner, &here)?;
        }
        self.path.pop();
        let speaker = Speaker { layer: &name.value, occasion: &here, is_pack: false };
        self.take(&name.value, None, &here, all(speaker, &layer.value.rules)?);
        Ok(())
    }

    fn take_pack(&mut self, name: &Spanned<String>, there: &Occasion) -> Result<(), PolicyError> {
        let line = name.referenced.line();
        let expected = "a pack that is built in: base/pci@1, base/jrt0171@1, base/pipl@1 or base/gdpr@1";
        // Without a version it is the first, for ever: the same text says the same to every program.
        let (pack, version) = name.value.split_once('@').unwrap_or((&name.value, "1"));
        let known = PACKS.iter().find(|(known, number, _)| *known == pack && number.to_string() == version);
        let (_, _, text) = known.ok_or_else(|| invalid(line, "layers", expected, name.value.clone()))?;
        let document: PackDoc = yaml::read(text, PACK_BYTES_MAX)?;
        let full = format!("{}@{}", document.layer, document.version);
        let words = all(Speaker { layer: &full, occasion: there, is_pack: true }, &document.rules)?;
        self.take(&full, Some(document.title), there, words);
        Ok(())
    }

    /// A layer that is named twice for the same messages says nothing more.
    fn take(&mut self, name: &str, title: Option<String>, occasion: &Occasion, words: Words) {
        if self.layers.iter().any(|known| known.name == name && known.occasion == *occasion) {
            return;
        }
        let digest = canonical::digest(&digest::words(&words));
        self.layers.push(Layer { name: name.to_owned(), title, occasion: occasion.clone(), digest });
        self.words.push(words);
    }
}

/// Whether what stands behind the kind in a layer's name is plain.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let value = name.split_once('/').map_or("", |(_, value)| value);
    (1..=64).contains(&value.len()) && value.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::super::super::super::canonical::hex;
    use super::super::Policy;
    use super::*;

    /// A pack that somebody has a policy with must say the same for ever.
    const SAID: [(&str, &str); 4] = [
        ("base/pci@1", "ce531c98e766ad52cd73c50ff4889e079b01f614e02316fa3447d15080e0fcde"),
        ("base/jrt0171@1", "77b6a018ed3714c147e49d9ff97d95166e98a366a6edaf989ed1d33021f8e682"),
        ("base/pipl@1", "9882f0a19ff5b911a8259de2aa76d21e88cc9ddf3e69b8addccc53babc65d25f"),
        ("base/gdpr@1", "f09ddecc7e97a60256621291720d7428f60601139ac840b4707c812f57b77f10"),
    ];

    fn alone(pack: &str, tests: &str) -> String {
        format!("apiVersion: mask/v1\nid: one\nversion: 1\nmode: enforce\nlayers: [{pack}]\nrules: []\n{tests}")
    }

    #[test]
    fn each_pack_is_what_its_name_says_and_passes_its_own_tests_alone() {
        for (name, version, text) in PACKS {
            let document: PackDoc = yaml::read(text, PACK_BYTES_MAX).unwrap();
            assert_eq!((document.layer.as_str(), document.version), (name, version));
            let tests = &text[text.find("tests:").unwrap()..];
            let policy = Policy::load(&alone(name, tests)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(document.tests.iter().any(|test| test.value.unchanged), "{name} says nothing of clean text");
            for rule in policy.rules() {
                let tested = document.tests.iter().any(|test| {
                    let input = &test.value.input;
                    let found = super::super::super::detect(&policy, input, &mut super::super::super::Tail::empty(), 0);
                    found.iter().any(|span| span.entity == rule.entity)
                });
                assert!(tested, "{name} has no test of {}", rule.entity);
                assert!(!rule.basis.is_empty(), "{name}: {}", rule.entity);
            }
        }
    }

    #[test]
    fn a_pack_says_the_same_for_ever() {
        let said = SAID.map(|(name, _)| (name, Policy::load(&alone(name, "tests: []")).unwrap().layers()[0].digest));
        let said = said.map(|(name, digest)| (name, hex(&digest)));
        assert_eq!(said, SAID.map(|(name, said)| (name, said.to_owned())), "make a new version of what was changed");
    }
}
