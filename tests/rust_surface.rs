//! What is public in the Rust API is written down in `tests/rust_surface.txt`, so that whoever
//! changes it sees it, and so does whoever reads the change. `DILL_UPDATE_SURFACE=1 cargo test
//! --test rust_surface` (`make surface`) writes it anew. `cargo semver-checks` knows what breaks
//! users; this needs nothing but the sources.
//!
//! It reads declarations, not types: `pub` items of `src/safe`, what its macros give to which
//! types, and implementations of traits. What is public for `choose!` only is there, too.

mod rust_sources;

use rust_sources::sources;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Those that users see.
const ATTRIBUTES: &[&str] = &["#[derive(", "#[must_use", "#[non_exhaustive]"];

/// The code without comments, other attributes and tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut code = String::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let is_attribute = line.starts_with("#[") || line.starts_with("#![");
        if !is_attribute || ATTRIBUTES.iter().any(|it| line.starts_with(it)) {
            code += line;
            code.push('\n');
        }
    }
    code
}

/// From the beginning of `code` to its first `{` or `;`, or `}`; with `whole` to the brace that
/// closes that. Spaces and line ends become single spaces.
fn declaration(code: &str, whole: bool) -> String {
    let mut depth = 0;
    let end = code.char_indices().find(|(_, character)| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return true,
            _ => return false,
        }
        !whole || depth <= 0
    });
    let text = &code[..end
        .map_or(code.len(), |(at, character)| at + if whole && character == '}' { 1 } else { 0 })];
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The public declarations in a file, in their order.
fn surface(text: &str) -> Vec<String> {
    const MACROS: &[&str] =
        &["byte_stream!(", "message_socket!(", "handles!(", "descriptor::descriptors!("];
    let code = code(text);
    let mut found = Vec::new();
    let mut skipped_to = 0;
    let mut at = 0;
    for line in code.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if start < skipped_to {
            continue;
        }
        let rest = &code[start..];
        let is_body = |word| line.starts_with(&format!("pub {word} "));
        if is_body("enum") || is_body("trait") {
            let text = declaration(rest, true);
            skipped_to = start + rest.find("\n}\n").map_or(0, |end| end + 2);
            found.push(text);
        } else if line.starts_with("pub use ") {
            let names = rest.split(';').next().unwrap_or_default();
            found.push(names.split_whitespace().collect::<Vec<_>>().join(" "));
        } else if line.starts_with("#[") {
            found.push(line.trim().to_owned());
        } else if line.starts_with("pub ") {
            // A field ends with a comma.
            let is_field = line.trim_end().ends_with(',') && !line.contains('(');
            found.push(match is_field {
                true => line.trim().trim_end_matches(',').to_owned(),
                false => declaration(rest, false),
            });
        } else if line.starts_with("impl") || MACROS.iter().any(|it| line.starts_with(it)) {
            found.push(declaration(rest, false));
        } else if line.starts_with("macro_rules!") {
            found.push(line.trim_end_matches([' ', '{', '\n']).to_owned());
        }
    }
    found
}

#[test]
fn the_list_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (_, files) = sources("safe");
    let mut list = String::from("# Written by tests/rust_surface.rs: `make surface`.\n");
    let mut count = 0;
    for file in files {
        let found = surface(&fs::read_to_string(&file).unwrap());
        if found.is_empty() {
            continue;
        }
        count += found.len();
        writeln!(list, "\n{}", file.strip_prefix(root).unwrap().display()).unwrap();
        found.iter().for_each(|it| writeln!(list, "    {it}").unwrap());
    }
    assert!(count > 400, "only {count} declarations found: the scan has gone blind");
    let path = root.join("tests/rust_surface.txt");
    if std::env::var_os("DILL_UPDATE_SURFACE").is_some() {
        fs::write(&path, &list).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    for (n, (old, new)) in committed.lines().zip(list.lines()).enumerate() {
        assert_eq!(new, old, "rust_surface.txt:{}: if that is meant, `make surface`", n + 1);
    }
    assert!(committed == list, "the lists differ in length: if that is meant, `make surface`");
}

/// Public items, apart from constants, whose documentation has no example.
fn without_example(text: &str) -> Vec<String> {
    const ITEMS: &[&str] = &["fn", "const fn", "struct", "enum", "trait", "type"];
    let mut found = Vec::new();
    let mut documentation = String::new();
    for line in text.split("#[cfg(test)]").next().unwrap_or_default().lines() {
        let line = line.trim();
        if line.starts_with("///") {
            documentation += line;
        } else if !line.starts_with("#[") {
            let item = line.strip_prefix("pub ").is_some_and(|rest| {
                ITEMS
                    .iter()
                    .any(|item| rest.strip_prefix(item).is_some_and(|it| it.starts_with(' ')))
            });
            if item && !documentation.contains("```") {
                found.push(line.to_owned());
            }
            documentation.clear();
        }
    }
    found
}

#[test]
fn every_public_item_has_an_example() {
    // What is public for `choose!` and for traits that nobody else implements.
    const HIDDEN: &[&str] = &["alternatives.rs", "alternatives/", "notify.rs", "sockets/socket.rs"];
    let (root, files) = sources("safe");
    let mut without = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        if !HIDDEN.iter().any(|hidden| name.starts_with(hidden)) {
            let found = without_example(&fs::read_to_string(&file).unwrap());
            without.extend(found.into_iter().map(|item| format!("{name}: {item}")));
        }
    }
    assert!(without.is_empty(), "no example:\n{}", without.join("\n"));
    let text = "/// ```\n/// a\n/// ```\npub fn a() {}\n/// b\n#[inline]\npub fn b() {}\n";
    assert_eq!(without_example(text), ["pub fn b() {}"]);
}

#[test]
fn the_scan_sees_what_it_must() {
    let text = "
pub use other::{
    One, Two
};
#[cfg(any)]
/// Something.
#[derive(Debug)]
pub struct Thing<T> {
    /// A field.
    pub field: Vec<T>,
    hidden: u8,
}

impl<T> Thing<T>
where
    T: Copy,
{
    /// Does it. // really
    pub fn act(
        &self,
        n: u8,
    ) -> u8 {
        n
    }

    pub(crate) fn secret(&self) {}
}

pub enum Either {
    /// This.
    One(u8),
    Other { name: u8 },
}

byte_stream!([S] Thing<S>);
pub const SIZE: usize = 5;
#[cfg(test)]
mod tests {
    pub fn test() {}
}
";
    assert_eq!(
        surface(text),
        [
            "pub use other::{ One, Two }",
            "#[derive(Debug)]",
            "pub struct Thing<T>",
            "pub field: Vec<T>",
            "impl<T> Thing<T> where T: Copy,",
            "pub fn act( &self, n: u8, ) -> u8",
            "pub enum Either { One(u8), Other { name: u8 }, }",
            "byte_stream!([S] Thing<S>)",
            "pub const SIZE: usize = 5",
        ]
    );
}
