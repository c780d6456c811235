//! The helper threads: started when needed, never many, gone when idle.

#![allow(unsafe_code)] // One static that is made once for each process.

use super::Query;
use crate::os::errno::{Errno, Result};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use core::time::Duration;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Threads at most. One whose name server is dead takes many seconds for its query, and must
/// not hold up the others; what is more than these waits in the queue.
const MOST_THREADS: usize = 16;

/// For so long an idle thread waits for more to do before it ends.
const IDLE_TIME: Duration = Duration::from_secs(2);

/// The helpers of all schedulers of the process.
struct Helpers {
    process: u32,
    staff: Mutex<Staff>,
    work: Condvar,
}

/// The queue and those who serve it.
struct Staff {
    queue: VecDeque<Arc<Query>>,
    threads: usize,
    idle: usize,
}

impl Helpers {
    /// Made at the first use in this process: in a forked child there are none of the
    /// parent's threads, and a lock that one of them held would stay locked for ever.
    fn get() -> &'static Helpers {
        static HELPERS: AtomicPtr<Helpers> = AtomicPtr::new(ptr::null_mut());
        let process = std::process::id();
        let existing = HELPERS.load(Ordering::Acquire);
        // SAFETY: null, or leaked below and never freed.
        if let Some(helpers) = unsafe { existing.as_ref() }.filter(|it| it.process == process) {
            return helpers;
        }
        let staff = Staff { queue: VecDeque::new(), threads: 0, idle: 0 };
        let made = Box::new(Helpers { process, staff: Mutex::new(staff), work: Condvar::new() });
        let made = Box::into_raw(made);
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        match HELPERS.compare_exchange(existing, made, success, failure) {
            // SAFETY: made above, and never freed from now on.
            Ok(_) => unsafe { &*made },
            Err(other) => {
                // SAFETY: ours is known to nobody, and the other is one that was leaked here
                // by another thread of this process.
                unsafe {
                    drop(Box::from_raw(made));
                    &*other
                }
            }
        }
    }

    fn staff(&self) -> MutexGuard<'_, Staff> {
        self.staff.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_thread(&'static self) -> Result<()> {
        // Signals are the business of the program's own threads.
        let mut mask = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut mask))?;
        let started = thread::Builder::new().name("dill-names".into()).spawn(|| self.help());
        let _ = mask.thread_set_mask();
        let failure = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
        started.map(drop).map_err(failure)
    }

    /// What a helper thread does.
    fn help(&self) {
        let mut staff = self.staff();
        loop {
            if let Some(query) = staff.queue.pop_front() {
                drop(staff);
                query.answer();
                drop(query);
                staff = self.staff();
                continue;
            }
            staff.idle += 1;
            let waited = self.work.wait_timeout(staff, IDLE_TIME);
            let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            staff = guard;
            staff.idle -= 1;
            if timeout.timed_out() && staff.queue.is_empty() {
                staff.threads -= 1;
                return;
            }
        }
    }
}

/// Has a helper answer `query`. `EAGAIN`: there is none, and none can be started.
pub(super) fn submit(query: &Arc<Query>) -> Result<()> {
    let helpers = Helpers::get();
    let mut staff = helpers.staff();
    staff.queue.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
    staff.queue.push_back(query.clone());
    if staff.queue.len() <= staff.idle {
        helpers.work.notify_one();
    } else if staff.threads < MOST_THREADS {
        match helpers.start_thread() {
            Ok(()) => staff.threads += 1,
            Err(error) if staff.threads == 0 => {
                staff.queue.pop_back();
                return Err(error);
            }
            // Those that are there will come to it.
            Err(_) => {}
        }
    }
    Ok(())
}

/// Takes `query` back if no helper has begun with it.
pub(super) fn withdraw(query: &Arc<Query>) {
    Helpers::get().staff().queue.retain(|other| !Arc::ptr_eq(other, query));
}
