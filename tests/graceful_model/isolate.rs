//! Cases that crash or hang: which one it was, and a way to survive them.

use crate::strategy::{RUN, SEED};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, alarm, fork};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::atomic::Ordering;

/// Seconds after which a case hangs: many times what the slowest one takes.
const PATIENCE: u32 = 20;

/// Has the process print the numbers of its case when it dies, or hangs.
pub fn report_seed_on_death() {
    // Coroutines' stacks may be used up.
    let size = 64 * 1024;
    let stack = libc::stack_t {
        ss_sp: Box::leak(vec![0u8; size].into_boxed_slice()).as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: size,
    };
    // SAFETY: the stack is leaked; the handler only does what handlers may.
    unsafe {
        assert_eq!(libc::sigaltstack(&raw const stack, std::ptr::null_mut()), 0);
        let flags = SaFlags::SA_ONSTACK | SaFlags::SA_RESETHAND;
        let action = SigAction::new(SigHandler::Handler(on_death), flags, SigSet::empty());
        for signal in [
            Signal::SIGSEGV,
            Signal::SIGBUS,
            Signal::SIGILL,
            Signal::SIGABRT,
            Signal::SIGTRAP,
            Signal::SIGALRM,
        ] {
            sigaction(signal, &action).expect("sigaction");
        }
    }
}

extern "C" fn on_death(signal: libc::c_int) {
    print(b"\ndied in the case DILL_MODEL_SEED=", SEED.load(Ordering::Relaxed));
    print(b"of the run DILL_MODEL_RUN=", RUN.load(Ordering::Relaxed));
    // SAFETY: allowed in signal handlers; SA_RESETHAND has restored what the signal does
    // by itself.
    unsafe { libc::raise(signal) };
}

/// Prints a line as a signal handler may: without allocating or locking.
fn print(text: &[u8], mut number: u64) {
    let mut digits = [b'\n'; 21];
    let mut first = digits.len() - 1;
    while number > 0 || first == digits.len() - 1 {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    for part in [text, &digits[first..]] {
        // SAFETY: valid for its length.
        unsafe { libc::write(2, part.as_ptr().cast(), part.len()) };
    }
}

/// The case that begins must be over soon.
pub fn expect_life() {
    alarm::set(PATIENCE);
}

/// Runs `judge` in a child process; its report, or how it died.
pub fn in_child(judge: impl FnOnce() -> Option<String>) -> Option<String> {
    let (from_child, to_parent) = nix::unistd::pipe().expect("pipe");
    // SAFETY: the child goes on with what this thread has, and leaves without clean-up.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            alarm::set(2);
            let report = judge().unwrap_or_default();
            let _ = File::from(to_parent).write_all(report.as_bytes());
            // SAFETY: ends this process, without destructors of the parent's things.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop(to_parent);
            let mut report = String::new();
            File::from(from_child).read_to_string(&mut report).expect("the child's report");
            match waitpid(child, None).expect("waitpid") {
                nix::sys::wait::WaitStatus::Exited(_, 0) => {}
                status => report = format!("{status:?}"),
            }
            (!report.is_empty()).then_some(report)
        }
    }
}
