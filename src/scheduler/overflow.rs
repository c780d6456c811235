//! A coroutine that overflows its stack is reported before the process dies.
//!
//! Below each stack of the library lies a guard page. The handler of SIGSEGV tells a fault
//! in it from others, and prints where the coroutine was launched. Whatever the fault was, it then
//! lets happen what would have happened without it: see [`FaultHandler`]. On Linux guards never
//! raise SIGBUS.
//!
//! A handler that the program installs later replaces this one, as with any other.

use super::coroutine::Coroutine;
use super::run::Run;
use crate::os::fault_handler::FaultHandler;
use crate::os::output::Output;
use crate::os::signal_handlers;
use crate::os::{instrumentation, settings, syscalls};
use core::ffi::c_int;
use std::sync::Once;

static HANDLER: FaultHandler = FaultHandler::new(libc::SIGSEGV, handle);

/// So far below its stack a coroutine's stack pointer is taken for one that has left it: a
/// frame may be larger than the guard.
const LARGEST_FRAME: usize = 16 * 1024 * 1024;

/// Installs the handler if the settings ask for it, once in the process.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    let wanted = settings::overflow_message()
        // It has a handler of its own, which says more.
        && !instrumentation::asan_present();
    if wanted {
        INSTALLED.call_once(|| HANDLER.install());
    }
}

/// Installs the handler again if the program has survived a fault, which was its own.
#[inline]
pub(super) fn renew() {
    HANDLER.renew();
}

/// The handler.
///
/// # Safety
/// As for any handler: the kernel gives valid structures.
#[allow(unsafe_code)]
unsafe extern "C" fn handle(_: c_int, info: *mut libc::siginfo_t, machine: *mut libc::c_void) {
    // SAFETY: valid by the kernel's promise; a positive code means a fault with an address.
    let (address, stack_pointer) = unsafe {
        let address = if (*info).si_code > 0 { (*info).si_addr() as usize } else { 0 };
        (address, signal_handlers::interrupted_stack_pointer(machine))
    };
    if let Some(run) = Run::existing() {
        if overflows(&run.current(), address, stack_pointer) {
            report(&run.current());
        }
        // The next switch takes the slow way, which is an occasion for `renew`.
        run.budget.limit();
    }
    // SAFETY: with the handler's own arguments, at its end.
    unsafe { HANDLER.hand_over(info, machine) };
}

/// Is a fault at `address` one in the guard of the coroutine's stack?
fn overflows(coroutine: &Coroutine, address: usize, stack_pointer: usize) -> bool {
    if coroutine.has_user_stack() || address == 0 {
        return false;
    }
    let bottom = coroutine.stack().bottom() as usize;
    let guard = bottom - syscalls::page_size()..bottom;
    let below = bottom.saturating_sub(LARGEST_FRAME)..bottom;
    guard.contains(&address) || (below.contains(&address) && below.contains(&stack_pointer))
}

fn report(coroutine: &Coroutine) {
    let mut out = Output::new(libc::STDERR_FILENO);
    out.text("libdill: stack overflow in the coroutine launched at ");
    coroutine.write_origin(&mut out);
    out.text(": its stack has ").count(coroutine.stack().size(), "byte");
    out.text("; the environment variable DILL_STACK_SIZE sets another size\n");
    let _ = out.finish();
}
