use crate::signals::ONE_AT_A_TIME;
use crate::{Log, Witness, virtual_time};
use redill::{
    Bundle, Choose, Deadline, Error, Grace, JoinHandle, Outcome, Signal, TypedBundle, channel,
    choose,
};
use std::io::Write as _;
use std::sync::PoisonError;
use std::time::Duration;

const NEVER: Deadline = Deadline::NEVER;

#[test]
fn the_order_decides_among_those_that_are_ready() {
    virtual_time();
    let (a_tx, a) = channel::<&str>().unwrap();
    let (b_tx, b) = channel::<&str>().unwrap();
    let bundle = Bundle::new().unwrap();
    bundle.go(move || b_tx.send("b", NEVER).unwrap()).unwrap();
    bundle.go(move || a_tx.send("a", NEVER).unwrap()).unwrap();
    for expected in ["a", "b"] {
        let got = choose! {
            recv(a) -> got => got.or_else(|_| b.recv(NEVER)),
            recv(b) -> got => got,
        };
        assert_eq!(got, Ok(Ok(expected)));
    }
}

#[test]
fn arms_belong_to_the_function_around_them() {
    virtual_time();
    fn sum(numbers: &redill::Receiver<u32>) -> redill::Result<u32> {
        let mut sum = 0;
        loop {
            choose! {
                recv(numbers) -> number => match number {
                    Ok(0) => continue,
                    Ok(number) => sum += number,
                    Err(Error::Done) => break,
                    Err(error) => return Err(error),
                }
            }?;
        }
        Ok(sum)
    }
    let (tx, rx) = channel().unwrap();
    let bundle = Bundle::new().unwrap();
    let task = bundle.spawn(move || sum(&rx)).unwrap();
    for n in [1, 0, 2] {
        tx.send(n, NEVER).unwrap();
    }
    drop(tx);
    assert_eq!(task.join(NEVER), Ok(Ok(3)));
}

#[test]
fn a_value_that_is_not_sent_stays() {
    virtual_time();
    let log = Log::default();
    let (tx, rx) = channel::<Witness>().unwrap();
    let (other_tx, other) = channel::<u8>().unwrap();
    let mut slot = Some(Witness(log.clone(), "dropped"));
    let chosen = choose! {
        send(tx, slot) -> sent => sent.map(|()| 0),
        recv(other) -> number => number,
        deadline(Duration::from_millis(10)),
    };
    assert_eq!(chosen.unwrap_err(), Error::TimedOut);
    assert!(slot.is_some());
    let bundle = Bundle::new().unwrap();
    bundle.go(move || drop(other_tx.send(3, NEVER))).unwrap();
    let chosen = choose! {
        send(tx, slot) -> sent => sent.map(|()| 0),
        recv(other) -> number => number,
    };
    assert_eq!(chosen.unwrap().unwrap(), 3);
    log.is(&[]);
    let receiver = bundle.spawn(move || drop(rx.recv(NEVER).unwrap())).unwrap();
    choose! { send(tx, slot) -> sent => sent.unwrap() }.unwrap();
    assert!(slot.is_none());
    receiver.join(NEVER).unwrap();
    log.is(&["dropped"]);
    // An empty slot is never sent.
    let chosen = choose! {
        send(tx, slot) -> _ => (),
        deadline(Duration::from_millis(10)),
    };
    assert_eq!(chosen, Err(Error::TimedOut));
}

#[test]
fn descriptors_bundles_signals_and_requests() {
    virtual_time();
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (reader, mut writer) = std::io::pipe().unwrap();
    let bundle = Bundle::new().unwrap();
    let signals = redill::signals([Signal::USER2]).unwrap();
    bundle.go(move || drop(redill::sleep(Duration::from_millis(20)))).unwrap();
    let wait = |deadline: Deadline| {
        choose! {
            readable(reader) -> ready => ready.map(|()| "pipe"),
            recv(signals) -> signal => signal.map(|_| "signal"),
            finished(bundle) -> end => end.map(|()| "bundle"),
            deadline(deadline),
        }
    };
    assert_eq!(wait(Duration::from_millis(10).into()), Err(Error::TimedOut));
    assert_eq!(wait(NEVER), Ok(Ok("bundle")));
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGUSR2).unwrap();
    assert_eq!(wait(NEVER), Ok(Ok("signal")));
    writer.write_all(b"x").unwrap();
    assert_eq!(wait(NEVER), Ok(Ok("pipe")));
    drop(bundle);

    let bundle = Bundle::new().unwrap();
    let (tx, rx) = channel::<u8>().unwrap();
    let worker = bundle
        .spawn(move || {
            let request = redill::request().unwrap();
            let mut received = 0;
            loop {
                choose! {
                    recv(rx) -> _ => received += 1,
                    request(request) -> made => { made.unwrap(); return received; }
                }
                .unwrap();
            }
        })
        .unwrap();
    tx.send(1, NEVER).unwrap();
    assert_eq!(bundle.cancel(Grace::Unlimited), Ok(Outcome::Finished));
    assert_eq!(worker.join(NEVER), Ok(1));
}

#[test]
fn an_ended_bundle_is_finished_but_those_before_it_come_first() {
    virtual_time();
    let ended = Bundle::new().unwrap();
    ended.cancel(Grace::Now).unwrap();
    let (tx, rx) = channel::<u8>().unwrap();
    let pick = || {
        choose! {
            recv(rx) -> _ => "channel",
            finished(ended) -> end => { end.unwrap(); "bundle" }
            recv(rx) -> _ => "never reached",
        }
    };
    assert_eq!(pick(), Ok("bundle"));
    let bundle = Bundle::new().unwrap();
    bundle.go(move || tx.send(1, NEVER).unwrap()).unwrap();
    assert_eq!(pick(), Ok("channel"));
}

