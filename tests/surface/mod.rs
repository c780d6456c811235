//! Reads what is public in a file of the Rust API.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::{Attribute, Expr, Fields, ImplItem, Item, ItemMacro, Meta, TraitItem, Visibility};

/// Attributes that users see.
const ATTRIBUTES: [&str; 3] = ["derive", "must_use", "non_exhaustive"];

/// Macros that give a type methods and traits.
const MACROS: [&str; 5] = ["byte_stream", "message_socket", "handles", "descriptors", "forward"];

/// The beginning of the names that stand for the variables of a macro, as Rust has no `$`.
const VARIABLE: &str = "variable_";

/// Returns the public declarations in a file, in their order, without bodies and comments.
pub fn surface(text: &str) -> String {
    let file = syn::parse_file(text).expect("the library's own source");
    declarations(file.items)
}

fn declarations(items: Vec<Item>) -> String {
    let mut text = String::new();
    for item in items {
        match item {
            Item::Macro(item) if item.ident.is_some() => text += &definition(&item),
            item => text.extend(public(item).map(|item| printed(vec![item]))),
        }
    }
    text
}

fn printed(items: Vec<Item>) -> String {
    prettyplease::unparse(&syn::File { shebang: None, attrs: Vec::new(), items })
}

/// Returns what users see of an item; `None` if that is nothing.
fn public(mut item: Item) -> Option<Item> {
    match &mut item {
        Item::Use(item) if is_public(&item.vis) => clean(&mut item.attrs),
        Item::Const(item) if is_public(&item.vis) => clean(&mut item.attrs),
        Item::Static(item) if is_public(&item.vis) => clean(&mut item.attrs),
        Item::Type(item) if is_public(&item.vis) => clean(&mut item.attrs),
        Item::Mod(item) if is_public(&item.vis) && !is_for_tests(&item.attrs) => {
            clean(&mut item.attrs);
            if let Some((_, items)) = &mut item.content {
                *items = std::mem::take(items).into_iter().filter_map(public).collect();
            }
        }
        Item::Fn(item) if is_public(&item.vis) => {
            clean(&mut item.attrs);
            item.block.stmts.clear();
        }
        Item::Struct(item) if is_public(&item.vis) => {
            clean(&mut item.attrs);
            only_public(&mut item.fields);
        }
        Item::Enum(item) if is_public(&item.vis) => {
            clean(&mut item.attrs);
            for variant in &mut item.variants {
                clean(&mut variant.attrs);
                variant.fields.iter_mut().for_each(|field| clean(&mut field.attrs));
            }
        }
        Item::Trait(item) if is_public(&item.vis) => {
            clean(&mut item.attrs);
            item.items.iter_mut().for_each(clean_of_trait);
        }
        Item::Impl(item) if !is_for_tests(&item.attrs) => {
            clean(&mut item.attrs);
            let is_of_trait = item.trait_.is_some();
            item.items.retain_mut(|item| keep(item, is_of_trait));
            if item.items.is_empty() && !is_of_trait {
                return None;
            }
        }
        Item::Macro(item) if MACROS.iter().any(|name| is_call(item, name)) => {}
        _ => return None,
    }
    Some(item)
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn is_call(item: &ItemMacro, name: &str) -> bool {
    item.mac.path.segments.last().is_some_and(|last| last.ident == name)
}

/// Removes comments and the attributes that users do not see.
fn clean(attributes: &mut Vec<Attribute>) {
    let is_seen = |it: &Attribute| ATTRIBUTES.iter().any(|name| it.path().is_ident(name));
    attributes.retain(is_seen);
}

fn only_public(fields: &mut Fields) {
    let fields = match fields {
        Fields::Named(fields) => &mut fields.named,
        Fields::Unnamed(fields) => &mut fields.unnamed,
        Fields::Unit => return,
    };
    let public = std::mem::take(fields).into_iter().filter(|field| is_public(&field.vis));
    *fields = public.collect();
    fields.iter_mut().for_each(|field| clean(&mut field.attrs));
}

fn clean_of_trait(item: &mut TraitItem) {
    match item {
        TraitItem::Fn(item) => {
            clean(&mut item.attrs);
            if let Some(body) = &mut item.default {
                body.stmts.clear();
            }
        }
        TraitItem::Type(item) => clean(&mut item.attrs),
        TraitItem::Const(item) => clean(&mut item.attrs),
        _ => {}
    }
}

/// Returns whether users see something in an implementation that they don't know from its trait.
fn keep(item: &mut ImplItem, is_of_trait: bool) -> bool {
    match item {
        ImplItem::Fn(item) => {
            clean(&mut item.attrs);
            item.block.stmts.clear();
            is_public(&item.vis)
        }
        ImplItem::Const(item) => {
            clean(&mut item.attrs);
            is_of_trait || is_public(&item.vis)
        }
        ImplItem::Type(item) => {
            clean(&mut item.attrs);
            true
        }
        _ => false,
    }
}

/// Returns what the rules of a macro declare, each repetition once.
fn definition(item: &ItemMacro) -> String {
    let name = item.ident.as_ref().expect("the macro has a name");
    let mut inner = String::new();
    let mut tokens = item.mac.tokens.clone().into_iter().peekable();
    // A rule is a pattern, an arrow and what it stands for.
    while let Some(token) = tokens.next() {
        let is_arrow = matches!(&token, TokenTree::Punct(mark) if mark.as_char() == '>');
        if is_arrow && let Some(TokenTree::Group(body)) = tokens.peek() {
            // What is no item, as in `choose!`, declares nothing.
            if let Ok(file) = syn::parse2::<syn::File>(plain(body.stream())) {
                inner += &declarations(file.items);
            }
        }
    }
    let is_exported = item.attrs.iter().any(|it| it.path().is_ident("macro_export"));
    if inner.is_empty() && !is_exported {
        return String::new();
    }
    let inner: String = inner.lines().map(|line| format!("    {line}\n")).collect();
    let inner = inner.replace(VARIABLE, "$");
    format!("macro_rules! {name} {{\n{inner}}}\n")
}

/// Returns the body of a rule as if it were no macro's: a variable is a name, and what is
/// repeated stands there once.
fn plain(tokens: TokenStream) -> TokenStream {
    let mut found = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_dollar = matches!(&token, TokenTree::Punct(mark) if mark.as_char() == '$');
        match token {
            TokenTree::Punct(_) if is_dollar => match tokens.next() {
                Some(TokenTree::Ident(name)) => {
                    let name = Ident::new(&format!("{VARIABLE}{name}"), Span::call_site());
                    found.extend([TokenTree::Ident(name)]);
                }
                Some(TokenTree::Group(repeated)) => {
                    found.extend(plain(repeated.stream()));
                    // A separator, and how often.
                    while let Some(TokenTree::Punct(mark)) = tokens.next() {
                        if ['*', '+', '?'].contains(&mark.as_char()) {
                            break;
                        }
                    }
                }
                other => panic!("a macro has a $ before {other:?}"),
            },
            TokenTree::Group(group) => {
                let inner = plain(group.stream());
                // A fragment in invisible delimiters is as good as without them.
                match group.delimiter() {
                    Delimiter::None => found.extend(inner),
                    delimiter => {
                        found.extend([TokenTree::Group(Group::new(delimiter, inner))]);
                    }
                }
            }
            token => found.extend([token]),
        }
    }
    found
}

