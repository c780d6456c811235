//! One coroutine is cancelled, and its siblings are not.

use crate::{Log, Witness, virtual_time};
use redill::{Bundle, CancelScope, Deadline, Error, Fired, Grace, JoinHandle, Outcome};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

const NEVER: Deadline = Deadline::NEVER;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn one_is_cut_and_the_others_go_on() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let other = bundle.spawn(|| redill::sleep(ms(30))).unwrap();
    let cut = bundle.spawn(|| (redill::sleep(NEVER), redill::yield_now())).unwrap();
    assert_eq!(cut.cancel(Grace::Now), Ok((Err(Error::Canceled), Err(Error::Canceled))));
    bundle.go(|| ()).unwrap();
    assert_eq!(other.join(NEVER), Ok(Ok(())));
    // It was not the bundle that was forced.
    assert_eq!(bundle.cancel(Grace::Unlimited), Ok(Outcome::Finished));
}

#[test]
fn the_reason_is_told() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let task = bundle
        .spawn(|| {
            let _ = redill::sleep(NEVER);
            redill::cancel_reason()
        })
        .unwrap();
    let reason = task.cancel(Grace::Now).unwrap().unwrap();
    assert_eq!(reason, "hard-cancelled: it was cancelled alone");
}

#[test]
fn it_has_its_period_and_what_it_returns_comes_out() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    for (needed, grace, expected, passed) in [
        (30, Grace::Within(ms(40)), Ok(()), 30),
        (30, Grace::Within(ms(20)), Err(Error::Canceled), 20),
        (30, Grace::Unlimited, Ok(()), 30),
        (30, Grace::Inherit, Ok(()), 30), // no period runs in the main coroutine
    ] {
        let task = bundle.spawn(move || redill::sleep(ms(needed))).unwrap();
        let start = redill::now();
        assert_eq!(task.cancel(grace), Ok(expected));
        assert_eq!(redill::now() - start, ms(passed));
    }
    let finished = bundle.spawn(|| 5).unwrap();
    assert_eq!(finished.cancel(Grace::Now), Ok(5));
}

#[test]
fn a_period_of_the_callers_bundle_is_inherited() {
    virtual_time();
    let outer = Bundle::new().unwrap();
    let cut_after = outer
        .spawn(|| {
            let inner = Bundle::new().unwrap();
            let task = inner.spawn(|| redill::sleep(NEVER).map_err(|_| redill::now())).unwrap();
            redill::request().unwrap().wait(NEVER).unwrap();
            task.cancel(Grace::Inherit).err()
        })
        .unwrap();
    assert_eq!(outer.cancel(ms(30)), Ok(Outcome::Forced));
    assert_eq!(cut_after.join(NEVER), Ok(Some(Error::Canceled)));
}

#[test]
fn a_task_that_is_cut_ends_its_own_bundles() {
    virtual_time();
    let log = Log::default();
    let bundle = Bundle::new().unwrap();
    let l = log.clone();
    let task = bundle
        .spawn(move || {
            let inner = Bundle::new().unwrap();
            let child = l.clone();
            inner
                .go(move || {
                    let _witness = Witness(child, "child");
                    assert_eq!(redill::sleep(NEVER), Err(Error::Canceled));
                })
                .unwrap();
            assert_eq!(inner.cancel(Grace::Unlimited), Err(Error::Canceled));
            l.note("task");
        })
        .unwrap();
    task.cancel(Grace::Now).unwrap();
    log.is(&["child", "task"]);
}

