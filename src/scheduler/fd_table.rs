//! What the scheduler knows of descriptors, and the poller that watches them.

mod arrived;
mod before_wait;
pub(super) mod delivery;
mod failing;
mod forked;
pub(crate) mod inspection;
pub(super) mod operations;

pub(super) use arrived::owned;

use super::coroutine::Slot;
use super::poller::place::PollerPlace;
use super::poller::{Direction, Interest, Mode, Pending, Poller as _, Readiness, SystemPoller};
use super::run::Run;
use crate::intrusive::Ref;
use crate::os::allocation;
use crate::os::errno::{Errno, Result};
use arrived::Arrived;
use before_wait::BeforeWait;
use core::cell::{Cell, RefCell};
use core::ffi::c_int;
use core::ptr;
use std::os::fd::RawFd;

/// What the scheduler knows of one descriptor number: a cache line of its own.
#[repr(align(64))]
pub(super) struct Watched {
    pub(super) reader: Slot,
    pub(super) writer: Slot,
    pub(super) fd: RawFd,
    /// Distinguishes the file that has the number now from earlier ones.
    pub(super) generation: Cell<u16>,
    /// For sockets: what the next calls would find, as far as known.
    pub(super) ready: Cell<Readiness>,
    pub(super) socket: Cell<bool>,
    /// What has to be thought of before a wait.
    before_wait: Cell<BeforeWait>,
    /// See [`fork::count`], when the socket was registered.
    pub(super) forks: Cell<u8>,
    /// Likewise, see [`fork::generation`].
    pub(super) process: Cell<u8>,
    /// What it has been asked for.
    pending: Cell<Pending>,
    /// What it has received or accepted, if `ready` says so.
    arrived: Cell<Arrived>,
    /// Called instead of waking a reader, with this argument.
    pub(super) handler: Cell<Option<(OnReadable, *const ())>>,
    /// For dumps: the socket on top, and how many protocols it stands on.
    top: Cell<(c_int, u32)>,
}

const _: () = assert!(size_of::<Watched>() == 64);

/// What a helper thread does, of whose end a descriptor tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Help {
    /// It asks for the addresses of a host.
    NameResolution,
    /// It calls a function of the program's.
    Offload,
}

/// What to do when a descriptor of the library's own use is readable.
pub(crate) type OnReadable = fn(*const ());

const CHUNK: usize = 64;

/// The table of all descriptors, with the poller that watches them. Slots must not move, so it
/// grows by chunks.
pub(crate) struct FdTable {
    chunks: RefCell<Vec<Box<[Watched]>>>,
    poller: PollerPlace,
}

impl FdTable {
    pub(super) const fn new() -> FdTable {
        FdTable { chunks: RefCell::new(Vec::new()), poller: PollerPlace::new() }
    }

    /// Calls `action` with the entry of `fd`, made if it does not exist.
    pub(super) fn with<T>(&self, fd: RawFd, action: impl FnOnce(&Watched) -> T) -> Result<T> {
        let index = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        if index / CHUNK >= self.chunks.borrow().len() {
            self.grow(fd, index / CHUNK)?;
        }
        Ok(action(&self.chunks.borrow()[index / CHUNK][index % CHUNK]))
    }

    #[cold]
    fn grow(&self, fd: RawFd, chunk: usize) -> Result<()> {
        // A number that no descriptor can have must not cost memory.
        nix::fcntl::fcntl(crate::os::syscalls::borrow(fd), nix::fcntl::FcntlArg::F_GETFD)?;
        let mut chunks = self.chunks.borrow_mut();
        while chunks.len() <= chunk {
            chunks.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
            let mut entries = Vec::new();
            entries.try_reserve_exact(CHUNK).map_err(|_| Errno::ENOMEM)?;
            let first = chunks.len() * CHUNK;
            entries.extend((first..first + CHUNK).map(|number| Watched {
                reader: Slot::new(),
                writer: Slot::new(),
                fd: number as RawFd,
                generation: Cell::new(0),
                ready: Cell::new(Readiness::NONE),
                socket: Cell::new(false),
                before_wait: Cell::new(BeforeWait::NOTHING),
                forks: Cell::new(0),
                process: Cell::new(0),
                pending: Cell::new(Pending::NOTHING),
                arrived: Cell::new(Arrived::NOTHING),
                handler: Cell::new(None),
                top: Cell::new((-1, 0)),
            }));
            chunks.push(entries.into_boxed_slice());
        }
        Ok(())
    }

