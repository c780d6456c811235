//! Signals of the system as messages.

use super::{AsRawHandle, Deadline, Error, RawHandle, Result};
use crate::concurrency::typed::End;
use crate::os::caught_signals::SignalSet;
use core::fmt;

/// A signal of the system, by its number.
///
/// ```
/// use redill::Signal;
///
/// assert_eq!(Signal::HANGUP.to_string(), "SIGHUP");
/// assert_eq!(Signal::from_raw(libc::SIGUSR1), Signal::USER1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signal(i32);

impl Signal {
    /// `SIGHUP`: the terminal is gone, or, to servers: read the configuration anew.
    pub const HANGUP: Signal = Signal(libc::SIGHUP);
    /// `SIGINT`: ^C.
    pub const INTERRUPT: Signal = Signal(libc::SIGINT);
    /// `SIGQUIT`: ^\.
    pub const QUIT: Signal = Signal(libc::SIGQUIT);
    /// `SIGTERM`: end.
    pub const TERMINATE: Signal = Signal(libc::SIGTERM);
    /// `SIGUSR1`.
    pub const USER1: Signal = Signal(libc::SIGUSR1);
    /// `SIGUSR2`.
    pub const USER2: Signal = Signal(libc::SIGUSR2);
    /// `SIGCHLD`: a child process has changed its state.
    pub const CHILD: Signal = Signal(libc::SIGCHLD);
    /// `SIGWINCH`: the terminal has changed its size.
    pub const WINDOW: Signal = Signal(libc::SIGWINCH);

    /// The signal with a number of the system.
    ///
    /// ```
    /// assert_eq!(redill::Signal::from_raw(libc::SIGTERM), redill::Signal::TERMINATE);
    /// ```
    #[must_use]
    pub const fn from_raw(number: i32) -> Signal {
        Signal(number)
    }

    /// The system's number.
    ///
    /// ```
    /// assert_eq!(redill::Signal::INTERRUPT.as_raw(), libc::SIGINT);
    /// ```
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

/// Its name, such as `SIGINT`.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match nix::sys::signal::Signal::try_from(self.0) {
            Ok(signal) => f.pad(signal.as_str()),
            Err(_) => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match nix::sys::signal::Signal::try_from(self.0) {
            Ok(signal) => f.write_str(signal.as_str()),
            Err(_) => f.debug_tuple("Signal").field(&self.0).finish(),
        }
    }
}

/// Has signals arrive as messages, in band, while the result exists. They are caught on whatever
/// thread they come to and kept until they are received, so none is lost to whatever else happens.
/// A signal that was ignored stays ignored and never arrives. Dropping the result restores the
/// action and the mask; a signal that was not received takes its ordinary effect then. Programs
/// that are started meanwhile see none of it.
///
/// # Errors
/// [`Error::Os`] with `EINVAL` for what is no signal, or can't be a message: `SIGKILL`, `SIGSTOP`
/// and those that tell of a fault of an instruction, such as `SIGSEGV`; [`Error::Canceled`] when the caller is
/// hard-cancelled; [`Error::OutOfMemory`], [`Error::Os`] with `EMFILE`.
///
/// ```
/// use redill::{Deadline, Signal};
///
/// let signals = redill::signals([Signal::INTERRUPT, Signal::TERMINATE])?;
/// nix::sys::signal::raise(nix::sys::signal::Signal::SIGINT).unwrap(); // ^C
/// assert_eq!(signals.recv(Deadline::NEVER)?, Signal::INTERRUPT);
/// # Ok::<(), redill::Error>(())
/// ```
pub fn signals(signals: impl IntoIterator<Item = Signal>) -> Result<Signals> {
    let mut set = SignalSet::EMPTY;
    for signal in signals {
        set.add(signal.0).map_err(Error::immediate)?;
    }
    Ok(Signals { end: End::of_signals(set).map_err(Error::immediate)? })
}

/// Arriving signals: see [`signals`]. To be used with [`choose!`](crate::choose), too. It belongs
/// to its thread:
///
/// ```compile_fail,E0277
/// let signals = redill::signals([redill::Signal::TERMINATE]).unwrap();
/// std::thread::spawn(move || signals);
/// ```
pub struct Signals {
    pub(super) end: End<i32>,
}

impl Signals {
    /// Waits for the next signal. One that has arrived several times meanwhile counts once, as
    /// always with signals, unless it is a real-time signal.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Canceled`].
    ///
    /// ```
    /// use redill::{Deadline, Error, Signal};
    ///
    /// let signals = redill::signals([Signal::USER1])?;
    /// assert_eq!(signals.recv(Deadline::NOW), Err(Error::TimedOut));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn recv(&self, deadline: impl Into<Deadline>) -> Result<Signal> {
        self.end.receive(deadline.into().raw()).map(Signal).map_err(Error::immediate)
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signals").field(&self.end.number()).finish()
    }
}

impl AsRawHandle for Signals {
    fn as_raw_handle(&self) -> RawHandle {
        self.end.number()
    }
}
