//! The helper threads: started when needed, never more than so many, gone when idle.

#![allow(unsafe_code)] // Staffs that are made once for each process.

use crate::os::allocation;
use crate::os::errno::{Errno, Result};
use crate::os::{instrumentation, signal_handlers, syscalls};
use crate::scheduler::fd_readiness::Help;
use core::ffi::{CStr, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// For so long an idle thread waits for more to do before it ends.
const IDLE_TIME: Duration = Duration::from_secs(2);

/// Stack of a thread that resolves names where there is little address space. What the program
/// has its helpers do may need more.
const LEAST_STACK: usize = 512 * 1024;

/// Work for a helper.
pub(super) trait Task: Send {
    /// Does the work, unless it was abandoned. Never unwinds.
    fn perform(&self);

    /// Returns the task's address, which tells it from others.
    fn address(&self) -> usize;
}

/// Helper threads for work of one kind, so that one kind can't hold up another. To be a static.
pub(crate) struct Crew {
    name: &'static CStr,
    help: Help,
    /// Threads at most; what is more than these waits in the queue.
    most_threads: usize,
    helpers: AtomicPtr<Helpers>,
}

/// The helpers of all schedulers of the process.
struct Helpers {
    process: u32,
    /// Those of the process that this one was forked from: kept, as nobody knows who held what.
    _of_parent: *const Helpers,
    staff: Mutex<Staff>,
    work: Condvar,
}

// SAFETY: nobody follows the pointer.
unsafe impl Sync for Helpers {}

/// The queue and those who serve it.
struct Staff {
    queue: VecDeque<Box<dyn Task>>,
    threads: usize,
    idle: usize,
}

impl Crew {
    /// Nobody yet.
    pub(crate) const fn new(name: &'static CStr, help: Help, most_threads: usize) -> Crew {
        Crew { name, help, most_threads, helpers: AtomicPtr::new(ptr::null_mut()) }
    }

    /// What they are for.
    pub(super) fn help(&self) -> Help {
        self.help
    }

    /// Made at the first use in this process: in a forked child there are none of the
    /// parent's threads, and a lock that one of them held would stay locked for ever.
    fn helpers(&self) -> Result<&'static Helpers> {
        let process = std::process::id();
        let existing = self.helpers.load(Ordering::Acquire);
        // SAFETY: null, or leaked below and never freed.
        if let Some(helpers) = unsafe { existing.as_ref() }.filter(|it| it.process == process) {
            return Ok(helpers);
        }
        let staff = Staff { queue: VecDeque::new(), threads: 0, idle: 0 };
        let (staff, work) = (Mutex::new(staff), Condvar::new());
        let made = Helpers { process, _of_parent: existing, staff, work };
        let made = Box::into_raw(allocation::boxed(made)?);
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        Ok(match self.helpers.compare_exchange(existing, made, success, failure) {
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

    /// Has a helper perform the task. `EAGAIN`: there is none, and none can be started.
    pub(super) fn submit(&'static self, task: Box<dyn Task>) -> Result<()> {
        let helpers = self.helpers()?;
        let mut staff = helpers.staff();
        staff.queue.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        staff.queue.push_back(task);
        instrumentation::tsan_release(&helpers.staff);
        if staff.queue.len() <= staff.idle {
            helpers.work.notify_one();
        } else if staff.threads < self.most_threads {
            match helpers.start_thread(self) {
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

    /// Takes the task at this address back if no helper has begun with it.
    pub(super) fn withdraw(&self, address: usize) {
        let Ok(helpers) = self.helpers() else { return };
        let mut staff = helpers.staff();
        let position = staff.queue.iter().position(|task| task.address() == address);
        let withdrawn = position.and_then(|position| staff.queue.remove(position));
        drop(staff);
        // Not under the lock: what the task has captured may do anything when it is dropped.
        drop(withdrawn);
    }
}

impl Helpers {
    fn staff(&self) -> MutexGuard<'_, Staff> {
        self.staff.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_thread(&'static self, crew: &Crew) -> Result<()> {
        // Signals are the business of the program's own threads.
        let mask = signal_handlers::block_all_but_faults();
        let least = (crew.help == Help::NameResolution).then_some(LEAST_STACK);
        let this = ptr::from_ref(self).cast();
        let started = syscalls::start_thread(crew.name, least, Self::enter, this);
        signal_handlers::set_mask(&mask);
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
            if let Some(task) = staff.queue.pop_front() {
                instrumentation::tsan_acquire(&self.staff);
                drop(staff);
                task.perform();
                drop(task);
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
