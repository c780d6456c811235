//! Coroutines that return errors.

use crate::{Log, virtual_time};
use redill::{Bundle, CancelScope, Deadline, Error, Grace, Outcome, TryBundle, choose};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

const NEVER: Deadline = Deadline::NEVER;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Neither `Send` nor `Clone`, and no `std::error::Error`.
#[derive(Debug, PartialEq)]
enum Trouble {
    Own(Rc<str>),
    Runtime(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Runtime(error)
    }
}

fn trouble(text: &str) -> Trouble {
    Trouble::Own(text.into())
}

#[test]
fn the_first_error_cuts_the_others_and_comes_out_once() {
    virtual_time();
    let log = Log::default();
    let bundle = TryBundle::<Trouble>::new().unwrap();
    for name in ["one", "two"] {
        let log = log.clone();
        bundle
            .go(move || {
                let slept = redill::sleep(NEVER);
                log.note(format!("{name}: {slept:?}"));
                Ok(slept?) // no failure of its own
            })
            .unwrap();
    }
    let l = log.clone();
    bundle
        .go(move || {
            redill::sleep(ms(10))?;
            l.note("fails");
            Err(trouble("first"))
        })
        .unwrap();
    bundle.go(|| redill::sleep(ms(10)).map_err(Trouble::from).and(Err(trouble("second")))).unwrap();
    let start = redill::now();
    assert_eq!(bundle.wait(NEVER), Err(trouble("first")));
    assert_eq!(redill::now() - start, ms(10));
    assert_eq!(bundle.go(|| Ok(())), Err(Error::Canceled));
    assert_eq!(bundle.spawn(|| Ok(())).err(), Some(Error::Canceled));
    assert_eq!(bundle.wait(NEVER), Err(Trouble::Runtime(Error::Failed)));
    assert_eq!(bundle.cancel(Grace::Now), Err(Trouble::Runtime(Error::Failed)));
    assert_eq!(log.0.borrow()[0], "fails");
    assert_eq!(log.0.borrow().len(), 3);
}

#[test]
fn without_an_error_it_is_a_bundle() {
    virtual_time();
    let bundle = TryBundle::<Trouble>::new().unwrap();
    bundle.go(|| Ok(redill::sleep(ms(10))?)).unwrap();
    assert_eq!(bundle.wait(Deadline::NOW), Err(Trouble::Runtime(Error::TimedOut)));
    assert_eq!(bundle.wait(NEVER), Ok(()));
    bundle.go(|| Ok(redill::sleep(NEVER)?)).unwrap();
    assert_eq!(bundle.cancel(ms(5)), Ok(Outcome::Forced));
    assert_eq!(bundle.cancel(Grace::Now), Ok(Outcome::Finished));
}

#[test]
fn an_error_ends_the_grace_period_and_goes_before_its_outcome() {
    virtual_time();
    let bundle = TryBundle::<Trouble>::new().unwrap();
    bundle.go(|| Ok(redill::sleep(NEVER)?)).unwrap();
    bundle
        .go(|| {
            redill::request()?.wait(NEVER)?;
            redill::sleep(ms(10))?;
            Err(trouble("while it finished"))
        })
        .unwrap();
    let start = redill::now();
    assert_eq!(bundle.cancel(ms(1000)), Err(trouble("while it finished")));
    assert_eq!(redill::now() - start, ms(10));
    // From a bundle that is closed at once it comes, too.
    let bundle = TryBundle::<Trouble>::new().unwrap();
    bundle.go(|| Err(trouble("early"))).unwrap();
    assert_eq!(bundle.cancel(Grace::Now), Err(trouble("early")));
}

#[test]
fn a_cancellation_of_the_owner_goes_first() {
    virtual_time();
    let outer = Bundle::new().unwrap();
    let results = outer
        .spawn(|| {
            let bundle = TryBundle::<Trouble>::new().unwrap();
            bundle.go(|| Err(trouble("failed before"))).unwrap();
            let _ = redill::sleep(NEVER);
            let waited = bundle.wait(NEVER);
            let scoped: Result<(), Trouble> = redill::try_scope(|scope| {
                scope.go(|| Ok(()))?;
                Ok(())
            });
            (waited, bundle.cancel(Grace::Unlimited), scoped)
        })
        .unwrap();
    outer.cancel(Grace::Now).unwrap();
    let (waited, ended, scoped) = results.join(NEVER).unwrap();
    assert_eq!(waited, Err(Trouble::Runtime(Error::Canceled)));
    assert_eq!(ended, Err(Trouble::Runtime(Error::Canceled)));
    assert_eq!(scoped, Err(Trouble::Runtime(Error::Canceled)));
}

#[test]
fn a_cancel_scope_of_the_owner_leaves_the_error_for_later() {
    virtual_time();
    let bundle = TryBundle::<Trouble>::new().unwrap();
    bundle.go(|| Err(trouble("kept"))).unwrap();
    let (waited, _) =
        CancelScope::new().deadline(Deadline::NOW).run(|| bundle.wait(NEVER)).unwrap();
    assert_eq!(waited, Err(Trouble::Runtime(Error::Canceled)));
    assert_eq!(bundle.wait(NEVER), Err(trouble("kept")));
}

