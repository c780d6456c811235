//! UDP: a message socket of the system. Sending never blocks and nothing is guaranteed.

#![allow(unsafe_code)] // Lists of buffers; system calls.

mod filter;

use super::direction::Direction;
use super::fd_io::{BATCH, EMPTY, attempt, header};
use super::io_list::{self, Cursor, IoList, ToFill, ToSend};
use super::ip_address::{self, IpAddress};
use super::message_socket::MessageSocket;
use super::object::{Input, Kind, Messages, Object, Placed, Socket};
use super::storage::{self, Storage};
use super::taking_over::take_over;
use crate::concurrency::atomicity::{self, RECORDED};
use crate::intrusive::Ref;
use crate::os::errno::{Errno, Result};
use crate::os::{descriptors, syscalls};
use crate::scheduler::context::Context;
use crate::scheduler::fd_readiness::FdSource;
use core::ffi::c_int;
use core::ptr::NonNull;
use core::slice;
use nix::sys::socket::{self, AddressFamily, SockType, SockaddrLike, SockaddrStorage, sockopt};
use std::os::fd::{AsRawFd, RawFd};

/// Size of the C structure.
pub(crate) const STORAGE: usize = 72;
const _: () = assert!(storage::fits::<Object<Udp>>(STORAGE));

/// No datagram is longer.
const LONGEST: usize = 65_535;

/// Messages from strangers that are dropped between two looks at the clock.
const UNWANTED_AT_ONCE: usize = 256;

struct Udp {
    source: FdSource,
    own_memory: bool,
    input: Direction,
    /// Where messages go and whom they are taken from; in a block of its own, as the C
    /// structure has no room for it.
    remote: Option<Ref<IpAddress>>,
}

impl Drop for Udp {
    fn drop(&mut self) {
        if let (Some(remote), Ok(context)) = (self.remote, Context::get()) {
            // SAFETY: allocated by `open` and used by this object only.
            unsafe { context.objects.free(remote) };
        }
    }
}

static UDP: Kind<Udp> = Kind::new("udp");

/// Opens a socket bound to `local`, where a port 0 is replaced by the one that the system
/// chose, and for messages to and from `remote` only. `EINVAL` if their families differ.
pub(crate) fn open(
    local: Option<&mut IpAddress>,
    remote: Option<&IpAddress>,
    storage: Storage,
) -> Result<c_int> {
    let context = Context::may_start()?;
    let own = local.as_deref().map(IpAddress::decode).transpose()?;
    let other = remote.map(IpAddress::decode).transpose()?;
    if let (Some(own), Some(other)) = (own, other)
        && own.is_ipv4() != other.is_ipv4()
    {
        return Err(Errno::EINVAL);
    }
    let is_ipv6 = own.or(other).is_some_and(|address| address.is_ipv6());
    let family = if is_ipv6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let fd = descriptors::socket(family as c_int, libc::SOCK_DGRAM)?;
    if let Some(other) = other {
        // Before anything can come in. Where the system refuses, receiving still looks at who
        // has sent a message.
        let _ = filter::accept_only(&fd, other);
    }
    let mut port = None;
    if let Some(own) = own {
        socket::bind(fd.as_raw_fd(), &SockaddrStorage::from(own))?;
        if own.port() == 0 {
            port = Some(super::tcp::bound_port(&fd)?);
        }
    }
    let handle = make(context, FdSource::register(fd)?, remote, storage)?;
    if let (Some(local), Some(port)) = (local, port) {
        local.set_port(port.into())?;
    }
    Ok(handle)
}

/// Takes over a datagram socket of the Internet families: `EINVAL` for another one. If it is
/// connected, messages go there and come from there. It is closed then; after an error it is as
/// it was.
pub(crate) fn from_fd(fd: RawFd) -> Result<c_int> {
    let context = Context::may_start()?;
    let kind = socket::getsockopt(&syscalls::borrow(fd), sockopt::SockType)?;
    if kind != SockType::Datagram || ip_address::of_socket(Ok(fd)).is_err() {
        return Err(Errno::EINVAL);
    }
    let remote = ip_address::of_peer(Ok(fd)).ok().map(IpAddress::from);
    take_over(fd, |source| make(context, source, remote.as_ref(), Storage::Own))
}

/// The remote address of the socket: `ENOTCONN` if it has none.
pub(crate) fn remote(socket: c_int) -> Result<IpAddress> {
    UDP.find(socket)?.remote.map(|remote| *remote).ok_or(Errno::ENOTCONN)
}

