//! Reads what the Rust files of `src/capi` declare.

use crate::{read, root};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use syn::ext::IdentExt;
use syn::{Attribute, Expr, ExprLit, FnArg, Lit, Meta, Pat, ReturnType};

pub(crate) const FOLDER: &str = "src/capi";

/// A declaration of the C API, as its Rust source has it.
pub struct Declaration {
    /// The file in `src/capi`, without its extension.
    pub file: String,
    /// The comment, in Markdown.
    pub documentation: String,
    /// Whether the headers declare it: some functions are only for programs that were compiled
    /// against libdill's own header.
    pub is_in_headers: bool,
    pub kind: Kind,
}

/// What is declared.
pub enum Kind {
    Function {
        parameters: Vec<String>,
        returns_nothing: bool,
    },
    /// The members that have a comment, with it.
    Structure {
        members: Vec<(String, String)>,
    },
    Constant,
    Variable,
}

/// Returns all declarations in `src/capi`, by their names.
pub fn declarations() -> BTreeMap<String, Declaration> {
    let folder = root().join(FOLDER);
    let mut found = BTreeMap::new();
    for path in rust_files(&folder) {
        let parsed = syn::parse_file(&read(&path));
        let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = path.strip_prefix(&folder).expect("it is in the folder").with_extension("");
        for item in &parsed.items {
            let Some((name, attributes, kind)) = declared(item) else { continue };
            let declaration = Declaration {
                file: file.display().to_string(),
                documentation: documentation(attributes),
                is_in_headers: !comment_lines(attributes).any(|line| line == "cbindgen:ignore"),
                kind,
            };
            let another = found.insert(name.clone(), declaration);
            assert!(another.is_none(), "{name} is declared twice");
        }
    }
    found
}

/// Returns the Rust files in a folder and in those in it, in the order of their names.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{folder:?}: {error}")).path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Returns the name of what an item declares for C; `None` for what is not for C.
fn declared(item: &syn::Item) -> Option<(String, &[Attribute], Kind)> {
    let (name, attributes, kind) = match item {
        syn::Item::Fn(item) => (&item.sig.ident, &item.attrs, function(&item.sig)),
        syn::Item::Struct(item) => (&item.ident, &item.attrs, structure(&item.fields)),
        syn::Item::Const(item) => (&item.ident, &item.attrs, Kind::Constant),
        syn::Item::Static(item) => (&item.ident, &item.attrs, Kind::Variable),
        _ => return None,
    };
    let name = name.to_string();
    let is_for_c = name.starts_with("dill_") || name.starts_with("DILL_");
    is_for_c.then_some((name, attributes, kind))
}

fn function(signature: &syn::Signature) -> Kind {
    let name = |argument: &FnArg| match argument {
        FnArg::Typed(argument) => match &*argument.pat {
            Pat::Ident(name) => name.ident.unraw().to_string(),
            _ => panic!("a parameter of {} has no name", signature.ident),
        },
        FnArg::Receiver(_) => panic!("{} is a method", signature.ident),
    };
    Kind::Function {
        parameters: signature.inputs.iter().map(name).collect(),
        returns_nothing: matches!(signature.output, ReturnType::Default),
    }
}

fn structure(fields: &syn::Fields) -> Kind {
    let member = |field: &syn::Field| {
        let text = documentation(&field.attrs);
        Some((field.ident.as_ref()?.unraw().to_string(), text)).filter(|(_, text)| !text.is_empty())
    };
    Kind::Structure { members: fields.iter().filter_map(member).collect() }
}

/// Returns the documentation comment without what cbindgen alone reads.
fn documentation(attributes: &[Attribute]) -> String {
    let lines = comment_lines(attributes).filter(|line| !line.starts_with("cbindgen:"));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn comment_lines(attributes: &[Attribute]) -> impl Iterator<Item = String> {
    attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
        let text = text.value();
        let line = text.strip_prefix(' ').unwrap_or(&text).to_owned();
        pair.path.is_ident("doc").then_some(line)
    })
}
