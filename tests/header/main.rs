//! The committed C headers: fresh, documented throughout, and with examples that compile.
//! `c-tests/run header` compiles them by all the standards that they are for.

#[path = "../c_header/mod.rs"]
mod c_header;

use c_header::{check_fresh, example_complaints};
use capi_docs::source::{self, Kind};
use capi_docs::{HEADERS, Library, PREFIXED_FUNCTIONS, inline_codes, root};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::read);

#[test]
fn the_committed_headers_are_fresh() {
    for (header, expected) in HEADERS.into_iter().zip(&LIBRARY.headers) {
        check_fresh(&root().join("include").join(header), expected, "make header");
    }
}

#[test]
fn every_function_is_documented() {
    const HEADINGS: [&str; 6] =
        ["Parameters", "Return value", "Errors", "Thread safety", "Example", "See also"];
    let known: BTreeSet<&str> = LIBRARY.items.iter().map(|item| item.short_name()).collect();
    let mut faults = Vec::new();
    for item in &LIBRARY.items {
        let mut fault = |what: &str| faults.push(format!("{}: {what}", item.name));
        let purpose = item.description().split("\n\n").next().unwrap_or_default();
        if !purpose.ends_with(['.', ':']) {
            fault("does not begin with a sentence");
        }
        let Some(parameters) = &item.parameters else { continue };
        if item.is_internal() {
            continue;
        }
        let headings: Vec<&str> = item.sections().iter().skip(1).map(|it| it.heading).collect();
        let positions: Vec<_> =
            headings.iter().map(|h| HEADINGS.iter().position(|x| x == h)).collect();
        if positions.contains(&None) || !positions.is_sorted() {
            fault(&format!("its sections are {headings:?}"));
        }
        // A variant only says what differs, and from what.
        let base = item.base_name().map(|name| {
            LIBRARY.items.iter().find(|base| base.short_name() == name).expect("it is a variant")
        });
        if let Some(base) = base
            && !item.description().contains(&format!("Works as `{}`", base.short_name()))
        {
            fault("does not say of what it is a variant");
        }
        let mut needed = vec!["Example", "See also"];
        if base.is_none() {
            needed.push("Thread safety");
            needed.extend((!item.returns_nothing).then_some("Return value"));
        }
        for heading in needed {
            if item.section(heading).is_none_or(str::is_empty) {
                fault(&format!("has no section {heading}"));
            }
        }
        let described = item.section("Parameters").unwrap_or_default();
        let of_base = base.and_then(|base| base.parameters.as_ref());
        for parameter in parameters {
            let is_of_base = of_base.is_some_and(|of_base| of_base.contains(parameter));
            if is_of_base == described.contains(&format!("- `{parameter}`: ")) {
                let what = if is_of_base { "describes again" } else { "does not describe" };
                fault(&format!("{what} its parameter {parameter}"));
            }
        }
        for name in inline_codes(item.section("See also").unwrap_or_default()) {
            if !known.contains(&*name) {
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

/// What is between these lines is for programs that ask for it.
const ASKED_FOR: [&str; 2] =
    ["#if defined DILL_RAW_NAMES\n#if DILL_RAW_NAMES >= 2\n", "#endif\n#endif\n#endif\n"];

/// Returns a header without the names that `DILL_RAW_NAMES` asks for.
fn usual_part(text: &str) -> String {
    let Some((before, rest)) = text.split_once(ASKED_FOR[0]) else { return text.to_owned() };
    let (_, after) = rest.split_once(ASKED_FOR[1]).unwrap();
    before.to_owned() + after
}

/// Returns the names that a piece of a header gives a short form to.
fn shortened(text: &str) -> Vec<String> {
    let definitions = text.lines().filter_map(|line| line.strip_prefix("#define "));
    definitions
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, value)| {
            [format!("dill_{name}"), format!("DILL_{name}")].contains(&(*value).to_owned())
        })
        .map(|(_, value)| value.to_owned())
        .collect()
}

#[test]
fn words_of_programs_are_taken_only_where_asked_for() {
    let (_, rest) = LIBRARY.headers[0].split_once(ASKED_FOR[0]).unwrap();
    let (asked_for, _) = rest.split_once(ASKED_FOR[1]).unwrap();
    assert_eq!(shortened(asked_for), PREFIXED_FUNCTIONS);
    for function in PREFIXED_FUNCTIONS {
        assert!(asked_for.contains(&format!("return {function}(")), "{function} in C++");
    }
}

#[test]
fn every_name_exists_without_its_prefix() {
    for (header, text) in HEADERS.into_iter().zip(&LIBRARY.headers) {
        for sockets in [false, true] {
            let items = LIBRARY.items.iter().filter(|item| {
                item.header == header && item.is_of_sockets == sockets && !item.is_internal()
            });
            let declared: BTreeSet<String> = items
                .filter(|item| !item.is_prefixed_only())
                .map(|item| item.name.clone())
                .collect();
            assert!(!declared.is_empty());
            let text = usual_part(&with_sockets(text, sockets));
            let short: BTreeSet<String> = shortened(&text).into_iter().collect();
            let odd: Vec<&String> = declared.symmetric_difference(&short).collect();
            assert!(odd.is_empty(), "{header} declares only or shortens only {odd:?}");
        }
    }
}

#[test]
fn every_entry_point_is_declared() {
    let declared: BTreeSet<&str> = LIBRARY.items.iter().map(|item| &*item.name).collect();
    let sources = source::declarations();
    let functions = sources
        .iter()
        .filter(|(_, it)| it.is_in_headers && matches!(it.kind, Kind::Function { .. }));
    let names: Vec<&String> = functions.map(|(name, _)| name).collect();
    assert!(names.len() > 100, "only {} entry points: the reader has gone blind", names.len());
    let missing: Vec<_> = names.iter().filter(|name| !declared.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "no template names the files with {missing:?}");
}

#[test]
fn every_example_compiles() {
    let mut count = 0;
    for item in &LIBRARY.items {
        for code in item.examples() {
            for compiler in ["gcc", "clang"] {
                let complaints = example_complaints(compiler, &code).unwrap_or_default();
                assert!(complaints.is_empty(), "{}: {compiler} {complaints}\n{code}", item.name);
            }
            count += 1;
        }
    }
    assert!(count > 100, "only {count} examples found: the reader has gone blind");
}
