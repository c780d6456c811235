//! A coroutine that overflows its stack is told of before the process dies.
//!
//! Below each stack of the library lies a guard page. The handler of SIGSEGV tells a fault
//! in it from others, prints where the coroutine was launched, and then lets happen what
//! would have happened without it: the previous handler, or death by the signal, with a core
//! dump of the very instruction. On Linux guards never raise SIGBUS.
//!
//! Whoever installs a handler later replaces this one, as with any other.

use super::context::Context;
use super::coroutine::Coroutine;
use crate::os::output::Output;
use crate::os::signal_handlers::{self, Previous};
use crate::os::{instrumentation, settings, syscalls};
use core::ffi::c_int;
use std::sync::Once;

static PREVIOUS: Previous = Previous::new();

/// So far below its stack a coroutine's stack pointer is taken for one that has left it: a
/// frame may be larger than the guard.
const LARGEST_FRAME: usize = 16 * 1024 * 1024;

/// Installs the handler if the settings ask for it, once in the process. True if it is there.
pub(super) fn install() -> bool {
    static INSTALLED: Once = Once::new();
    let wanted = settings::overflow_message()
        // It has a handler of its own, which says more.
        && !instrumentation::asan_present();
    if wanted {
        INSTALLED.call_once(|| {
            if let Ok(action) = signal_handlers::action(libc::SIGSEGV) {
                PREVIOUS.remember(action);
                let _ = signal_handlers::install(libc::SIGSEGV, handle, &action);
            }
        });
    }
    wanted
}

/// The handler.
///
/// # Safety
/// As for any handler: the kernel gives valid structures.
#[allow(unsafe_code)]
unsafe extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, machine: *mut libc::c_void) {
    // SAFETY: valid by the kernel's promise; a positive code means a fault with an address.
    let (address, stack_pointer) = unsafe {
        let address = if (*info).si_code > 0 { (*info).si_addr() as usize } else { 0 };
        (address, signal_handlers::interrupted_stack_pointer(machine))
    };
    if let Some(context) = Context::existing()
        && overflows(&context.current(), address, stack_pointer)
    {
        report(&context.current());
    }
    // SAFETY: with the handler's own arguments.
    unsafe { PREVIOUS.pass_on(signal, info, machine) };
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
