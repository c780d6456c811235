//! Channels: two connected half-channels, each of which sends to the other.
//!
//! Sending and receiving are a rendezvous (`rendezvous.rs`), so a message is never stored, torn or
//! lost.

mod calls;
mod rendezvous;

pub(crate) use calls::{Half, receive, send};
pub(crate) use rendezvous::Direction;
pub(super) use rendezvous::begin_half;

use super::subscriber::{News, Subscriber, Subscribers};
use crate::handle_table::{Kind, no_interfaces};
use crate::intrusive::{List, Ref};
use crate::os::errno::{Errno, Result};
use crate::scheduler::context::Context;
use crate::scheduler::coroutine::Waiting as Queued;
use crate::scheduler::handles;
use core::cell::Cell;
use core::ffi::c_int;
use core::ptr::{self, NonNull};

/// One end of a channel.
#[repr(C)]
pub(crate) struct HalfChannel {
    /// Those who wait to receive from this half.
    pub(super) receivers: List<Queued>,
    /// Those who wait to send to this half.
    pub(super) senders: List<Queued>,
    /// Those who are told when this half is closed.
    close_subscribers: Subscribers,
    /// Those who are told when nothing more will come to this half.
    end_subscribers: Subscribers,
    /// Bytes from here to the other half.
    to_peer: i32,
    state: Cell<u8>,
    closed: Cell<bool>,
    user_memory: bool,
}

/// In `state`: nothing more will be sent to this half.
const DONE: u8 = 1;
/// In `state`: the messages come from a [`Source`].
const HAS_SOURCE: u8 = 2;

/// Both ends, in one block of memory.
#[repr(C)]
pub(crate) struct Channel {
    halves: [HalfChannel; 2],
}

// The storage that libdill's users reserve.
const _: () = assert!(size_of::<Channel>() <= 144 && align_of::<Channel>() <= 8);

pub(crate) static HALF_CHANNEL: Kind = Kind::new("channel", close, no_interfaces);

impl Channel {
    fn new(user_memory: bool, state: u8) -> Channel {
        let half = |to_peer: i32| HalfChannel {
            receivers: List::new(),
            senders: List::new(),
            close_subscribers: Subscribers::new(),
            end_subscribers: Subscribers::new(),
            to_peer,
            state: Cell::new(state),
            closed: Cell::new(false),
            user_memory,
        };
        const SIZE: i32 = size_of::<HalfChannel>() as i32;
        Channel { halves: [half(SIZE), half(-SIZE)] }
    }

    /// Completes what needs the final address.
    fn init(&self) {
        for half in &self.halves {
            half.receivers.init();
            half.senders.init();
            half.close_subscribers.init();
            half.end_subscribers.init();
        }
    }
}

/// A message buffer, of the sender or the receiver.
#[derive(Clone, Copy)]
pub(crate) struct Buffer {
    pub(crate) address: *mut u8,
    pub(crate) len: usize,
}

/// Where the messages of a channel without a sending half come from.
///
/// The functions may be called for halves of channels that were made with this table.
pub(super) struct Source {
    /// Receives a message if there is one, and returns whether there was. Otherwise prepares for
    /// one to come.
    pub(super) receive: unsafe fn(&Context, &HalfChannel, Buffer) -> Result<bool>,
    /// Ends all waits for the channel and frees it.
    pub(super) close: unsafe fn(&Context, Ref<HalfChannel>),
}

/// A channel whose messages come from a source. Only its first half is used.
#[repr(C)]
pub(super) struct SourceChannel {
    channel: Channel,
    source: &'static Source,
}

impl SourceChannel {
    pub(super) fn new(source: &'static Source) -> SourceChannel {
        SourceChannel { channel: Channel::new(false, HAS_SOURCE), source }
    }

    /// Completes what needs the final address.
    pub(super) fn init(&self) {
        self.channel.init();
    }

    /// The half that is to have a handle, as the object behind it. It has the address of the
    /// channel.
    pub(super) fn object(&self) -> *mut () {
        ptr::from_ref(self).cast_mut().cast()
    }
}

/// The half-channel behind a handle.
#[inline(always)]
pub(crate) fn find(context: &Context, handle: c_int) -> Result<Ref<HalfChannel>> {
    let object = context.handles.find(handle, &HALF_CHANNEL)?;
    // SAFETY: objects of this kind are half-channels, alive while a handle is open.
    Ok(unsafe { Ref::from_raw(object.cast()) })
}

/// Fast path of [`find`]; may return `None` for a valid handle.
#[inline(always)]
pub(super) fn find_at_once(context: &Context, handle: c_int) -> Option<Ref<HalfChannel>> {
    let object = context.handles.find_at_once(handle, &HALF_CHANNEL)?;
    // SAFETY: as in `find`.
    Some(unsafe { Ref::from_raw(object.cast()) })
}

