//! C coroutines and Rust coroutines in one bundle. `build.rs` compiles the C half.

use crate::virtual_time;
use redill::{AsRawHandle as _, Bundle, Deadline, FromRawHandle as _, Grace, Outcome, channel};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

const NEVER: Deadline = Deadline::NEVER;

unsafe extern "C" {
    fn mixed_launch(bundle: c_int, input: c_int, output: c_int, ended: *mut c_int) -> c_int;
    fn mixed_launch_unaware(bundle: c_int, ended: *mut c_int) -> c_int;
    fn dill_bundle() -> c_int;
    fn dill_bundle_cancel(bundle: c_int, timeout: i64) -> c_int;
    fn dill_hclose(handle: c_int) -> c_int;
    fn dill_launch();
    fn dill_launch_at();
    fn dill_epilogue();
    fn dill_chsend();
    fn dill_chrecv();
    fn dill_chdone();
    fn dill_msleep();
}

/// Has the linker keep what only the C half needs.
#[used]
static NEEDED: [unsafe extern "C" fn(); 7] = [
    dill_launch,
    dill_launch_at,
    dill_epilogue,
    dill_chsend,
    dill_chrecv,
    dill_chdone,
    dill_msleep,
];

#[test]
fn a_pipeline_of_both_ends_gracefully() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let (numbers, input) = channel::<c_int>().unwrap();
    let (output, sums) = channel::<c_int>().unwrap();
    let mut ended = 0;
    // SAFETY: the handles and the place outlive the coroutine: `cancel` below ends it.
    let launched = unsafe {
        let (input, output) = (input.as_raw_handle(), output.as_raw_handle());
        mixed_launch(bundle.as_raw_handle(), input, output, &raw mut ended)
    };
    assert_eq!(launched, 0);
    let collected = bundle.spawn(move || sums.iter().collect::<Vec<_>>()).unwrap();
    bundle.notify(&numbers).unwrap();
    for n in 1..=3 {
        numbers.send(n, NEVER).unwrap();
    }
    assert_eq!(bundle.cancel(Grace::Unlimited), Ok(Outcome::Finished));
    assert_eq!(collected.join(NEVER), Ok(vec![1001, 1002, 1003]));
    assert_eq!(ended, libc::EPIPE);
}

#[test]
fn one_that_does_not_listen_is_forced_beside_one_that_does() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let mut ended = 0;
    // SAFETY: as above.
    assert_eq!(unsafe { mixed_launch_unaware(bundle.as_raw_handle(), &raw mut ended) }, 0);
    let listener = bundle.spawn(|| redill::request().unwrap().wait(NEVER)).unwrap();
    assert_eq!(bundle.cancel(Duration::from_millis(10)), Ok(Outcome::Forced));
    assert_eq!(listener.join(NEVER), Ok(Ok(())));
    assert_eq!(ended, libc::ECANCELED);
}

#[test]
fn a_bundle_of_c_runs_rust_coroutines_and_ends_by_c() {
    virtual_time();
    // SAFETY: no preconditions; the handle is this bundle's from here on.
    let bundle = unsafe { Bundle::from_raw_handle(dill_bundle()) };
    let witness = Rc::new(());
    let captured = witness.clone();
    bundle
        .go(move || {
            let _captured = captured;
            redill::request().unwrap().wait(NEVER).unwrap();
        })
        .unwrap();
    let handle = redill::IntoRawHandle::into_raw_handle(bundle);
    assert_eq!(Rc::strong_count(&witness), 2);
    // SAFETY: the handle was given away, so it may be closed.
    assert_eq!(unsafe { dill_bundle_cancel(handle, -1) }, 0);
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn a_panic_in_a_bundle_of_c_cancels_it_and_stops_there() {
    virtual_time();
    // SAFETY: as above.
    let bundle = unsafe { Bundle::from_raw_handle(dill_bundle()) };
    let mut ended = 0;
    // SAFETY: as above.
    assert_eq!(unsafe { mixed_launch_unaware(bundle.as_raw_handle(), &raw mut ended) }, 0);
    bundle.go(|| resume_unwind(Box::new("lost in C"))).unwrap();
    let handle = redill::IntoRawHandle::into_raw_handle(bundle);
    // SAFETY: as above.
    let closed = catch_unwind(AssertUnwindSafe(|| unsafe { dill_hclose(handle) }));
    assert_eq!(closed.unwrap(), 0);
    assert_eq!(ended, libc::ECANCELED);
}

#[test]
fn raw_ends_carry_plain_data() {
    virtual_time();
    let (tx, rx) = channel::<c_int>().unwrap();
    let rx = rx.try_into_raw_handle().unwrap();
    // SAFETY: given away just now, for messages of this type.
    let rx = unsafe { redill::Receiver::<c_int>::from_raw_handle(rx) };
    let bundle = Bundle::new().unwrap();
    bundle.go(move || tx.send(4, NEVER).unwrap()).unwrap();
    assert_eq!(rx.recv(NEVER), Ok(4));
}
