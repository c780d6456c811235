//! The committed C headers: fresh, valid in every language that they are for, documented
//! throughout, and with examples that compile.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

const HEADERS: [&str; 2] = ["libdill.h", "libdillimpl.h"];

fn include() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

/// What the sources give now; `build.rs` has made it.
fn generated(header: &str) -> String {
    fs::read_to_string(Path::new(env!("OUT_DIR")).join(header)).unwrap()
}

#[test]
fn the_committed_headers_are_fresh() {
    for header in HEADERS {
        let path = include().join(header);
        if env::var_os("DILL_UPDATE_HEADER").is_some_and(|value| value == "1") {
            fs::write(&path, generated(header)).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        if committed != generated(header) {
            let line = committed.lines().zip(generated(header).lines()).position(|(a, b)| a != b);
            let line = line.map_or(String::new(), |line| format!(":{}", line + 1));
            panic!("include/{header}{line} is out of date: run `make header`");
        }
    }
}

/// Compiles `source` against the headers as they are now. The compiler's complaints; `None`
/// when it isn't installed.
fn complaints(compiler: &str, flags: &[&str], source: &str) -> Option<String> {
    let mut child = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", env!("OUT_DIR")])
        .args(flags)
        .args(["-o", "/dev/null", "-S", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    // A compiler that gives up early closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(source.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { String::new() } else { format!("failed:\n{text}") })
}

const USE: &str = "
#include <libdill.h>
#include <libdillimpl.h>
#include <libdill.h>
int twice(int x);
dill_coroutine void worker(int a, int b);
int launch(int x, char *stack, int bndl);
int launch(int x, char *stack, int bndl) {
    int sum = 0;
    for(int i = 0; i != x; ++i) {
        sum += dill_go(worker(twice(x), i));
        sum += dill_go_mem(worker(twice(x), i), stack, 10000);
        sum += dill_bundle_go(bndl, worker(twice(x), i));
        dill_bundle_go_mem(bndl, worker(twice(x), i), stack, 10000);
    }
    return sum;
}
";

#[test]
fn every_language_accepts_the_headers() {
    let c = ["c99", "c11", "c17", "c2x", "gnu99", "gnu17"].map(|standard| ("c", standard));
    let cxx = ["c++11", "c++17", "c++20", "gnu++17"].map(|standard| ("c++", standard));
    let mut compiled = 0;
    for (c_compiler, cxx_compiler) in [("gcc", "g++"), ("clang", "clang++")] {
        for (language, standard) in c.into_iter().chain(cxx) {
            let compiler = if language == "c" { c_compiler } else { cxx_compiler };
            let standard = format!("-std={standard}");
            for variant in ["-DPLAIN", "-DDILL_DISABLE_RAW_NAMES", "-DDILL_DISABLE_SOCKETS"] {
                let flags = ["-x", language, &standard, variant, "-O2", "-Wundef", "-Wshadow"];
                let Some(complaints) = complaints(compiler, &flags, USE) else { continue };
                assert!(complaints.is_empty(), "{compiler} {flags:?} {complaints}");
                compiled += 1;
            }
        }
    }
    assert!(compiled > 0, "there is no C compiler");
}

/// Something that a header declares after a `/** ... */` comment.
#[derive(Debug)]
struct Item {
    name: String,
    /// `None` for what is no function nor a macro that looks like one.
    parameters: Option<Vec<String>>,
    returns_nothing: bool,
    comment: String,
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

/// A line of a comment without its asterisk.
fn uncommented(line: &str) -> String {
    let text = line.strip_prefix(" *").unwrap_or_default();
    format!("{}\n", text.strip_prefix(' ').unwrap_or(text))
}

fn items(header: &str) -> Vec<Item> {
    let mut items = Vec::new();
    for block in header.split("\n/**\n").skip(1) {
        let (comment, code) = block.split_once("*/\n").unwrap();
        let end = if code.starts_with('#') { code.find('\n') } else { code.find([';', '{']) };
        let code = &code[..end.unwrap()];
        let is_ours =
            |word: &&str| word.to_lowercase().starts_with("dill_") && *word != "DILL_EXPORT";
        let name = words(code).find(is_ours).unwrap_or_else(|| panic!("no name in {code}"));
        let list =
            code.split_once(&format!("{name}(")).map(|(_, list)| list.split(')').next().unwrap());
        let names = list.map(|list| {
            let names = list.split(',').map(|one| one.split('[').next().unwrap());
            names
                .filter_map(|one| words(one).last())
                .filter(|name| *name != "void")
                .map(String::from)
        });
        items.push(Item {
            name: name.to_owned(),
            parameters: names.map(Iterator::collect),
            returns_nothing: code.starts_with("DILL_EXPORT void dill_"),
            comment: comment.lines().map(uncommented).collect(),
        });
    }
    items
}

fn all_items() -> Vec<Item> {
    let items: Vec<Item> = HEADERS.iter().flat_map(|header| items(&generated(header))).collect();
    assert!(items.len() > 70, "only {} declarations found: the scan has gone blind", items.len());
    items
}

/// The part of the machinery behind `go` that has to be declared.
fn is_internal(item: &Item) -> bool {
    item.comment.contains("not for direct use")
}

/// The text below a heading.
fn section<'a>(comment: &'a str, heading: &str) -> Option<&'a str> {
    let (_, text) = comment.split_once(&format!("\n# {heading}\n"))?;
    Some(text.split("\n# ").next().unwrap())
}

fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_function_is_documented() {
    const HEADINGS: [&str; 6] =
        ["Parameters", "Return value", "Errors", "Thread safety", "Example", "See also"];
    let items = all_items();
    let known: BTreeSet<&str> = items.iter().map(|item| &item.name[5..]).collect();
    let mut faults = Vec::new();
    for item in &items {
        let mut fault = |what: &str| faults.push(format!("{}: {what}", item.name));
        let first = item.comment.lines().next().unwrap_or_default();
        let purpose = item.comment.split("\n\n").next().unwrap_or_default().trim();
        if first.is_empty() || !purpose.ends_with(['.', ':']) {
            fault("does not begin with a sentence");
        }
        let Some(parameters) = &item.parameters else { continue };
        if is_internal(item) {
            continue;
        }
        let headings: Vec<&str> = item
            .comment
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|heading| !heading.starts_with("include"))
            .collect();
        let positions: Vec<_> =
            headings.iter().map(|h| HEADINGS.iter().position(|x| x == h)).collect();
        if positions.contains(&None) || !positions.is_sorted() {
            fault(&format!("its sections are {headings:?}"));
        }
        for heading in ["Thread safety", "Example", "See also"] {
            if section(&item.comment, heading).is_none_or(|text| text.trim().is_empty()) {
                fault(&format!("has no section {heading}"));
            }
        }
        if !item.returns_nothing && section(&item.comment, "Return value").is_none() {
            fault("has no section Return value");
        }
        let described = section(&item.comment, "Parameters").unwrap_or_default();
        for parameter in parameters {
            if !described.contains(&format!("- `{parameter}`: ")) {
                fault(&format!("does not describe its parameter {parameter}"));
            }
        }
        for name in in_backticks(section(&item.comment, "See also").unwrap_or_default()) {
            if !known.contains(name) {
                fault(&format!("refers to {name}, which does not exist"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The text between `#if !defined DILL_DISABLE_SOCKETS` and its end, or the rest.
fn with_sockets(header: &str, inside: bool) -> String {
    let mut is_inside = false;
    let mut found = String::new();
    for line in header.lines() {
        match line {
            "#if !defined DILL_DISABLE_SOCKETS" => is_inside = true,
            "#endif /* !defined DILL_DISABLE_SOCKETS */" => is_inside = false,
            line if is_inside == inside => found += &format!("\n{line}"),
            _ => {}
        }
    }
    found
}

#[test]
fn every_name_exists_without_its_prefix() {
    // Too special to be worth a short name.
    const PREFIXED_ONLY: [&str; 4] = ["DILL_INHERIT", "DILL_REQUEST", "DILL_SHIELD", "dill_dump"];
    for header in HEADERS {
        for sockets in [false, true] {
            let text = with_sockets(&generated(header), sockets);
            let declared: BTreeSet<String> = items(&text)
                .into_iter()
                .filter(|item| !is_internal(item) && !PREFIXED_ONLY.contains(&&*item.name))
                .map(|item| item.name)
                .collect();
            assert!(!declared.is_empty());
            let mut short = BTreeSet::new();
            for line in text.lines().filter_map(|line| line.strip_prefix("#define ")) {
                let Some((name, value)) = line.split_once(' ') else { continue };
                if value == format!("dill_{name}") || value == format!("DILL_{name}") {
                    short.insert(value.to_owned());
                }
            }
            let odd: Vec<&String> = declared.symmetric_difference(&short).collect();
            assert!(odd.is_empty(), "{header} declares only or shortens only {odd:?}");
        }
    }
}

#[test]
fn every_entry_point_is_declared() {
    let headers = HEADERS.map(generated).concat();
    let mut missing = Vec::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/capi")).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        for rest in source.split("pub unsafe extern \"C\" fn ").skip(1) {
            let name = words(rest).next().unwrap();
            // Only code compiled against libdill's own header calls this one.
            if name != "dill_prologue" && !headers.contains(&format!("{name}(")) {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "no template names the files with {missing:?}");
}

#[test]
fn every_example_compiles() {
    // What examples of a few lines leave to the reader's imagination.
    const PRELUDE: &str = "
#include <libdillimpl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
extern int b, s, ls, fd;
extern struct ipaddr addr, peer, trusted;
extern char *text, *header, request[100], reply[100];
void example(void);
void example(void) {
";
    let mut count = 0;
    for item in all_items() {
        for block in item.comment.split("```c\n").skip(1) {
            let code = block.split("```").next().unwrap();
            let source = match code.contains("int main(") {
                true => code.to_owned(),
                false => format!("{PRELUDE}{code}}}\n"),
            };
            for compiler in ["gcc", "clang"] {
                let flags = ["-x", "c", "-std=gnu11", "-O1", "-Wno-unused"];
                let complaints = complaints(compiler, &flags, &source).unwrap_or_default();
                assert!(complaints.is_empty(), "{}: {compiler} {complaints}\n{code}", item.name);
            }
            count += 1;
        }
    }
    assert!(count > 50, "only {count} examples found: the scan has gone blind");
}
