//! Reads the committed C headers: what they declare, and the documentation of it. Shared by the tests of the headers, of the manual pages and of compatibility.

#![allow(dead_code)] // no test uses all of it

#[path = "../rust_sources/mod.rs"]
mod rust_sources;

use rust_sources::sources;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

pub const HEADERS: [&str; 2] = ["libdill.h", "libdillimpl.h"];

/// Constants that have no name without the prefix.
const PREFIXED_CONSTANTS: [&str; 3] = ["DILL_INHERIT", "DILL_REQUEST", "DILL_SHIELD"];

/// Functions that have one only where `DILL_RAW_NAMES` is 2.
pub const PREFIXED_FUNCTIONS: [&str; 5] =
    ["dill_deadline", "dill_dump", "dill_last_resort", "dill_left", "dill_reason"];

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What implements the C API: the files of `src/capi` and of the folders in it.
pub fn implementation() -> String {
    let (_, files) = sources("capi");
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// Returns the text of a committed header. `tests/header` holds that it is what the sources give.
pub fn header_text(header: &str) -> String {
    fs::read_to_string(root().join("include").join(header)).unwrap()
}

/// Compares a committed file with what it should be, or writes it where the environment
/// variable `update` is 1. `command` does so.
pub fn check_fresh(path: &Path, expected: &str, update: &str, command: &str) {
    if env::var_os(update).is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, expected).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    if committed != expected {
        let line = committed.lines().zip(expected.lines()).position(|(a, b)| a != b);
        let line = line.map_or(String::new(), |line| format!(":{}", line + 1));
        let path = path.strip_prefix(root()).unwrap().display();
        panic!("{path}{line} is out of date: run `{command}`");
    }
}

/// Something that a header declares after a `/** ... */` comment.
#[derive(Debug)]
pub struct Item {
    /// With its prefix.
    pub name: String,
    pub header: &'static str,
    /// The heading that it stands below.
    pub section: String,
    /// `None` for what is no function nor a macro that looks like one.
    pub parameters: Option<Vec<String>>,
    pub returns_nothing: bool,
    /// The comment without its frame.
    pub comment: String,
    /// What follows the comment: a declaration up to its semicolon, or one line of a macro.
    pub declaration: String,
}

impl Item {
    pub fn is_macro(&self) -> bool {
        self.declaration.starts_with('#')
    }

    /// The part of the machinery behind `go` that has to be declared.
    pub fn is_internal(&self) -> bool {
        self.comment.contains("not for direct use")
    }

    /// Whether it has only the name with the prefix, for most programs.
    pub fn is_prefixed_only(&self) -> bool {
        let name = &*self.name;
        PREFIXED_CONSTANTS.contains(&name) || PREFIXED_FUNCTIONS.contains(&name)
    }

    /// The name by which most programs call it.
    pub fn usual_name(&self) -> &str {
        if self.is_prefixed_only() { &self.name } else { self.raw_name() }
    }

    /// The name without its prefix.
    pub fn raw_name(&self) -> &str {
        &self.name["dill_".len()..]
    }

    /// The text above the first heading.
    pub fn description(&self) -> &str {
        self.comment.split("\n# ").next().unwrap().trim()
    }

    /// The first sentence, without its stop.
    pub fn purpose(&self) -> String {
        let paragraph = self.comment.split("\n\n").next().unwrap().replace('\n', " ");
        let end = paragraph.find(". ").unwrap_or(paragraph.len());
        paragraph[..end].trim().trim_end_matches(['.', ':']).to_owned()
    }

    /// The text below a heading.
    pub fn section(&self, heading: &str) -> Option<&str> {
        let (_, text) = self.comment.split_once(&format!("\n# {heading}\n"))?;
        Some(text.split("\n# ").next().unwrap())
    }