/// Returns the names of public items, apart from constants, whose documentation has no example.
pub fn without_example(text: &str) -> Vec<String> {
    let file = syn::parse_file(text).expect("the library's own source");
    let mut names = Vec::new();
    for item in &file.items {
        names_without_example(item, &mut names);
    }
    names
}

fn names_without_example(item: &Item, names: &mut Vec<String>) {
    let mut look_at = |visibility: &Visibility, attributes: &[Attribute], name: &syn::Ident| {
        if is_public(visibility) && !has_example(attributes) {
            names.push(name.to_string());
        }
    };
    match item {
        Item::Fn(item) => look_at(&item.vis, &item.attrs, &item.sig.ident),
        Item::Struct(item) => look_at(&item.vis, &item.attrs, &item.ident),
        Item::Enum(item) => look_at(&item.vis, &item.attrs, &item.ident),
        Item::Trait(item) => look_at(&item.vis, &item.attrs, &item.ident),
        Item::Type(item) => look_at(&item.vis, &item.attrs, &item.ident),
        Item::Impl(item) if !is_for_tests(&item.attrs) => {
            for item in &item.items {
                if let ImplItem::Fn(item) = item {
                    look_at(&item.vis, &item.attrs, &item.sig.ident);
                }
            }
        }
        Item::Macro(item) if item.ident.is_some() => {
            for rule in item.mac.tokens.clone() {
                let TokenTree::Group(rule) = rule else { continue };
                if let Ok(file) = syn::parse2::<syn::File>(plain(rule.stream())) {
                    file.items.iter().for_each(|item| names_without_example(item, names));
                }
            }
        }
        _ => {}
    }
}

fn has_example(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => {
                text.value().contains("```")
            }
            _ => false,
        },
        _ => false,
    })
}
