//! Lets a release build notice that the web part was built anew: it is embedded (`src/http/pages.rs`). A debug build reads
//! it from its folder, so it doesn't compile again for it.

fn main() {
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    println!("cargo::rerun-if-changed={}", if is_release { "web/dist" } else { "build.rs" });
}