fn make(
    context: &Context,
    source: FdSource,
    remote: Option<&IpAddress>,
    storage: Storage,
) -> Result<c_int> {
    let remote = remote.map(|remote| context.objects.allocate(*remote)).transpose()?;
    let udp = Udp {
        source,
        own_memory: matches!(storage, Storage::Own),
        input: Direction::new(),
        remote,
    };
    UDP.open_placed(udp, storage)
}

/// The socket's descriptor, which stays its own.
pub(crate) fn descriptor(socket: c_int) -> Result<RawFd> {
    UDP.find(socket).map(|udp| udp.source.as_raw_fd())
}

/// Sends a message to `address`, or to the remote address of the socket. A message that finds
/// the system's buffers full is lost, as it might be anywhere else on its way.
///
/// # Safety
/// As for [`Cursor::new`], for sending.
pub(crate) unsafe fn send_to(
    socket: c_int,
    address: Option<&IpAddress>,
    first: *const IoList,
    last: *const IoList,
) -> Result<()> {
    Context::get()?.take_turn(-1);
    // SAFETY: by the caller's promise.
    unsafe { UDP.find(socket)?.send_to(address, first, last) }
}

/// Receives a message and returns its length. `EMSGSIZE` if it doesn't fit into the list:
/// then it is lost, and the socket goes on.
///
/// # Safety
/// As for [`Cursor::new`], for receiving.
pub(crate) unsafe fn receive_from(
    socket: c_int,
    address: Option<&mut IpAddress>,
    first: *const IoList,
    last: *const IoList,
    deadline: i64,
) -> Result<usize> {
    Context::get()?.take_turn(deadline);
    // SAFETY: by the caller's promise.
    let (length, sender) = unsafe { UDP.find(socket)?.receive_from(first, last, deadline)? };
    if let Some(address) = address {
        *address = sender;
    }
    Ok(length)
}

impl Udp {
    /// # Safety
    /// As for [`send_to`].
    unsafe fn send_to(
        &self,
        address: Option<&IpAddress>,
        first: *const IoList,
        last: *const IoList,
    ) -> Result<()> {
        // SAFETY: by the caller's promise.
        let mut cursor = unsafe { Cursor::new(first, last, io_list::Direction::Send)? };
        let target = match (address, self.remote) {
            (Some(address), _) => address.decode()?,
            (None, Some(remote)) => remote.decode()?,
            (None, None) => return Err(Errno::EINVAL),
        };
        send_one(self.source.as_raw_fd(), &target.into(), &mut cursor)?;
        atomicity::note_transfer(Context::get()?, RECORDED);
        Ok(())
    }

    /// The length of the next message, and who has sent it.
    ///
    /// # Safety
    /// As for [`receive_from`].
    unsafe fn receive_from(
        &self,
        first: *const IoList,
        last: *const IoList,
        deadline: i64,
    ) -> Result<(usize, IpAddress)> {
        let context = Context::may_block()?;
        let everything = IoList::anything();
        let (first, last) = match first.is_null() && last.is_null() {
            true => (&raw const everything, &raw const everything),
            false => (first, last),
        };
        // SAFETY: by the caller's promise, or a list of ours.
        let list = unsafe { Cursor::new(first, last, io_list::Direction::ReceiveMessage)? };
        self.input.occupy(&self.source, deadline, |call| {
            let mut unwanted = 0usize;
            loop {
                if !self.source.may_read() {
                    call.wait_readable()?;
                }
                let Some(datagram) = receive_one(self.source.as_raw_fd(), list)? else {
                    self.source.read_has_blocked();
                    continue;
                };
                if self.expects(&datagram.sender) {
                    atomicity::note_transfer(context, RECORDED);
                    let length = datagram.length.ok_or(Errno::EMSGSIZE)?;
                    return Ok((length, datagram.sender));
                }
                // Somebody who sends and sends must not hold the call beyond its deadline, nor
                // others.
                call.let_others_run()?;
                unwanted += 1;
                if unwanted.is_multiple_of(UNWANTED_AT_ONCE) {
                    call.check_deadline()?;
                }
            }
        })
    }

    /// Are messages from `sender` wanted?
    fn expects(&self, sender: &IpAddress) -> bool {
        self.remote.is_none_or(|remote| (*remote).same(sender, false) == Ok(true))
    }
}

