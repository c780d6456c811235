//! Makes the C headers from the Rust sources, and the list of what they declare.
//!
//! They follow the templates `include/parts/*.h.in`. In them the line
//! `@capi channels` stands for what cbindgen makes of `src/capi/channels.rs`, `@capi tcp/closing`
//! for what it makes of `src/capi/tcp/closing.rs`, and `@part go.h` for a part written by hand, in
//! which such lines may stand, too.

use crate::item::Item;
use crate::source::{self, Declaration, Kind};
use crate::{is_word, read, root, words};
use std::collections::BTreeMap;
use std::mem;

const PARTS: &str = "include/parts";

/// The names of the headers.
pub const HEADERS: [&str; 2] = ["libdill.h", "libdillimpl.h"];

/// The headers and what they declare.
pub struct Library {
    /// The texts of the headers.
    pub headers: [String; 2],
    pub items: Vec<Item>,
}

impl Library {
    /// Reads the sources.
    ///
    /// # Panics
    ///
    /// When they are not in order.
    pub fn read() -> Self {
        let templates = HEADERS.map(|header| part(&format!("{header}.in")));
        let mut generated = generated(&templates);
        let mut items = Vec::new();
        let headers = [0, 1].map(|which| {
            let mut writer = Writer::new(HEADERS[which], &mut generated, which == 1);
            writer.expand(&templates[which]);
            items.append(&mut writer.items);
            writer.text
        });
        if let Some(rest) = generated.first() {
            panic!("no template has a place for {}, from {}.rs", rest.item.name, rest.file);
        }
        assert!(items.len() > 150, "only {} declarations: the reader has gone blind", items.len());
        Self { headers, items }
    }
}

fn part(name: &str) -> String {
    read(&root().join(PARTS).join(name))
}

/// Returns whether `name` is for those who make handles and protocols: declared in
/// `libdillimpl.h`.
fn is_for_implementers(name: &str) -> bool {
    let suffixes = ["_hvfs", "_vfs", "_type", "_hmake", "_hquery"];
    name.starts_with("DILL_INPUT_") || suffixes.iter().any(|suffix| name.ends_with(suffix))
}

/// What cbindgen makes of a declaration.
struct Generated {
    /// The source file in `src/capi`, without its extension.
    file: String,
    /// The declaration in C with its comment.
    text: String,
    item: Item,
}

/// Writes one header.
struct Writer<'a> {
    header: &'static str,
    generated: &'a mut Vec<Generated>,
    for_implementers: bool,
    text: String,
    items: Vec<Item>,
    /// The last heading, and whether the next line is one.
    heading: String,
    is_heading: bool,
    is_of_sockets: bool,
    /// The documentation comment that is being read in a part written by hand, or has just ended.
    comment: Option<Vec<String>>,
}

impl<'a> Writer<'a> {
    fn new(
        header: &'static str,
        generated: &'a mut Vec<Generated>,
        for_implementers: bool,
    ) -> Self {
        Self {
            header,
            generated,
            for_implementers,
            text: String::new(),
            items: Vec::new(),
            heading: String::new(),
            is_heading: false,
            is_of_sockets: false,
            comment: None,
        }
    }

    /// Puts the declarations and the parts written by hand in their places.
    fn expand(&mut self, template: &str) {
        for line in template.lines() {
            if let Some(part) = line.strip_prefix("@part ") {
                self.expand(self::part(part).trim_end());
                continue;
            }
            if let Some(file) = line.strip_prefix("@capi ") {
                self.declare(file);
            } else {
                self.text += line;
                self.read_line(line);
            }
            self.text.push('\n');
        }
    }

    /// Puts the declarations from one file in their place.
    fn declare(&mut self, file: &str) {
        let for_implementers = self.for_implementers;
        let belongs = |it: &mut Generated| {
            it.file == file && is_for_implementers(&it.item.name) == for_implementers
        };
        let found: Vec<Generated> = self.generated.extract_if(.., belongs).collect();
        let texts: Vec<&str> = found.iter().map(|it| &*it.text).collect();
        self.text += &texts.join("\n\n");
        for it in found {
            self.add(it.item);
        }
    }

    fn add(&mut self, item: Item) {
        let (header, heading) = (self.header, self.heading.clone());
        self.items.push(Item { header, heading, is_of_sockets: self.is_of_sockets, ..item });
    }

