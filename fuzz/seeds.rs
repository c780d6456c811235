//! Runs all seeds, without a fuzzer: a line for each target with their number. For
//! tests/fuzz_seeds.rs, which is why it belongs to the library's package.

// As a test it would have the codecs' own tests, in the wrong place.
#[cfg(not(test))]
#[path = "src/lib.rs"]
mod targets;

#[cfg(not(test))]
use targets::os;

#[cfg(not(test))]
fn main() {
    use std::fs;
    use targets::TARGETS;

    for (name, target) in TARGETS {
        let folder = format!("{}/fuzz/seeds/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut count = 0;
        for seed in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}")) {
            let path = seed.unwrap().path();
            // Before it runs: the last one is to blame.
            eprintln!("{}", path.display());
            target(&fs::read(path).unwrap());
            count += 1;
        }
        println!("{name} {count}");
    }
}
