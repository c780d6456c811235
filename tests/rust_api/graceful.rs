use crate::{Log, virtual_time};
use redill::{Bundle, CancelScope, Deadline, Error, Fired, Grace, Outcome, channel};
use std::time::Duration;

const NEVER: Deadline = Deadline::NEVER;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn the_request_comes_in_band() {
    virtual_time();
    let log = Log::default();
    for either_end in [false, true] {
        let (tx, rx) = channel::<u8>().unwrap();
        let bundle = Bundle::new().unwrap();
        if either_end {
            bundle.notify(&rx).unwrap();
        } else {
            bundle.notify(&tx).unwrap();
        }
        let l = log.clone();
        bundle
            .go(move || {
                for n in rx.iter() {
                    l.note(n);
                    // All calls are allowed after the request.
                    redill::sleep(ms(10)).unwrap();
                }
                l.note(redill::is_requested());
            })
            .unwrap();
        for n in 0..2 {
            tx.send(n, NEVER).unwrap();
        }
        assert_eq!(bundle.cancel(Grace::Within(ms(11))), Ok(Outcome::Finished));
        // Too late: asked already, so done at once.
        let (late, rx) = channel::<u8>().unwrap();
        bundle.notify(&late).unwrap();
        assert_eq!(rx.recv(Deadline::NOW), Err(Error::TimedOut), "an ended bundle asks nobody");
    }
    log.is(&["0", "1", "true", "0", "1", "true"]);
}

#[test]
fn requests_reach_followers_only() {
    virtual_time();
    let log = Log::default();
    let outer = Bundle::new().unwrap();
    for follows in [true, false] {
        let log = log.clone();
        outer
            .go(move || {
                let inner = Bundle::new().unwrap();
                if follows {
                    inner.follow().unwrap();
                }
                let task = inner.spawn(|| redill::request().unwrap().wait(NEVER)).unwrap();
                log.note(format!("{follows}: {:?}", task.join(NEVER)));
            })
            .unwrap();
    }
    assert_eq!(outer.cancel(Grace::Within(ms(10))), Ok(Outcome::Forced));
    log.is(&["true: Ok(Ok(()))", "false: Err(Canceled)"]);
}

#[test]
fn a_period_is_inherited() {
    virtual_time();
    let log = Log::default();
    let start = redill::now();
    let outer = Bundle::new().unwrap();
    let l = log.clone();
    outer
        .go(move || {
            let inner = Bundle::new().unwrap();
            inner.go(|| assert_eq!(redill::sleep(NEVER), Err(Error::Canceled))).unwrap();
            redill::request().unwrap().wait(NEVER).unwrap();
            l.note(format!("{:?}", inner.cancel(Grace::Inherit)));
        })
        .unwrap();
    // Hard-cancelled at the same moment as the inner one.
    assert_eq!(outer.cancel(Grace::Within(ms(30))), Ok(Outcome::Forced));
    assert_eq!(redill::now() - start, ms(30));
    assert_eq!(log.0.borrow().len(), 1);
}

#[test]
fn scopes_nest_and_shields_hold() {
    virtual_time();
    let run = CancelScope::new().deadline(ms(10)).run(|| {
        let inner = CancelScope::new().deadline(ms(50)).run(|| redill::sleep(NEVER));
        assert_eq!(inner, Ok((Err(Error::Canceled), None)), "the outer one has fired");
        let shielded = CancelScope::shield().run(|| redill::sleep(ms(5)));
        assert_eq!(shielded, Ok((Ok(()), None)));
        redill::yield_now()
    });
    assert_eq!(run, Ok((Err(Error::Canceled), Some(Fired::Deadline))));
    assert_eq!(redill::yield_now(), Ok(()));
}

#[test]
fn a_scope_is_left_by_a_panic_too() {
    virtual_time();
    let caught = std::panic::catch_unwind(|| {
        let _ = CancelScope::new()
            .deadline(Deadline::NOW)
            .run(|| std::panic::resume_unwind(Box::new(())));
    });
    assert!(caught.is_err());
    assert_eq!(redill::yield_now(), Ok(()));
    // And its timer is gone.
    assert_eq!(redill::sleep(ms(50)), Ok(()));
}

#[test]
fn a_scope_ends_foreign_code_on_request() {
    virtual_time();
    fn foreign_loop(served: &mut u32) -> redill::Result<()> {
        loop {
            redill::sleep(ms(10))?;
            *served += 1;
        }
    }
    let bundle = Bundle::new().unwrap();
    let task = bundle
        .spawn(|| {
            let mut served = 0;
            let (result, fired) = CancelScope::request().run(|| foreign_loop(&mut served)).unwrap();
            assert_eq!((result, fired), (Err(Error::Canceled), Some(Fired::Request)));
            redill::sleep(ms(1)).unwrap();
            served
        })
        .unwrap();
    redill::sleep(ms(25)).unwrap();
    assert_eq!(bundle.cancel(Grace::Unlimited), Ok(Outcome::Finished));
    assert_eq!(task.join(NEVER), Ok(2));
}

#[test]
fn a_timeout_is_told_from_a_cancellation() {
    virtual_time();
    assert_eq!(redill::timeout(ms(5), || redill::sleep(NEVER)), Err(Error::TimedOut));
    assert_eq!(redill::timeout(ms(5), || redill::sleep(ms(4))), Ok(()));
    assert_eq!(redill::timeout(ms(5), || Err::<(), _>(Error::Done)), Err(Error::Done));
    let bundle = Bundle::new().unwrap();
    let task = bundle.spawn(|| redill::timeout(ms(50), || redill::sleep(NEVER))).unwrap();
    bundle.cancel(Grace::Now).unwrap();
    assert_eq!(task.join(NEVER), Ok(Err(Error::Canceled)));
}

#[test]
fn a_scope_watches_a_channel() {
    virtual_time();
    let (stop, stopped) = channel::<()>().unwrap();
    let bundle = Bundle::new().unwrap();
    let task = bundle
        .spawn(move || CancelScope::done(&stopped).run(|| redill::sleep(NEVER)).unwrap().1)
        .unwrap();
    redill::sleep(ms(5)).unwrap();
    drop(stop);
    assert_eq!(task.join(NEVER), Ok(Some(Fired::Request)));
}
