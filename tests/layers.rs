//! Holds the plan of the house that ARCHITECTURE.md shows: what may import what.

mod imports;
mod rust_sources;

use imports::{Imports, circles};
use rust_sources::sources;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// Circles of files that still exist. This list only shrinks: a circle that was opened, if only in
/// part, is to be taken out or shortened here.
const CIRCLES: &[&[&str]] = &[];

/// Where a room is: counted from the top, both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Place {
    floor: usize,
    step: usize,
    /// Tells rooms on one step apart.
    room: usize,
}

/// The plan: modules of the crate with their floors, and rooms of modules with their steps.
struct Plan {
    modules: BTreeMap<String, Place>,
    /// By `module/room`. A module of which no rooms are listed is one room.
    rooms: BTreeMap<String, Place>,
}

impl Plan {
    /// Reads the first block of text with an arrow in `markdown`. A line at its margin begins a
    /// module (`name: what it is`); indented lines below it are its steps, with the rooms on each;
    /// `a+b` is one room of two. An arrow leads to the next floor.
    fn read(markdown: &str) -> Plan {
        let block = markdown.split("```").skip(1).step_by(2).find(|block| block.contains('↓'));
        let mut plan = Plan { modules: BTreeMap::new(), rooms: BTreeMap::new() };
        let mut place = Place { floor: 0, step: 0, room: 0 };
        let mut module = "";
        for line in block.expect("ARCHITECTURE.md shows the plan").lines().skip(1) {
            if line.contains('↓') {
                place.floor += 1;
            } else if line.starts_with(' ') {
                place.step += 1;
                for room in line.split_whitespace() {
                    place.room += 1;
                    for name in room.split('+') {
                        let another = plan.rooms.insert(format!("{module}/{name}"), place);
                        assert!(another.is_none(), "{module}/{name} stands twice in the plan");
                    }
                }
            } else if let Some((name, _)) = line.split_once(':') {
                place = Place { step: 0, room: place.room + 1, ..place };
                module = name;
                plan.modules.insert(name.to_owned(), place);
            }
        }
        plan
    }

    /// Returns where a file is, or what is wrong with the plan.
    fn place(&self, file: &str) -> Result<Place, String> {
        let mut parts = file.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
        let module = parts.next().unwrap();
        let whole = *self.modules.get(module).ok_or(format!("{module} is on no floor"))?;
        let within = format!("{module}/");
        match parts.next() {
            Some(room) if self.rooms.keys().any(|other| other.starts_with(&within)) => {
                match self.rooms.get(&format!("{module}/{room}")) {
                    Some(place) => Ok(*place),
                    None if room == "mod" => Ok(whole),
                    None => Err(format!("{module}/{room} is no room of the plan")),
                }
            }
            _ => Ok(whole),
        }
    }

    /// Returns what is wrong with the imports.
    fn check(&self, imports: &Imports) -> BTreeSet<String> {
        let mut wrong = BTreeSet::new();
        for (file, used) in imports.iter().filter(|(file, _)| *file != "lib.rs") {
            for used in used {
                match (self.place(file), self.place(used)) {
                    (Ok(own), Ok(other)) if own.room == other.room => {}
                    (Ok(own), Ok(other)) if own.floor < other.floor => {}
                    (Ok(own), Ok(other)) if own.floor > other.floor => {
                        wrong.insert(format!("{file} imports {used}, from a floor above"));
                    }
                    (Ok(own), Ok(other)) => {
                        let is_below = own.step < other.step;
                        if !is_below || module_of(file) != module_of(used) {
                            wrong.insert(format!("{file} imports {used}, which isn't below it"));
                        }
                    }
                    (own, other) => wrong.extend(own.err().into_iter().chain(other.err())),
                }
            }
        }
        wrong
    }
}

fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

fn plan() -> Plan {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    Plan::read(&fs::read_to_string(page).unwrap())
}

fn imports_of_the_library() -> &'static Imports {
    static IMPORTS: LazyLock<Imports> = LazyLock::new(|| {
        let (root, files) = sources("");
        imports::read(&root, &files)
    });
    let count: usize = IMPORTS.values().map(BTreeSet::len).sum();
    assert!(count > 1000, "only {count} imports found: the reader has gone blind");
    &IMPORTS
}

