//! The memory of a cancel scope, which is the user's. What is there is believed only where its
//! seal is unbroken: it may never have been a scope, or may have been overwritten without having
//! been left.

use crate::concurrency::subscriber::Subscriber;
use crate::intrusive::Ref;
use crate::os::errno::Errno;
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Coroutine;
use core::cell::Cell;
use core::ffi::c_int;
use core::ptr::{self, NonNull};

/// What a scope watches besides its deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Watch {
    /// Nothing.
    Nothing,
    /// A half-channel becoming done, or closed by its peer.
    Channel(c_int),
    /// The graceful request to the bundle in which the coroutine runs.
    Request,
    /// Nothing, and outer scopes do not interrupt inside.
    Shield,
}

/// Why a scope has fired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fired {
    No,
    ByDeadline,
    ByRequest,
}

/// What a scope is, and what has happened to it: the low byte of its seal.
pub(super) mod state {
    pub(in super::super) const ENTERED: u8 = 1;
    pub(in super::super) const LEFT: u8 = 2;
    /// It could not be entered.
    pub(super) const FAILED: u8 = 3;
    /// One of the three above.
    pub(super) const KIND: u8 = 3;
    /// What it watches has happened, before its deadline.
    pub(in super::super) const HAPPENED: u8 = 4;
    /// Its deadline has passed: that also ends what a request does not.
    pub(in super::super) const OVERDUE: u8 = 8;
    pub(in super::super) const SHIELDS: u8 = 16;
    pub(in super::super) const AWAITS_REQUEST: u8 = 32;
    pub(in super::super) const AWAITS_CHANNEL: u8 = 64;
}

/// A scope in its user's memory.
#[repr(C)]
pub(crate) struct Scope {
    /// A hash of where the scope is entered, and in the low byte its [`state`].
    seal: Cell<u64>,
    outer: Cell<*const Scope>,
    coroutine: Cell<*const Coroutine>,
    /// As the user gave it.
    deadline: Cell<i64>,
    /// The handle of the channel, if the scope watches one.
    channel: Cell<c_int>,
    /// Why it could not be entered.
    error: Cell<c_int>,
    /// Subscribed to a channel, where another scope has the coroutine's own subscriber for that.
    pub(super) nested: Subscriber,
}

/// A scope whose seal was unbroken when it was read. Later nothing but the seal is written, and
/// that only while it is unbroken: memory that holds a whole seal has not been put to another use.
#[derive(Clone, Copy)]
pub(super) struct Sealed {
    place: NonNull<Scope>,
    hash: u64,
    state: u8,
    outer: *const Scope,
    coroutine: *const Coroutine,
}

const STATE: u64 = 0xff;
/// The serial of scopes that could not be entered, as there may be no scheduler.
const NO_SCHEDULER: u64 = 0;

impl Sealed {
    /// Writes an entered scope.
    ///
    /// # Safety
    /// `place` is valid for writes.
    pub(super) unsafe fn write(
        context: &Context,
        coroutine: Ref<Coroutine>,
        place: NonNull<Scope>,
        (watch, deadline): (Watch, i64),
        nested: Subscriber,
    ) -> Sealed {
        let (kind, channel) = match watch {
            Watch::Nothing => (0, -1),
            Watch::Channel(handle) => (state::AWAITS_CHANNEL, handle),
            Watch::Request => (state::AWAITS_REQUEST, -1),
            Watch::Shield => (state::SHIELDS, -1),
        };
        let outer = coroutine.scope.get().cast();
        let mut sealed = Sealed::new(context.serial(), place, outer, coroutine.as_ptr());
        sealed.state = state::ENTERED | kind;
        // SAFETY: the caller says that it is valid.
        unsafe {
            place.write(Scope {
                seal: Cell::new(sealed.seal()),
                outer: Cell::new(outer),
                coroutine: Cell::new(sealed.coroutine),
                deadline: Cell::new(deadline),
                channel: Cell::new(channel),
                error: Cell::new(0),
                nested,
            });
        }
        sealed
    }

    /// Writes a scope that could not be entered, and why.
    ///
    /// # Safety
    /// `place` is valid for writes.
    pub(super) unsafe fn write_failed(place: NonNull<Scope>, error: Errno) {
        let mut sealed = Sealed::new(NO_SCHEDULER, place, ptr::null(), ptr::null());
        sealed.state = state::FAILED;
        // SAFETY: the caller says that it is valid.
        let scope = unsafe { sealed.memory() };
        scope.outer.set(ptr::null());
        scope.coroutine.set(ptr::null());
        scope.error.set(error as c_int);
        scope.seal.set(sealed.seal());
    }

