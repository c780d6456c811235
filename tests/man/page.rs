//! Makes the pages: one of section 3 for each function, and those of section 7 from the
//! Markdown in docs/man.

use super::c_header::{Item, all_items, in_backticks, root, words};
use super::roff::{Code, body, bold, inline, italic, listing, tagged, verbatim};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Of the pages: when they were last changed as a whole.
const DATE: &str = "2026-11-25";

/// Those of section 7, and what stands below the name of each.
const OVERVIEWS: [&str; 2] = ["libdill", "dill_graceful"];

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

/// All that the headers declare.
pub struct Library {
    items: Vec<Item>,
    /// By the name that is used in texts: without the prefix where there is such a name.
    by_name: BTreeMap<String, usize>,
}

fn has_page(item: &Item) -> bool {
    item.parameters.is_some() && !item.is_internal()
}

fn is_opaque(item: &Item) -> bool {
    item.name.ends_with("storage") || item.description().contains("Opaque")
}

/// How texts refer to something: functions by their page, parameters in italics.
struct References<'a> {
    library: &'a Library,
    /// The function whose page it is.
    page: &'a str,
    parameters: &'a [String],
}

impl Code for References<'_> {
    fn inline(&self, code: &str) -> String {
        if self.parameters.iter().any(|parameter| parameter == code) {
            return italic(code);
        }
        match self.library.find(code) {
            Some(item) if has_page(item) && code != self.page => format!("{}(3)", bold(code)),
            _ if OVERVIEWS.contains(&code) && code != self.page => format!("{}(7)", bold(code)),
            _ => bold(code),
        }
    }
}

impl Library {
    pub fn new() -> Self {
        let items: Vec<Item> = all_items().into_iter().filter(|item| !item.is_internal()).collect();
        let by_name =
            items.iter().enumerate().map(|(at, item)| (item.usual_name().to_owned(), at)).collect();
        Self { items, by_name }
    }

    fn find(&self, name: &str) -> Option<&Item> {
        self.by_name.get(name).map(|at| &self.items[*at])
    }

    /// Names without their prefix, as most programs write them.
    fn shortened(&self, code: &str) -> String {
        let mut short = code.replace("DILL_EXPORT_DATA ", "").replace("DILL_EXPORT ", "");
        for item in self.items.iter().filter(|item| !item.is_prefixed_only()) {
            // Whole words only: `dill_go` is the beginning of `dill_go_mem`.
            let mut from = 0;
            while let Some(at) = short[from..].find(&item.name).map(|at| at + from) {
                let end = at + item.name.len();
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                from = end;
                if !short[end..].starts_with(is_word) && !short[..at].ends_with(is_word) {
                    short.replace_range(at..end, item.raw_name());
                    from = at + item.raw_name().len();
                }
            }
        }
        short
    }

    /// All pages: path below docs/man, and text.
    pub fn pages(&self) -> BTreeMap<String, String> {
        let functions = self.items.iter().filter(|item| has_page(item));
        let mut pages: BTreeMap<String, String> = functions
            .map(|item| (format!("man3/{}.3", item.usual_name()), self.function_page(item)))
            .collect();
        for name in OVERVIEWS {
            pages.insert(format!("man7/{name}.7"), self.overview_page(name));
        }
        pages
    }

    /// Types and constants that the text about a function mentions, and those that
    /// the members of such types mention.
    fn mentioned(&self, function: &Item) -> Vec<&Item> {
        let mut names: BTreeSet<&str> = in_backticks(&function.comment).flat_map(words).collect();
        names.extend(words(&function.declaration));
        loop {
            let is_named = |item: &&Item| {
                !has_page(item)
                    && (names.contains(item.usual_name()) || names.contains(&*item.name))
            };
            let found: Vec<&Item> = self.items.iter().filter(is_named).collect();
            let known = names.len();
            let types = found.iter().filter(|item| !item.is_macro() && !is_opaque(item));
            names.extend(types.flat_map(|item| in_backticks(&item.declaration)).flat_map(words));
            if names.len() == known {
                return found;
            }
        }
    }

    /// A declaration as the synopsis shows it.
    fn shown(&self, item: &Item) -> String {
        let mut lines = Vec::new();
        let mut is_comment = false;
        for line in item.declaration.lines() {
            is_comment |= line.trim_start().starts_with("/**");
            if !is_comment {
                lines.push(line);
            }
            is_comment &= !line.trim_end().ends_with("*/");
        }
        self.shortened(&lines.join("\n"))
    }

