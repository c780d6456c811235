//! Makes the manual pages: one of section 3 for each function, and those of section 7 from the
//! Markdown in `docs/man`.

use crate::header::{Library, with_words};
use crate::item::Item;
use crate::markdown::{
    ShowCode, body, divided, inline_codes, listing, reference, rendered, sections, tagged,
};
use crate::{read, root, words};
use pulldown_cmark::HeadingLevel;
use roff::{Inline, Roff, bold, italic, roman};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::{fs, io};

/// The date of the pages: when they were last changed as a whole.
const DATE: &str = "2026-11-30";

/// The pages of section 7.
pub(crate) const OVERVIEWS: [&str; 2] = ["libdill", "dill_graceful"];

/// The headings of every page in section 3.
pub const HEADINGS: [&str; 9] = [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "PARAMETERS",
    "RETURN VALUE",
    "ERRORS",
    "THREAD SAFETY",
    "EXAMPLE",
    "SEE ALSO",
];

/// A file of the manual.
pub enum Page {
    Text(String),
    /// Another name of a page, whose file is in the same section.
    Link(String),
}

impl Library {
    /// Returns all pages with their paths below the directory of the manual.
    pub fn pages(&self) -> BTreeMap<String, Page> {
        let functions = self.items.iter().filter(|item| item.has_page());
        let functions: Vec<(&Item, Vec<&Item>)> =
            functions.map(|item| (item, self.mentioned(item))).collect();
        let mut pages = BTreeMap::new();
        for (item, mentioned) in &functions {
            let path = format!("man3/{}.3", item.short_name());
            pages.insert(path, Page::Text(self.function_page(item, mentioned)));
        }
        for name in OVERVIEWS {
            pages.insert(format!("man7/{name}.7"), Page::Text(self.overview_page(name)));
        }
        for (alias, target) in self.aliases(&functions) {
            let another = pages.insert(format!("man3/{alias}.3"), Page::Link(target));
            assert!(another.is_none(), "there are two pages {alias}(3)");
        }
        pages
    }

    /// Writes all pages below a directory. Those of earlier runs are removed.
    ///
    /// # Errors
    ///
    /// Any that writing files has.
    pub fn write_pages(&self, directory: &Path) -> io::Result<()> {
        for section in ["man3", "man7"] {
            let section = directory.join(section);
            if section.exists() {
                fs::remove_dir_all(&section)?;
            }
            fs::create_dir_all(section)?;
        }
        for (path, page) in self.pages() {
            match page {
                Page::Text(text) => fs::write(directory.join(path), text)?,
                Page::Link(target) => symlink(target, directory.join(path))?,
            }
        }
        Ok(())
    }

    /// Returns the item of this name, which is without prefix if there is such a name.
    fn find(&self, name: &str) -> Option<&Item> {
        self.documented().find(|item| item.short_name() == name)
    }

