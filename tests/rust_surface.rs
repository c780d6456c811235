//! What is public in the Rust API is written down in `tests/rust_surface.txt`, so that a change of
//! it is seen, also by readers of the change. `DILL_UPDATE_SURFACE=1 cargo test
//! --test rust_surface` (`make surface`) writes it anew. `cargo semver-checks` knows what breaks
//! users; this needs nothing but the sources.
//!
//! It reads declarations, not types: `pub` items of `src/safe`, what its macros give to which
//! types, and implementations of traits. What is public for `choose!` only is there, too.

mod rust_sources;
mod surface;

use rust_sources::sources;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use surface::{surface, without_example};

#[test]
fn the_list_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (_, files) = sources("safe");
    let mut list = String::from("// Written by tests/rust_surface.rs: `make surface`.\n");
    let mut count = 0;
    for file in files {
        let found = surface(&fs::read_to_string(&file).unwrap());
        if found.is_empty() {
            continue;
        }
        count += found.lines().count();
        write!(list, "\n// {}\n{found}", file.strip_prefix(root).unwrap().display()).unwrap();
    }
    assert!(count > 400, "only {count} lines of declarations found: the reader has gone blind");
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
}

#[test]
fn the_reader_sees_what_it_must() {
    let text = r#"
pub use other::{
    One, Two
};
/// Something.
#[derive(Debug)]
#[repr(C)]
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
    pub fn act(&self, n: u8) -> u8 {
        n
    }

    pub(crate) fn secret(&self) {}
}

impl<T> Secret<T> {
    fn secret(&self) {}
}

impl<T> Iterator for Thing<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        None
    }
}

pub enum Either {
    /// This.
    One(u8),
    Other { name: u8 },
}

pub trait Acts {
    fn act(&self);
    fn twice(&self) {
        self.act();
    }
}

byte_stream!([S] Thing<S>);
macro_rules! byte_stream {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $type {
            pub fn send(&self, deadline: impl Into<$crate::Deadline>) {}
        }
    };
}
pub const SIZE: usize = 5;
pub(crate) fn secret() {}
#[cfg(test)]
mod tests {
    pub fn test() {}
}
"#;
    let expected = "\
pub use other::{One, Two};
#[derive(Debug)]
pub struct Thing<T> {
    pub field: Vec<T>,
}
impl<T> Thing<T>
where
    T: Copy,
{
    pub fn act(&self, n: u8) -> u8 {}
}
impl<T> Iterator for Thing<T> {
    type Item = T;
}
pub enum Either {
    One(u8),
    Other { name: u8 },
}
pub trait Acts {
    fn act(&self);
    fn twice(&self) {}
}
byte_stream!([S] Thing < S >);
macro_rules! byte_stream {
    impl<$generics> $type {
        pub fn send(&self, deadline: impl Into<$crate::Deadline>) {}
    }
}
pub const SIZE: usize = 5;
";
    assert_eq!(surface(text), expected);
    let text = "/// ```\n/// a\n/// ```\npub fn a() {}\n/// b\n#[inline]\npub fn b() {}\n";
    assert_eq!(without_example(text), ["b"]);
}