#[test]
fn more_alternatives_than_fit_inline() {
    virtual_time();
    let channels: Vec<_> = (0..20).map(|_| channel::<usize>().unwrap()).collect();
    let bundle = Bundle::new().unwrap();
    let last = channels[19].0.clone();
    bundle.go(move || last.send(19, NEVER).unwrap()).unwrap();
    let mut choose = Choose::new();
    for (_, rx) in &channels {
        choose = choose.recv(rx, |number| number);
    }
    assert_eq!(choose.wait(NEVER), Ok(Ok(19)));
}

#[test]
fn the_first_of_several_tasks() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let sleeper =
        |ms| bundle.spawn(move || redill::sleep(Duration::from_millis(ms)).map(|()| ms)).unwrap();
    let (slow, fast) = (sleeper(30), sleeper(10));
    let result = choose! {
        finished(slow) -> end => { end.unwrap(); slow.join(Deadline::NOW) }
        finished(fast) -> end => { end.unwrap(); fast.join(Deadline::NOW) }
    };
    assert_eq!(result, Ok(Ok(Ok(10))));
    // One that has finished before, among more than fit inline.
    let mut tasks: Vec<JoinHandle<_>> = (1..=20).map(|n| sleeper(n * 100)).collect();
    while !tasks.is_empty() {
        let first = {
            let mut choose = Choose::new();
            for (n, task) in tasks.iter().enumerate() {
                choose = choose.finished(task, move |end| end.map(|()| n));
            }
            choose.wait(NEVER).unwrap().unwrap()
        };
        assert_eq!(first, 0);
        let expected = 2100 - 100 * tasks.len() as u64;
        assert_eq!(tasks.remove(first).join(Deadline::NOW), Ok(Ok(expected)));
    }
    // A scope's tasks, too; a deadline leaves them alone.
    redill::scope(|scope| {
        let text = String::from("borrowed");
        let task = scope.spawn(move || redill::yield_now().map(|()| text.len()))?;
        let early = choose! { finished(task) -> end => end, deadline(Deadline::NOW) };
        assert_eq!(early, Err(Error::TimedOut));
        choose! { finished(task) -> end => end }??;
        assert_eq!(task.join(Deadline::NOW)??, 8);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_task_that_panics_has_finished() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let task = bundle
        .spawn(|| {
            redill::yield_now().unwrap();
            panic!("boom");
        })
        .unwrap();
    let joined: redill::Result<()> = choose! {
        finished(task) -> end => { end.unwrap(); task.join(NEVER) }
    }
    .unwrap();
    assert_eq!(joined, Err(Error::Panicked));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bundle.wait(NEVER)));
    assert!(outcome.is_err());
}

#[test]
fn results_of_tasks_or_something_else() {
    virtual_time();
    let (stop, stopped) = channel::<()>().unwrap();
    let tasks = TypedBundle::new().unwrap();
    for ms in [30, 10] {
        tasks.go(move || redill::sleep(Duration::from_millis(ms)).map(|()| ms)).unwrap();
    }
    let next = || {
        choose! {
            recv(stopped) -> end => Err(end.unwrap_err()),
            next(tasks) -> result => result,
            deadline(Duration::from_millis(15)),
        }
    };
    assert_eq!(next(), Ok(Ok(Some(Ok(10)))));
    assert_eq!(next(), Err(Error::TimedOut));
    assert_eq!(next(), Ok(Ok(Some(Ok(30)))));
    assert_eq!(next(), Ok(Ok(None)));
    drop(stop);
    assert_eq!(next(), Ok(Err(Error::Done)));
    // The panic of a task comes behind the results.
    tasks.go(|| panic!("boom")).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        choose! { next(tasks) -> result => result }
    }));
    assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "boom");
}

#[test]
fn collectors_that_come_too_late_wait_on() {
    virtual_time();
    let log = Log::default();
    let tasks = std::rc::Rc::new(TypedBundle::new().unwrap());
    for ms in [10, 20] {
        tasks.go(move || redill::sleep(Duration::from_millis(ms)).map(|()| ms)).unwrap();
    }
    let collectors = Bundle::new().unwrap();
    for name in ["a", "b"] {
        let (tasks, log) = (tasks.clone(), log.clone());
        collectors
            .go(move || {
                // Both are woken by the same result.
                let result = choose! { next(tasks) -> result => result.unwrap().unwrap() };
                log.note(format!("{name} {}", result.unwrap().unwrap()));
            })
            .unwrap();
    }
    collectors.wait(NEVER).unwrap();
    log.is(&["a 10", "b 20"]);
}

#[test]
fn cancellation_ends_a_choose() {
    virtual_time();
    let (_tx, rx) = channel::<u8>().unwrap();
    let bundle = Bundle::new().unwrap();
    let task = bundle.spawn(move || choose! { recv(rx) -> _ => () }).unwrap();
    bundle.cancel(Grace::Now).unwrap();
    assert_eq!(task.join(NEVER), Ok(Err(Error::Canceled)));
}

#[test]
#[should_panic(expected = "the alternative has been chosen")]
fn an_alternative_that_was_not_chosen_has_no_output() {
    // The inside of the macro, misused.
    let (tx, rx) = channel::<Box<u8>>().unwrap();
    let mut slot = Some(Box::new(1));
    let mut other = redill::__choose::send(&tx, &mut slot);
    let mut wrong = redill::__choose::recv(&rx);
    let bundle = Bundle::new().unwrap();
    let receiver = rx.clone();
    bundle.go(move || drop(receiver.recv(NEVER))).unwrap();
    let chosen = redill::__choose::wait(&mut [&mut other], NEVER).unwrap();
    drop(chosen.take(&mut wrong));
}