/// Makes a channel; its two handles. `memory`: the user's, for a [`Channel`].
pub(crate) fn make(memory: Option<NonNull<Channel>>) -> Result<[c_int; 2]> {
    let context = Context::may_start()?;
    let channel = Channel::new(memory.is_some(), 0);
    let channel = match memory {
        None => context.objects.allocate(channel)?,
        // SAFETY: the user gives this memory to the channel until both ends are closed.
        Some(memory) => unsafe {
            memory.write(channel);
            Ref::new(memory)
        },
    };
    channel.init();
    let open = |half: &HalfChannel| {
        handles::open(context, ptr::from_ref(half).cast_mut().cast(), &HALF_CHANNEL)
    };
    let first = open(&channel.halves[0]).inspect_err(|_| free(context, channel))?;
    let second = open(&channel.halves[1]).inspect_err(|_| {
        context.handles.release(first);
        free(context, channel);
    })?;
    Ok([first, second])
}

fn free(context: &Context, channel: Ref<Channel>) {
    if !channel.halves[0].user_memory {
        // SAFETY: allocated by `make`; nobody has a handle to it or waits on it.
        unsafe { context.objects.free(channel) };
    }
}

impl HalfChannel {
    /// The other end.
    #[inline(always)]
    pub(super) fn peer(&self) -> Ref<HalfChannel> {
        // SAFETY: the two halves of a channel are neighbours in one array.
        unsafe { Ref::from_raw(ptr::from_ref(self).byte_offset(self.to_peer as isize)) }
    }

    /// Nothing more will be sent from this half: `chdone`. `EPIPE` when that is so
    /// already, `ENOTSUP` for a channel with a source.
    pub(super) fn done(&self, context: &Context) -> Result<()> {
        let peer = self.peer();
        peer.may_be_done()?;
        if peer.state.replace(DONE) != 0 {
            return Err(Errno::EPIPE);
        }
        peer.end_waits(context);
        peer.end_subscribers.tell_all(context, News::Happened);
        Ok(())
    }

    /// Fails with `ENOTSUP` for a channel with a source, which has no sending half.
    pub(super) fn may_be_done(&self) -> Result<()> {
        if self.source().is_some() { Err(Errno::ENOTSUP) } else { Ok(()) }
    }

    /// Returns whether all that can happen here is a rendezvous.
    #[inline(always)]
    pub(super) fn is_plain(&self) -> bool {
        self.state.get() == 0
    }

    /// Returns the table of the source that the messages come from, if there is one.
    fn source(&self) -> Option<&'static Source> {
        if self.state.get() & HAS_SOURCE == 0 {
            return None;
        }
        let channel: *const SourceChannel = self.channel().as_ptr().cast();
        // SAFETY: only `SourceChannel::new` sets this bit, for the channel at its start.
        Some(unsafe { (*channel).source })
    }

    /// Returns the channel that this half is part of.
    fn channel(&self) -> Ref<Channel> {
        let first = if self.to_peer < 0 { self.peer().as_ptr() } else { ptr::from_ref(self) };
        // SAFETY: the first half is at the start of its channel.
        unsafe { Ref::from_raw(first.cast()) }
    }

    /// Returns whether nothing more will come, as the peer is done or closed.
    pub(super) fn is_over(&self) -> bool {
        self.state.get() & DONE != 0 || self.peer().closed.get()
    }

    /// Subscribes to the end of this half: nothing more comes, as the peer is done or closed.
    /// Returns false, and does not subscribe, when that is so already.
    pub(super) fn subscribe(&self, subscriber: Ref<Subscriber>) -> bool {
        if self.is_over() {
            return false;
        }
        self.end_subscribers.add(subscriber);
        true
    }

    /// Those who have subscribed to the close of this half.
    pub(super) fn close_subscribers(&self) -> &Subscribers {
        &self.close_subscribers
    }

    /// Subscribes to the close of this half.
    pub(super) fn subscribe_to_close(&self, subscriber: Ref<Subscriber>) {
        self.close_subscribers.add(subscriber);
    }

    /// Ends all waits for this half with `EPIPE`.
    pub(super) fn end_waits(&self, context: &Context) {
        for list in [&self.receivers, &self.senders] {
            while let Some(waiter) = list.first() {
                waiter.complete(context, Errno::EPIPE as c_int);
            }
        }
    }
}

/// `chdone`.
pub(crate) fn done(handle: c_int) -> Result<()> {
    let context = Context::existing().ok_or(Errno::EBADF)?;
    find(context, handle)?.done(context)
}

unsafe fn close(object: *mut ()) -> Result<()> {
    let context = Context::get()?;
    // SAFETY: called with an object of this kind.
    let half: Ref<HalfChannel> = unsafe { Ref::from_raw(object.cast()) };
    half.close_subscribers.tell_all(context, News::Happened);
    half.end_subscribers.tell_all(context, News::Ended);
    if let Some(source) = half.source() {
        // SAFETY: the table is that of this half's channel.
        unsafe { (source.close)(context, half) };
        return Ok(());
    }
    half.closed.set(true);
    let peer = half.peer();
    peer.end_subscribers.tell_all(context, News::Happened);
    if peer.closed.get() {
        let channel = half.channel();
        for half in &channel.halves {
            half.end_waits(context);
        }
        free(context, channel);
    }
    Ok(())
}
