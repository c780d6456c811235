//! Programs that `cargo test` has built. Shared by the tests that start them.

use std::path::PathBuf;

/// The program of an example, which `cargo test` has built like this test.
pub fn example(name: &str) -> PathBuf {
    // target/<profile>/deps/<this test>
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples").join(name);
    let hint = "`cargo test --test` does not build examples: `cargo build --examples` does";
    assert!(program.exists(), "there is no {}: {hint}", program.display());
    program
}
