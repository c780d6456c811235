//! Makes the C headers and the manual pages from the documentation comments in `src/capi`.
//!
//! [`source`] reads the comments, [`header`] puts the declarations into the templates of the
//! headers, and [`page`] writes the manual pages. The tests of the headers, of the pages and of
//! the table in COMPATIBILITY.md use the same model, [`Library`].

mod alias;
pub mod header;
mod item;
mod markdown;
pub mod page;
pub mod source;

pub use header::{HEADERS, Library};
pub use item::{Item, PREFIXED_FUNCTIONS};
pub use markdown::inline_codes;

use std::fs;
use std::path::Path;

/// Returns the root of the project.
pub fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("the package is in a folder of the project")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the identifiers in a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
