//! Holds the layers of the house: a module imports only from layers below its own.

mod rust_sources;

use rust_sources::sources;
use std::fs;

/// From top to bottom. Modules on one line are of one layer and may use each other.
const LAYERS: &[&[&str]] = &[
    &["safe", "capi"],
    &["protocols"],
    &["sockets"],
    &["concurrency"],
    &["scheduler"],
    &["handle_table", "object_cache", "stack", "context_switch"],
    &["intrusive", "os"],
];

/// The files and folders of the scheduler from top to bottom: each imports only from those below.
const SCHEDULER: &[&str] = &[
    "shared",
    "turns",
    "making",
    "fd_readiness",
    "park",
    "poll",
    "dump",
    "fork",
    "time",
    "context",
    "dumping",
    "registry",
    "recycle",
    "trimming",
    "overflow",
    "failing",
    "fd_table",
    "poller",
    "run",
    "budget",
    "ready_queue",
    "coroutine",
    "timers",
    "clock",
];

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The first component of every path that starts with `crate::` in `text`, with its line.
fn crate_paths(text: &str) -> Vec<(usize, String)> {
    paths(text, "crate::")
}

/// The component after `prefix` of every path that starts with it in `text`, with its line.
fn paths(text: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for (at, marker) in code.match_indices(prefix) {
            let rest = &code[at + marker.len()..];
            // `use crate::{a::b, c}`: the names that follow a brace or a comma.
            let names: Vec<&str> = match rest.strip_prefix('{') {
                Some(group) => group.split(',').collect(),
                None => vec![rest],
            };
            for name in names {
                let name: String =
                    name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !name.is_empty() {
                    found.push((number + 1, name));
                }
            }
        }
    }
    found
}

#[test]
fn modules_import_only_from_below() {
    let (root, files) = sources("");
    assert!(files.len() > 20, "the scan must find the sources");
    let mut checked = 0;
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let first = inside.iter().next().unwrap().to_str().unwrap();
        let module = first.strip_suffix(".rs").unwrap_or(first);
        if module == "lib" {
            continue;
        }
        let own = layer_of(module).unwrap_or_else(|| panic!("{module} is in no layer"));
        for (line, name) in crate_paths(&fs::read_to_string(&file).unwrap()) {
            let Some(used) = layer_of(&name) else { continue };
            checked += 1;
            let same_layer_peer = used == own && (name == module || own >= 5);
            if used < own || (used == own && !same_layer_peer) {
                wrong.push(format!("src/{}:{line} uses {name}", inside.display()));
            }
        }
    }
    assert!(checked > 100, "only {checked} imports found: the scan has gone blind");
    assert!(wrong.is_empty(), "imports from the same or a higher layer:\n{}", wrong.join("\n"));
}

#[test]
fn the_scheduler_imports_only_from_below() {
    let (root, files) = sources("scheduler");
    let place_of = |name: &str| SCHEDULER.iter().position(|&known| known == name);
    let mut checked = 0;
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let mut parts = inside.iter().skip_while(|&part| part == "scheduler");
        let first = parts.next().unwrap().to_str().unwrap();
        let name = first.strip_suffix(".rs").unwrap_or(first);
        if name == "mod" {
            continue;
        }
        let own = place_of(name).unwrap_or_else(|| panic!("{name} is at no place"));
        // In a folder `super` is the folder, unless it comes twice.
        let prefix = if parts.next().is_some() { "super::super::" } else { "super::" };
        let text = fs::read_to_string(&file).unwrap();
        let named = [paths(&text, prefix), paths(&text, "crate::scheduler::")].concat();
        for (line, used) in named {
            let Some(place) = place_of(&used) else { continue };
            checked += 1;
            if place < own {
                wrong.push(format!("{}:{line} uses {used}", inside.display()));
            }
        }
    }
    assert!(checked > 80, "only {checked} imports found: the scan has gone blind");
    assert!(wrong.is_empty(), "imports from above:\n{}", wrong.join("\n"));
}

/// A call that may wait lets others run when it fails time and again, by the way in which its error
/// is told. What has a deadline may wait, with these exceptions.
#[test]
fn calls_with_a_deadline_take_turns_when_they_fail() {
    let immediate = ["dill_bundle_deadline", "dill_cancel_enter"];
    let mut checked = 0;
    for file in sources("capi").1 {
        let text = fs::read_to_string(&file).unwrap();
        for function in text.split("pub unsafe extern \"C\" fn ").skip(1) {
            let name = function.split('(').next().unwrap();
            let code = function.split("\n}\n").next().unwrap();
            let (arguments, body) = code.split_once(" {\n").unwrap();
            let waits = arguments.contains("deadline: i64") || arguments.contains("timeout: i64");
            if !waits || immediate.contains(&name) {
                continue;
            }
            checked += 1;
            assert!(!body.contains("immediate::"), "{name} may wait: use boundary's own functions");
        }
    }
    assert!(checked > 60, "only {checked} functions found: the scan has gone blind");
}

#[test]
fn the_scan_sees_what_it_must() {
    let text =
        "use crate::os::errno;\nuse crate::{a::b, c};\n// crate::not_this\nlet x = $crate::d::e;";
    let names: Vec<String> = crate_paths(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["os", "a", "c", "d"]);
}