    /// The entry of `fd`, made if it does not exist. It stays where it is for as long as the
    /// scheduler lives.
    pub(super) fn entry(&self, fd: RawFd) -> Result<Ref<Watched>> {
        // SAFETY: entries lie in boxes that only the end of the scheduler frees.
        #[allow(unsafe_code)]
        self.with(fd, |watched| unsafe { Ref::from_raw(watched) })
    }

    /// The entry of `fd`, if it exists.
    pub(super) fn existing(&self, fd: RawFd) -> Option<Ref<Watched>> {
        let (chunks, index) = (self.chunks.borrow(), usize::try_from(fd).ok()?);
        // SAFETY: as in `entry`.
        #[allow(unsafe_code)]
        chunks.get(index / CHUNK).map(|chunk| unsafe { Ref::from_raw(&chunk[index % CHUNK]) })
    }

    /// The poller, made if need be: threads that wait for no descriptor have none. In a forked
    /// child it is told of those that wait, for which it needs the `run`.
    #[inline]
    pub(super) fn poller(&self, run: &Run) -> Result<&SystemPoller> {
        match self.poller.get() {
            Some(poller) => Ok(poller),
            None => self.make_poller(run),
        }
    }

    #[cold]
    #[inline(never)]
    fn make_poller(&self, run: &Run) -> Result<&SystemPoller> {
        match self.poller.inherited() {
            None => self.poller.put(allocation::boxed(SystemPoller::new()?)?),
            Some(inherited) => {
                let made = inherited.successor(&self.buffers_in_use())?;
                self.poller.put(allocation::boxed(made)?);
                self.renew(run);
            }
        }
        self.poller.get().ok_or(Errno::ENOMEM)
    }

    /// The poller, if there is one; in a forked child also if its parent had one.
    #[inline]
    pub(super) fn existing_poller(&self, run: &Run) -> Option<&SystemPoller> {
        match self.poller.get() {
            Some(poller) => Some(poller),
            None if self.poller.inherited().is_some() => self.make_poller(run).ok(),
            None => None,
        }
    }

    /// The poller of this process, if there is one.
    #[inline]
    pub(super) fn own_poller(&self) -> Option<&SystemPoller> {
        self.poller.get()
    }

    /// Returns whether this process has no poller yet, but its parent had one.
    pub(super) fn has_inherited_poller(&self) -> bool {
        self.poller.inherited().is_some()
    }

    /// In a forked child: gives the poller up, which is the parent's.
    pub(super) fn leave_poller_to_parent(&self) {
        self.poller.leave_to_parent();
    }
}

/// How an event names the entry: its address, which is one of user space, and above it the
/// generation.
#[inline]
pub(super) fn token(watched: &Watched) -> u64 {
    u64::from(watched.generation.get()) << ADDRESS_BITS | ptr::from_ref(watched) as u64
}

const ADDRESS_BITS: u32 = u64::BITS - u16::BITS;

impl Watched {
    #[inline]
    fn of(token: u64) -> Ref<Watched> {
        // SAFETY: events carry tokens made by `token`, and entries are there for as long as
        // the scheduler that asks for events.
        #[allow(unsafe_code)]
        unsafe {
            Ref::from_raw((token & ((1 << ADDRESS_BITS) - 1)) as *const Watched)
        }
    }
}

/// Sets a one-shot interest for those who wait now.
pub(super) fn rearm(poller: &SystemPoller, watched: &Watched) -> Result<()> {
    let interest = Interest {
        readable: !watched.reader.is_empty(),
        writable: !watched.writer.is_empty(),
        mode: Mode::OnceByLevel,
    };
    poller.watch(watched.fd, token(watched), interest)
}

const READ: Readiness = Readiness::READABLE.or(Readiness::HANGUP).or(Readiness::ARRIVED);
const WRITE: Readiness = Readiness::WRITABLE.or(Readiness::BROKEN);

impl Watched {
    /// Would the next call possibly not block?
    #[inline]
    pub(super) fn is_ready(&self, direction: Direction) -> bool {
        match direction {
            Direction::Read => self.ready.get().has(READ),
            Direction::Write => self.ready.get().has(WRITE),
        }
    }

    /// Notes that the next call would block, unless that can't be any more.
    #[inline]
    pub(super) fn would_block(&self, direction: Direction) {
        let gone = match direction {
            Direction::Read => Readiness::READABLE,
            Direction::Write => Readiness::WRITABLE,
        };
        self.ready.set(self.ready.get().without(gone));
    }

    #[inline]
    pub(super) fn slot(&self, direction: Direction) -> &Slot {
        match direction {
            Direction::Read => &self.reader,
            Direction::Write => &self.writer,
        }
    }
}