#[test]
fn no_coroutine_cancels_the_one_that_it_is_or_runs_in() {
    virtual_time();
    type Slot = Rc<Cell<Option<JoinHandle<()>>>>;
    let bundle = Bundle::new().unwrap();
    for nested in [false, true] {
        let slot = Slot::default();
        let own = slot.clone();
        let task = bundle
            .spawn(move || {
                redill::yield_now().unwrap();
                let cancel = move || own.take().unwrap().cancel(Grace::Now);
                let cancelled = if nested {
                    let inner = Bundle::new().unwrap();
                    inner.spawn(cancel).unwrap().join(NEVER).unwrap()
                } else {
                    cancel()
                };
                assert_eq!(cancelled, Err(Error::Deadlock));
                // Nothing has happened.
                redill::yield_now().unwrap();
            })
            .unwrap();
        slot.set(Some(task));
        bundle.wait(NEVER).unwrap();
    }
}

#[test]
fn a_caller_that_is_cut_cuts_at_once() {
    virtual_time();
    let log = Log::default();
    let tasks = Bundle::new().unwrap();
    let l = log.clone();
    let task = tasks
        .spawn(move || {
            assert_eq!(redill::sleep(NEVER), Err(Error::Canceled));
            l.note("task");
        })
        .unwrap();
    let callers = Bundle::new().unwrap();
    let caller = callers.spawn(move || task.cancel(Grace::Unlimited)).unwrap();
    assert_eq!(callers.cancel(ms(10)), Ok(Outcome::Forced));
    assert_eq!(caller.join(NEVER), Ok(Err(Error::Canceled)));
    tasks.wait(NEVER).unwrap();
    log.is(&["task"]);
}

#[test]
fn a_scopes_deadline_cuts_the_period_and_a_request_does_not() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let task = bundle.spawn(|| redill::sleep(NEVER)).unwrap();
    let cut = CancelScope::new().deadline(ms(10)).run(|| task.cancel(Grace::Unlimited));
    assert_eq!(cut, Ok((Err(Error::Canceled), Some(Fired::Deadline))));
    bundle.wait(NEVER).unwrap();

    let callers = Bundle::new().unwrap();
    let task = bundle.spawn(|| redill::sleep(ms(30))).unwrap();
    let caller = callers
        .spawn(move || CancelScope::request().run(|| task.cancel(Grace::Unlimited)).unwrap())
        .unwrap();
    assert_eq!(callers.cancel(Grace::Unlimited), Ok(Outcome::Finished));
    assert_eq!(caller.join(NEVER), Ok((Ok(Ok(())), Some(Fired::Request))));
}

#[test]
fn two_that_cancel_each_other_both_end() {
    virtual_time();
    type Slot = Rc<Cell<Option<JoinHandle<()>>>>;
    let log = Log::default();
    let slots = [Slot::default(), Slot::default()];
    let bundle = Bundle::new().unwrap();
    for n in [0, 1] {
        let (log, other) = (log.clone(), slots[1 - n].clone());
        let task = bundle
            .spawn(move || {
                let _ = redill::sleep(ms(5));
                let cancelled = other.take().unwrap().cancel(Grace::Now);
                log.note(format!("{cancelled:?}"));
            })
            .unwrap();
        slots[n].set(Some(task));
    }
    bundle.wait(ms(10)).unwrap();
    // The second one did not wait for the first, which waited for it.
    log.is(&["Err(Canceled)", "Err(Canceled)"]);
}

#[test]
fn a_panic_goes_to_the_owner_and_the_handle_tells_of_it() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let task = bundle
        .spawn(|| {
            let _ = redill::sleep(NEVER);
            std::panic::resume_unwind(Box::new("late"));
        })
        .unwrap();
    assert_eq!(task.cancel(Grace::Now), Err::<(), _>(Error::Panicked));
    let wait = std::panic::AssertUnwindSafe(|| bundle.wait(NEVER));
    let panic = std::panic::catch_unwind(wait).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"late"));
}

#[test]
fn in_a_scope_likewise() {
    virtual_time();
    let text = String::from("borrowed");
    let cut = redill::scope(|scope| {
        let task = scope.spawn(|| redill::sleep(NEVER).map_err(|_| text.as_str()))?;
        task.cancel(ms(5))
    });
    assert_eq!(cut, Ok(Err("borrowed")));
}