#[test]
fn a_scope_that_fires_in_a_member_is_its_failure() {
    virtual_time();
    let bundle = TryBundle::<Error>::new().unwrap();
    bundle.go(|| CancelScope::new().deadline(ms(5)).run(|| redill::sleep(NEVER))?.0).unwrap();
    bundle.go(|| redill::sleep(NEVER)).unwrap();
    let start = redill::now();
    assert_eq!(bundle.wait(NEVER), Err(Error::Canceled));
    assert_eq!(redill::now() - start, ms(5));
}

#[test]
fn a_panic_goes_before_an_error() {
    virtual_time();
    let bundle = TryBundle::<Trouble>::new().unwrap();
    bundle
        .go(|| {
            let _ = redill::sleep(NEVER);
            resume_unwind(Box::new("panic"))
        })
        .unwrap();
    bundle.go(|| Err(trouble("error"))).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| bundle.wait(NEVER))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"panic"));
    assert_eq!(bundle.wait(NEVER), Err(trouble("error")));
}

#[test]
fn an_error_that_nobody_takes_is_dropped() {
    virtual_time();
    let witness: Rc<str> = "dropped".into();
    let bundle = TryBundle::<Trouble>::new().unwrap();
    for _ in 0..2 {
        let error = witness.clone();
        let launched = bundle.go(move || Err(Trouble::Own(error)));
        drop(launched);
    }
    assert_eq!(Rc::strong_count(&witness), 2);
    drop(bundle);
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn a_handle_tells_that_there_is_no_value() {
    virtual_time();
    let bundle = TryBundle::<Trouble>::new().unwrap();
    let value = bundle.spawn(|| Ok(7)).unwrap();
    let cut = bundle.spawn(|| Ok(redill::sleep(NEVER)?)).unwrap();
    let failed = bundle.spawn(|| Err::<u8, _>(trouble("no number"))).unwrap();
    assert_eq!(choose! { finished(bundle) -> end => end }, Ok(Ok(())));
    assert_eq!(value.join(NEVER), Ok(7));
    assert_eq!(failed.join(NEVER), Err(Error::Failed));
    assert_eq!(cut.join(NEVER), Err(Error::Failed));
    assert_eq!(bundle.wait(NEVER), Err(trouble("no number")));
}

#[test]
fn one_that_is_cancelled_alone_does_not_fail() {
    virtual_time();
    let bundle = TryBundle::<Trouble>::new().unwrap();
    let other = bundle.spawn(|| Ok(redill::sleep(ms(20))?)).unwrap();
    let cut = bundle.spawn(|| Ok(redill::sleep(NEVER)?)).unwrap();
    assert_eq!(cut.cancel(Grace::Now), Err(Error::Failed));
    assert_eq!(other.join(NEVER), Ok(()));
    assert_eq!(bundle.wait(NEVER), Ok(()));
}

#[test]
fn scopes_give_the_first_error() {
    virtual_time();
    let text = String::from("borrowed");
    let start = redill::now();
    // While the scope waits for its end.
    let result = redill::try_scope(|scope| {
        scope.go(|| Ok(redill::sleep(NEVER)?))?;
        scope.go(|| {
            redill::sleep(ms(10))?;
            Err(trouble(&text))
        })?;
        Ok(5)
    });
    assert_eq!(result, Err(trouble("borrowed")));
    assert_eq!(redill::now() - start, ms(10));
    // The function's own error is only a consequence.
    let result: Result<(), _> = redill::try_scope(|scope| {
        scope.go(|| Err(trouble("first")))?;
        scope.go(|| Ok(()))?;
        unreachable!("nothing can be launched any more");
    });
    assert_eq!(result, Err(trouble("first")));
    // It comes first, and what the coroutine returns when it is cut is none.
    let result: Result<(), _> = redill::try_scope(|scope| {
        scope.go(|| redill::sleep(NEVER).map_err(|_| trouble("consequence")))?;
        Err(trouble("function"))
    });
    assert_eq!(result, Err(trouble("function")));
}

#[test]
fn an_error_that_the_function_has_got_is_settled() {
    virtual_time();
    let result = redill::try_scope(|scope| {
        scope.go(|| Err(trouble("taken")))?;
        assert_eq!(scope.cancel(Grace::Unlimited), Err(trouble("taken")));
        Ok(5)
    });
    assert_eq!(result, Ok(5));
}

#[test]
fn a_scope_that_is_cut_while_it_waits_is_cancelled() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let task = bundle
        .spawn(|| {
            redill::try_scope(|scope| {
                scope.go(|| redill::sleep(NEVER).map_err(|_| trouble("consequence")))?;
                Ok(())
            })
        })
        .unwrap();
    assert_eq!(bundle.cancel(ms(5)), Ok(Outcome::Forced));
    assert_eq!(task.join(NEVER), Ok(Err(Trouble::Runtime(Error::Canceled))));
}

#[test]
fn a_nested_error_climbs() {
    virtual_time();
    let result: Result<(), Trouble> = redill::try_scope(|outer| {
        outer.go(|| Ok(redill::sleep(NEVER)?))?;
        outer.go(|| {
            redill::try_scope(|inner| {
                inner.go(|| Ok(redill::sleep(NEVER)?))?;
                inner.go(|| Err(trouble("deep below")))?;
                Ok(())
            })
        })?;
        Ok(())
    });
    assert_eq!(result, Err(trouble("deep below")));
}