#[test]
fn files_import_only_from_below() {
    let wrong = plan().check(imports_of_the_library());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_of_the_plan_exists() {
    let imports = imports_of_the_library();
    let exists = |place: &str| {
        let (folder, file) = (format!("{place}/"), format!("{place}.rs"));
        imports.keys().any(|other| *other == file || other.starts_with(&folder))
    };
    let plan = plan();
    let empty: Vec<_> =
        plan.modules.keys().chain(plan.rooms.keys()).filter(|place| !exists(place)).collect();
    assert!(empty.is_empty(), "in the plan, but not in src: {empty:?}");
}

/// A call that may wait lets others run when it fails time and again, by the way in which its error
/// is told. What has a deadline may wait, with these exceptions.
#[test]
fn calls_with_a_deadline_take_turns_when_they_fail() {
    let immediate = [
        "dill_bundle_deadline",
        "dill_cancel_begin",
        "dill_cancel_enter",
        "dill_last_resort",
        "dill_left",
    ];
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
fn no_files_import_each_other_in_a_circle() {
    let found = circles(imports_of_the_library());
    let known: Vec<Vec<String>> = CIRCLES
        .iter()
        .map(|circle| circle.iter().map(|file| (*file).to_owned()).collect())
        .collect();
    let new: Vec<_> = found.iter().filter(|circle| !known.contains(circle)).collect();
    let gone: Vec<_> = known.iter().filter(|circle| !found.contains(circle)).collect();
    assert!(new.is_empty() && gone.is_empty(), "new circles: {new:#?}\nno circles: {gone:#?}");
}

/// The imports of a crate of a few files.
fn imports_of(files: &[(&str, &str)]) -> Imports {
    imports::of_texts(files.iter().map(|&(file, text)| (file.to_owned(), text.to_owned())))
}

#[track_caller]
fn assert_imports(imports: &Imports, file: &str, expected: &[&str]) {
    assert_eq!(imports[file].iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn names_are_followed_to_where_they_are_defined() {
    let imports = imports_of(&[
        ("lib.rs", "mod face; mod user; mod deep; pub use face::*;"),
        ("face.rs", "mod inner; pub(crate) use inner::Thing; pub(crate) use inner::make as build;"),
        ("face/inner.rs", "pub struct Thing; pub fn make() {} adapter!(Members, u8, link);"),
        ("deep/mod.rs", "pub mod er;"),
        (
            "deep/er.rs",
            "use super::super::user::CONSTANT; use crate::face; fn f() { face::build() }",
        ),
        ("user.rs", "use crate::{face::{self, Thing}, deep}; pub const CONSTANT: u8 = 1;"),
    ]);
    assert_imports(&imports, "face.rs", &[]);
    assert_imports(&imports, "user.rs", &["face/inner.rs"]);
    assert_imports(&imports, "deep/er.rs", &["face/inner.rs", "user.rs"]);
}

#[test]
fn code_is_read_wherever_it_stands() {
    let imports = imports_of(&[
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e; mod f;"),
        ("a.rs", "fn f() { let x = crate::b::f(); } #[cfg(test)] mod tests { use crate::c::f; }"),
        (
            "b.rs",
            "// crate::c::f\nfn g() { println!(\"crate::c::f {}\", crate::d::f()) } pub fn f() {}",
        ),
        ("c.rs", "macro_rules! m { () => { $crate::d::f() } } pub fn f() {}"),
        ("d.rs", "mod within { use super::super::e::T; } pub fn f() {}"),
        ("e.rs", "pub struct T; impl crate::f::Trait for T {}"),
        ("f.rs", "pub trait Trait {} use crate::e; pub(in crate::e) fn f() { use crate::a::*; }"),
    ]);
    assert_imports(&imports, "a.rs", &["b.rs"]);
    assert_imports(&imports, "b.rs", &["d.rs"]);
    assert_imports(&imports, "c.rs", &["d.rs"]);
    assert_imports(&imports, "d.rs", &["e.rs"]);
    assert_imports(&imports, "e.rs", &["f.rs"]);
    assert_imports(&imports, "f.rs", &[]);
    assert!(circles(&imports).is_empty());
}

#[test]
fn circles_are_found_through_others() {
    let imports = imports_of(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::g; pub fn f() {}"),
        ("b.rs", "use crate::c::h; pub fn g() {}"),
        ("c.rs", "use crate::a::f; use crate::d::f as other; pub fn h() {}"),
        ("d.rs", "pub fn f() {}"),
    ]);
    assert_eq!(circles(&imports), [["a.rs", "b.rs", "c.rs"]]);
}

#[test]
fn the_plan_is_held() {
    let plan = Plan::read("```text\ntop: t\n  ↓\nleft: l\n  b\n  c+d  e\nright: r\n```\n");
    let import = |file: &str, used: &str| {
        Imports::from([(file.to_owned(), BTreeSet::from([used.to_owned()]))])
    };
    for (file, used) in [
        ("top.rs", "left/c.rs"),
        ("left/b.rs", "left/e/x.rs"),
        ("left/c.rs", "left/d.rs"),
        ("left/mod.rs", "left/b.rs"),
        ("right/x.rs", "right/y.rs"),
    ] {
        assert!(plan.check(&import(file, used)).is_empty(), "{file} may import {used}");
    }
    for (file, used) in [
        ("left/b.rs", "top.rs"),
        ("left/c.rs", "left/b.rs"),
        ("left/c.rs", "left/e.rs"),
        ("left/b.rs", "right/x.rs"),
        ("left/b.rs", "left/mod.rs"),
        ("left/f.rs", "left/e.rs"),
        ("other.rs", "left/e.rs"),
    ] {
        assert!(!plan.check(&import(file, used)).is_empty(), "{file} must not import {used}");
    }
}
