//! Times as far away as a `Duration` can say. Each test has a thread of its own, as there is only
//! one end of time for each scheduler.

use crate::virtual_time;
use redill::{Bundle, CancelScope, Deadline, Error, Fired, Grace, Outcome};
use std::time::Duration;

/// Beyond the nanoseconds that a `u64` holds, and at the end.
const FAR: [u64; 3] = [1 << 45, 1 << 53, i64::MAX as u64 - 2_000_000];

fn on_a_thread(test: impl FnOnce() + Send + 'static) {
    virtual_time();
    std::thread::spawn(test).join().unwrap();
}

#[test]
fn time_goes_on_as_before_however_late_it_is() {
    for far in FAR {
        on_a_thread(move || {
            let start = redill::now();
            redill::sleep(Duration::from_millis(far)).unwrap();
            let late = redill::now();
            assert_eq!(late - start, Duration::from_millis(far));
            redill::sleep(Duration::from_millis(10)).unwrap();
            assert_eq!(redill::now() - late, Duration::from_millis(10));
            let deadline = Deadline::after(Duration::from_millis(500));
            assert_eq!(deadline.remaining(), Some(Duration::from_millis(500)));
            assert!(!deadline.has_passed());
            assert_eq!(deadline, Deadline::at(redill::now() + Duration::from_millis(500)));
            redill::sleep(deadline).unwrap();
            assert!(deadline.has_passed());
            assert_eq!(deadline.remaining(), Some(Duration::ZERO));
            assert_eq!(redill::now() - late, Duration::from_millis(510));
        });
    }
}

#[test]
fn the_longest_durations_are_no_limits() {
    on_a_thread(|| {
        let start = redill::now();
        assert_eq!(Deadline::after(Duration::MAX), Deadline::NEVER);
        let instant = start + Duration::from_secs(i64::MAX as u64 / 2);
        assert_eq!(Deadline::at(instant), Deadline::NEVER);
        let bundle = Bundle::new().unwrap();
        bundle.go(|| redill::sleep(Duration::from_secs(1)).unwrap()).unwrap();
        bundle.deadline(Duration::MAX).unwrap();
        let scope = CancelScope::new().deadline(Duration::MAX);
        let (outcome, fired) = scope.run(|| bundle.cancel(Duration::MAX)).unwrap();
        assert_eq!((outcome, fired), (Ok(Outcome::Finished), None));
        assert_eq!(redill::now() - start, Duration::from_secs(1));
    });
}

#[test]
fn the_last_periods_end() {
    on_a_thread(|| {
        let last = Duration::from_millis(i64::MAX as u64);
        let start = redill::now();
        for _ in 0..2 {
            let bundle = Bundle::new().unwrap();
            bundle.go(|| assert_eq!(redill::sleep(Deadline::NEVER), Err(Error::Canceled))).unwrap();
            let outcome = bundle.cancel(Grace::Within(last)).unwrap();
            assert_eq!(outcome, Outcome::Forced);
            assert!(redill::now() >= start + Duration::from_millis(i64::MAX as u64 - 1_000_000));
        }
        redill::sleep(Duration::from_millis(10)).unwrap();
        // At the end of time everything that could still come has come.
        let scope = CancelScope::new().deadline(Deadline::at(redill::now()));
        let (slept, fired) = scope.run(|| redill::sleep(Deadline::NEVER)).unwrap();
        assert_eq!((slept, fired), (Err(Error::Canceled), Some(Fired::Deadline)));
    });
}
