//! What one file says: what it defines, imports and names.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMacro, ItemMod, ItemUse, UseTree, Visibility};

/// The parts of a path.
pub type Name = Vec<String>;

/// A module: a file, or a part of one in braces.
pub struct Module {
    pub path: Vec<String>,
    pub file: String,
    pub definitions: BTreeSet<String>,
    /// The names that `use` brings in, re-exports included, with what they stand for.
    pub uses: BTreeMap<String, Name>,
    /// The modules of which `use` brings in everything.
    pub globs: Vec<Name>,
    /// The paths that the code names; what it merely re-exports is not among them.
    pub names: Vec<Name>,
}

/// Reads the module that a file is, and those in it, into `modules`.
pub fn read_into(
    modules: &mut BTreeMap<Vec<String>, Module>,
    path: Vec<String>,
    file: &str,
    text: &str,
) {
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    read_items(modules, path, file, &parsed.items);
}

fn read_items(
    modules: &mut BTreeMap<Vec<String>, Module>,
    path: Vec<String>,
    file: &str,
    items: &[Item],
) {
    let mut reader = Reader {
        module: Module {
            path,
            file: file.to_owned(),
            definitions: BTreeSet::new(),
            uses: BTreeMap::new(),
            globs: Vec::new(),
            names: Vec::new(),
        },
        inner: Vec::new(),
    };
    for item in items {
        reader.define(item);
        reader.visit_item(item);
    }
    let (module, inner) = (reader.module, reader.inner);
    for inner_module in inner {
        let mut path = module.path.clone();
        path.push(inner_module.ident.to_string());
        read_items(modules, path, file, &inner_module.content.unwrap().1);
    }
    modules.insert(module.path.clone(), module);
}

struct Reader {
    module: Module,
    /// Modules in braces.
    inner: Vec<ItemMod>,
}

impl Reader {
    fn define(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            Item::Macro(ItemMacro { ident: Some(name), .. }) => name,
            Item::Macro(item) => return self.define_by_macro(item),
            _ => return,
        };
        self.module.definitions.insert(name.to_string());
    }

    /// A macro that makes an item is given the name first, as `adapter!(Name, …)` is.
    fn define_by_macro(&mut self, item: &ItemMacro) {
        let names = item.mac.tokens.clone().into_iter().filter_map(|token| match token {
            TokenTree::Ident(name) => Some(name.to_string()),
            _ => None,
        });
        self.module.definitions.extend(names);
    }

    fn read_use(&mut self, tree: &UseTree, prefix: &[String], is_import: bool) {
        let with = |name: String| [prefix, &[name]].concat();
        match tree {
            UseTree::Path(path) => {
                self.read_use(&path.tree, &with(path.ident.to_string()), is_import);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.read_use(tree, prefix, is_import);
                }
            }
            UseTree::Glob(_) => self.module.globs.push(prefix.to_vec()),
            UseTree::Name(name) if name.ident == "self" => {
                self.bring_in(prefix.last().unwrap().clone(), prefix.to_vec(), is_import);
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.bring_in(name.clone(), with(name), is_import);
            }
            UseTree::Rename(renamed) => {
                let target = with(renamed.ident.to_string());
                self.bring_in(renamed.rename.to_string(), target, is_import);
            }
        }
    }

    fn bring_in(&mut self, name: String, target: Name, is_import: bool) {
        if is_import {
            self.module.names.push(target.clone());
        }
        // `use c;` in the root means a crate of that name, not the name itself.
        if target != [name.as_str()] {
            self.module.uses.insert(name, target);
        }
    }

    /// What stands in a macro is not parsed, so every path in it is taken for a name.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut name = Name::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(part) => {
                    if colons != 2 {
                        self.module.names.push(std::mem::take(&mut name));
                    }
                    name.push(part.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.read_tokens(group.stream());
                    colons = 0;
                }
                _ => colons = 0,
            }
        }
        self.module.names.push(name);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.content.is_some() {
            self.inner.push(item.clone());
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.read_use(&item.tree, &[], matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let name = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.module.names.push(name);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.read_tokens(call.tokens.clone());
    }
}
