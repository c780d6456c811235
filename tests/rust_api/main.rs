//! The safe Rust API as its users see it. Time is virtual: nobody sleeps here.

mod bundles;
mod channels;
mod choosing;
mod far_times;
mod graceful;
#[cfg(all(feature = "capi", not(dill_thread_switch)))] // which launches no C functions
mod mixed;
#[cfg(not(dill_thread_switch))] // there the threads' own stacks overflow
mod overflow;
mod panics;
mod scopes;
mod shutdown_limits;
mod signals;
mod threads;

use std::cell::RefCell;
use std::env;
use std::ffi::OsString;
use std::process::Command;
use std::rc::Rc;
use std::sync::Once;

/// Has all schedulers of this process made with virtual time. First thing in each test.
pub fn virtual_time() {
    static ONCE: Once = Once::new();
    // SAFETY: every test calls this first, and no other thread reads the environment before.
    ONCE.call_once(|| unsafe { std::env::set_var("DILL_CLOCK", "virtual") });
}

/// A process that runs one test of this program.
pub fn own_process(test: &str) -> Command {
    // On another machine's processor it runs under an emulator: see c-tests/cross.
    let wrapper = env::var("DILL_TEST_WRAPPER").unwrap_or_default();
    let own = env::current_exe().unwrap().into_os_string();
    let mut words = wrapper.split_whitespace().map(OsString::from).chain([own]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["--exact", test, "--nocapture"]);
    command
}

/// What has happened, in order.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub fn note(&self, what: impl ToString) {
        self.0.borrow_mut().push(what.to_string());
    }

    #[track_caller]
    pub fn is(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
    }
}

/// Something whose end is noted.
pub struct Witness(pub Log, pub &'static str);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}