/// A message that was received.
struct Datagram {
    /// `None` if it was too long for the list.
    length: Option<usize>,
    sender: IpAddress,
}

/// Memory for a datagram whose list is too long or too scattered for a system call.
struct Block(NonNull<u8>);

impl Block {
    fn allocate() -> Result<Self> {
        Context::get()?.objects.allocate_bytes(LONGEST).map(Self)
    }

    fn slot(&self, length: usize) -> libc::iovec {
        libc::iovec { iov_base: self.0.as_ptr().cast(), iov_len: length.min(LONGEST) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Ok(context) = Context::get() {
            // SAFETY: allocated with this size, and nobody else's.
            unsafe { context.objects.free_bytes(self.0, LONGEST) };
        }
    }
}

/// Sends the list as one datagram. Not inlined: its buffers shall not stay on the stack of a
/// coroutine.
#[inline(never)]
fn send_one(fd: RawFd, target: &SockaddrStorage, cursor: &mut Cursor) -> Result<()> {
    if cursor.remaining() > LONGEST {
        return Err(Errno::EMSGSIZE);
    }
    let mut slots = [EMPTY; BATCH];
    let (mut count, bytes) = cursor.gather(&mut slots, LONGEST);
    let mut block = None;
    if bytes < cursor.remaining() {
        let block = block.insert(Block::allocate()?);
        let length = cursor.remaining();
        // SAFETY: the block has room for the longest datagram.
        cursor.copy_to(unsafe { slice::from_raw_parts_mut(block.0.as_ptr().cast(), length) });
        (slots[0], count) = (block.slot(length), 1);
    }
    // At least one, be it empty: QEMU's emulation sends and receives nothing without any.
    let mut header = header(&mut slots[..count.max(1)]);
    header.msg_name = target.as_ptr().cast_mut().cast();
    header.msg_namelen = target.len();
    // SAFETY: the cursor vouches for the buffers, or the block does; all live through the call.
    let sent = attempt(|| unsafe { libc::sendmsg(fd, &raw const header, libc::MSG_NOSIGNAL) });
    sent.map(drop)
}

/// Receives a datagram into the list; `None` if there is none. Not inlined, as [`send_one`].
#[inline(never)]
fn receive_one(fd: RawFd, mut list: Cursor) -> Result<Option<Datagram>> {
    let capacity = list.remaining().min(LONGEST);
    let mut slots = [EMPTY; BATCH];
    let (mut count, bytes) = list.gather(&mut slots, capacity);
    let mut block = None;
    if bytes < capacity {
        (slots[0], count) = (block.insert(Block::allocate()?).slot(capacity), 1);
    }
    let mut sender = IpAddress::NONE;
    let name = sender.as_mut_bytes();
    // At least one, as in `send_one`.
    let mut header = header(&mut slots[..count.max(1)]);
    let received = attempt(|| {
        header.msg_name = name.as_mut_ptr().cast();
        header.msg_namelen = name.len() as libc::socklen_t;
        // SAFETY: as in `send_one`. The result is the datagram's own length.
        unsafe { libc::recvmsg(fd, &raw mut header, libc::MSG_TRUNC) }
    })?;
    let Some(length) = received else { return Ok(None) };
    if length > capacity {
        return Ok(Some(Datagram { length: None, sender }));
    }
    if let Some(block) = block {
        // SAFETY: the system has written so many bytes to the block.
        list.copy_from(unsafe { slice::from_raw_parts(block.0.as_ptr(), length) });
    }
    Ok(Some(Datagram { length: Some(length), sender }))
}

impl Socket for Udp {
    type Table = MessageSocket;
    type Hold = Placed<Self>;

    /// Whether a message is a stranger's is found out when it is received.
    fn input(&self) -> Result<Input> {
        Ok(Input::Descriptor(self.source.as_raw_fd()))
    }

    fn close(&self) {
        self.input.close();
        self.source.abandon_waiters();
    }

    fn owns_memory(&self) -> bool {
        self.own_memory
    }
}

impl Messages for Udp {
    fn send(&self, list: ToSend<'_>, _: i64) -> Result<()> {
        // SAFETY: the list's promise.
        unsafe { self.send_to(None, list.first(), list.last()) }
    }

    fn receive(&self, list: ToFill<'_>, deadline: i64) -> Result<usize> {
        // SAFETY: the list's promise.
        let received = unsafe { self.receive_from(list.first(), list.last(), deadline) };
        received.map(|(length, _)| length)
    }
}
