//! Dumps of what the coroutines of a thread are doing, asked for by a call or a signal.
//!
//! The floor above knows bundles and channels, so it does the describing (`describe`); this
//! is about when that is possible.
//!
//! A call comes from a coroutine that runs, outside of the library: everything is in order.
//! A signal may come at any moment, and lists may be half changed just then. So its handler
//! prints at once only while the scheduler waits for descriptors or time ([`Run::rest`](super::run::Run)), as a
//! program does that hangs. Otherwise it notes the request, which is served when the
//! scheduler next looks at its descriptors: in a program whose coroutines take turns, within
//! a millisecond. If that has not happened after a while, because a coroutine computes
//! and does not give way, the handler forks and has the child print. Mostly the lists are in
//! order; if not, only the child suffers.
//!
//! None of this costs a switch anything.

use super::context::Context;
use super::registry;
use crate::os::errno::{self, Result};
use crate::os::output::Output;
use crate::os::settings;
use crate::os::signal_handlers;
use crate::os::symbols::symbol;
use core::ffi::c_int;
use core::ptr;
use core::sync::atomic::{AtomicI32, Ordering};
use std::os::fd::RawFd;
use std::sync::Once;

#[allow(unsafe_code)]
unsafe extern "Rust" {
    /// Writes that view of the scheduler's coroutines. `concurrency/dump.rs` defines it: every
    /// scheduler can be described from the moment it is made, whatever it is used for.
    #[link_name = symbol!("dill_describe_coroutines")]
    safe fn describe(context: &Context, out: &mut Output, view: View);
}

/// What is to be described.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// What all coroutines do, as a tree.
    All,
    /// The coroutines that keep hard cancellations from being completed.
    Obstacles,
}

/// The signal in use, or 0.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Installs the handler if the user wants one, once in the process.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let Some(signal) = settings::dump_signal() else { return };
        // A program that handles the signal already keeps it.
        let ours = signal_handlers::ours(handle, libc::SA_RESTART);
        if let Ok(action) = signal_handlers::action(signal)
            && action.sa_sigaction == libc::SIG_DFL
            && signal_handlers::set_action(signal, &ours).is_ok()
        {
            SIGNAL.store(signal, Ordering::Relaxed);
        }
    });
}

/// The handler.
///
/// # Safety
/// As for any handler: the kernel gives valid structures.
#[allow(unsafe_code)]
unsafe extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the thread's own errno, which the code that was interrupted may be about to read.
    let errno = unsafe { *errno::location() };
    // SAFETY: valid by the kernel's promise.
    let code = unsafe { (*info).si_code };
    let context = Context::existing();
    if code != libc::SI_TKILL && code != libc::SI_TIMER {
        // To the process as a whole.
        registry::send_to_others(
            context.map_or(ptr::null(), |context| &raw const context.place),
            signal,
        );
    }
    if let Some(context) = context {
        let is_late = code == libc::SI_TIMER;
        let print = || context.dump_to_stderr();
        context.dumping.answer(signal, context.is_at_rest(), is_late, print);
    }
    // SAFETY: as above.
    unsafe { *errno::location() = errno };
}

impl Context {
    /// Notes that the scheduler is about to wait, and serves a request that was put off.
    #[inline]
    pub(super) fn begin_rest(&self) {
        self.rest();
        if self.dumping.is_requested() {
            // In the handler, which has a stack of its own.
            let signal = SIGNAL.load(Ordering::Relaxed);
            signal_handlers::send_to_thread(signal_handlers::thread_id(), signal);
        }
    }

    /// Writes to `fd` what the coroutines of this thread do.
    pub(crate) fn dump(&self, fd: RawFd) -> Result<()> {
        let mut out = Output::new(fd);
        self.write_dump(&mut out);
        out.finish()
    }

    /// As [`Context::dump`], for any thread's scheduler, where nothing changes meanwhile.
    pub(crate) fn write_dump(&self, out: &mut Output) {
        out.text("libdill: coroutines of thread ").number(self.thread().into());
        out.text("\n");
        describe(self, out, View::All);
    }

    /// Writes the coroutines that keep the hard cancellations of this thread from being completed,
    /// where nothing changes meanwhile.
    pub(crate) fn write_obstacles(&self, out: &mut Output) {
        describe(self, out, View::Obstacles);
    }

    /// The number of the scheduler's thread, also in a copy of the process.
    pub(crate) fn thread(&self) -> libc::pid_t {
        self.place.thread()
    }

    /// As [`Context::dump`], one thread after the other.
    fn dump_to_stderr(&self) {
        static WRITER: AtomicI32 = AtomicI32::new(0);
        let me = signal_handlers::thread_id();
        // A thread that was killed in the middle must not silence the others for good.
        let mine = (0..10_000).any(|_| {
            let free = WRITER.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_ok();
            if !free {
                std::thread::yield_now();
            }
            free
        });
        // A standard error that can't be written to is no fault of ours.
        let _ = self.dump(libc::STDERR_FILENO);
        if mine {
            WRITER.store(0, Ordering::Release);
        }
    }
}
