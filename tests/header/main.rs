//! The committed C headers: fresh, documented throughout, and with examples that compile.
//! `c-tests/run header` compiles them by all the standards that they are for.

#[path = "../c_header/mod.rs"]
mod c_header;
mod generated;

use c_header::{
    HEADERS, PREFIXED_FUNCTIONS, all_items, check_fresh, example_complaints, header_text,
    implementation, in_backticks, items, root, words,
};
use std::collections::BTreeSet;

#[test]
fn the_committed_headers_are_fresh() {
    for (header, expected) in HEADERS.into_iter().zip(generated::headers()) {
        let path = root().join("include").join(header);
        check_fresh(&path, &expected, "DILL_UPDATE_HEADER", "make header");
    }
}

#[test]
fn every_function_is_documented() {
    const HEADINGS: [&str; 6] =
        ["Parameters", "Return value", "Errors", "Thread safety", "Example", "See also"];
    let items = all_items();
    let known: BTreeSet<&str> = items.iter().map(|item| item.usual_name()).collect();
    let mut faults = Vec::new();
    for item in &items {
        let mut fault = |what: &str| faults.push(format!("{}: {what}", item.name));
        let first = item.comment.lines().next().unwrap_or_default();
        let purpose = item.comment.split("\n\n").next().unwrap_or_default().trim();
        if first.is_empty() || !purpose.ends_with(['.', ':']) {
            fault("does not begin with a sentence");
        }
        let Some(parameters) = &item.parameters else { continue };
        if item.is_internal() {
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
            if item.section(heading).is_none_or(|text| text.trim().is_empty()) {
                fault(&format!("has no section {heading}"));
            }
        }
        if !item.returns_nothing && item.section("Return value").is_none() {
            fault("has no section Return value");
        }
        let described = item.section("Parameters").unwrap_or_default();
        for parameter in parameters {
            if !described.contains(&format!("- `{parameter}`: ")) {
                fault(&format!("does not describe its parameter {parameter}"));
            }
        }
        for name in in_backticks(item.section("See also").unwrap_or_default()) {
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

/// What is between these lines is for programs that ask for it.
const ASKED_FOR: [&str; 2] =
    ["#if defined DILL_RAW_NAMES\n#if DILL_RAW_NAMES >= 2\n", "#endif\n#endif\n#endif\n"];

/// A header without the names that `DILL_RAW_NAMES` asks for.
fn usual_part(text: &str) -> String {
    let Some((before, rest)) = text.split_once(ASKED_FOR[0]) else { return text.to_owned() };
    let (_, after) = rest.split_once(ASKED_FOR[1]).unwrap();
    before.to_owned() + after
}

/// The names that a piece of a header gives a short form to.
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
    let header = header_text("libdill.h");
    let (_, rest) = header.split_once(ASKED_FOR[0]).unwrap();
    let (asked_for, _) = rest.split_once(ASKED_FOR[1]).unwrap();
    assert_eq!(shortened(asked_for), PREFIXED_FUNCTIONS);
    for function in PREFIXED_FUNCTIONS {
        assert!(asked_for.contains(&format!("return {function}(")), "{function} in C++");
    }
}

#[test]
fn every_name_exists_without_its_prefix() {
    for header in HEADERS {
        for sockets in [false, true] {
            let text = with_sockets(&header_text(header), sockets);
            let declared: BTreeSet<String> = items(header, &text)
                .into_iter()
                .filter(|item| !item.is_internal() && !item.is_prefixed_only())
                .map(|item| item.name)
                .collect();
            assert!(!declared.is_empty());
            let mut short = BTreeSet::new();
            for value in shortened(&usual_part(&text)) {
                short.insert(value);
            }
            let odd: Vec<&String> = declared.symmetric_difference(&short).collect();
            assert!(odd.is_empty(), "{header} declares only or shortens only {odd:?}");
        }
    }
}

#[test]
fn every_entry_point_is_declared() {
    let headers = HEADERS.map(header_text).concat();
    let mut missing = Vec::new();
    let mut count = 0;
    for rest in implementation().split("pub unsafe extern \"C\" fn ").skip(1) {
        let name = words(rest).next().unwrap();
        if !headers.contains(&format!("{name}(")) {
            missing.push(name.to_owned());
        }
        count += 1;
    }
    assert!(count > 100, "only {count} entry points found: the scan has gone blind");
    assert!(missing.is_empty(), "no template names the files with {missing:?}");
}

#[test]
fn every_example_compiles() {
    let mut count = 0;
    for item in all_items() {
        for code in item.examples() {
            for compiler in ["gcc", "clang"] {
                let complaints = example_complaints(compiler, code).unwrap_or_default();
                assert!(complaints.is_empty(), "{}: {compiler} {complaints}\n{code}", item.name);
            }
            count += 1;
        }
    }
    assert!(count > 50, "only {count} examples found: the scan has gone blind");
}
