//! What becomes of a coroutine that overflows its stack.

use redill::{Bundle, Deadline};
use std::env;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;

const CHILD: &str = "DILL_TEST_OVERFLOW";

#[allow(unconditional_recursion)]
fn without_end(frame: [u64; 64]) -> u64 {
    without_end(black_box(frame)) ^ black_box(frame)[0]
}

/// In a process of its own, which is this test once more: it dies as from any overflow, after
/// the message. The standard library has a handler of its own in it.
#[test]
fn an_overflow_names_the_coroutine_before_it_kills() {
    if env::var_os(CHILD).is_some() {
        let bundle = Bundle::new().unwrap();
        bundle.go(|| assert_eq!(without_end([1; 64]), 0)).unwrap();
        bundle.wait(Deadline::NEVER).unwrap();
        return;
    }
    let line = line!() - 4;
    let name = "overflow::an_overflow_names_the_coroutine_before_it_kills";
    let output = crate::own_process(name).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = format!("stack overflow in the coroutine launched at {}:{line}:", file!());
    assert!(said.contains(&expected), "{said}");
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{}: {said}", output.status);
}
