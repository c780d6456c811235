//! When there is no memory, calls say so, and what they were given is not lost track of: each
//! allocation of each scenario fails once.

use dill::{Bundle, Choose, Deadline, Error, Grace, Result, TypedBundle, channel};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::rc::Rc;

/// The allocator of the system, which can be told to fail.
struct Failing;

thread_local! {
    /// So many allocations of this thread succeed, and then one fails.
    static COUNTDOWN: Cell<usize> = const { Cell::new(usize::MAX) };
    /// Bytes that this thread has and has not given back.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

impl Failing {
    fn fails() -> bool {
        let left = COUNTDOWN.get();
        COUNTDOWN.set(left.wrapping_sub(1).min(usize::MAX - 1));
        left == 0
    }
}

fn held(more: usize, less: usize) {
    HELD.set(HELD.get() + more as isize - less as isize);
}

// SAFETY: that of the system, which null pointers from time to time don't change.
unsafe impl GlobalAlloc for Failing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Failing::fails() {
            return std::ptr::null_mut();
        }
        held(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        held(0, layout.size());
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if Failing::fails() {
            return std::ptr::null_mut();
        }
        held(size, layout.size());
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Failing = Failing;

/// Runs the scenario again and again; each time another allocation fails, until none is left.
/// What is not out of memory then is a failure of the test, and so is what is leaked. Returns
/// how many have failed.
#[track_caller]
fn walk(name: &str, scenario: impl Fn() -> Result<()>) -> usize {
    // Caches are filled now.
    scenario().unwrap();
    scenario().unwrap();
    let before = HELD.get();
    for n in 0.. {
        COUNTDOWN.set(n);
        let result = scenario();
        let failed = COUNTDOWN.replace(usize::MAX) > n;
        let leaked = HELD.get() - before;
        if !failed {
            result.unwrap();
            assert!(n > 0, "{name}: nothing was allocated");
            return n;
        }
        assert!(
            matches!(result, Err(Error::OutOfMemory)),
            "{name}: allocation {n} has failed: {result:?}"
        );
        assert!(leaked <= 0, "{name}: allocation {n} has failed: {leaked} bytes are leaked");
    }
    unreachable!()
}

#[test]
fn choosing_among_many() {
    let channels: Vec<_> = (0..20).map(|n: u64| (channel::<u64>().unwrap(), n)).collect();
    let count = walk("Choose", || {
        let mut choose = Choose::new();
        for ((_, rx), _) in &channels {
            choose = choose.recv(rx, |message| message);
        }
        match choose.wait(Deadline::NOW) {
            Err(Error::TimedOut) => Ok(()),
            Err(error) => Err(error),
            Ok(message) => panic!("{message:?}"),
        }
    });
    // The alternatives, the lists of them and of their clauses.
    assert!(count >= 22, "{count}");
}

#[test]
fn results_of_many_tasks() {
    walk("TypedBundle", || {
        let tasks = TypedBundle::new()?;
        let witness = Rc::<()>::default;
        for n in 0..100 {
            let alive = Cell::new(None);
            COUNTDOWN.with(|it| {
                // The Rc is the test's own, and not to fail.
                let countdown = it.replace(usize::MAX);
                alive.set(Some(witness()));
                it.set(countdown);
            });
            tasks.go(move || {
                drop(alive);
                dill::yield_now().map(|()| n)
            })?;
        }
        assert_eq!(tasks.cancel(Grace::Unlimited)?, dill::Outcome::Finished);
        for n in 0..100 {
            assert_eq!(tasks.next(Deadline::NOW)?, Some(Ok(n)));
        }
        assert_eq!(tasks.next(Deadline::NOW)?, None);
        Ok(())
    });
}

#[test]
fn functions_too_large_for_the_stack() {
    let witness = Rc::new(());
    walk("go", || {
        let bundle = Bundle::new()?;
        let (large, alive) = ([7u8; 10_000], witness.clone());
        bundle.go(move || assert_eq!((large[9_999], Rc::strong_count(&alive)), (7, 2)))?;
        let alive = witness.clone();
        let sum = bundle.spawn(move || {
            drop(alive);
            large.iter().map(|&n| u32::from(n)).sum::<u32>()
        })?;
        assert_eq!(sum.join(Deadline::NEVER)?, 70_000);
        Ok(())
    });
    // Also when nothing was launched.
    assert_eq!(Rc::strong_count(&witness), 1);
}
