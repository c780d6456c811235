use crate::{Log, Witness, virtual_time};
use redill::{Bundle, Deadline, Error, Grace, TypedBundle};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};

const NEVER: Deadline = Deadline::NEVER;

fn panics_with(function: impl FnOnce()) -> &'static str {
    let panic: Box<dyn Any + Send> = catch_unwind(AssertUnwindSafe(function)).unwrap_err();
    *panic.downcast::<&str>().unwrap()
}

/// A panic without the message on the terminal.
fn fail(with: &'static str) -> ! {
    resume_unwind(Box::new(with))
}

/// A bundle in which one coroutine fails after the others have begun to wait.
fn failing(log: &Log) -> Bundle {
    let bundle = Bundle::new().unwrap();
    let sibling = log.clone();
    bundle
        .go(move || {
            let _witness = Witness(sibling.clone(), "sibling left");
            assert_eq!(redill::sleep(NEVER), Err(Error::Canceled));
            sibling.note("sibling");
        })
        .unwrap();
    let failing = log.clone();
    bundle
        .go(move || {
            let _witness = Witness(failing, "unwound");
            redill::yield_now().unwrap();
            fail("oh");
        })
        .unwrap();
    bundle
}

#[test]
fn a_panic_reaches_whoever_waits_after_the_siblings_have_ended() {
    virtual_time();
    let log = Log::default();
    let bundle = failing(&log);
    assert_eq!(panics_with(|| bundle.wait(NEVER).unwrap()), "oh");
    log.is(&["unwound", "sibling", "sibling left"]);
    // Received once.
    assert_eq!(bundle.wait(NEVER), Ok(()));
    assert_eq!(bundle.go(|| ()), Err(Error::Canceled));
}

#[test]
fn a_panic_reaches_whoever_cancels() {
    virtual_time();
    let log = Log::default();
    let bundle = failing(&log);
    assert_eq!(panics_with(|| drop(bundle.cancel(Grace::Unlimited))), "oh");
    log.is(&["unwound", "sibling", "sibling left"]);
    assert!(bundle.is_empty());
}

#[test]
fn a_panic_reaches_whoever_drops() {
    virtual_time();
    let log = Log::default();
    let bundle = failing(&log);
    // The coroutine was going to fail on cancellation: that panic, too, gets out.
    let text = panics_with(move || {
        redill::yield_now().unwrap();
        drop(bundle);
    });
    assert_eq!(text, "oh");
    log.is(&["unwound", "sibling", "sibling left"]);
}

#[test]
fn a_panic_climbs_the_tree() {
    virtual_time();
    let log = Log::default();
    let outer = Bundle::new().unwrap();
    let l = log.clone();
    outer
        .go(move || {
            let _witness = Witness(l.clone(), "middle unwound");
            let inner = failing(&l);
            inner.wait(NEVER).unwrap();
        })
        .unwrap();
    assert_eq!(panics_with(|| outer.wait(NEVER).unwrap()), "oh");
    log.is(&["unwound", "sibling", "sibling left", "middle unwound"]);
}

#[test]
fn a_panic_in_the_owner_goes_first_and_the_other_is_not_fatal() {
    virtual_time();
    let log = Log::default();
    let outer = Bundle::new().unwrap();
    outer
        .go(move || {
            let inner = failing(&log);
            redill::yield_now().unwrap();
            let _inner = inner; // dropped while this coroutine unwinds
            fail("owner");
        })
        .unwrap();
    let text = panics_with(|| outer.wait(NEVER).unwrap());
    // One of the two; the other was told of by the panic hook only.
    assert!(text == "oh" || text == "owner", "{text}");
    assert_eq!(outer.wait(NEVER), Ok(()));
}

#[test]
fn only_the_first_panic_counts_and_the_others_do_no_harm() {
    virtual_time();
    /// Panics when it is dropped, as a payload may.
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            fail("bomb");
        }
    }
    let bundle = Bundle::new().unwrap();
    bundle.go(|| fail("first")).unwrap_or(());
    let bundle2 = Bundle::new().unwrap();
    for _ in 0..2 {
        let _ = bundle2.go(|| {
            let _ = redill::yield_now();
            panic_any_quietly(Bomb);
        });
    }
    assert_eq!(panics_with(|| bundle.wait(NEVER).unwrap()), "first");
    let payload = catch_unwind(AssertUnwindSafe(|| bundle2.wait(NEVER))).unwrap_err();
    assert!(payload.is::<Bomb>());
    std::mem::forget(payload);
}

fn panic_any_quietly<M: Any + Send>(message: M) -> ! {
    resume_unwind(Box::new(message))
}

#[test]
fn a_panic_in_a_destructor_during_cancellation_is_carried_too() {
    virtual_time();
    struct Fails;
    impl Drop for Fails {
        fn drop(&mut self) {
            fail("destructor");
        }
    }
    let bundle = Bundle::new().unwrap();
    bundle
        .go(|| {
            let _fails = Fails;
            let _ = redill::sleep(NEVER);
        })
        .unwrap();
    assert_eq!(panics_with(|| drop(bundle)), "destructor");
}

#[test]
fn real_panics_with_messages_work_on_coroutine_stacks() {
    virtual_time();
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        // As the standard hook does with RUST_BACKTRACE: it must not run off the stack's end.
        let backtrace = std::backtrace::Backtrace::force_capture().to_string();
        assert!(backtrace.contains("real_panics_with_messages"), "{backtrace}");
        let _ = info.to_string();
    }));
    let bundle = Bundle::new().unwrap();
    bundle.go(|| panic_any("message")).unwrap();
    let text = panics_with(|| bundle.wait(NEVER).unwrap());
    std::panic::set_hook(previous);
    assert_eq!(text, "message");
}

#[test]
fn join_tells_of_a_panic_and_leaves_it_to_the_owner() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let task = bundle.spawn(|| -> u8 { fail("oh") }).unwrap();
    assert_eq!(task.join(NEVER), Err(Error::Panicked));
    assert_eq!(panics_with(|| bundle.wait(NEVER).unwrap()), "oh");
}

#[test]
fn a_typed_bundle_gives_its_results_and_then_the_panic() {
    virtual_time();
    let bundle = TypedBundle::new().unwrap();
    bundle.go(|| 1).unwrap();
    bundle.go(|| fail("oh")).unwrap();
    assert_eq!(bundle.next(NEVER), Ok(Some(1)));
    assert_eq!(panics_with(|| drop(bundle.next(NEVER))), "oh");
}

#[test]
fn catching_within_a_coroutine_works_across_switches() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            bundle
                .spawn(|| {
                    let text = panics_with(|| {
                        struct Yields;
                        impl Drop for Yields {
                            fn drop(&mut self) {
                                // Blocks while it unwinds; the others do the same.
                                redill::yield_now().unwrap();
                            }
                        }
                        let _yields = Yields;
                        redill::yield_now().unwrap();
                        fail("caught");
                    });
                    redill::yield_now().unwrap();
                    text
                })
                .unwrap()
        })
        .collect();
    for task in tasks {
        assert_eq!(task.join(NEVER), Ok("caught"));
    }
    assert!(!std::thread::panicking());
}
