//! Runs the examples in virtual time and checks what they tell.

#![allow(clippy::duplicate_mod)] // all examples tell their stories in the same way

use std::sync::{Mutex, Once, PoisonError};

#[path = "../examples/crawler.rs"]
mod crawler;
#[path = "../examples/owners.rs"]
mod owners;
#[path = "../examples/shutdown.rs"]
mod shutdown;

/// Has all schedulers of this process made with virtual time. First thing in each test.
fn virtual_time() {
    static ONCE: Once = Once::new();
    // SAFETY: every test calls this first, and no other thread reads the environment before.
    ONCE.call_once(|| unsafe { std::env::set_var("DILL_CLOCK", "virtual") });
}

/// Held by the test that runs. A signal that one example sends to itself would come to the channels
/// of the others, too.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Defines the test of one example: the lines that it writes.
macro_rules! tells {
    ($name:ident, $($example:ident)::+, [$($line:literal,)*]) => {
        #[test]
        fn $name() {
            virtual_time();
            let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
            assert_eq!($($example)::+().unwrap().lines(), [$($line,)*]);
        }
    };
}

tells!(
    trivial_case,
    shutdown::trivial_case,
    [
        "0.0 s worker: job 0",
        "1.0 s worker: job 1",
        "2.0 s worker: job 2",
        "3.0 s worker: asked to finish, cleans up",
        "3.5 s main: Finished",
    ]
);
tells!(
    three_levels,
    shutdown::three_levels,
    [
        "1.0 s level: 1 asked",
        "1.0 s level: 2 asked",
        "1.0 s level: 3 asked",
        "1.5 s level: 3 done, below it: Ok(Finished)",
        "2.0 s level: 2 done, below it: Ok(Finished)",
        "2.5 s level: 1 done, below it: Ok(Finished)",
        "2.5 s main: Finished",
    ]
);
tells!(
    inherited_period,
    shutdown::inherited_period,
    [
        "0.5 s server: accepts no more",
        "2.0 s short: done",
        "5.5 s long: canceled",
        "5.5 s server: Ok(Forced)",
        "5.5 s main: Forced",
    ]
);
tells!(
    uninterrupted_chain,
    shutdown::uninterrupted_chain,
    [
        "1.0 s C: ends gracefully",
        "3.0 s F: completes its work",
        "10.0 s E: canceled",
        "10.0 s A: Forced",
    ]
);
tells!(
    postponed_children,
    shutdown::postponed_children,
    [
        "0.0 s cache: asked to finish, writes its pages first",
        "0.5 s disk: page 0 written",
        "1.0 s disk: page 1 written",
        "1.0 s disk: asked to finish",
        "1.0 s cache: done",
        "1.0 s main: Finished",
    ]
);
tells!(
    ctrl_c_is_not_lost,
    shutdown::ctrl_c_is_not_lost,
    [
        "1.0 s main: a worker has failed: out of ink",
        "4.0 s main: SIGINT",
        "4.0 s sibling: asked to finish",
        "4.0 s main: Finished",
    ]
);
tells!(
    producer_and_consumers,
    owners::producer_and_consumers,
    [
        "1.1 s producer: interrupted",
        "1.1 s left: the queue is empty",
        "1.1 s right: the queue is empty",
        "1.1 s main: Finished, 10 consumed",
    ]
);
tells!(
    upgrade_to_hard,
    owners::upgrade_to_hard,
    [
        "0.4 s loop: a connection",
        "0.8 s loop: a connection",
        "1.0 s server: the loop has ended: canceled",
        "2.0 s server: all is tidy",
        "2.0 s main: Finished",
    ]
);
tells!(
    nested_scopes,
    owners::nested_scopes,
    [
        "1.0 s second: cut",
        "1.5 s shielded: done",
        "1.5 s after the shield: cut",
        "2.0 s outside: done",
    ]
);
tells!(
    keepalive_object,
    owners::keepalive_object,
    ["3.5 s main: 3 pings", "3.5 s keepalive: ended", "3.5 s main: closed",]
);
tells!(
    hand_a_bundle_up,
    owners::hand_a_bundle_up,
    ["0.0 s main: has them now", "1.0 s worker: 1", "2.0 s worker: 2",]
);
tells!(
    crawl,
    crawler::crawl,
    [
        "0.1 s /: 3 links",
        "0.3 s /about: 2 links",
        "0.3 s /nowhere: 404",
        "0.4 s /news: 3 links",
        "0.5 s /news/1: 1 links",
        "0.8 s /news/2: 2 links",
        "1.1 s /slow: the deadline has passed",
        "1.1 s crawler: 7 pages seen",
    ]
);
tells!(
    heartbeat,
    owners::heartbeat,
    [
        "1.0 s server: sends a heartbeat",
        "1.0 s server: alive",
        "2.0 s server: sends a heartbeat",
        "3.0 s server: sends a heartbeat",
        "4.0 s server: gives the peer up",
        "4.0 s main: Finished",
        "4.0 s peer: the peer has broken the connection",
        "5.0 s server: sends a heartbeat",
        "5.0 s server: alive",
        "6.0 s server: sends a heartbeat",
        "6.0 s server: alive",
        "7.0 s server: sends a heartbeat",
        "7.0 s server: alive",
        "8.0 s server: sends a heartbeat",
        "8.0 s server: alive",
        "9.0 s server: sends a heartbeat",
        "9.0 s server: alive",
        "9.5 s server: asked to finish, says goodbye",
        "9.5 s peer: the other end is done",
        "9.5 s main: Finished",
    ]
);
