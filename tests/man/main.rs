//! The manual pages in docs/man: made from the documentation in the headers, fresh, with the
//! same sections everywhere, shown well by man and mandoc, and with examples that compile
//! as a reader copies them.

#[path = "../c_header/mod.rs"]
mod c_header;
mod page;
mod roff;

use c_header::{check_fresh, example_complaints, installed, root};
use page::{HEADINGS, Library, headings};
use std::collections::BTreeSet;
use std::process::Command;
use std::{env, fs};

fn is_update() -> bool {
    env::var_os("DILL_UPDATE_MAN").is_some_and(|value| value == "1")
}

#[test]
fn the_committed_pages_are_fresh() {
    let pages = Library::new().pages();
    assert!(pages.len() > 120, "only {} pages", pages.len());
    let directory = root().join("docs/man");
    for (path, text) in &pages {
        check_fresh(&directory.join(path), text, "DILL_UPDATE_MAN", "make man");
    }
    for section in ["man3", "man7"] {
        for file in fs::read_dir(directory.join(section)).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(&directory).unwrap().to_str().unwrap();
            if pages.contains_key(name) {
                continue;
            }
            assert!(is_update(), "docs/man/{name} is of nothing that exists: run `make man`");
            fs::remove_file(path).unwrap();
        }
    }
}

/// The text below a heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = [format!(".SH {heading}\n"), format!(".SH \"{heading}\"\n")];
    let rest = start.iter().find_map(|start| page.split_once(&**start)).unwrap().1;
    rest.split("\n.SH ").next().unwrap()
}

#[test]
fn every_page_has_the_same_sections() {
    for (path, page) in Library::new().pages() {
        let headings = headings(&page);
        if path.ends_with(".3") {
            assert_eq!(headings, HEADINGS, "{path}");
        } else {
            // Those of section 7 have some of their own between.
            let fixed: Vec<&String> =
                headings.iter().filter(|heading| HEADINGS.contains(&&***heading)).collect();
            assert_eq!(fixed, ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLE", "SEE ALSO"], "{path}");
            assert_eq!(headings[..3], ["NAME", "SYNOPSIS", "DESCRIPTION"], "{path}");
            assert_eq!(headings.last().unwrap(), "SEE ALSO", "{path}");
        }
        for heading in &headings {
            let text = section(&page, heading);
            assert!(text.chars().any(char::is_alphabetic), "{path}: {heading} is empty");
        }
        let name = path.split(['/', '.']).nth(1).unwrap();
        let line = section(&page, "NAME");
        assert_eq!(line.trim().lines().count(), 1, "{path}: {line}");
        assert!(line.starts_with(name) && line.contains(" \\- "), "{path}: {line}");
    }
}

#[test]
fn every_function_of_libdill_has_a_page() {
    let pages = Library::new().pages();
    let exports = fs::read_to_string(root().join("c-tests/exports.txt")).unwrap();
    // What `go` and the like stand for.
    let items = c_header::all_items();
    let internal = items.iter().filter(|item| item.is_internal()).map(|item| &*item.name);
    let machinery: BTreeSet<&str> = internal.chain(["dill_prologue"]).collect();
    let mut count = 0;
    for line in exports.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(' ').collect();
        let name = match c_header::PREFIXED_FUNCTIONS.contains(&fields[0]) {
            true => fields[0],
            false => fields[0].strip_prefix("dill_").unwrap(),
        };
        if fields.get(1) == Some(&"FUNC") && !machinery.contains(fields[0]) {
            assert!(pages.contains_key(&format!("man3/{name}.3")), "{name} has no page");
            count += 1;
        }
    }
    for name in ["go", "go_mem", "bundle_go", "bundle_go_mem"] {
        assert!(pages.contains_key(&format!("man3/{name}.3")), "{name} has no page");
    }
    assert!(count >= 117, "only {count} functions are listed");
}

#[test]
fn references_lead_to_pages() {
    let pages = Library::new().pages();
    let names: BTreeSet<&str> = pages.keys().map(|path| &path["man3/".len()..]).collect();
    let mut count = 0;
    for (path, page) in &pages {
        for (at, _) in page.match_indices("\\fP(") {
            let name = page[..at].rsplit("\\fB").next().unwrap();
            let section = &page[at + "\\fP(".len()..][..1];
            if section.parse::<u8>().is_ok() {
                assert!(names.contains(&*format!("{name}.{section}")), "{path}: {name}({section})");
                count += 1;
            }
        }
    }
    assert!(count > 500, "only {count} references found: the scan has gone blind");
}

/// A program that shows pages; `None`, visibly, where it isn't installed. In continuous
/// integration it must be.
fn viewer(program: &str) -> Option<Command> {
    if installed(program).is_some() {
        return Some(Command::new(program));
    }
    assert!(env::var_os("CI").is_none(), "{program} is not installed");
    eprintln!("skipped: {program} is not installed");
    None
}

#[test]
fn mandoc_has_nothing_to_complain_about() {
    let Some(mut mandoc) = viewer("mandoc") else { return };
    let pages = Library::new().pages();
    mandoc.args(["-Tlint", "-Wwarning"]).current_dir(root().join("docs/man"));
    let output = mandoc.args(pages.keys()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.is_empty(), "{}\n{text}", output.status);
}

/// A page as `man` shows it.
fn shown(path: &str) -> Option<String> {
    let mut man = viewer("man")?;
    man.args(["--warnings=all", "--encoding=UTF-8", "-P", "cat", "-l"]);
    man.arg(root().join("docs/man").join(path));
    man.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "120").env_remove("MANOPT");
    let output = man.output().unwrap();
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && warnings.is_empty(), "{path}: {warnings}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn examples_compile_as_they_are_shown() {
    let mut count = 0;
    for path in Library::new().pages().keys() {
        let Some(text) = shown(path) else { return };
        let (_, example) = text.split_once("\nEXAMPLE\n").unwrap();
        let example = example.split("\nSEE ALSO\n").next().unwrap();
        let code =
            |line: &str| format!("{}\n", line.get("           ".len()..).unwrap_or_default());
        let example: String = example.lines().map(code).collect();
        assert!(example.contains(';'), "{path}: no example is shown:\n{example}");
        let complaints = example_complaints("gcc", &example).unwrap_or_default();
        assert!(complaints.is_empty(), "{path}: {complaints}\n{example}");
        count += 1;
    }
    assert!(count > 120, "only {count} examples are shown");
}
