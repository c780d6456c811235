//! How the shared library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // The name under which programs linked with libdill 2.14 look for it.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libdill.so.20");
    // The system holds addresses of its functions: see `src/os/stay_loaded.rs`.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
