use crate::{Log, Witness, virtual_time};
use redill::{Bundle, Deadline, Error, channel};
use std::rc::Rc;
use std::time::Duration;

const NEVER: Deadline = Deadline::NEVER;

#[test]
fn values_are_moved_and_dropped_once() {
    virtual_time();
    let log = Log::default();
    let (tx, rx) = channel::<(Witness, String)>().unwrap();
    let bundle = Bundle::new().unwrap();
    let l = log.clone();
    bundle
        .go(move || {
            // Once with a receiver who waits, once with a sender who does.
            tx.send((Witness(l.clone(), "first"), "one".to_owned()), NEVER).unwrap();
            tx.send((Witness(l.clone(), "second"), "two".to_owned()), NEVER).unwrap();
            l.note("sent");
        })
        .unwrap();
    redill::yield_now().unwrap();
    let (first, text) = rx.recv(NEVER).unwrap();
    assert_eq!(text, "one");
    log.is(&[]);
    drop(first);
    let second = rx.recv(NEVER).unwrap();
    bundle.wait(NEVER).unwrap();
    log.is(&["first", "sent"]);
    drop(second);
    log.is(&["first", "sent", "second"]);
}

#[test]
fn messages_of_size_zero_and_large_ones() {
    virtual_time();
    let (tx, rx) = channel::<()>().unwrap();
    let (big_tx, big_rx) = channel::<[u64; 1000]>().unwrap();
    let bundle = Bundle::new().unwrap();
    bundle
        .go(move || {
            tx.send((), NEVER).unwrap();
            big_tx.send([7; 1000], NEVER).unwrap();
        })
        .unwrap();
    rx.recv(NEVER).unwrap();
    assert_eq!(big_rx.recv(NEVER).unwrap(), [7; 1000]);
}

#[test]
fn what_is_not_sent_comes_back() {
    virtual_time();
    let (tx, rx) = channel::<Box<u32>>().unwrap();
    let bundle = Bundle::new().unwrap();
    let error = tx.send(Box::new(1), Deadline::NOW).unwrap_err();
    assert_eq!(*error.error(), Error::TimedOut);
    assert_eq!(*error.into_inner(), 1);
    let other = tx.clone();
    let cancelled = bundle.spawn(move || other.send(Box::new(2), NEVER)).unwrap();
    drop(bundle);
    let error = cancelled.join(NEVER).unwrap().unwrap_err();
    assert_eq!(*error.error(), Error::Canceled);
    assert_eq!(*error.into_inner(), 2);
    let bundle = Bundle::new().unwrap();
    let waiting = bundle.spawn(move || tx.send(Box::new(3), NEVER)).unwrap();
    drop(rx);
    let error = waiting.join(NEVER).unwrap().unwrap_err();
    assert_eq!(*error.error(), Error::Done);
    assert_eq!(*error.into_inner(), 3);
}

#[test]
fn the_last_clone_ends_the_channel() {
    virtual_time();
    let (tx, rx) = channel::<u8>().unwrap();
    let second = tx.clone();
    drop(tx);
    assert!(!rx.is_done());
    assert_eq!(rx.recv(Deadline::NOW), Err(Error::TimedOut));
    let bundle = Bundle::new().unwrap();
    let waits = rx.clone();
    let waiting = bundle.spawn(move || waits.recv(NEVER)).unwrap();
    drop(second);
    assert_eq!(waiting.join(NEVER), Ok(Err(Error::Done)));
    assert_eq!(rx.recv(NEVER), Err(Error::Done));
}

#[test]
fn done_comes_behind_what_was_sent_before() {
    virtual_time();
    let (tx, rx) = channel::<u8>().unwrap();
    let bundle = Bundle::new().unwrap();
    let worker = bundle.spawn(move || rx.iter().collect::<Vec<_>>()).unwrap();
    for n in 0..3 {
        tx.send(n, NEVER).unwrap();
    }
    tx.done();
    tx.done(); // again: nothing
    assert_eq!(worker.join(NEVER), Ok(vec![0, 1, 2]));
    assert_eq!(*tx.send(9, NEVER).unwrap_err().error(), Error::Done);
}

#[test]
fn receivers_are_served_in_the_order_of_their_coming() {
    virtual_time();
    let log = Log::default();
    let (tx, rx) = channel::<u8>().unwrap();
    let bundle = Bundle::new().unwrap();
    for name in ["a", "b", "c"] {
        let (rx, log) = (rx.clone(), log.clone());
        bundle.go(move || log.note(format!("{name}{}", rx.recv(NEVER).unwrap()))).unwrap();
    }
    for n in 0..3 {
        tx.send(n, NEVER).unwrap();
    }
    bundle.wait(NEVER).unwrap();
    log.is(&["a0", "b1", "c2"]);
}

#[test]
fn a_deadline_is_neither_early_nor_late() {
    virtual_time();
    let (_tx, rx) = channel::<u8>().unwrap();
    let start = redill::now();
    assert_eq!(rx.recv(Duration::from_millis(250)), Err(Error::TimedOut));
    assert_eq!(redill::now() - start, Duration::from_millis(250));
    assert_eq!(rx.recv(start + Duration::from_millis(300)), Err(Error::TimedOut));
    assert_eq!(redill::now() - start, Duration::from_millis(300));
    // Passed already.
    assert_eq!(rx.recv(start), Err(Error::TimedOut));
    assert_eq!(redill::now() - start, Duration::from_millis(300));
    let none: Option<Duration> = None;
    assert_eq!(Deadline::from(none), NEVER);
}

#[test]
fn a_channel_that_carries_its_own_sender_ends() {
    virtual_time();
    let witness = Rc::new(());
    let (tx, rx) = channel::<(redill::Sender<u8>, Rc<()>)>().unwrap();
    let (inner, answers) = channel().unwrap();
    let bundle = Bundle::new().unwrap();
    bundle
        .go(move || {
            let (answer, _witness) = rx.recv(NEVER).unwrap();
            answer.send(5, NEVER).unwrap();
        })
        .unwrap();
    tx.send((inner, witness.clone()), NEVER).unwrap();
    assert_eq!(answers.recv(NEVER), Ok(5));
    assert_eq!(answers.recv(NEVER), Err(Error::Done));
    bundle.wait(NEVER).unwrap();
    assert_eq!(Rc::strong_count(&witness), 1);
}
