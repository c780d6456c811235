fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/os/thread_context.c");
    cc::Build::new().file("src/os/thread_context.c").opt_level(2).pic(true).compile("dill_thread_context");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libdill.so.20");
}
