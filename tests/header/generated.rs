//! Makes the C headers from the Rust sources.
//!
//! They follow the templates `include/parts/*.h.in`. In them the line
//! `@capi channels` stands for what cbindgen makes of `src/capi/channels.rs`, `@capi tcp/closing`
//! for what it makes of `src/capi/tcp/closing.rs`, and `@part go.h` for a part written by hand, in
//! which such lines may stand, too.

use crate::c_header::root;
use std::fs;
use std::path::{Path, PathBuf};

const PARTS: &str = "include/parts";
const SOURCES: &str = "src/capi";

/// Returns the text of `libdill.h` and that of `libdillimpl.h`.
pub fn headers() -> [String; 2] {
    let templates = ["libdill.h.in", "libdillimpl.h.in"];
    let [template, template_for_implementers] = templates.map(part);
    let mut declarations = declarations(&[&template, &template_for_implementers]);
    let for_implementers = expand(&template_for_implementers, &mut declarations, true);
    let header = expand(&template, &mut declarations, false);
    if let Some(rest) = declarations.first() {
        panic!("no template has a place for {}, from {}.rs", rest.name, rest.section);
    }
    [header, for_implementers]
}

/// Returns whether `name` is for those who make handles and protocols: declared in
/// `libdillimpl.h`.
fn is_for_implementers(name: &str) -> bool {
    let suffixes = ["_hvfs", "_vfs", "_type", "_hmake", "_hquery"];
    name.starts_with("DILL_INPUT_") || suffixes.iter().any(|suffix| name.ends_with(suffix))
}

fn part(name: &str) -> String {
    read(&root().join(PARTS).join(name))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A declaration of the C API with its comment.
struct Declaration {
    /// The source file in `src/capi`, without its extension.
    section: String,
    name: String,
    text: String,
}

/// Puts the declarations of one kind and the hand-written parts in their places.
fn expand(template: &str, declarations: &mut Vec<Declaration>, for_implementers: bool) -> String {
    let mut header = String::new();
    for line in template.lines() {
        if let Some(part) = line.strip_prefix("@part ") {
            header += expand(&self::part(part), declarations, for_implementers).trim_end();
        } else if let Some(section) = line.strip_prefix("@capi ") {
            let belongs = |item: &mut Declaration| {
                item.section == section && is_for_implementers(&item.name) == for_implementers
            };
            let texts = declarations.extract_if(.., belongs).map(|item| item.text);
            header += &texts.collect::<Vec<_>>().join("\n\n");
        } else {
            header += line;
        }
        header.push('\n');
    }
    header
}

/// Returns all that cbindgen finds in the files that the templates name, in their order.
fn declarations(templates: &[&str]) -> Vec<Declaration> {
    let mut sections: Vec<&str> = Vec::new();
    for line in templates.iter().flat_map(|template| template.lines()) {
        if let Some(section) = line.strip_prefix("@capi ")
            && !sections.contains(&section)
        {
            sections.push(section);
        }
    }
    let sources: Vec<(&str, PathBuf)> = sections
        .into_iter()
        .map(|section| (section, root().join(SOURCES).join(section).with_extension("rs")))
        .collect();
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("cbindgen.toml");
    let builder = cbindgen::Builder::new().with_config(config);
    // All at once, as they use each other's structures.
    let builder = sources.iter().fold(builder, |builder, (_, path)| builder.with_src(path));
    let mut generated = Vec::new();
    builder.generate().expect("the C API is in order").write(&mut generated);
    let generated = String::from_utf8(generated).expect("cbindgen writes UTF-8");

    let texts: Vec<(&str, String)> =
        sources.iter().map(|(section, path)| (*section, read(path))).collect();
    // Blank lines separate items and occur nowhere else: lines of comments have an asterisk.
    let items = generated.split("\n\n").map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| {
            let name = declared_name(item);
            let section = texts.iter().find(|(_, text)| declares(text, name));
            let section = section.unwrap_or_else(|| panic!("where does {name} come from?")).0;
            let text = item.replace("\nextern ", "\nDILL_EXPORT_DATA extern ");
            Declaration { section: section.to_owned(), name: name.to_owned(), text }
        })
        .collect()
}

/// Returns what an item declares: the first name of ours after its comment.
fn declared_name(item: &str) -> &str {
    let code = &item[item.find("*/").map_or(0, |end| end + 2)..];
    let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    let is_ours = |word: &&str| {
        word.starts_with("dill_") || (word.starts_with("DILL_") && !word.starts_with("DILL_EXPORT"))
    };
    words.find(is_ours).unwrap_or_else(|| panic!("no name of ours in:\n{item}"))
}

/// Returns whether the Rust source declares `name`.
fn declares(source: &str, name: &str) -> bool {
    let forms = ["fn @(", "struct @ ", "const @:", "static mut @:"];
    forms.iter().any(|form| source.contains(&form.replace('@', name)))
}
