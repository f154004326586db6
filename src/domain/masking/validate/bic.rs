//! Business identifier codes: four letters of the bank, two of the country, two of the place, three of the branch.
//!
//! There is no check digit, and eight letters are often a word; so the country must be one, and a keyword decides.
//! Source: ISO 9362:2022, ISO 3166-1.

use super::Confidence;

/// Every country's two letters, one after the other.
const COUNTRIES: &[u8] =
    b"ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZ\
DEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJP\
KEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOM\
PAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUA\
UGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";

/// Judges 8 or 11 upper-case characters.
pub(in super::super) fn judge(code: &[u8]) -> Option<Confidence> {
    let (bank, country) = (code.get(..4)?, code.get(4..6)?);
    let is_letters = |part: &[u8]| part.iter().all(u8::is_ascii_uppercase);
    let is_country = COUNTRIES.chunks_exact(2).any(|known| known == country);
    if !matches!(code.len(), 8 | 11) || !is_letters(bank) || !is_country {
        return None;
    }
    let head_office = code.get(8..) == Some(b"XXX");
    Some(Confidence::new(if head_office { 84 } else { 40 }, 95))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_banks_are_known_by_their_country() {
        for (code, alone) in [
            ("BKCHCNBJ", Some(40)),
            ("ICBKCNBJ110", Some(40)),
            ("DEUTDEFFXXX", Some(84)),
            ("PASSWORD", None),
            ("BKCHCNBJ1", None),
            ("BK1HCNBJ", None),
            ("BKCH", None),
        ] {
            assert_eq!(judge(code.as_bytes()).map(|confidence| confidence.alone), alone, "{code}");
        }
    }
}
