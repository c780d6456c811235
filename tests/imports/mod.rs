//! The imports of the library's files, as its own source says them.
//!
//! A file imports another one when it names something that the other one defines. Names are
//! followed through re-exports to where they are defined, so neither a re-export nor a `mod` line
//! is an import by itself. Code for tests is left out.

mod reading;

use reading::{Module, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The files of `src`, each with those that it imports; paths are relative to `src`.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// The modules of a crate by their paths from its root.
type Crate = BTreeMap<Vec<String>, Module>;

/// Reads the imports of all files.
pub fn read(root: &Path, files: &[std::path::PathBuf]) -> Imports {
    let texts = files.iter().map(|file| {
        let inside = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        (inside, fs::read_to_string(file).unwrap())
    });
    of_texts(texts)
}

/// As [`read`], of texts.
pub fn of_texts(texts: impl IntoIterator<Item = (String, String)>) -> Imports {
    let mut modules = Crate::new();
    let mut imports = Imports::new();
    for (file, text) in texts {
        let path = module_path(&file);
        if path.last().is_some_and(|last| last == "tests") {
            continue;
        }
        imports.insert(file.clone(), BTreeSet::new());
        reading::read_into(&mut modules, path, &file, &text);
    }
    for module in modules.values() {
        for name in &module.names {
            let target = resolve(&modules, &module.path, name, 0);
            if let Some(target) = target.filter(|target| *target != module.file) {
                imports.get_mut(&module.file).unwrap().insert(target);
            }
        }
    }
    imports
}

/// The path of the module that a file is: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module_path(file: &str) -> Vec<String> {
    let mut path: Vec<String> =
        file.strip_suffix(".rs").unwrap().split('/').map(str::to_owned).collect();
    if path.last().is_some_and(|last| last == "mod" || last == "lib") {
        path.pop();
    }
    path
}

/// Re-exports that lead to each other would never end.
const DEEPEST: usize = 16;

/// The file that defines what `name` means in the module `from`; `None` when that is a module, or
/// nothing of this crate.
fn resolve(modules: &Crate, from: &[String], name: &Name, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    let mut at = from.to_vec();
    let mut rest = name.as_slice();
    while let [first, others @ ..] = rest {
        match first.as_str() {
            "crate" => at.clear(),
            "super" => _ = at.pop(),
            "self" => {}
            _ => break,
        }
        rest = others;
    }
    let [first, others @ ..] = rest else { return None };
    // A module inside of this one.
    let mut inner = at.clone();
    inner.push(first.clone());
    if modules.contains_key(&inner) {
        let continued: Name = ["self".to_owned()].into_iter().chain(others.to_vec()).collect();
        return resolve(modules, &inner, &continued, depth + 1);
    }
    let module = modules.get(&at)?;
    // A name that is imported here.
    if let Some(target) = module.uses.get(first) {
        let continued: Name = target.iter().chain(others).cloned().collect();
        return resolve(modules, &at, &continued, depth + 1);
    }
    if module.definitions.contains(first) {
        return Some(module.file.clone());
    }
    module.globs.iter().find_map(|glob| {
        let continued: Name = glob.iter().chain(rest).cloned().collect();
        resolve(modules, &at, &continued, depth + 1)
    })
}

/// The files that import each other in a circle, straight or through others.
pub fn circles(imports: &Imports) -> Vec<Vec<String>> {
    let reachable: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (file.as_str(), reachable_from(imports, file))).collect();
    let mut circles = BTreeSet::new();
    for (file, reached) in &reachable {
        let mates: Vec<String> = reached
            .iter()
            .filter(|other| reachable[**other].contains(file))
            .map(|other| (*other).to_owned())
            .collect();
        if mates.len() > 1 {
            circles.insert(mates);
        }
    }
    circles.into_iter().collect()
}

fn reachable_from<'a>(imports: &'a Imports, file: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = imports[file].iter().map(String::as_str).collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(imports[file].iter().map(String::as_str));
        }
    }
    reached
}
