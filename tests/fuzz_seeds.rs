//! The targets of the fuzzers compile, and find nothing in their seeds. `make fuzz` looks for
//! more.

mod programs;

use programs::example;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The names in a folder, without extensions.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.map(|entry| stem(&entry.unwrap().path())).collect()
}

#[test]
fn all_seeds_pass() {
    let output = Command::new(example("fuzz_seeds")).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}:\n{log}", output.status);
    let mut seen = BTreeSet::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (name, count) = line.split_once(' ').unwrap();
        assert!(count.parse::<usize>().unwrap() > 0, "{name} has no seeds");
        seen.insert(name.to_owned());
    }

    // Those are all that there are, and each has a program for libFuzzer.
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    assert_eq!(names(&fuzz.join("fuzz_targets")), seen);
    assert_eq!(names(&fuzz.join("seeds")), seen);
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    assert_eq!(manifest.matches("[[bin]]").count(), seen.len());
    for name in seen {
        let path = format!("fuzz_targets/{name}.rs");
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"{path}\"\n")), "{name}");
        let program = fs::read_to_string(fuzz.join(path)).unwrap();
        assert!(program.contains(&format!("redill_fuzz::{name}::run(data)")), "{name}");
    }
}
