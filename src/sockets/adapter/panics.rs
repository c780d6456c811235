//! Panics of sockets written in Rust, of which the callers may be C.
//!
//! Nothing may unwind through them. So a panic is caught where C's calling convention ends,
//! the call fails, and where the Rust code outside of it all has said that it will, it takes
//! the panic up again. Where there is no such code the process ends, as it does wherever a
//! panic meets C.

use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use core::any::Any;
use core::cell::{Cell, RefCell};
use core::marker::PhantomData;
use core::ptr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A call that takes panics up again.
struct Frame {
    coroutine: *const (),
    panic: Option<Box<dyn Any + Send>>,
}

thread_local! {
    /// Adapters that exist: without any there is nothing to be carried.
    static ADAPTERS: Cell<usize> = const { Cell::new(0) };
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// An adapter's own: counts it.
pub(super) struct Counted(PhantomData<*mut ()>);

impl Counted {
    pub(super) fn new() -> Counted {
        ADAPTERS.set(ADAPTERS.get().wrapping_add(1));
        Counted(PhantomData)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // Not when the thread ends and its variables are gone.
        let _ = ADAPTERS.try_with(|adapters| adapters.set(adapters.get().wrapping_sub(1)));
    }
}

fn current() -> *const () {
    Context::existing().map_or(ptr::null(), |context| context.current().as_ptr().cast())
}

/// Takes the innermost frame of the running coroutine out.
fn pop() -> Option<Frame> {
    let coroutine = current();
    FRAMES.with_borrow_mut(|frames| {
        let index = frames.iter().rposition(|frame| frame.coroutine == coroutine)?;
        Some(frames.remove(index))
    })
}

/// Runs a call of the core in which sockets written in Rust may be called, and goes on with the
/// panic if one of them has panicked.
#[inline]
pub(crate) fn carry<T>(call: impl FnOnce() -> T) -> T {
    // Where each coroutine is a thread, one counts what another one has made.
    let any = ADAPTERS.get() != 0 || cfg!(dill_thread_switch);
    if any { carry_panic(call) } else { call() }
}

fn carry_panic<T>(call: impl FnOnce() -> T) -> T {
    /// Takes its frame out also when something of ours unwinds.
    struct Pop;
    impl Drop for Pop {
        fn drop(&mut self) {
            pop();
        }
    }
    FRAMES.with_borrow_mut(|frames| frames.push(Frame { coroutine: current(), panic: None }));
    let guard = Pop;
    let result = call();
    core::mem::forget(guard);
    match pop().and_then(|frame| frame.panic) {
        Some(panic) => resume_unwind(panic),
        None => result,
    }
}

/// Runs code of the user's: `ECANCELED` if it panics, which [`carry`] then goes on with.
pub(super) fn catch<T>(code: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(code)).unwrap_or_else(|panic| {
        let coroutine = current();
        let put = FRAMES.with_borrow_mut(|frames| {
            let frame = frames.iter_mut().rfind(|frame| frame.coroutine == coroutine)?;
            frame.panic.get_or_insert(panic);
            Some(())
        });
        match put {
            Some(()) => Err(Errno::ECANCELED),
            None => {
                eprintln!("a socket written in Rust has panicked, and its caller is C code");
                std::process::abort()
            }
        }
    })
}
