//! What the library is made of: licences that everybody may use it under, from one source.
//!
//! `cargo deny check` does the same by the same list (deny.toml) and knows advisories, too,
//! where it can be had; this needs nothing but cargo.

use std::process::Command;

/// Tools that run while we build, and become no part of the library.
const TOOLS: &[(&str, &str)] = &[("cbindgen", "MPL-2.0")];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The licences that deny.toml allows.
fn allowed_licences() -> Vec<&'static str> {
    let settings = include_str!("../deny.toml");
    let list =
        settings.split("[licenses]").nth(1).and_then(|rest| rest.split("\nallow = [").nth(1));
    let list = list.and_then(|rest| rest.split(']').next()).expect("a list of licences");
    list.split('"').skip(1).step_by(2).collect()
}

/// Does the SPDX expression leave us a choice that is allowed?
fn is_allowed(expression: &str) -> bool {
    // Precedence: AND binds tighter than OR; parentheses only group one or the other here.
    let expression = expression.trim();
    if allowed_licences().contains(&expression) {
        return true;
    }
    let mut depth = 0;
    let mut parts = vec![String::new()];
    let mut operators = Vec::new();
    for word in expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").split(' ') {
        match word {
            "" => continue,
            "(" => depth += 1,
            ")" => depth -= 1,
            "OR" | "AND" if depth == 0 => {
                operators.push(word.to_owned());
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        let part = parts.last_mut().expect("there is one from the start");
        part.push(' ');
        part.push_str(word);
    }
    if operators.is_empty() {
        let inner = expression.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        return inner.is_some_and(is_allowed);
    }
    let mut alternatives = vec![is_allowed(&parts[0])];
    for (operator, part) in operators.iter().zip(&parts[1..]) {
        let allowed = is_allowed(part);
        match alternatives.last_mut() {
            Some(last) if operator == "AND" => *last &= allowed,
            _ => alternatives.push(allowed),
        }
    }
    alternatives.contains(&true)
}

/// The string behind `"key":` that follows in `text`; `None` for null.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let start = text.find(&format!("\"{key}\":"))? + key.len() + 3;
    text[start..].strip_prefix('"').map(|rest| &rest[..rest.find('"').unwrap_or(0)])
}

#[test]
fn every_crate_is_free_and_from_crates_io() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args([
            "--all-features",
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let packages = metadata.split("\"workspace_members\"").next().expect("a first part");
    // A package begins so; a dependency has no version there.
    let packages: Vec<&str> = packages.split("{\"name\":\"").skip(1).collect();
    let mut seen = 0;
    for package in packages {
        let name = &package[..package.find('"').expect("the end of a name")];
        if !package[name.len()..].starts_with("\",\"version\":\"") {
            continue;
        }
        seen += 1;
        let licence = value(package, "license").unwrap_or("none");
        assert!(
            is_allowed(licence) || TOOLS.contains(&(name, licence)),
            "{name} has the licence {licence}"
        );
        let source = value(package, "source");
        assert!(
            source == Some(CRATES_IO) || name == env!("CARGO_PKG_NAME"),
            "{name} comes from {source:?}"
        );
    }
    assert!(seen > 20, "only {seen} packages were found");
}

#[test]
fn licence_expressions() {
    for allowed in [
        "MIT",
        "MIT OR Apache-2.0",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 AND ISC",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
    ] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in ["GPL-3.0", "MIT AND GPL-3.0", "none", "", "(MIT AND GPL-2.0) OR LGPL-2.1"] {
        assert!(!is_allowed(refused), "{refused}");
    }
}