    /// Takes note of what a line written by hand says: a heading, a documented macro, and where
    /// the sockets are.
    fn read_line(&mut self, line: &str) {
        if mem::replace(&mut self.is_heading, line.starts_with("/* ====")) {
            self.heading = line.trim_start_matches(" * ").to_owned();
        }
        match line {
            "#if !defined DILL_DISABLE_SOCKETS" => self.is_of_sockets = true,
            "#endif /* !defined DILL_DISABLE_SOCKETS */" => self.is_of_sockets = false,
            "/**" => self.comment = Some(Vec::new()),
            " */" => {}
            _ => match (&mut self.comment, line.strip_prefix(" *")) {
                (Some(comment), Some(text)) => {
                    comment.push(text.strip_prefix(' ').unwrap_or(text).to_owned());
                }
                (Some(comment), None) => {
                    let documentation = comment.join("\n");
                    self.comment = None;
                    self.add(documented_macro(&documentation, line));
                }
                (None, _) => {}
            },
        }
    }
}

/// Reads the first line of a macro: `#define dill_go_mem(fn, mem, len) \`.
fn documented_macro(documentation: &str, line: &str) -> Item {
    let rest = line.strip_prefix("#define ");
    let rest = rest.unwrap_or_else(|| panic!("only macros are documented by hand, not {line}"));
    let name = words(rest).next().unwrap_or_else(|| panic!("no name in {line}"));
    let kind = match rest[name.len()..].strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((parameters, _)) => Kind::Function {
            parameters: words(parameters).map(str::to_owned).collect(),
            returns_nothing: false,
        },
        None => Kind::Constant,
    };
    Item::new(name, documentation, line.to_owned(), &kind)
}

/// Returns all that cbindgen finds in the files that the templates name, in its order.
fn generated(templates: &[String]) -> Vec<Generated> {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("cbindgen.toml");
    let mut builder = cbindgen::Builder::new().with_config(config);
    let mut files: Vec<&str> = Vec::new();
    // All at once, as they use each other's structures.
    for line in templates.iter().flat_map(|template| template.lines()) {
        if let Some(file) = line.strip_prefix("@capi ")
            && !files.contains(&file)
        {
            files.push(file);
            builder = builder.with_src(root().join(source::FOLDER).join(format!("{file}.rs")));
        }
    }
    let mut text = Vec::new();
    builder.generate().expect("the C API is in order").write(&mut text);
    let text = String::from_utf8(text).expect("cbindgen writes UTF-8");

    let declarations = source::declarations();
    // Blank lines separate items and occur nowhere else: lines of comments have an asterisk.
    let items = text.split("\n\n").map(str::trim).filter(|item| !item.is_empty());
    items.map(|text| generated_item(text, &declarations)).collect()
}

fn generated_item(text: &str, declarations: &BTreeMap<String, Declaration>) -> Generated {
    let code = without_comments(text);
    let name = words(&code).find(|word| declarations.contains_key(*word));
    let name = name.unwrap_or_else(|| panic!("no name of ours in:\n{text}"));
    let source = &declarations[name];
    let declaration = code.trim_start_matches("DILL_EXPORT").trim_start().to_owned();
    Generated {
        file: source.file.clone(),
        text: text.replace("\nextern ", "\nDILL_EXPORT_DATA extern "),
        item: Item::new(name, &source.documentation, declaration, &source.kind),
    }
}

/// Returns C code without its documentation comments.
fn without_comments(text: &str) -> String {
    let mut code = Vec::new();
    let mut is_comment = false;
    for line in text.lines() {
        is_comment |= line.trim_start().starts_with("/**");
        if !is_comment {
            code.push(line);
        }
        is_comment &= !line.trim_end().ends_with("*/");
    }
    code.join("\n")
}

/// Replaces whole words of C code.
pub(crate) fn with_words<'a>(code: &'a str, replace: impl Fn(&'a str) -> &'a str) -> String {
    let mut replaced = String::new();
    let mut rest = code;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        replaced += replace(&rest[..end]);
        rest = &rest[end..];
        let next = rest.find(is_word).unwrap_or(rest.len());
        replaced += &rest[..next];
        rest = &rest[next..];
    }
    replaced
}
