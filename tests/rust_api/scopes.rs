use crate::{Log, Witness, virtual_time};
use redill::{Bundle, CancelScope, Deadline, Error, Grace, Outcome, channel};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

const NEVER: Deadline = Deadline::NEVER;

#[test]
fn coroutines_borrow_and_are_awaited() {
    virtual_time();
    let words = RefCell::new(Vec::new());
    let mut counted = 0;
    redill::scope(|scope| {
        for n in 0..3u64 {
            let words = &words;
            scope.go(move || {
                redill::sleep(Duration::from_millis(10 - n)).unwrap();
                words.borrow_mut().push(n);
            })?;
        }
        scope.go(|| counted = 3)
    })
    .unwrap();
    assert_eq!(*words.borrow(), [2, 1, 0]);
    assert_eq!(counted, 3);
}

#[test]
fn an_error_cancels() {
    virtual_time();
    let log = Log::default();
    let start = redill::now();
    let result = redill::scope(|scope| {
        scope.go(|| {
            let _witness = Witness(log.clone(), "ended");
            assert_eq!(redill::sleep(NEVER), Err(Error::Canceled));
        })?;
        Err::<(), _>(Error::Protocol)
    });
    log.note("after");
    assert_eq!(result, Err(Error::Protocol));
    assert_eq!(redill::now(), start);
    log.is(&["ended", "after"]);
}

#[test]
fn a_panic_of_the_function_cancels_and_goes_on() {
    virtual_time();
    let log = Log::default();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        redill::scope(|scope| {
            scope.go(|| {
                let _witness = Witness(log.clone(), "ended");
                let _ = redill::sleep(NEVER);
            })?;
            if true {
                resume_unwind(Box::new("function"));
            }
            Ok(())
        })
    }))
    .unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "function");
    log.is(&["ended"]);
}

#[test]
fn a_panic_of_a_coroutine_cancels_the_others_and_goes_on() {
    virtual_time();
    let log = Log::default();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        redill::scope(|scope| {
            scope.go(|| {
                let _witness = Witness(log.clone(), "sibling");
                assert_eq!(redill::sleep(NEVER), Err(Error::Canceled));
            })?;
            scope.go(|| {
                redill::yield_now().unwrap();
                resume_unwind(Box::new("coroutine"));
            })
        })
    }))
    .unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "coroutine");
    log.is(&["sibling"]);
}

#[test]
fn cancellation_of_the_caller_reaches_the_children() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let log = Log::default();
    let l = log.clone();
    let task = bundle
        .spawn(move || {
            let local = String::from("borrowed");
            let result = redill::scope(|scope| {
                scope.go(|| {
                    assert_eq!(redill::sleep(NEVER), Err(Error::Canceled));
                    l.note(&local);
                })
            });
            drop(local);
            result
        })
        .unwrap();
    bundle.cancel(Grace::Now).unwrap();
    assert_eq!(task.join(NEVER), Ok(Err(Error::Canceled)));
    log.is(&["borrowed"]);
}

#[test]
fn a_cancel_scope_around_a_scope_reaches_the_children() {
    virtual_time();
    let cut = Cell::new(false);
    let (result, _) = CancelScope::new()
        .deadline(Duration::from_millis(5))
        .run(|| redill::scope(|scope| scope.go(|| cut.set(redill::sleep(NEVER).is_err()))))
        .unwrap();
    assert_eq!(result, Err(Error::Canceled));
    assert!(cut.get());
}

#[test]
fn a_scope_ends_gracefully_within_its_function() {
    virtual_time();
    let (tx, rx) = channel::<u8>().unwrap();
    let mut seen = Vec::new();
    redill::scope(|scope| {
        scope.notify(&tx)?;
        scope.go(|| seen.extend(rx.iter()))?;
        tx.send(1, NEVER)?;
        assert_eq!(scope.cancel(Grace::Unlimited)?, Outcome::Finished);
        assert_eq!(scope.go(|| ()), Err(Error::Canceled));
        assert!(scope.is_empty());
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, [1]);
}

#[test]
fn coroutines_launch_more_into_their_scope() {
    virtual_time();
    let count = Cell::new(0);
    redill::scope(|scope| {
        let count = &count;
        scope.go(move || {
            for _ in 0..3 {
                scope
                    .go(move || {
                        redill::yield_now().unwrap();
                        count.set(count.get() + 1);
                    })
                    .unwrap();
            }
            assert_eq!(scope.wait(NEVER), Err(Error::Deadlock));
            assert_eq!(scope.cancel(Grace::Now), Err(Error::Deadlock));
        })
    })
    .unwrap();
    assert_eq!(count.get(), 3);
}

#[test]
fn results_may_borrow_and_may_be_dropped_late() {
    virtual_time();
    let text = String::from("one two");
    let log = Log::default();
    let longest = redill::scope(|scope| {
        let lazy = scope.spawn(|| Witness(log.clone(), "result dropped"))?;
        let words = scope.spawn(|| text.split(' ').collect::<Vec<_>>())?;
        lazy.wait(NEVER)?;
        std::mem::forget(scope.spawn(|| &text)?);
        Ok(words.join(NEVER)?.into_iter().map(str::len).max().unwrap())
    })
    .unwrap();
    assert_eq!(longest, 3);
    log.is(&["result dropped"]);
}

#[test]
fn in_a_cancelled_coroutine_no_scope_begins() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let task = bundle
        .spawn(|| {
            let _ = redill::sleep(NEVER);
            redill::scope(|_| -> redill::Result<()> { panic!("called") })
        })
        .unwrap();
    bundle.cancel(Grace::Now).unwrap();
    assert_eq!(task.join(NEVER), Ok(Err(Error::Canceled)));
}
