//! The manual pages that `make` writes: the same sections everywhere, shown well by man and mandoc,
//! and with examples that compile as a reader copies them.

#[path = "../c_header/mod.rs"]
mod c_header;

use c_header::{example_complaints, installed};
use capi_docs::page::{HEADINGS, Page};
use capi_docs::{Library, PREFIXED_FUNCTIONS, root};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs};

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::read);

/// All pages by their paths.
static PAGES: LazyLock<BTreeMap<String, Page>> = LazyLock::new(|| LIBRARY.pages());

/// The directory that the pages were written to.
static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("man");
    LIBRARY.write_pages(&directory).unwrap();
    directory
});

/// Returns the pages that have a text, with their paths.
fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGES.iter().filter_map(|(path, page)| match page {
        Page::Text(text) => Some((&**path, &**text)),
        Page::Link(_) => None,
    })
}

/// Returns what a reader of the page sees.
fn text(path: &str) -> &'static str {
    match PAGES.get(path) {
        Some(Page::Text(text)) => text,
        Some(Page::Link(target)) => text(&format!("man3/{target}")),
        None => panic!("there is no page {path}"),
    }
}

fn headings(page: &str) -> Vec<&str> {
    page.lines()
        .filter_map(|line| line.strip_prefix(".SH "))
        .map(|heading| heading.trim_matches('"'))
        .collect()
}

/// The text below a heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = [format!(".SH {heading}\n"), format!(".SH \"{heading}\"\n")];
    let rest = start.iter().find_map(|start| page.split_once(&**start)).unwrap().1;
    rest.split("\n.SH ").next().unwrap()
}

#[test]
fn only_sources_of_pages_are_committed() {
    for file in fs::read_dir(root().join("docs/man")).unwrap() {
        let path = file.unwrap().path();
        let is_source = path.extension().is_some_and(|extension| extension == "md");
        assert!(is_source, "{}: pages are made by `make`, not committed", path.display());
    }
}

#[test]
fn every_page_has_the_same_sections() {
    for (path, page) in texts() {
        let headings = headings(page);
        if path.ends_with(".3") {
            assert_eq!(headings, HEADINGS, "{path}");
        } else {
            // Those of section 7 have some of their own between.
            let fixed: Vec<&str> =
                headings.iter().copied().filter(|heading| HEADINGS.contains(heading)).collect();
            assert_eq!(fixed, ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLE", "SEE ALSO"], "{path}");
            assert_eq!(headings[..3], ["NAME", "SYNOPSIS", "DESCRIPTION"], "{path}");
            assert_eq!(headings.last(), Some(&"SEE ALSO"), "{path}");
        }
        for heading in &headings {
            let text = section(page, heading);
            assert!(text.chars().any(char::is_alphabetic), "{path}: {heading} is empty");
        }
        let name = path.split(['/', '.']).nth(1).unwrap();
        let line = section(page, "NAME");
        assert_eq!(line.trim().lines().count(), 1, "{path}: {line}");
        assert!(line.starts_with(name) && line.contains(" \\- "), "{path}: {line}");
    }
}

#[test]
fn every_function_of_libdill_has_a_page() {
    let exports = fs::read_to_string(root().join("c-tests/exports.txt")).unwrap();
    // What `go` and the like stand for.
    let internal = LIBRARY.items.iter().filter(|item| item.is_internal()).map(|item| &*item.name);
    let machinery: BTreeSet<&str> = internal.chain(["dill_prologue"]).collect();
    let mut names = vec!["dill_go", "dill_go_mem", "dill_bundle_go", "dill_bundle_go_mem"];
    for line in exports.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(' ').collect();
        if fields.get(1) == Some(&"FUNC") && !machinery.contains(fields[0]) {
            names.push(fields[0]);
        }
    }
    assert!(names.len() > 120, "only {} functions are listed", names.len());
    for name in names {
        let is_short = !PREFIXED_FUNCTIONS.contains(&name);
        let short = name.strip_prefix("dill_").filter(|_| is_short);
        for name in [Some(name), short].into_iter().flatten() {
            assert!(PAGES.contains_key(&format!("man3/{name}.3")), "{name} has no page");
        }
    }
}

#[test]
fn every_name_leads_to_a_page_that_explains_it() {
    let mut count = 0;
    for item in LIBRARY.items.iter().filter(|item| !item.is_internal()) {
        for name in [&*item.name, item.short_name()] {
            let path = format!("man3/{name}.3");
            let is_there = text(&path).contains(item.short_name());
            assert!(is_there, "{path} leads to a page without {}", item.short_name());
            count += 1;
        }
    }
    assert!(count > 300, "only {count} names found: the reader has gone blind");
    assert!(!PAGES.contains_key("man3/dump.3"), "there is no function dump");
}

#[test]
fn pages_show_no_attributes() {
    for (path, page) in texts() {
        assert!(!page.contains("DILL_EXPORT"), "{path}");
    }
}

#[test]
fn references_lead_to_pages() {
    let names: BTreeSet<&str> = PAGES.keys().map(|path| &path["man3/".len()..]).collect();
    let mut count = 0;
    for (path, page) in texts() {
        for (at, _) in page.match_indices("\\fR(") {
            let name = page[..at].rsplit("\\fB").next().unwrap();
            let section = &page[at + "\\fR(".len()..][..1];
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
    mandoc.args(["-Tlint", "-Wwarning"]).current_dir(&*DIRECTORY);
    let output = mandoc.args(PAGES.keys()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.is_empty(), "{}\n{text}", output.status);
}

/// A page as `man` shows it.
fn shown(path: &str) -> Option<String> {
    let mut man = viewer("man")?;
    man.args(["--warnings=all", "--encoding=UTF-8", "-P", "cat", "-l"]);
    man.arg(DIRECTORY.join(path));
    man.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "120").env_remove("MANOPT");
    let output = man.output().unwrap();
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && warnings.is_empty(), "{path}: {warnings}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn examples_compile_as_they_are_shown() {
    let mut count = 0;
    for (path, _) in texts() {
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
