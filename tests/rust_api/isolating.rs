//! Bundles in which a failure does not concern the others; and bundles without an owner.

use crate::{Log, virtual_time};
use redill::{Bundle, Deadline, Error, Failure, Outcome, TryBundle};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

const NEVER: Deadline = Deadline::NEVER;

fn isolating(log: &Log) -> TryBundle {
    let log = log.clone();
    TryBundle::isolating(move |failure| match failure {
        Failure::Error(error) => log.note(error),
        Failure::Panic(panic) => log.note(panic.downcast_ref::<&str>().unwrap()),
    })
    .unwrap()
}

#[test]
fn failures_go_to_the_function_and_the_others_go_on() {
    virtual_time();
    let log = Log::default();
    let bundle = isolating(&log);
    let other = bundle.spawn(|| redill::sleep(Duration::from_millis(20))).unwrap();
    bundle.go(|| Err(Error::other("an error"))).unwrap();
    bundle.go(|| resume_unwind(Box::new("a panic"))).unwrap();
    let failed = bundle.spawn(|| Err::<(), _>(Error::other("a second error"))).unwrap();
    assert_eq!(failed.join(NEVER), Err(Error::Failed));
    let panicked = bundle.spawn(|| -> Result<(), Error> { resume_unwind(Box::new("again")) });
    assert_eq!(panicked.unwrap().join(NEVER), Err(Error::Panicked));
    assert_eq!(other.join(NEVER), Ok(()));
    bundle.go(|| Ok(())).unwrap();
    assert_eq!(bundle.wait(NEVER), Ok(()));
    log.is(&["an error", "a panic", "a second error", "again"]);
    assert_eq!(format!("{:?}", Failure::Error(5)), "Error(5)");
}

#[test]
fn those_that_are_cut_have_not_failed_but_panics_count() {
    virtual_time();
    let log = Log::default();
    let bundle = isolating(&log);
    bundle.go(|| redill::sleep(NEVER)).unwrap();
    bundle
        .go(|| {
            let _ = redill::sleep(NEVER);
            resume_unwind(Box::new("a panic while it was cut"))
        })
        .unwrap();
    assert_eq!(bundle.cancel(Duration::from_millis(5)), Ok(Outcome::Forced));
    log.is(&["a panic while it was cut"]);
}

#[test]
fn the_function_runs_in_the_coroutine_and_may_block() {
    virtual_time();
    let log = Log::default();
    let l = log.clone();
    let bundle = TryBundle::<Error>::isolating(move |_| {
        l.note(format!("{:?}", redill::sleep(Duration::from_millis(5))));
    })
    .unwrap();
    bundle.go(|| Err(Error::Reset)).unwrap();
    log.note("launched");
    bundle.wait(NEVER).unwrap();
    log.is(&["launched", "Ok(())"]);
}

#[test]
fn a_panic_of_the_function_ends_the_bundle() {
    virtual_time();
    let bundle = TryBundle::<Error>::isolating(|_| resume_unwind(Box::new("the handler"))).unwrap();
    let other = bundle.spawn(|| redill::sleep(NEVER)).unwrap();
    bundle.go(|| Err(Error::Reset)).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| bundle.wait(NEVER))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the handler"));
    assert_eq!(other.join(NEVER), Err(Error::Failed));
}

#[test]
fn coroutines_of_a_forgotten_bundle_go_on_without_an_owner() {
    virtual_time();
    let log = Log::default();
    let outer = Bundle::new().unwrap();
    let l = log.clone();
    outer
        .go(move || {
            let inner = Bundle::new().unwrap();
            inner
                .go(move || l.note(format!("{:?}", redill::sleep(Duration::from_millis(5)))))
                .unwrap();
            std::mem::forget(inner);
        })
        .unwrap();
    outer.wait(NEVER).unwrap();
    drop(outer);
    log.is(&[]);
    redill::sleep(Duration::from_millis(10)).unwrap();
    log.is(&["Ok(())"]);
}
