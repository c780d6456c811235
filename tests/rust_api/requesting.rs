//! Bundles that are asked without a wait, and coroutines that find that out.

use crate::{Log, virtual_time};
use redill::{Bundle, Deadline, Error, Grace, Outcome, TypedBundle, channel, choose};
use std::time::Duration;

const NEVER: Deadline = Deadline::NEVER;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn a_request_does_not_wait_and_leaves_the_bundle_open() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let slow = bundle
        .spawn(|| {
            redill::request().unwrap().wait(NEVER).unwrap();
            redill::sleep(ms(50)).map(|()| "finished")
        })
        .unwrap();
    let start = redill::now();
    bundle.request();
    bundle.request();
    assert_eq!(redill::now(), start);
    assert!(!slow.is_finished());
    // Those that come later find it.
    let late = bundle.spawn(redill::is_requested).unwrap();
    assert_eq!(late.join(NEVER), Ok(true));
    assert_eq!(slow.join(NEVER), Ok(Ok("finished")));
    assert_eq!(bundle.cancel(Grace::Unlimited), Ok(Outcome::Finished));
    bundle.request(); // it has ended: nothing happens
}

#[test]
fn a_request_reaches_channels_and_followers() {
    virtual_time();
    let (tx, rx) = channel::<u8>().unwrap();
    let outer = Bundle::new().unwrap();
    outer.notify(&tx).unwrap();
    let inner_heard = outer
        .spawn(|| {
            let inner = Bundle::new().unwrap();
            inner.follow().unwrap();
            inner.spawn(|| redill::request()?.wait(NEVER)).unwrap().join(NEVER)
        })
        .unwrap();
    outer.request();
    assert_eq!(rx.recv(NEVER), Err(Error::Done));
    assert_eq!(inner_heard.join(NEVER), Ok(Ok(Ok(()))));
}

#[test]
fn scopes_and_typed_bundles_are_asked_likewise() {
    virtual_time();
    let word = String::from("asked");
    let heard = redill::scope(|scope| {
        let task = scope.spawn(|| redill::request()?.wait(NEVER).map(|()| word.as_str()))?;
        scope.request();
        task.join(NEVER)
    });
    assert_eq!(heard, Ok(Ok("asked")));
    let bundle = TypedBundle::new().unwrap();
    bundle.go(|| redill::request()?.wait(NEVER)).unwrap();
    bundle.request();
    assert_eq!(bundle.next(NEVER), Ok(Some(Ok(()))));
}

#[test]
fn members_ask_their_own_bundle_and_no_other_one() {
    virtual_time();
    assert_eq!(redill::request_stop(), Err(Error::Unsupported));
    let outer = Bundle::new().unwrap();
    let states = outer
        .spawn(|| {
            let inner = Bundle::new().unwrap();
            let sibling = inner.spawn(|| redill::request()?.wait(NEVER)).unwrap();
            let asking = inner
                .spawn(|| {
                    redill::request_stop().unwrap();
                    redill::is_requested()
                })
                .unwrap();
            assert_eq!(sibling.join(NEVER), Ok(Ok(())));
            (asking.join(NEVER).unwrap(), redill::is_requested())
        })
        .unwrap();
    assert_eq!(states.join(NEVER), Ok((true, false)));
}

#[test]
fn a_member_that_is_hard_cancelled_may_still_ask() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let asked = bundle
        .spawn(|| {
            assert_eq!(redill::sleep(NEVER), Err(Error::Canceled));
            assert!(redill::is_requested(), "to be cancelled is to be asked, too");
            assert_eq!(redill::request().err(), Some(Error::Canceled));
            redill::request_stop()
        })
        .unwrap();
    bundle.cancel(Grace::Now).unwrap();
    assert_eq!(asked.join(NEVER), Ok(Ok(())));
}

#[test]
fn the_arm_stays_ready_and_comes_after_those_before_it() {
    virtual_time();
    let log = Log::default();
    let (tx, rx) = channel::<u32>().unwrap();
    let senders = Bundle::new().unwrap();
    senders
        .go(move || {
            for n in 0..3 {
                tx.send(n, NEVER).unwrap();
            }
            std::mem::forget(tx); // the channel stays open
        })
        .unwrap();
    let bundle = Bundle::new().unwrap();
    bundle.request();
    let l = log.clone();
    let seen = bundle
        .spawn(move || {
            let mut seen = 0;
            while seen < 2 {
                choose! {
                    recv(rx) -> n => { l.note(n.unwrap()); redill::yield_now().unwrap() }
                    request() -> made => { made.unwrap(); l.note("request"); seen += 1; }
                }
                .unwrap();
            }
            seen
        })
        .unwrap();
    assert_eq!(seen.join(NEVER), Ok(2));
    log.is(&["0", "1", "2", "request", "request"]);
}

#[test]
fn in_a_main_coroutine_the_request_is_never_made() {
    virtual_time();
    let start = redill::now();
    let chosen = choose! { request() -> _ => (), deadline(ms(20)) };
    assert_eq!(chosen, Err(Error::TimedOut));
    assert_eq!(redill::request().unwrap().wait(ms(20)), Err(Error::TimedOut));
    assert_eq!(redill::now() - start, ms(40));
    assert!(!redill::is_requested());
}

#[test]
fn a_request_object_means_the_bundle_in_which_it_is_awaited() {
    virtual_time();
    let request = redill::request().unwrap();
    let bundle = Bundle::new().unwrap();
    let task = bundle.spawn(move || choose! { request(request) -> made => made }).unwrap();
    bundle.request();
    assert_eq!(task.join(NEVER), Ok(Ok(Ok(()))));
}
