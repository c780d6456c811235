//! The helper threads: started when needed, never many, gone when idle.

#![allow(unsafe_code)] // One static that is made once for each process.

use super::Query;
use crate::os::allocation::{self, Shared};
use crate::os::errno::{Errno, Result};
use crate::os::syscalls;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use core::time::Duration;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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
    queue: VecDeque<Shared<Query>>,
    threads: usize,
    idle: usize,
}

impl Helpers {
    /// Made at the first use in this process: in a forked child there are none of the
    /// parent's threads, and a lock that one of them held would stay locked for ever.
    fn get() -> Result<&'static Helpers> {
        static HELPERS: AtomicPtr<Helpers> = AtomicPtr::new(ptr::null_mut());
        let process = std::process::id();
        let existing = HELPERS.load(Ordering::Acquire);
        // SAFETY: null, or leaked below and never freed.
        if let Some(helpers) = unsafe { existing.as_ref() }.filter(|it| it.process == process) {
            return Ok(helpers);
        }
        let staff = Staff { queue: VecDeque::new(), threads: 0, idle: 0 };
        let made = Helpers { process, staff: Mutex::new(staff), work: Condvar::new() };
        let made = Box::into_raw(allocation::boxed(made)?);
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        Ok(match HELPERS.compare_exchange(existing, made, success, failure) {
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
        })
    }

    fn staff(&self) -> MutexGuard<'_, Staff> {
        self.staff.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_thread(&'static self) -> Result<()> {
        // Signals are the business of the program's own threads.
        let mut mask = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut mask))?;
        let started =
            syscalls::start_thread(c"dill-names", Self::enter, ptr::from_ref(self).cast());
        let _ = mask.thread_set_mask();
        started
    }

    /// Where a helper thread starts.
    extern "C" fn enter(helpers: *mut c_void) -> *mut c_void {
        // SAFETY: `start_thread` passed helpers, which are never freed.
        let helpers: &Helpers = unsafe { &*helpers.cast_const().cast() };
        helpers.help();
        ptr::null_mut()
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
pub(super) fn submit(query: &Shared<Query>) -> Result<()> {
    let helpers = Helpers::get()?;
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
pub(super) fn withdraw(query: &Shared<Query>) {
    let Ok(helpers) = Helpers::get() else { return };
    helpers.staff().queue.retain(|other| !other.same(query));
}