    /// The members of a structure with what is said of them.
    pub fn members(&self) -> Vec<(String, String)> {
        let member = |text: &str| {
            let (comment, code) = text.split_once("*/\n")?;
            let lines = comment.lines().map(|line| line.trim_start().trim_start_matches("* "));
            let code = code.split(';').next()?;
            let name = match code.split_once("(*") {
                Some((_, function)) => words(function).next()?,
                None => words(code.split('[').next()?).last()?,
            };
            Some((name.to_owned(), lines.collect::<Vec<_>>().join(" ").trim().to_owned()))
        };
        self.declaration.split("/**\n").skip(1).filter_map(member).collect()
    }

    /// The C code of the examples in the comment.
    pub fn examples(&self) -> impl Iterator<Item = &str> {
        let blocks = self.comment.split("```c\n").skip(1);
        blocks.map(|block| block.split("```").next().unwrap())
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

pub fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A line of a comment without its asterisk.
fn uncommented(line: &str) -> String {
    let text = line.strip_prefix(" *").unwrap_or_default();
    format!("{}\n", text.strip_prefix(' ').unwrap_or(text))
}

/// The last heading in a piece of a header:
/// ```text
/// /* ====
///  * Heading
///  * ==== */
/// ```
fn heading(text: &str) -> Option<&str> {
    let after = &text[text.rfind("/* ====")?..];
    after.lines().nth(1)?.strip_prefix(" * ")
}

/// The declaration at the beginning of `code`.
fn declaration(code: &str) -> &str {
    let end = if code.starts_with('#') {
        code.find('\n')
    } else {
        let semicolon = code.find(';').map(|at| at + 1);
        match code.find('{') {
            Some(brace) if Some(brace) < semicolon => code.find("\n};").map(|at| at + 3),
            _ => semicolon,
        }
    };
    &code[..end.unwrap()]
}

/// What the text of a header declares.
pub fn items(header: &'static str, text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut section = String::new();
    for (number, block) in text.split("\n/**\n").enumerate() {
        if number != 0 {
            let (comment, code) = block.split_once("*/\n").unwrap();
            items.push(item(header, &section, comment, declaration(code)));
        }
        if let Some(heading) = heading(block) {
            section = heading.to_owned();
        }
    }
    items
}

fn item(header: &'static str, section: &str, comment: &str, declaration: &str) -> Item {
    let code = declaration.split('{').next().unwrap();
    let is_ours =
        |word: &&str| word.to_lowercase().starts_with("dill_") && !word.starts_with("DILL_EXPORT");
    let name = words(code).find(is_ours).unwrap_or_else(|| panic!("no name in {code}"));
    let list =
        code.split_once(&format!("{name}(")).map(|(_, list)| list.split(')').next().unwrap());
    let names = list.map(|list| {
        let names = list.split(',').map(|one| one.split('[').next().unwrap());
        names.filter_map(|one| words(one).last()).filter(|name| *name != "void").map(String::from)
    });
    Item {
        name: name.to_owned(),
        header,
        section: section.to_owned(),
        parameters: names.map(Iterator::collect),
        returns_nothing: code.starts_with("DILL_EXPORT void dill_"),
        comment: comment.lines().map(uncommented).collect(),
        declaration: declaration.to_owned(),
    }
}

pub fn all_items() -> Vec<Item> {
    let items: Vec<Item> =
        HEADERS.into_iter().flat_map(|header| items(header, &header_text(header))).collect();
    assert!(items.len() > 70, "only {} declarations found: the scan has gone blind", items.len());
    items
}

/// Compiles `source` against the headers. The compiler's complaints; `None`
/// when it isn't installed.
pub fn complaints(compiler: &str, flags: &[&str], source: &str) -> Option<String> {
    let mut child = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(root().join("include"))
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

/// Compiles an example of the documentation; one that is no whole program is put into a
/// function first.
pub fn example_complaints(compiler: &str, code: &str) -> Option<String> {
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
    let source = match code.contains("int main(") {
        true => code.to_owned(),
        false => format!("{PRELUDE}{code}}}\n"),
    };
    complaints(compiler, &["-x", "c", "-std=gnu11", "-O1", "-Wno-unused"], &source)
}

/// Where a program of this name is, if it is installed.
pub fn installed(program: &str) -> Option<PathBuf> {
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths).map(|path| path.join(program)).find(|path| path.is_file())
}
