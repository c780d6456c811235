//! Compiles the little C that the library has, and makes the C headers in `OUT_DIR`.
//!
//! The headers follow the templates `include/parts/*.h.in`. In them the line
//! `@capi channels` stands for what cbindgen makes of `src/capi/channels.rs`, `@capi tcp/closing`
//! for what it makes of `src/capi/tcp/closing.rs`, and `@part go.h` for a part written by hand, in which
//! such lines may stand, too.
//! `tests/header.rs` compares the results with the headers in `include`.

use std::path::{Path, PathBuf};
use std::{env, fs};

const PARTS: &str = "include/parts";
const SOURCES: &str = "src/capi";

/// Is `name` for those who make handles and protocols: declared in `libdillimpl.h`?
fn is_for_implementers(name: &str) -> bool {
    let suffixes = ["_hvfs", "_vfs", "_type", "_hmake", "_hquery"];
    name.starts_with("DILL_INPUT_") || suffixes.iter().any(|suffix| name.ends_with(suffix))
}

fn main() {
    for input in ["build.rs", "cbindgen.toml", PARTS, SOURCES] {
        println!("cargo:rerun-if-changed={input}");
    }
    compile_c();
    let template = read(&Path::new(PARTS).join("libdill.h.in"));
    let template_for_implementers = read(&Path::new(PARTS).join("libdillimpl.h.in"));
    let mut declarations = declarations(&[&template, &template_for_implementers]);
    write("libdillimpl.h", &expand(&template_for_implementers, &mut declarations, true));
    write("libdill.h", &expand(&template, &mut declarations, false));
    compile_c_of_tests();
    if let Some(rest) = declarations.first() {
        panic!("no template has a place for {}, from {}.rs", rest.name, rest.section);
    }
}

fn compile_c() {
    let sources = ["src/os/stay_loaded.c", "src/os/thread_context.c"];
    for source in sources {
        println!("cargo:rerun-if-changed={source}");
    }
    cc::Build::new().files(sources).opt_level(2).pic(true).compile("dill_c");
    // The name under which programs linked with libdill 2.14 look for it.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libdill.so.20");
    // The system holds addresses of its functions: see `os/stay_loaded.rs`.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}

/// The C half of a test. Only tests are linked with it.
fn compile_c_of_tests() {
    let source = Path::new("tests/rust_api/mixed.c");
    println!("cargo:rerun-if-changed={}", source.display());
    if !source.exists() {
        return; // a package without its tests
    }
    cc::Build::new()
        .file(source)
        .include(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"))
        .opt_level(2)
        .cargo_metadata(false)
        .compile("dill_mixed_test");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rustc-link-arg-tests={}", out.join("libdill_mixed_test.a").display());
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(header: &str, text: &str) {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join(header), text).expect("OUT_DIR is writable");
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
            let part = read(&Path::new(PARTS).join(part));
            header += expand(&part, declarations, for_implementers).trim_end();
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

/// All that cbindgen finds in the files that the templates name, in their order.
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
        .map(|section| (section, Path::new(SOURCES).join(section).with_extension("rs")))
        .collect();
    let config = cbindgen::Config::from_file("cbindgen.toml").expect("cbindgen.toml");
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

/// What an item declares: the first name of ours after its comment.
fn declared_name(item: &str) -> &str {
    let code = &item[item.find("*/").map_or(0, |end| end + 2)..];
    let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    let is_ours = |word: &&str| {
        word.starts_with("dill_") || (word.starts_with("DILL_") && !word.starts_with("DILL_EXPORT"))
    };
    words.find(is_ours).unwrap_or_else(|| panic!("no name of ours in:\n{item}"))
}

/// Does the Rust source declare `name`?
fn declares(source: &str, name: &str) -> bool {
    let forms = ["fn @(", "struct @ ", "const @:", "static mut @:"];
    forms.iter().any(|form| source.contains(&form.replace('@', name)))
}
