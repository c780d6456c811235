use crate::virtual_time;
use redill::{Bundle, CancelScope, Deadline, Error, Grace};
use std::cell::Cell;
use std::env;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

const NEVER: Deadline = Deadline::NEVER;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn the_nearest_deadline_is_found_up_the_tree() {
    virtual_time();
    let end = Deadline::after(ms(1000));
    assert_eq!(Deadline::current(), NEVER);
    let outer = Bundle::new().unwrap();
    outer.deadline(end).unwrap();
    outer
        .go(move || {
            let inner = Bundle::new().unwrap();
            inner
                .go(move || {
                    assert_eq!(Deadline::current(), end);
                    let near = Deadline::after(ms(10));
                    let seen = CancelScope::new().deadline(near).run(Deadline::current);
                    assert_eq!(seen.unwrap().0, near);
                })
                .unwrap();
            inner.wait(NEVER).unwrap();
            let before = end.earlier_by(ms(300));
            assert_eq!(Grace::from(before), Grace::Within(ms(700)));
        })
        .unwrap();
    outer.wait(NEVER).unwrap();
}

#[test]
fn margins_never_make_a_limit_of_none_nor_none_of_a_limit() {
    virtual_time();
    assert_eq!(NEVER.earlier_by(ms(5)), NEVER);
    assert_eq!(Grace::from(NEVER.earlier_by(ms(5))), Grace::Unlimited);
    for deadline in [Deadline::NOW, Deadline::after(ms(3))] {
        for margin in [ms(5), Duration::from_secs(1 << 40), Duration::MAX] {
            assert_eq!(Grace::from(deadline.earlier_by(margin)), Grace::Now);
        }
    }
}

#[test]
fn a_panic_is_the_reason_for_the_cancellation_of_the_others() {
    virtual_time();
    let told = Rc::new(Cell::new(None));
    let bundle = Bundle::new().unwrap();
    let place = told.clone();
    bundle
        .go(move || {
            assert_eq!(redill::sleep(NEVER), Err(Error::Canceled));
            place.set(redill::cancel_reason());
        })
        .unwrap();
    bundle.go(|| std::panic::resume_unwind(Box::new("oh"))).unwrap();
    let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bundle.wait(NEVER)));
    assert!(waited.is_err());
    let expected = "hard-cancelled: another member of its bundle has failed";
    assert_eq!(told.take().as_deref(), Some(expected));
}

#[test]
fn the_scope_is_named_as_the_reason() {
    virtual_time();
    let reason = CancelScope::new().deadline(ms(5)).run(|| {
        assert_eq!(redill::sleep(NEVER), Err(Error::Canceled));
        redill::cancel_reason()
    });
    let expected = "the deadline of the cancel scope has passed";
    assert_eq!(reason.unwrap().0.as_deref(), Some(expected));
    assert_eq!(redill::cancel_reason(), None);
}

/// In a process of its own.
#[test]
fn the_last_resort_ends_the_process() {
    const CHILD: &str = "DILL_TEST_LAST_RESORT";
    if env::var_os(CHILD).is_none() {
        let name = "shutdown_limits::the_last_resort_ends_the_process";
        let mut child = crate::own_process(name);
        child.env(CHILD, "1").stdout(Stdio::null());
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(37), "{text}");
        let place = "tests/rust_api/shutdown_limits.rs:";
        let report = text.split("libdill: in the way on thread ").nth(1).unwrap();
        assert!(report.lines().nth(1).unwrap().contains(place), "{text}");
        assert!(report.lines().nth(1).unwrap().ends_with(": running; cancelled"), "{text}");
        return;
    }
    redill::last_resort(ms(20), 37).unwrap();
    let bundle = Bundle::new().unwrap();
    bundle
        .go(|| {
            let _ = redill::sleep(NEVER);
            loop {
                std::hint::spin_loop();
            }
        })
        .unwrap();
    drop(bundle);
}
