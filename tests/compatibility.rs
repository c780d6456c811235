//! The table in COMPATIBILITY.md of all that libdill 2.14 exports: what is here, and which
//! C test uses it.

mod c_header;

use c_header::{check_fresh, root};
use std::fs;

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

/// The C tests: name and text, in alphabetical order.
fn c_tests() -> Vec<(String, String)> {
    let mut tests: Vec<(String, String)> = fs::read_dir(root().join("c-tests"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // header.c names every function without calling any.
        .filter(|name| name.ends_with(".c") && name != "header.c")
        .map(|name| (name.clone(), read(&format!("c-tests/{name}"))))
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

/// What implements the C API.
fn implementation() -> String {
    let files = fs::read_dir(root().join("src/capi")).unwrap();
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

fn table() -> String {
    let (tests, implementation) = (c_tests(), implementation());
    let mut table = "| symbol | kind | here | tested most in |\n|---|---|---|---|\n".to_owned();
    for (symbol, kind) in symbols() {
        let is_defined = [format!("fn {symbol}("), format!("static mut {symbol}:")]
            .iter()
            .any(|definition| implementation.contains(definition));
        let state = if is_defined { "yes" } else { "missing" };
        let most = tests.iter().rev().max_by_key(|(_, text)| uses(text, &symbol, kind)).unwrap();
        let test = match uses(&most.1, &symbol, kind) {
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
    let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", table());
    let path = root().join("COMPATIBILITY.md");
    check_fresh(&path, &expected, "DILL_UPDATE_COMPATIBILITY", "make compatibility");
}

#[test]
fn everything_is_there_and_tested() {
    let table = table();
    let lacking: Vec<&str> = table
        .lines()
        .filter(|line| line.contains("| missing |") || line.contains("| nothing |"))
        .collect();
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}
