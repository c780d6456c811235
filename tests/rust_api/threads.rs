use crate::virtual_time;
use redill::{Bundle, Deadline, channel};
use std::cell::RefCell;
use std::sync::mpsc;
use std::thread;

const NEVER: Deadline = Deadline::NEVER;

#[test]
fn each_thread_is_a_scheduler() {
    virtual_time();
    let threads: Vec<_> = (0..20)
        .map(|n| {
            thread::spawn(move || {
                let (tx, rx) = channel().unwrap();
                let bundle = Bundle::new().unwrap();
                bundle.go(move || tx.send(n, NEVER).unwrap()).unwrap();
                rx.recv(NEVER).unwrap()
            })
        })
        .collect();
    let sum: i32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(sum, 190);
}

#[test]
fn objects_in_thread_locals_outlive_nothing() {
    virtual_time();
    thread_local! {
        static KEPT: RefCell<Vec<Box<dyn std::any::Any>>> = const { RefCell::new(Vec::new()) };
    }
    // Several times, as what one thread leaves behind hits the next one.
    for _ in 0..10 {
        thread::spawn(|| {
            let (tx, rx) = channel::<String>().unwrap();
            let bundle = Bundle::new().unwrap();
            let receiver = rx.clone();
            bundle.go(move || drop(receiver.recv(NEVER))).unwrap();
            KEPT.with_borrow_mut(|kept| {
                kept.push(Box::new(tx));
                kept.push(Box::new(rx));
                kept.push(Box::new(bundle));
                kept.push(Box::new(redill::request().unwrap()));
            });
        })
        .join()
        .unwrap();
    }
}

#[test]
fn what_a_forgotten_coroutine_has_lent_to_another_thread_stays() {
    virtual_time();
    let (go_on, gate) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let lender = thread::spawn(move || {
        let bundle = Bundle::new().unwrap();
        bundle
            .go(move || {
                let text = String::from("on a coroutine's stack");
                let local = [7u8; 1000];
                thread::scope(|scope| {
                    let (text, local) = (&text, &local);
                    scope.spawn(move || {
                        gate.recv().unwrap();
                        tell.send((text.clone(), local.iter().map(|&n| u32::from(n)).sum::<u32>()))
                            .unwrap();
                    });
                    // Never again: the scope of the thread does not end.
                    let _ = redill::sleep(NEVER);
                });
            })
            .unwrap();
        std::mem::forget(bundle);
    });
    lender.join().unwrap();
    // The lender's thread is gone, and new ones take what memory is free.
    for _ in 0..3 {
        thread::spawn(|| Bundle::new().unwrap().go(|| assert_eq!([1u8; 5000][7], 1)).unwrap())
            .join()
            .unwrap();
    }
    go_on.send(()).unwrap();
    assert_eq!(told.recv().unwrap(), ("on a coroutine's stack".to_owned(), 7000));
}
