//! Compiles the little C that the library has.

use std::env;
use std::path::{Path, PathBuf};

const FOLDER: &str = "src/os";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for file in ["stay_loaded.c", "symbols.h", "thread_context.c"] {
        println!("cargo:rerun-if-changed={FOLDER}/{file}");
    }
    let suffix = symbol_suffix(&variable("CARGO_PKG_VERSION"));
    println!("cargo:rustc-env=REDILL_SYMBOL_SUFFIX={suffix}");
    cc::Build::new()
        .files(["stay_loaded.c", "thread_context.c"].map(|file| Path::new(FOLDER).join(file)))
        .define("REDILL_SYMBOL_SUFFIX", &*suffix)
        .opt_level(2)
        .pic(true)
        .compile("redill_c");
    if env::var_os("CARGO_FEATURE_CAPI").is_some() {
        compile_c_of_tests();
    }
}

/// Returns the end of the names of symbols: `_0_1_0` in version 0.1.0.
fn symbol_suffix(version: &str) -> String {
    format!("_{version}").replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

/// Compiles the C half of a test. Only tests are linked with it.
fn compile_c_of_tests() {
    let source = Path::new("tests/rust_api/mixed.c");
    println!("cargo:rerun-if-changed={}", source.display());
    println!("cargo:rerun-if-changed=include");
    if !source.exists() {
        return; // a package without its tests
    }
    cc::Build::new()
        .file(source)
        .include("include")
        .opt_level(2)
        .cargo_metadata(false)
        .compile("dill_mixed_test");
    let archive = PathBuf::from(variable("OUT_DIR")).join("libdill_mixed_test.a");
    println!("cargo:rustc-link-arg-tests={}", archive.display());
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("cargo sets {name}: {error}"))
}