    /// Reads a scope of this scheduler that is entered or was left. `None` where there is none, or
    /// no more.
    ///
    /// # Safety
    /// `place` is readable.
    #[inline]
    pub(super) unsafe fn read(serial: u64, place: NonNull<Scope>) -> Option<Sealed> {
        // SAFETY: the caller says that it is readable. The values may be any; the compiler can't
        // know that they may have been written never or by others.
        let (seal, outer, coroutine) = unsafe {
            let scope = place.as_ptr();
            (
                (&raw const (*scope).seal).cast::<u64>().read_volatile(),
                (&raw const (*scope).outer).cast::<*const Scope>().read_volatile(),
                (&raw const (*scope).coroutine).cast::<*const Coroutine>().read_volatile(),
            )
        };
        let mut sealed = Sealed::new(serial, place, outer, coroutine);
        sealed.state = (seal & STATE) as u8;
        (seal & !STATE == sealed.hash).then_some(sealed)
    }

    /// Reads why a scope could not be entered. `None` where there is no such scope.
    ///
    /// # Safety
    /// `place` is readable.
    pub(super) unsafe fn read_failed(place: NonNull<Scope>) -> Option<c_int> {
        // SAFETY: the caller says that it is readable.
        let sealed = unsafe { Sealed::read(NO_SCHEDULER, place) }?;
        // SAFETY: the seal is unbroken, so `write_failed` has written the memory.
        (sealed.kind() == state::FAILED).then(|| unsafe { sealed.memory() }.error.get())
    }

    #[inline]
    fn new(
        serial: u64,
        place: NonNull<Scope>,
        outer: *const Scope,
        coroutine: *const Coroutine,
    ) -> Sealed {
        let mixed = place.addr().get() as u64
            ^ (outer.addr() as u64).rotate_left(21)
            ^ (coroutine.addr() as u64).rotate_left(42)
            ^ serial.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = mixed.wrapping_add(1).wrapping_mul(0xd6e8_feb8_6659_fd93) & !STATE;
        Sealed { place, hash, state: 0, outer, coroutine }
    }

    fn seal(&self) -> u64 {
        self.hash | u64::from(self.state)
    }

    /// # Safety
    /// The memory is that of a scope.
    unsafe fn memory(&self) -> &Scope {
        // SAFETY: the caller says so; all fields may have any value.
        unsafe { self.place.as_ref() }
    }

    pub(super) fn place(&self) -> NonNull<Scope> {
        self.place
    }

    pub(super) fn outer(&self) -> *const Scope {
        self.outer
    }

    pub(super) fn coroutine(&self) -> *const Coroutine {
        self.coroutine
    }

    pub(super) fn kind(&self) -> u8 {
        self.state & state::KIND
    }

    /// Returns whether one of these bits of [`state`] is set.
    pub(super) fn is(&self, bits: u8) -> bool {
        self.state & bits != 0
    }

    /// Sets bits of [`state`].
    pub(super) fn add(&mut self, bits: u8) {
        self.set(self.state | bits);
    }

    /// Says that the scope has been left.
    pub(super) fn leave(&mut self) {
        self.set(self.state & !state::KIND | state::LEFT);
    }

    fn set(&mut self, state: u8) {
        self.state = state;
        // SAFETY: the seal was unbroken when it was read; no other code has run since.
        unsafe { self.memory() }.seal.set(self.seal());
    }

    pub(super) fn deadline(&self) -> i64 {
        // SAFETY: the seal is unbroken.
        unsafe { self.memory() }.deadline.get()
    }

    pub(super) fn nested(&self) -> Ref<Subscriber> {
        // SAFETY: part of an entered scope, which withdraws it when it is left.
        unsafe { Ref::from_raw(&raw const (*self.place.as_ptr()).nested) }
    }

    pub(super) fn watch(&self) -> Watch {
        match self.state & (state::SHIELDS | state::AWAITS_REQUEST | state::AWAITS_CHANNEL) {
            state::SHIELDS => Watch::Shield,
            state::AWAITS_REQUEST => Watch::Request,
            // SAFETY: the seal is unbroken.
            state::AWAITS_CHANNEL => Watch::Channel(unsafe { self.memory() }.channel.get()),
            _ => Watch::Nothing,
        }
    }

    pub(super) fn fired(&self) -> Fired {
        if self.is(state::HAPPENED) {
            Fired::ByRequest
        } else if self.is(state::OVERDUE) {
            Fired::ByDeadline
        } else {
            Fired::No
        }
    }
}
