//! Reads what the environment asks for: all settings of the library.
//!
//! A setting that is not set or empty has its default. One that can't be understood has it, too,
//! and a line on the standard error output says so, once.

use super::environment;
use super::output::Output;
use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use nix::sys::signal::Signal;

/// A variable of the environment.
struct Setting {
    name: &'static CStr,
    /// Describes the values that it may have.
    wanted: &'static str,
    told: AtomicBool,
}

static CHECK: Setting = Setting::new(c"DILL_CHECK", "0 or 1");
static CLOCK: Setting = Setting::new(c"DILL_CLOCK", "virtual or real");
static DUMP_SIGNAL: Setting =
    Setting::new(c"DILL_DUMP_SIGNAL", "a signal that can be handled, such as USR1, RTMIN+1 or 10");
static HANDLES: Setting = Setting::new(c"DILL_HANDLES", "low or high");
static OVERFLOW_MESSAGE: Setting = Setting::new(c"DILL_OVERFLOW_MESSAGE", "0 or 1");
static POLLER: Setting = Setting::new(c"DILL_POLLER", "epoll or io_uring");
static STACK_SIZE: Setting =
    Setting::new(c"DILL_STACK_SIZE", "a number of bytes, such as 262144, 256K or 1M");

/// Returns whether likely mistakes of the program are to be reported.
pub(crate) fn check() -> bool {
    CHECK.read(false, "0", yes_or_no)
}

/// Returns whether time is to be virtual.
pub(crate) fn virtual_clock() -> bool {
    CLOCK.read(false, "real", |value| choice(value, &["virtual"], &["real"]))
}

/// Returns the number of the signal that asks for a dump, if there is to be one.
pub(crate) fn dump_signal() -> Option<c_int> {
    DUMP_SIGNAL.read(None, "no signal", |value| signal(value).map(Some))
}

/// Returns whether no handle is to be the number of a descriptor.
pub(crate) fn high_handles() -> bool {
    HANDLES.read(false, "low", |value| choice(value, &["high"], &["low"]))
}

/// Returns whether stack overflows are to be reported.
pub(crate) fn overflow_message() -> bool {
    OVERFLOW_MESSAGE.read(true, "1", yes_or_no)
}

/// Returns whether io_uring is to be used instead of epoll.
pub(crate) fn io_uring() -> bool {
    let yes = ["io_uring", "io-uring", "iouring", "uring"];
    POLLER.read(false, "epoll", |value| choice(value, &yes, &["epoll"]))
}

/// Returns the size of a stack in bytes, from `least` to `most`, if it is set; otherwise it is
/// `default`.
pub(crate) fn stack_size(default: usize, least: usize, most: usize) -> Option<usize> {
    STACK_SIZE.read(None, default, |value| {
        let wanted = size(value)?;
        let nearest = wanted.clamp(least, most);
        if nearest != wanted {
            STACK_SIZE.tell(value.as_bytes(), "is out of range", nearest);
        }
        Some(Some(nearest))
    })
}

/// The value that is used instead, as it is written in a message.
trait Instead {
    fn write(self, out: &mut Output);
}

impl Instead for &str {
    fn write(self, out: &mut Output) {
        out.text(self);
    }
}

impl Instead for usize {
    fn write(self, out: &mut Output) {
        out.number(self as i64);
    }
}

impl Setting {
    const fn new(name: &'static CStr, wanted: &'static str) -> Setting {
        Setting { name, wanted, told: AtomicBool::new(false) }
    }

    /// Returns the value as `parse` understands it, without blanks around it, or the default.
    fn read<T>(
        &self,
        default: T,
        written: impl Instead,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let Some(value) = environment::variable(self.name) else { return default };
        let value = value.to_bytes().trim_ascii();
        if value.is_empty() {
            return default;
        }
        match core::str::from_utf8(value).ok().and_then(parse) {
            Some(parsed) => parsed,
            None => {
                self.tell(value, "is not understood", written);
                default
            }
        }
    }

    /// Says what is wrong with the value, and what is used instead; once in the process.
    #[cold]
    fn tell(&self, value: &[u8], what: &str, instead: impl Instead) {
        if self.told.swap(true, Relaxed) {
            return;
        }
        let mut out = Output::new(libc::STDERR_FILENO);
        out.text("libdill: ").printable(self.name.to_bytes()).text("=").printable(value);
        out.text(" ").text(what).text(", it may be ").text(self.wanted).text("; used instead: ");
        instead.write(&mut out);
        out.text("\n");
        // There is no other place to say it.
        let _ = out.finish();
    }
}

fn is_one_of(value: &str, names: &[&str]) -> bool {
    names.iter().any(|name| value.eq_ignore_ascii_case(name))
}

/// Returns true for one of the first names, false for one of the others.
fn choice(value: &str, yes: &[&str], no: &[&str]) -> Option<bool> {
    if is_one_of(value, yes) { Some(true) } else { is_one_of(value, no).then_some(false) }
}

fn yes_or_no(value: &str) -> Option<bool> {
    choice(value, &["1", "yes", "on", "true"], &["0", "no", "off", "false"])
}

