//! A coarse label of the device that a session began on, read out of the browser's own words about itself.
//!
//! Pure. Coarse on purpose: it helps people tell their sessions apart and is no fingerprint. Only words of this file come
//! out, never what was sent.

/// Browsers by a word that stands in their `User-Agent`; the first that fits counts, because most name others, too.
const BROWSERS: &[(&str, &str)] = &[
    ("MicroMessenger", "WeChat"),
    ("DingTalk", "DingTalk"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

/// Systems, likewise.
const SYSTEMS: &[(&str, &str)] = &[
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// The label of a `User-Agent`, such as `Firefox, Windows`.
pub fn label(user_agent: &str) -> String {
    let found = |known: &'static [(&'static str, &'static str)]| {
        known.iter().find(|(word, _)| user_agent.contains(word)).map(|(_, label)| *label)
    };
    match (found(BROWSERS), found(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        (Some(word), None) | (None, Some(word)) => word.to_owned(),
        (None, None) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_names_browser_and_system_and_nothing_that_was_sent() {
        for (user_agent, expected) in [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Windows"),
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge, Windows"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1 Version/17 Safari/605.1", "Safari, macOS"),
            ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126 MicroMessenger/8.0", "WeChat, Android"),
            ("curl/8.5.0", "curl"),
            ("", "unknown"),
            ("<script>6222021234567890128</script>", "unknown"),
        ] {
            assert_eq!(label(user_agent), expected);
        }
    }
}
