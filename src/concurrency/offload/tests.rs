use super::*;
use crate::concurrency::cancel::Period;
use crate::concurrency::owned_bundle::OwnedBundle;
use core::panic::Location;
use std::sync::mpsc;

static CREW: Crew = Crew::new(c"dill-test", Help::Offload, 2);

#[test]
fn the_result_comes_back() {
    let answer = offload(&CREW, || 6 * 7, -1).unwrap();
    assert_eq!(answer.unwrap(), 42);
}

#[test]
fn a_panic_comes_back() {
    let answer = offload(&CREW, || -> u8 { std::panic::resume_unwind(Box::new("oh")) }, -1);
    let panic = answer.unwrap().unwrap_err();
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "oh");
}

/// Tells when it is dropped, and by which thread.
struct Witness(mpsc::Sender<std::thread::ThreadId>);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.send(std::thread::current().id());
    }
}

#[test]
fn cancellation_abandons_the_work_and_its_result_is_dropped() {
    let (dropped, result_dropped) = mpsc::channel();
    let (go_on, gate) = mpsc::channel::<()>();
    let (begins, begun) = mpsc::channel();
    let bundle = OwnedBundle::new().unwrap();
    let body = move || {
        let work = move || {
            begins.send(()).unwrap();
            gate.recv().unwrap();
            Witness(dropped)
        };
        assert_eq!(offload(&CREW, work, -1).map(drop), Err(Errno::ECANCELED));
    };
    // SAFETY: it borrows nothing.
    #[allow(unsafe_code)]
    unsafe {
        bundle.go(Location::caller(), body).unwrap();
    }
    // While the helper waits at the gate.
    begun.recv().unwrap();
    bundle.end(Period::Zero).unwrap();
    assert!(result_dropped.try_recv().is_err());
    go_on.send(()).unwrap();
    assert_ne!(result_dropped.recv().unwrap(), std::thread::current().id());
}

#[test]
fn a_passed_deadline_calls_nothing() {
    let work = || panic!("called");
    assert_eq!(offload(&CREW, work, 0).map(drop), Err(Errno::ETIMEDOUT));
}
