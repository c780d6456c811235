//! The settings that the environment has for the library: all of them stand on one manual page.

#[path = "rust_sources/mod.rs"]
mod rust_sources;

use rust_sources::sources;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The only file that asks the C library for variables, and the only one that asks for them by
/// name.
const READER: &str = "os/environment.rs";
const SETTINGS: &str = "os/settings.rs";

/// What reads the environment.
const FUNCTIONS: [&str; 6] =
    ["getenv", "env::var", "env::vars", "env::var_os", "environment::variable", "environ;"];

/// Returns all names that begin with `DILL_` in string literals.
fn names(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let quoted = code.flat_map(|line| line.split('"').skip(1).step_by(2).map(str::to_owned));
    quoted.filter(|text| is_name(text)).collect()
}

fn is_name(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_uppercase() || letter == '_';
    text.starts_with("DILL_") && text.chars().all(is_letter)
}

/// Returns the names at the beginning of the items of the manual page's section.
fn documented() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/man/libdill.7.md");
    let page = fs::read_to_string(path).unwrap();
    let section = page.split("\n# Environment\n").nth(1).unwrap().split("\n# ").next().unwrap();
    let items = section.lines().filter_map(|line| line.strip_prefix("- "));
    let heads = items.map(|item| item.split_once(':').unwrap().0);
    heads.flat_map(|head| head.split(", ").map(|name| name.trim_matches('`').to_owned())).collect()
}

#[test]
fn all_settings_are_on_the_manual_page() {
    let (root, files) = sources("");
    let mut found = BTreeSet::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let place = file.strip_prefix(&root).unwrap().to_str().unwrap();
        let here = names(&text);
        assert!(place == SETTINGS || here.is_empty(), "{place} has {here:?}: see {SETTINGS}");
        found.extend(here);
    }
    assert!(found.len() >= 5, "{found:?}");
    // Those of the library that knows where the system's certificates are.
    found.extend(["SSL_CERT_FILE", "SSL_CERT_DIR"].map(str::to_owned));
    assert_eq!(found, documented());
}

#[test]
fn the_environment_is_read_in_one_place() {
    let (root, files) = sources("");
    for file in &files {
        let place = file.strip_prefix(&root).unwrap().to_str().unwrap();
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let reads = FUNCTIONS.iter().any(|function| line.contains(function));
            let allowed = place == READER || place == SETTINGS;
            assert!(!reads || allowed, "{place} reads the environment: {line}");
        }
    }
}
