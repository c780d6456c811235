use super::*;
use crate::concurrency::cancel;
use crate::os::errno::Errno;
use crate::scheduler::coroutine::{Blocked, Interrupt};
use crate::scheduler::handles;
use core::cell::RefCell;

type Log = RefCell<Vec<&'static str>>;

fn note(argument: *mut (), word: &'static str) {
    // SAFETY: the tests below pass a log that outlives the bundle.
    unsafe { &*argument.cast::<Log>() }.borrow_mut().push(word);
}

/// Blocks until something ends that; the errno.
fn sleep(deadline: i64) -> c_int {
    let context = Context::get().unwrap();
    let current = context.current();
    current.will_block(Blocked::Plain, Interrupt::Any);
    context.arm_alarm(current, deadline);
    context.park().1
}

extern "C" fn runs(argument: *mut ()) {
    note(argument, "child");
}

extern "C" fn sleeps(argument: *mut ()) {
    note(argument, "sleeps");
    let errno = sleep(-1);
    note(argument, if errno == Errno::ECANCELED as c_int { "cancelled" } else { "woken" });
}

/// Aligned accesses fault if the stack is not aligned as the ABI wants it.
extern "C" fn formats(argument: *mut ()) {
    let number = std::hint::black_box(argument as usize as f64);
    assert_eq!(format!("{:.1}", number * 0.0 + 1.5), "1.5");
    note(argument, "formatted");
}

#[test]
fn runs_at_once_and_the_parent_goes_on() {
    let log = Log::default();
    let argument = ptr::from_ref(&log).cast_mut().cast();
    let bundle = bundle::make().unwrap();
    launch(bundle, runs, argument).unwrap();
    note(argument, "parent");
    // On the same stack again, and on another one while that is in use.
    launch(bundle, sleeps, argument).unwrap();
    launch(bundle, formats, argument).unwrap();
    launch(bundle, runs, argument).unwrap();
    cancel::cancel(bundle, cancel::Period::Zero).unwrap();
    let expected = ["child", "parent", "sleeps", "formatted", "child", "cancelled"];
    assert_eq!(*log.borrow(), expected);
}

#[test]
fn a_bundle_that_is_not_open_gets_nothing() {
    let log = Log::default();
    let argument = ptr::from_ref(&log).cast_mut().cast();
    let bundle = bundle::make().unwrap();
    handles::close(bundle).unwrap();
    assert_eq!(launch(bundle, runs, argument), Err(Errno::EBADF));
    assert!(log.borrow().is_empty());
}