    /// What a program writes to use the function.
    fn prototype(&self, item: &Item) -> String {
        if !item.is_macro() {
            return self.shown(item);
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
        format!("{returned}{}({});", item.raw_name(), parameters.join(", "))
    }

    fn function_page(&self, item: &Item) -> String {
        let name = item.usual_name();
        let parameters = item.parameters.as_deref().unwrap_or_default();
        let code = References { library: self, page: name, parameters };
        let text = |heading: &str| {
            let text = item.section(heading).unwrap_or("None.");
            body(text, &code, ".PP\n")
        };
        let mentioned = self.mentioned(item);
        let mut synopsis = format!("#include <{}>\n\n{}", item.header, self.prototype(item));
        for other in mentioned.iter().filter(|other| !other.is_macro() && !is_opaque(other)) {
            synopsis += &format!("\n\n{}", self.shown(other));
        }
        let mut page = title(name, 3);
        page += &section("NAME", &self.name_line(item));
        page += &section("SYNOPSIS", &listing(&synopsis));
        page += &section("DESCRIPTION", &body(item.description(), &code, ".PP\n"));
        if !mentioned.is_empty() {
            page += ".SS Types and constants\n";
            page += &mentioned.iter().map(|other| self.entry(other, &code)).collect::<String>();
        }
        page += &section("PARAMETERS", &text("Parameters"));
        let returned =
            if item.returns_nothing { "None.\n".to_owned() } else { text("Return value") };
        page += &section("RETURN VALUE", &returned);
        page += &section("ERRORS", &text("Errors"));
        page += &section("THREAD SAFETY", &text("Thread safety"));
        let examples: Vec<String> = item.examples().map(listing).collect();
        page += &section("EXAMPLE", &examples.join(".PP\n"));
        page += &section("SEE ALSO", &self.see_also(item));
        page
    }

    fn name_line(&self, item: &Item) -> String {
        let purpose = item.purpose();
        let first = purpose.split(' ').next().unwrap();
        // Not of a proper name or an abbreviation.
        let purpose = match first.chars().skip(1).any(char::is_uppercase) || first.starts_with('`')
        {
            true => purpose.clone(),
            false => purpose[..1].to_lowercase() + &purpose[1..],
        };
        let purpose = purpose.replace('`', "");
        // No fonts: programs that make an index read this.
        let names = match item.is_prefixed_only() {
            true => item.name.clone(),
            false => format!("{}, {}", item.raw_name(), item.name),
        };
        format!("{names} \\- {}\n", verbatim(&purpose))
    }

    /// A type or a constant and what it is for.
    fn entry(&self, item: &Item, code: &dyn Code) -> String {
        let name = match item.declaration.strip_prefix("struct") {
            Some(_) => format!("struct {}", item.usual_name()),
            None => item.usual_name().to_owned(),
        };
        let mut entry = tagged(&bold(&name), item.description(), code);
        for (member, text) in item.members() {
            entry += &format!(".IP\n{}: {}\n", italic(&member), inline(&text, code));
        }
        entry
    }

    fn see_also(&self, item: &Item) -> String {
        let mut pages: BTreeSet<(u8, &str)> =
            in_backticks(item.section("See also").unwrap_or_default())
                .filter(|name| self.find(name).is_some_and(has_page))
                .map(|name| (3, name))
                .collect();
        if ["Graceful shutdown", "Cancel scopes", "Signals"].contains(&&*item.section) {
            pages.insert((7, "dill_graceful"));
        }
        pages.insert((7, "libdill"));
        let pages = pages.iter().map(|(section, name)| format!("{}({section})", bold(name)));
        format!("{}\n", pages.collect::<Vec<_>>().join(", "))
    }

    /// The functions by sections of the header, for the overview.
    fn functions(&self) -> String {
        let mut page = String::new();
        let mut heading = "";
        for item in self.items.iter().filter(|item| has_page(item)) {
            if heading != item.section && item.header == "libdill.h" {
                heading = &item.section;
                page += &format!(".SS {heading}\n");
            } else if item.header != "libdill.h" && heading != "impl" {
                heading = "impl";
                page += ".SS Handles of one's own (libdillimpl.h)\n";
            }
            let line = self.name_line(item);
            let purpose = line.split_once("\\- ").unwrap().1.trim_end();
            page += &format!(".TP\n{}(3)\n{purpose}\n", bold(item.usual_name()));
        }
        page
    }

    fn types(&self, code: &dyn Code) -> String {
        self.items
            .iter()
            .filter(|item| !has_page(item))
            .map(|item| self.entry(item, code))
            .collect()
    }

    /// A page of section 7. In its source the lines `@functions` and `@types` stand for lists.
    fn overview_page(&self, name: &str) -> String {
        let source = fs::read_to_string(root().join(format!("docs/man/{name}.7.md"))).unwrap();
        let code = References { library: self, page: name, parameters: &[] };
        let mut page = title(name, 7);
        for part in format!("\n{source}").split("\n# ").skip(1) {
            let (heading, text) = part.split_once('\n').unwrap();
            page += &format!(".SH {}\n", heading.to_uppercase());
            for (number, part) in format!("\n{text}").split("\n## ").enumerate() {
                let text = match number {
                    0 => part,
                    _ => {
                        let (heading, text) = part.split_once('\n').unwrap();
                        page += &format!(".SS {heading}\n");
                        text
                    }
                };
                page += &match text.trim() {
                    "@functions" => self.functions(),
                    "@types" => self.types(&code),
                    text if heading == "Name" => format!("{}\n", text.replace(" - ", " \\- ")),
                    text => body(text, &code, ".PP\n"),
                };
            }
        }
        page
    }
}

fn title(name: &str, section: u8) -> String {
    let kind = if section == 3 { "Library Functions" } else { "Overview" };
    format!(
        ".\\\" Generated from the sources: see CONTRIBUTING.md. Change those, then run \"make man\".\n\
         .\\\" No name is to be hyphenated.\n\
         .nr HY 0\n\
         .TH {} {section} {DATE} libdill \"libdill {kind}\"\n",
        verbatim(&name.to_uppercase())
    )
}

fn section(heading: &str, text: &str) -> String {
    let heading = if heading.contains(' ') { format!("\"{heading}\"") } else { heading.to_owned() };
    format!(".SH {heading}\n{text}")
}

/// For those tests that look at the text itself.
pub fn headings(page: &str) -> Vec<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix(".SH "))
        .map(|heading| heading.trim_matches('"').to_owned())
        .collect()
}
