//! The Rust sources of the library. Shared by the tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// The files of a folder of `src`, and of those in it, in the order of their names. The folder
/// itself, too.
pub fn sources(folder: &str) -> (PathBuf, Vec<PathBuf>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    (root, found)
}