    pub(crate) fn documented(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| !item.is_internal())
    }

    /// Shows code in the text of a page: functions by their pages, parameters in italics.
    fn shown_code(&self, page: &str, parameters: &[String], code: &str) -> Vec<Inline> {
        if parameters.iter().any(|parameter| parameter == code) {
            return vec![italic(code)];
        }
        match self.find(code) {
            Some(item) if item.has_page() && code != page => reference(code, 3),
            _ if OVERVIEWS.contains(&code) && code != page => reference(code, 7),
            _ => vec![bold(code)],
        }
    }

    /// Returns code with the names that most programs use.
    fn shortened(&self, code: &str) -> String {
        let short = |word| self.documented().find(|item| item.name == word);
        with_words(code, |word| short(word).map_or(word, Item::short_name))
    }

    /// Returns the types and constants that the text about a function mentions, and those that
    /// the members of such types mention.
    fn mentioned(&self, function: &Item) -> Vec<&Item> {
        let in_text = |text: &str| -> Vec<String> {
            inline_codes(text).iter().flat_map(|it| words(it)).map(str::to_owned).collect()
        };
        let mut names: BTreeSet<String> = in_text(&function.documentation).into_iter().collect();
        names.extend(words(&function.declaration).map(str::to_owned));
        loop {
            let is_named = |item: &&Item| {
                !item.has_page()
                    && (names.contains(item.short_name()) || names.contains(&item.name))
            };
            let found: Vec<&Item> = self.documented().filter(is_named).collect();
            let known = names.len();
            names.extend(found.iter().flat_map(|item| &item.members).flat_map(|it| in_text(&it.1)));
            if names.len() == known {
                return found;
            }
        }
    }

    /// Returns what a program writes to use the function.
    fn prototype(&self, item: &Item) -> String {
        if !item.is_macro() {
            return wrapped(&self.shortened(&item.declaration));
        }
        // No types are there; the texts say that `fn` is a call.
        let types = |parameter: &String| match &**parameter {
            "fn" => "call fn".to_owned(),
            "mem" => "void *mem".to_owned(),
            "len" => "size_t len".to_owned(),
            "bndl" => "int bndl".to_owned(),
            "ch" => "int ch".to_owned(),
            "deadline" => "int64_t deadline".to_owned(),
            "name" => "name".to_owned(),
            other => panic!("{}: of what type is {other}?", item.name),
        };
        let parameters: Vec<String> = item.parameters.iter().flatten().map(types).collect();
        // A macro in capitals is a declaration.
        let returned = if item.name.starts_with("DILL_") { "" } else { "int " };
        format!("{returned}{}({});", item.short_name(), parameters.join(", "))
    }

    fn function_page(&self, item: &Item, mentioned: &[&Item]) -> String {
        let name = item.short_name();
        let parameters = item.parameters.as_deref().unwrap_or_default();
        let code: &ShowCode = &|code| self.shown_code(name, parameters, code);

        let mut page = title(name, 3);
        page.control("SH", ["NAME"]).text([roman(name_line(item))]);
        page.control("SH", ["SYNOPSIS"]);
        let mut synopsis = format!("#include <{}>\n\n{}", item.header, self.prototype(item));
        for other in mentioned.iter().filter(|other| !other.is_macro() && !other.is_opaque()) {
            synopsis += &format!("\n\n{}", self.shortened(&other.declaration));
        }
        listing(&mut page, &synopsis);
        page.control("SH", ["DESCRIPTION"]);
        body(&mut page, item.description(), code);
        if !mentioned.is_empty() {
            page.control("SS", ["Types and constants"]);
            for other in mentioned {
                entry(&mut page, other, code);
            }
        }
        for heading in ["Parameters", "Return value", "Errors", "Thread safety"] {
            page.control("SH", [&*heading.to_uppercase()]);
            body(&mut page, &with_base(item, heading), code);
        }
        page.control("SH", ["EXAMPLE"]);
        body(&mut page, item.section("Example").unwrap_or_default(), code);
        page.control("SH", ["SEE ALSO"]).text(self.see_also(item));
        rendered(&page)
    }

    fn see_also(&self, item: &Item) -> Vec<Inline> {
        let named = inline_codes(item.section("See also").unwrap_or_default());
        let named = named.iter().filter(|name| self.find(name).is_some_and(Item::has_page));
        let mut pages: BTreeSet<(u8, &str)> = named.map(|name| (3, &**name)).collect();
        if ["Graceful shutdown", "Cancel scopes", "Signals"].contains(&&*item.heading) {
            pages.insert((7, "dill_graceful"));
        }
        pages.insert((7, "libdill"));
        let pages: Vec<_> =
            pages.into_iter().map(|(section, name)| reference(name, section)).collect();
        pages.join(&roman(", "))
    }

    /// Writes the list of functions for the overview, by sections of the header.
    fn functions(&self, page: &mut Roff) {
        let mut last = "";
        for item in self.items.iter().filter(|item| item.has_page()) {
            let heading = match item.header {
                "libdill.h" => &*item.heading,
                _ => "Handles and protocols of your own (libdillimpl.h)",
            };
            if heading != last {
                page.control("SS", [heading]);
                last = heading;
            }
            page.control("TP", [])
                .text(reference(item.short_name(), 3))
                .text([roman(purpose(item))]);
        }
    }

    /// Makes a page of section 7. In its source the lines `@functions` and `@types` stand for
    /// lists.
    fn overview_page(&self, name: &str) -> String {
        let source = read(&root().join(format!("docs/man/{name}.7.md")));
        let code: &ShowCode = &|code| self.shown_code(name, &[], code);
        let mut page = title(name, 7);
        for section in sections(&source).iter().skip(1) {
            page.control("SH", [&*section.heading.to_uppercase()]);
            for part in divided(section.text, HeadingLevel::H2) {
                if !part.heading.is_empty() {
                    page.control("SS", [part.heading]);
                }
                match part.text {
                    "@functions" => self.functions(&mut page),
                    "@types" => {
                        let types = self.documented().filter(|item| !item.has_page());
                        types.for_each(|item| entry(&mut page, item, code));
                    }
                    text => body(&mut page, text, code),
                }
            }
        }
        rendered(&page)
    }
}

