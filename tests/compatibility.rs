//! The table in COMPATIBILITY.md of all that libdill 2.14 exports: what is here, and which
//! C test uses it.

mod c_header;

use c_header::check_fresh;
use capi_docs::{root, source};
use std::{env, fs};

/// Between these lines the table stands.
const BEGIN: &str = "<!-- The table is generated: make compatibility -->\n";
const END: &str = "<!-- End of the table -->\n";

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Symbols of libdill with their kinds, from the list that `c-tests/exports` holds the library
/// against.
fn symbols() -> Vec<(String, &'static str)> {
    let symbols: Vec<_> = read("c-tests/exports.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|fields| fields.last() == Some(&"libdill"))
        .map(|fields| (fields[0].to_owned(), if fields[1] == "FUNC" { "function" } else { "data" }))
        .collect();
    assert_eq!(symbols.len(), 122, "libdill 2.14 exports 119 functions and 3 variables");
    symbols
}

/// What a C test includes from the folder of its name, if it has one.
fn included(test: &str) -> String {
    let folder = root().join("c-tests").join(test.trim_end_matches(".c"));
    let files = fs::read_dir(folder).into_iter().flatten();
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// The C tests: name and text, in alphabetical order.
fn c_tests() -> Vec<(String, String)> {
    let mut tests: Vec<(String, String)> = fs::read_dir(root().join("c-tests"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // header.c names every function without calling any.
        .filter(|name| name.ends_with(".c") && name != "header.c")
        .map(|name| (name.clone(), read(&format!("c-tests/{name}")) + &included(&name)))
        .collect();
    tests.sort();
    assert!(tests.len() > 20, "where are the tests?");
    tests
}

/// How often a test uses a symbol; a function is called, in C or in assembly.
fn uses(test: &str, symbol: &str, kind: &str) -> usize {
    let raw = symbol.strip_prefix("dill_").unwrap();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_use = |(at, _): &(usize, &str)| {
        let (before, after) = (&test[..*at], &test[at + raw.len()..]);
        let before = before.strip_suffix("dill_").unwrap_or(before);
        let is_data = kind == "data";
        !before.ends_with(is_word) && !after.starts_with(is_word) && {
            is_data || after.starts_with(['(', '@'])
        }
    };
    test.match_indices(raw).filter(is_use).count()
}

/// The table, with the tests that `committed` names where they still use the symbols: it
/// should not change with every new test.
fn table(committed: &str) -> String {
    let (tests, declarations) = (c_tests(), source::declarations());
    let mut table = "| symbol | kind | here | tested in |\n|---|---|---|---|\n".to_owned();
    for (symbol, kind) in symbols() {
        let state = if declarations.contains_key(&symbol) { "yes" } else { "missing" };
        let row = committed.lines().find(|line| line.starts_with(&format!("| `{symbol}` |")));
        let is_named = |name: &str| row.is_some_and(|row| row.contains(&format!("[{name}]")));
        let weight = |(name, text): &&(String, String)| match uses(text, &symbol, kind) {
            0 => 0,
            count => count + if is_named(name) { 1_000_000 } else { 0 },
        };
        let most = tests.iter().rev().max_by_key(weight).unwrap();
        let test = match weight(&most) {
            0 => "nothing".to_owned(),
            _ => format!("[{0}](c-tests/{0})", most.0),
        };
        table += &format!("| `{symbol}` | {kind} | {state} | {test} |\n");
    }
    table
}

#[test]
fn the_table_is_fresh() {
    let committed = read("COMPATIBILITY.md");
    let (before, rest) = committed.split_once(BEGIN).expect("the table's first line");
    let (_, after) = rest.split_once(END).expect("the table's last line");
    let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", table(rest));
    let path = root().join("COMPATIBILITY.md");
    if env::var_os("DILL_UPDATE_COMPATIBILITY").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    check_fresh(&path, &expected, "make compatibility");
}

#[test]
fn everything_is_there_and_tested() {
    let table = table(&read("COMPATIBILITY.md"));
    let lacking: Vec<&str> = table
        .lines()
        .filter(|line| line.contains("| missing |") || line.contains("| nothing |"))
        .collect();
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}
