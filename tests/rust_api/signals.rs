//! Programs that are started while signals are received as messages.

use redill::{Bundle, Deadline, Error, Signal};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Held by tests with signals, which are those of the whole process.
pub static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The signals that a program blocks and ignores when it is started, as the system lists them.
fn inherited() -> Vec<String> {
    let mut command = Command::new("cat");
    command.arg("/proc/self/status").stdout(Stdio::piped());
    let output = command.output().unwrap();
    let status = String::from_utf8(output.stdout).unwrap();
    let lines =
        status.lines().filter(|line| line.starts_with("SigBlk") || line.starts_with("SigIgn"));
    lines.map(str::to_owned).collect()
}

/// Likewise, started by the oldest means.
fn inherited_by_fork() -> Vec<String> {
    let path = std::env::temp_dir().join(format!(
        "dill-status-{}-{:?}",
        std::process::id(),
        thread::current().id()
    ));
    let target = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: between fork and exec only system calls are made, with strings made before.
    unsafe {
        let arguments = [c"cat".as_ptr(), c"/proc/self/status".as_ptr(), std::ptr::null()];
        let child = libc::fork();
        if child == 0 {
            let fd =
                libc::open(target.as_ptr(), libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, 0o600);
            libc::dup2(fd, 1);
            libc::execvp(arguments[0], arguments.as_ptr());
            libc::_exit(9);
        }
        let mut status = 0;
        while libc::waitpid(child, &raw mut status, 0) < 0 {}
        assert_eq!(status, 0);
    }
    let status = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines =
        status.lines().filter(|line| line.starts_with("SigBlk") || line.starts_with("SigIgn"));
    lines.map(str::to_owned).collect()
}

#[test]
fn programs_that_are_started_see_nothing_of_it() {
    super::virtual_time();
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let before = [inherited(), inherited_by_fork()];
    let now = || [inherited(), inherited_by_fork()];
    let signals = redill::signals([Signal::TERMINATE, Signal::USER1, Signal::USER2]).unwrap();
    assert_eq!(now(), before);
    assert_eq!(thread::spawn(now).join().unwrap(), before);
    assert_eq!(redill::offload(Deadline::NEVER, now).unwrap(), before);
    let bundle = Bundle::new().unwrap();
    let seen = before.clone();
    bundle.go(move || assert_eq!(now(), seen)).unwrap();
    bundle.wait(Deadline::NEVER).unwrap();
    assert_eq!(signals.recv(Deadline::NOW), Err(Error::TimedOut));
    drop(signals);
    assert_eq!(redill::offload(Deadline::NEVER, now).unwrap(), before);
}

#[test]
fn real_time_signals_have_numbers() {
    super::virtual_time();
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let signal = Signal::from_raw(libc::SIGRTMIN() + 3);
    let signals = redill::signals([signal]).unwrap();
    for _ in 0..3 {
        // SAFETY: no preconditions.
        assert_eq!(unsafe { libc::raise(signal.as_raw()) }, 0);
    }
    for _ in 0..3 {
        assert_eq!(signals.recv(Deadline::NEVER), Ok(signal));
    }
    assert_eq!(signals.recv(Deadline::NOW), Err(Error::TimedOut));
    for wrong in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGBUS, 0, 33, 65] {
        let error = redill::signals([Signal::from_raw(wrong)]).unwrap_err();
        assert_eq!(error, Error::Os(libc::EINVAL), "{wrong}");
    }
}