/// Returns the text below a heading. Of a variant the sources only say what differs.
fn with_base(item: &Item, heading: &str) -> String {
    match (item.section(heading), item.base_name()) {
        (Some(text), Some(base)) if heading == "Parameters" => {
            format!("{text}\n\nThe others are those of `{base}`.")
        }
        (Some(text), _) => text.to_owned(),
        (None, Some(base)) => format!("As for `{base}`."),
        (None, None) => "None.".to_owned(),
    }
}

fn title(name: &str, section: u8) -> Roff {
    let kind = if section == 3 { "libdill Library Functions" } else { "libdill Overview" };
    let mut page = Roff::new();
    page.control(
        "\\\"",
        "Generated from the sources of libdill: no name is to be hyphenated.".split(' '),
    )
    .control("nr", ["HY", "0"])
    .control("TH", [&*name.to_uppercase(), &*section.to_string(), DATE, "libdill", kind]);
    page
}

/// Breaks the declaration of a function into lines that terminals have room for.
fn wrapped(declaration: &str) -> String {
    const COLUMNS: usize = 72;
    let line = declaration.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() <= COLUMNS {
        return line;
    }
    let margin = line.find('(').map_or(0, |at| at + 1);
    line.replace(", ", &format!(",\n{:margin$}", ""))
}

/// Returns what a function does, as part of a sentence, without any fonts: programs that make an
/// index read it.
fn purpose(item: &Item) -> String {
    let purpose = item.purpose();
    let first = purpose.split(' ').next().unwrap_or_default();
    // Not of a proper name or an abbreviation.
    let is_name = first.chars().skip(1).any(char::is_uppercase) || first.starts_with('`');
    let purpose = if is_name { purpose } else { purpose[..1].to_lowercase() + &purpose[1..] };
    purpose.replace('`', "")
}

fn name_line(item: &Item) -> String {
    let names = if item.is_prefixed_only() {
        item.name.clone()
    } else {
        format!("{}, {}", item.short_name(), item.name)
    };
    format!("{names} - {}", purpose(item))
}

/// Writes a type or a constant and what it is for.
fn entry(page: &mut Roff, item: &Item, code: &ShowCode) {
    let name = match item.is_structure() {
        true => format!("struct {}", item.short_name()),
        false => item.short_name().to_owned(),
    };
    tagged(page, vec![bold(name)], item.description(), code);
    for (member, text) in &item.members {
        page.control("IP", []);
        body(page, &format!("*{member}*: {text}"), code);
    }
}