/// Returns a number of bytes: decimal or hexadecimal, with a unit or without. Units are powers of
/// 1024, as is usual for memory. A number that is too large is `usize::MAX`.
fn size(value: &str) -> Option<usize> {
    let (digits, radix) = match value.get(..2) {
        Some("0x" | "0X") => (&value[2..], 16),
        _ => (value, 10),
    };
    let end = digits.find(|digit: char| !digit.is_digit(radix)).unwrap_or(digits.len());
    let (digits, unit) = digits.split_at(end);
    if digits.is_empty() {
        return None;
    }
    const UNITS: [&[&str]; 5] = [
        &["", "B", "bytes"],
        &["K", "KB", "KiB"],
        &["M", "MB", "MiB"],
        &["G", "GB", "GiB"],
        &["T", "TB", "TiB"],
    ];
    let power = UNITS.iter().position(|names| is_one_of(unit.trim(), names))?;
    let number = usize::from_str_radix(digits, radix).unwrap_or(usize::MAX);
    Some(number.saturating_mul(1 << (10 * power)))
}

/// Returns the number of a signal, given by its name or number. None of those that mean a fault
/// or can't be handled.
fn signal(value: &str) -> Option<c_int> {
    let number = match value.parse() {
        Ok(number) => number,
        Err(_) => {
            let name = match value.get(..3) {
                Some(start) if start.eq_ignore_ascii_case("SIG") => &value[3..],
                _ => value,
            };
            named(name).or_else(|| real_time(name))?
        }
    };
    let unfit = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGILL,
        libc::SIGFPE,
        libc::SIGTRAP,
        libc::SIGKILL,
        libc::SIGSTOP,
    ];
    // Those between are the C library's own.
    let exists =
        (1..32).contains(&number) || (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number);
    (exists && !unfit.contains(&number)).then_some(number)
}

/// Returns the number of a signal that has a name of its own.
fn named(name: &str) -> Option<c_int> {
    let others = [("IOT", Signal::SIGABRT), ("CLD", Signal::SIGCHLD), ("POLL", Signal::SIGIO)];
    let usual = Signal::iterator().find(|signal| name.eq_ignore_ascii_case(&signal.as_str()[3..]));
    let other = others.iter().find(|(other, _)| name.eq_ignore_ascii_case(other));
    usual.or(other.map(|&(_, signal)| signal)).map(|signal| signal as c_int)
}

/// Returns the number of a real-time signal: `RTMIN`, `RTMIN+3`, `RTMAX-2`.
fn real_time(name: &str) -> Option<c_int> {
    let (start, offset) = name.split_at_checked(5)?;
    let base = if start.eq_ignore_ascii_case("RTMIN") {
        libc::SIGRTMIN()
    } else if start.eq_ignore_ascii_case("RTMAX") {
        libc::SIGRTMAX()
    } else {
        return None;
    };
    let offset = match offset.as_bytes().first() {
        None => 0,
        Some(b'+' | b'-') => offset.parse::<c_int>().ok()?,
        Some(_) => return None,
    };
    let number = base.checked_add(offset)?;
    (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (value, expected) in [
            ("262144", 262_144),
            ("0", 0),
            ("1M", 1 << 20),
            ("1m", 1 << 20),
            ("1 MiB", 1 << 20),
            ("256kB", 256 << 10),
            ("256KiB", 256 << 10),
            ("64k", 64 << 10),
            ("1G", 1 << 30),
            ("2gib", 2 << 30),
            ("1t", 1 << 40),
            ("4096B", 4096),
            ("4096 bytes", 4096),
            ("0x40000", 0x40000),
            ("0X10K", 16 << 10),
            ("99999999999999999999", usize::MAX),
            ("99999999999999G", usize::MAX),
        ] {
            assert_eq!(size(value), Some(expected), "{value}");
        }
        for wrong in ["M", "-1", "+1", "1X", "1.5M", "1MM", "0x", "0xg", "large", "1 2", "1M x"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn signals() {
        for (value, expected) in [
            ("USR1", libc::SIGUSR1),
            ("usr1", libc::SIGUSR1),
            ("SIGQUIT", libc::SIGQUIT),
            ("sigusr2", libc::SIGUSR2),
            ("SigWinch", libc::SIGWINCH),
            ("iot", libc::SIGABRT),
            ("POLL", libc::SIGIO),
            ("12", 12),
            ("34", 34),
            ("RTMIN", libc::SIGRTMIN()),
            ("rtmin+3", libc::SIGRTMIN() + 3),
            ("SIGRTMIN+1", libc::SIGRTMIN() + 1),
            ("RTMAX-2", libc::SIGRTMAX() - 2),
        ] {
            assert_eq!(signal(value), Some(expected), "{value}");
        }
        for wrong in [
            "0",
            "-5",
            "SEGV",
            "11",
            "kill",
            "9",
            "STOP",
            "nonsense",
            "SIG",
            "32",
            "65",
            "999",
            "RTMIN+",
            "RTMIN-1",
            "RTMAX+1",
            "RTMIN3",
            "RTMIN+99",
            "RTMIN++1",
            "USR1 USR2",
            "USR",
        ] {
            assert_eq!(signal(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn choices() {
        let read = |value| choice(value, &["io_uring"], &["epoll"]);
        assert_eq!(read("io_uring"), Some(true));
        assert_eq!(read("IO_URING"), Some(true));
        assert_eq!(read("Epoll"), Some(false));
        assert_eq!(read("kqueue"), None);
    }
}
