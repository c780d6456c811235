use crate::{Log, Witness, virtual_time};
use redill::{Bundle, Deadline, Error, Grace, Outcome, TypedBundle};
use std::io::Read as _;
use std::rc::Rc;
use std::time::Duration;

const NEVER: Deadline = Deadline::NEVER;

#[test]
fn a_coroutine_runs_at_once_and_the_parent_goes_on_when_it_blocks() {
    virtual_time();
    let log = Log::default();
    let bundle = Bundle::new().unwrap();
    let l = log.clone();
    bundle
        .go(move || {
            l.note("child");
            redill::yield_now().unwrap();
            l.note("child again");
        })
        .unwrap();
    log.note("parent");
    bundle.wait(NEVER).unwrap();
    log.is(&["child", "parent", "child again"]);
}

#[test]
fn a_wait_covers_what_is_launched_before_its_end() {
    virtual_time();
    let bundle = Rc::new(Bundle::new().unwrap());
    let launchers = Bundle::new().unwrap();
    let (end, ended) = redill::channel::<()>().unwrap();
    let (launch, launched) = redill::channel::<()>().unwrap();
    bundle.go(move || ended.recv(NEVER).unwrap()).unwrap();
    let target = Rc::downgrade(&bundle);
    launchers
        .go(move || {
            launched.recv(NEVER).unwrap();
            // The bundle is empty, and whoever waits for that has not yet had a turn.
            let sleep = || redill::sleep(Duration::from_millis(50)).unwrap();
            target.upgrade().unwrap().go(sleep).unwrap();
        })
        .unwrap();
    end.send((), NEVER).unwrap();
    launch.send((), NEVER).unwrap();
    let start = redill::now();
    bundle.wait(NEVER).unwrap();
    assert_eq!(redill::now() - start, Duration::from_millis(50));
    bundle.wait(Deadline::NOW).unwrap();
}

#[test]
fn closures_of_any_size_and_alignment_arrive() {
    virtual_time();
    #[repr(align(256))]
    struct Aligned([u8; 256]);
    let bundle = Bundle::new().unwrap();
    let small = 7u8;
    bundle.go(move || assert_eq!(small, 7)).unwrap();
    let large = [3u64; 3000];
    let aligned = Aligned([9; 256]);
    let large_sum = bundle.spawn(move || large.iter().sum::<u64>()).unwrap().join(NEVER).unwrap();
    assert_eq!(large_sum, 9000);
    let place = bundle
        .spawn(move || {
            assert!(aligned.0.iter().all(|&byte| byte == 9));
            &raw const aligned as usize % 256
        })
        .unwrap();
    assert_eq!(place.join(NEVER).unwrap(), 0);
    // Just at the limit of what lies on the stack, cold and warm.
    for _ in 0..3 {
        let text = [5u8; 4096];
        bundle.go(move || assert!(text.iter().all(|&byte| byte == 5))).unwrap();
        bundle.wait(NEVER).unwrap();
    }
}

#[test]
fn dropping_a_bundle_cancels_all_first_and_awaits_them_all() {
    virtual_time();
    let log = Log::default();
    let bundle = Bundle::new().unwrap();
    for name in ["first", "second"] {
        let log = log.clone();
        bundle
            .go(move || {
                let _witness = Witness(log.clone(), "frame left");
                assert_eq!(redill::sleep(NEVER), Err(Error::Canceled));
                log.note(name);
                // For good, though the others run first.
                assert_eq!(redill::yield_now(), Err(Error::Canceled));
                assert_eq!(Bundle::new().err(), Some(Error::Canceled));
            })
            .unwrap();
    }
    drop(bundle);
    log.is(&["first", "second", "frame left", "frame left"]);
}

#[test]
fn outcomes() {
    virtual_time();
    let sleeper = || {
        let bundle = Bundle::new().unwrap();
        bundle.go(|| drop(redill::sleep(Duration::from_millis(50)))).unwrap();
        bundle
    };
    assert_eq!(sleeper().cancel(Grace::Within(Duration::from_millis(60))), Ok(Outcome::Finished));
    assert_eq!(sleeper().cancel(Duration::from_millis(40)), Ok(Outcome::Forced));
    assert_eq!(sleeper().cancel(Grace::Unlimited), Ok(Outcome::Finished));
    assert_eq!(sleeper().cancel(Grace::Now), Ok(Outcome::Forced));
    assert_eq!(sleeper().cancel(Grace::Inherit), Ok(Outcome::Finished));
    assert_eq!(Bundle::new().unwrap().cancel(Grace::Now), Ok(Outcome::Finished));
}

#[test]
fn an_ended_bundle_takes_nothing_and_waits_for_nothing() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    bundle.cancel(Grace::Now).unwrap();
    let witness = Rc::new(());
    let captured = witness.clone();
    assert_eq!(bundle.go(move || drop(captured)), Err(Error::Canceled));
    assert_eq!(Rc::strong_count(&witness), 1, "the function is dropped");
    assert_eq!(bundle.spawn(|| ()).err(), Some(Error::Canceled));
    assert_eq!(bundle.wait(NEVER), Ok(()));
    assert_eq!(bundle.cancel(Grace::Unlimited), Ok(Outcome::Finished));
    assert!(bundle.is_empty());
}

#[test]
fn nobody_waits_for_his_own_bundle() {
    virtual_time();
    let bundle = Rc::new(Bundle::new().unwrap());
    let own = bundle.clone();
    bundle
        .go(move || {
            assert_eq!(own.wait(NEVER), Err(Error::Deadlock));
            assert_eq!(own.cancel(Grace::Now), Err(Error::Deadlock));
        })
        .unwrap();
    assert!(bundle.is_empty());
}

