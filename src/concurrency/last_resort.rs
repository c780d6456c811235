//! The third stage of a shutdown: after the request and the hard cancellation the end of the
//! process, should a coroutine ignore both.
//!
//! A thread of the library's own, which blocks all signals, looks at the times at which hard
//! cancellations began (`scheduler::cancellations`), so it depends on no scheduler. It sleeps while
//! none is under way. When one takes too long it has a child process read the memory and write the
//! report: the threads of the process go on meanwhile, and whatever the child stumbles over is the
//! child's problem. Then the process ends, with or without a report.
//!
//! While it is off, a hard cancellation costs one comparison more.

mod limit;
mod report;

use self::limit::Limit;
use crate::intrusive::{Adapter, List, Ref};
use crate::os::errno::{Errno, Result};
use crate::os::output::Output;
use crate::os::{fork, futex, signal_handlers, snapshot, syscalls};
use crate::scheduler::cancel_watch;
use crate::scheduler::cancellations::now;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU32, Ordering::SeqCst};
use core::sync::atomic::{AtomicU16, Ordering::Relaxed};
use core::time::Duration;

/// How long a hard cancellation may take, in milliseconds; negative: as long as it does.
static TIMEOUT: AtomicI64 = AtomicI64::new(-1);
/// What the process ends with.
static STATUS: AtomicI32 = AtomicI32::new(0);
/// Counts the reasons for the watchdog to look again.
static CHANGES: AtomicU32 = AtomicU32::new(0);
/// The watchdog sleeps until something begins.
static IDLE: AtomicBool = AtomicBool::new(false);
/// The [`mark`] of the process whose watchdog runs; 0: there is none.
static RUNS_IN: AtomicU16 = AtomicU16::new(0);

/// How long the report may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// So often a child tries to read what may be in the middle of a change.
const MOST_TRIES: u32 = 10;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(10);
/// So often, with that pause, the list of schedulers may be found locked.
const MOST_LOCKED: u32 = 100;
/// Of the watchdog's stack, where address space is short.
const LEAST_STACK: usize = 128 * 1024;

/// Returns whether hard cancellations are to be watched.
#[inline(always)]
pub(super) fn is_on() -> bool {
    TIMEOUT.load(Relaxed) >= 0
}

/// Has the process end with `status` when a hard cancellation takes longer than `timeout`
/// milliseconds; -1 turns that off. `EINVAL` for other negatives, `ENOMEM`, and `EAGAIN` or the
/// system's own error when no thread can be started.
pub(crate) fn set(timeout: i64, status: c_int) -> Result<()> {
    if timeout < -1 {
        return Err(Errno::EINVAL);
    }
    if timeout >= 0 {
        Context::get()?; // with it forks are taken notice of
        ensure_watchdog()?;
        STATUS.store(status, SeqCst);
    }
    TIMEOUT.store(timeout, SeqCst);
    wake();
    Ok(())
}

/// The hard cancellation of a bundle's members, for which the running coroutine waits.
pub(super) struct Watch {
    /// The running coroutine, unless it waits for its own end in the same way already.
    waiting: Option<Ref<Coroutine>>,
}

impl Watch {
    #[inline(never)]
    pub(super) fn begin<A: Adapter<Item = Coroutine>>(
        context: &Context,
        members: &List<A>,
    ) -> Watch {
        begin(context, members, None);
        // Also when all members have ended: others may keep it from going on.
        let current = context.current();
        let began = context.cancellations.begin(current, now());
        Watch { waiting: began.then_some(current) }
    }

    pub(super) fn end(self, context: &Context) {
        if let Some(coroutine) = self.waiting {
            context.cancellations.end(coroutine);
        }
    }
}

/// Notes that the hard cancellation of a bundle's members begins, but for that of `exception`.
#[cold]
#[inline(never)]
pub(super) fn begin<A: Adapter<Item = Coroutine>>(
    context: &Context,
    members: &List<A>,
    exception: Option<Ref<Coroutine>>,
) {
    let was_idle = context.cancellations.oldest().is_none();
    let began = now();
    let mut next = members.first();
    while let Some(member) = next {
        if Some(member) != exception {
            context.cancellations.begin(member, began);
        }
        next = members.after(member);
    }
    if was_idle {
        // In a forked child there may be none yet. If it can't be started, the next one tries.
        let _ = ensure_watchdog();
        if IDLE.load(SeqCst) {
            wake();
        }
    }
}

/// Has the watchdog look again.
fn wake() {
    CHANGES.fetch_add(1, SeqCst);
    futex::wake(&CHANGES);
}

/// Tells this process from the one that it was forked from. Never 0.
fn mark() -> u16 {
    0x100 | u16::from(fork::generation())
}

/// Starts the watchdog if this process has none.
fn ensure_watchdog() -> Result<()> {
    let mark = mark();
    let before = RUNS_IN.swap(mark, SeqCst);
    if before == mark {
        return Ok(());
    }
    let mask = signal_handlers::block_all();
    let started = syscalls::start_thread(c"dill-watchdog", Some(LEAST_STACK), run, ptr::null());
    signal_handlers::set_mask(&mask);
    if started.is_err() {
        RUNS_IN.store(0, SeqCst);
    }
    started
}

/// The watchdog's thread. It lasts as long as the process.
extern "C" fn run(_: *mut c_void) -> *mut c_void {
    let mut locked = 0;
    loop {
        IDLE.store(true, SeqCst);
        let seen = CHANGES.load(SeqCst);
        let sleep = match cancel_watch::oldest() {
            _ if !is_on() => None,
            // A child doesn't need the lock.
            Err(()) if locked >= MOST_LOCKED => Some(Duration::ZERO),
            Err(()) => {
                locked += 1;
                let _ = syscalls::sleep(Some(PAUSE));
                continue;
            }
            Ok(oldest) => oldest.map(|since| limit().time_left(since)),
        };
        locked = 0;
        if sleep == Some(Duration::ZERO) {
            end_process_if_overdue();
            continue;
        }
        IDLE.store(sleep.is_none(), SeqCst);
        futex::wait(&CHANGES, seen, sleep);
    }
}

fn limit() -> Limit {
    Limit { timeout: TIMEOUT.load(SeqCst), status: STATUS.load(SeqCst) }
}

/// Writes the report and ends the process, unless the hard cancellation has been completed in the
/// last moment.
fn end_process_if_overdue() {
    let limit = limit();
    let end = now().saturating_add(PATIENCE.as_nanos() as u64);
    let mut tries = 0;
    loop {
        let left = Duration::from_nanos(end.saturating_sub(now()));
        match snapshot::in_child_within(left, || report::write(limit, left)) {
            Some(report::WRITTEN) => break,
            Some(report::NOTHING) => return,
            _ => tries += 1,
        }
        if tries >= MOST_TRIES || left.is_zero() {
            write_failure(limit);
            break;
        }
        let _ = syscalls::sleep(Some(PAUSE));
    }
    // SAFETY: ends the process without running anybody's handlers.
    #[allow(unsafe_code)]
    unsafe {
        libc::_exit(limit.status)
    };
}

/// Writes that there is no report. It takes a second at most where no reader makes room: a short
/// text never blocks on a descriptor that is writable.
fn write_failure(limit: Limit) {
    if !crate::os::output::is_writable_soon(libc::STDERR_FILENO) {
        return;
    }
    let mut out = Output::new(libc::STDERR_FILENO);
    limit.write(&mut out);
    out.text("libdill: what runs could not be read\n");
    // There is no other place to say it.
    let _ = out.finish();
}