#[test]
fn a_caller_that_is_hard_cancelled_forces_its_own() {
    virtual_time();
    let log = Log::default();
    let outer = Bundle::new().unwrap();
    let l = log.clone();
    outer
        .go(move || {
            let inner = Bundle::new().unwrap();
            let child = l.clone();
            inner
                .go(move || {
                    assert_eq!(redill::sleep(NEVER), Err(Error::Canceled));
                    child.note("inner");
                })
                .unwrap();
            assert_eq!(inner.cancel(Grace::Unlimited), Err(Error::Canceled));
            l.note("outer");
        })
        .unwrap();
    outer.cancel(Grace::Now).unwrap();
    log.is(&["inner", "outer"]);
}

#[test]
fn a_deadline_cuts_and_can_be_taken_back() {
    virtual_time();
    let start = redill::now();
    let bundle = Bundle::new().unwrap();
    let task = bundle.spawn(|| redill::sleep(NEVER)).unwrap();
    bundle.deadline(Duration::from_millis(5)).unwrap();
    bundle.deadline(NEVER).unwrap();
    assert_eq!(task.wait(Duration::from_millis(20)), Err(Error::TimedOut));
    bundle.deadline(redill::now() + Duration::from_millis(10)).unwrap();
    assert_eq!(task.join(NEVER), Ok(Err(Error::Canceled)));
    assert_eq!(redill::now() - start, Duration::from_millis(30));
    // The bundle stays open, but takes nothing until it has another deadline.
    assert_eq!(bundle.go(|| ()), Err(Error::Canceled));
    bundle.deadline(NEVER).unwrap();
    bundle.go(|| ()).unwrap();
}

#[test]
fn results_of_a_typed_bundle_come_as_the_tasks_finish() {
    virtual_time();
    let bundle = TypedBundle::new().unwrap();
    for ms in [30u64, 10, 20] {
        bundle
            .go(move || redill::sleep(Duration::from_millis(ms)).map_or("cut", |()| "done"))
            .unwrap();
    }
    assert_eq!(bundle.running(), 3);
    assert_eq!(bundle.next(Duration::from_millis(12)), Ok(Some("done")));
    assert_eq!(bundle.next(Duration::from_millis(5)), Err(Error::TimedOut));
    assert_eq!(bundle.cancel(Grace::Now), Ok(Outcome::Forced));
    assert_eq!(bundle.next(NEVER), Ok(Some("cut")));
    assert_eq!(bundle.next(NEVER), Ok(Some("cut")));
    assert_eq!(bundle.next(NEVER), Ok(None));
    assert_eq!(bundle.go(|| "late"), Err(Error::Canceled));
    assert_eq!(bundle.running(), 0);
}

#[test]
fn collectors_share_the_results_of_a_typed_bundle() {
    virtual_time();
    let bundle = Rc::new(TypedBundle::new().unwrap());
    let collectors = TypedBundle::new().unwrap();
    for _ in 0..3 {
        let bundle = bundle.clone();
        collectors
            .go(move || {
                let mut sum = 0;
                while let Some(n) = bundle.next(NEVER).unwrap() {
                    sum += n;
                    redill::yield_now().unwrap();
                }
                sum
            })
            .unwrap();
    }
    // They found nothing to wait for.
    assert_eq!(collectors.next(NEVER), Ok(Some(0)));
    for n in 0..10u64 {
        bundle.go(move || redill::sleep(Duration::from_millis(n)).map_or(0, |()| n)).unwrap();
    }
    let mut sum = 0;
    while let Some(n) = bundle.next(NEVER).unwrap() {
        sum += n;
    }
    assert_eq!(sum, 45);
}

#[test]
fn many_coroutines_come_and_go() {
    virtual_time();
    let bundle = Bundle::new().unwrap();
    let (tx, rx) = redill::channel::<u32>().unwrap();
    for n in 0..2000 {
        let tx = tx.clone();
        bundle.go(move || tx.send(n, NEVER).unwrap()).unwrap();
    }
    drop(tx);
    assert_eq!(rx.iter().sum::<u32>(), 1999 * 1000);
    bundle.wait(NEVER).unwrap();
}

#[test]
fn dumps_tell_who_waits_for_a_task() {
    virtual_time();
    let bundle = Rc::new(Bundle::new().unwrap());
    let task = bundle.spawn(|| redill::sleep(NEVER)).unwrap();
    let others = TypedBundle::new().unwrap();
    others.go(|| redill::sleep(NEVER)).unwrap();
    let waiting = Bundle::new().unwrap();
    waiting.go(move || drop(task.wait(NEVER))).unwrap();
    waiting.go(move || drop(redill::choose! { next(others) -> result => drop(result) })).unwrap();
    let text = dump();
    assert!(text.contains("blocked in a wait for a task"), "{text}");
    assert!(text.contains("blocked in choose: a wait for a task"), "{text}");
}

fn dump() -> String {
    let (mut reader, writer) = std::io::pipe().unwrap();
    redill::dump(&writer).unwrap();
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn dumps_tell_who_waits_for_a_helper_thread() {
    let bundle = Bundle::new().unwrap();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    bundle.go(move || drop(redill::offload(NEVER, move || ended.recv().is_err()))).unwrap();
    let text = dump();
    assert!(text.contains(": blocked in offload\n"), "{text}");
    drop(end);
    bundle.wait(NEVER).unwrap();
}
