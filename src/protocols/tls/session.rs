//! A session: rustls's connection between the two streams of bytes.
//!
//! One coroutine may send while another one receives. Both use the same connection, but never
//! hold it while they are blocked: what can't be sent at once is taken out of it first, and what
//! can't be received at once is put into it afterwards.

mod incomplete;
mod interfaces;
mod records;
mod unblocked;

use crate::concurrency::atomicity::{self, UnderWay};
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{Occupied, Operation};
use crate::scheduler::context::Context;
use crate::sockets::direction::{has_done_nothing, is_late};
use crate::sockets::io_list::Cursor;
use crate::sockets::room::Room;
use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::ffi::c_int;
use incomplete::Record;
use rustls::Connection;
use std::io::{BufRead, Write};

/// Content that is encrypted at once, four full records: a system call less often than that
/// gains nothing any more.
const SEND_AT_ONCE: usize = 4 << 14;

/// Buffers that are gathered for that.
const BATCH: usize = 16;

pub(super) struct Session {
    /// Handle of the stream below, -1 when it was given back.
    below: Cell<c_int>,
    connection: RefCell<Connection>,
    /// Decrypted bytes that nobody has received yet.
    plaintext: Cell<usize>,
    /// The record that is being received.
    record: Cell<Record>,
    /// rustls has the first byte of the next record, which is still in the stream below.
    peeked: Cell<bool>,
    /// The peer has said goodbye.
    peer_done: Cell<bool>,
    /// A receive has told of that.
    ended: Cell<bool>,
    /// We have said goodbye.
    done: Cell<bool>,
    receive_failed: Cell<bool>,
    /// Why, if no receive has told of it.
    failure: Cell<Option<Errno>>,
    send_failed: Cell<bool>,
    /// The last send has timed out before it has begun.
    send_timed_out: Cell<bool>,
    room: Room,
    receiving: Cell<bool>,
    sending: Cell<bool>,
}

impl Session {
    pub(super) fn new(mut connection: Connection, below: c_int, room: Room) -> Self {
        // All that is encrypted leaves before more is.
        connection.set_buffer_limit(None);
        Self {
            below: Cell::new(below),
            connection: RefCell::new(connection),
            plaintext: Cell::new(0),
            record: Cell::new(Record::NONE),
            peeked: Cell::new(false),
            peer_done: Cell::new(false),
            ended: Cell::new(false),
            done: Cell::new(false),
            receive_failed: Cell::new(false),
            failure: Cell::new(None),
            send_failed: Cell::new(false),
            send_timed_out: Cell::new(false),
            room,
            receiving: Cell::new(false),
            sending: Cell::new(false),
        }
    }

    pub(super) fn inspect<T>(&self, action: impl FnOnce(&Connection) -> T) -> T {
        action(&self.connection.borrow())
    }

    pub(super) fn below(&self) -> c_int {
        self.below.get()
    }

    /// The handle of the stream below, once: -1 from then on.
    pub(super) fn release_below(&self) -> c_int {
        self.below.replace(-1)
    }

    /// Does the next receive not block, before its first byte?
    pub(super) fn receives_at_once(&self) -> bool {
        let failed = self.receive_failed.get() || self.failure.get().is_some();
        self.plaintext.get() > 0 || self.peer_done.get() || failed
    }

    /// The initial handshake.
    pub(super) fn shake_hands(&self, deadline: i64) -> Result<()> {
        // The server can be interrupted until the client has begun.
        let mut operation = Operation::new(deadline);
        loop {
            if self.connection.borrow().wants_write() {
                operation.begun()?;
                self.flush(deadline)?;
            }
            if !self.connection.borrow().is_handshaking() {
                return Ok(());
            }
            self.read_record(&mut operation)?;
        }
    }

    /// Tells the peer that no more will come.
    pub(super) fn done(&self, deadline: i64) -> Result<()> {
        Context::may_block()?;
        self.output_open()?;
        self.use_output(deadline, |_| {
            self.connection.borrow_mut().send_close_notify();
            self.flush(deadline)?;
            self.done.set(true);
            Ok(())
        })
    }

    /// Fails if nothing can be sent.
    fn output_open(&self) -> Result<()> {
        match () {
            () if self.sending.get() => Err(Errno::EBUSY),
            () if self.done.get() => Err(Errno::EPIPE),
            () if self.send_failed.get() => Err(Errno::ECONNRESET),
            () => Ok(()),
        }
    }

    /// Runs `operation`, which sends records. A record that is encrypted can't be taken back, as
    /// the next one counts on from it. So before that the stream below must have room; whatever
    /// ends the wait for it has changed nothing. If the stream can't tell of room, the operation
    /// has begun at once.
    fn use_output(
        &self,
        deadline: i64,
        transfer: impl FnOnce(&mut Operation) -> Result<()>,
    ) -> Result<()> {
        let late = self.send_timed_out.get() && is_late(deadline);
        let _occupied = Occupied::new(&self.sending);
        if let Err(error) = self.await_room(deadline) {
            return Err(match error {
                Errno::ETIMEDOUT => {
                    self.send_timed_out.set(true);
                    if late { Errno::ECONNRESET } else { error }
                }
                error if has_done_nothing(error, deadline) => error,
                error => {
                    self.send_failed.set(true);
                    error
                }
            });
        }
        self.send_timed_out.set(false);
        let mut operation = Operation::new(deadline);
        let result = operation.begun().and_then(|()| transfer(&mut operation));
        if result.is_err() {
            self.send_failed.set(true);
        }
        result
    }

    /// Waits until the stream below has room, if it can tell, and if anything may end the wait.
    fn await_room(&self, deadline: i64) -> Result<()> {
        if atomicity::may_end(Context::get()?, deadline) {
            self.room.wait(self.below.get(), deadline)?;
        }
        Ok(())
    }

    /// Encrypts the next bytes. Not inlined: the list of buffers shall not stay on the stack
    /// of a blocked coroutine.
    #[inline(never)]
    fn encrypt(&self, cursor: &mut Cursor) -> Result<()> {
        const EMPTY: libc::iovec = libc::iovec { iov_base: core::ptr::null_mut(), iov_len: 0 };
        let mut slots = [EMPTY; BATCH];
        let slices = cursor.slices(&mut slots, SEND_AT_ONCE);
        let mut connection = self.connection.borrow_mut();
        match connection.writer().write_vectored(slices) {
            Ok(taken) if taken > 0 => {
                cursor.advance(taken);
                self.room.used(taken);
                Ok(())
            }
            // Not before the handshake, and not after an error.
            _ => Err(Errno::ECONNRESET),
        }
    }

    /// Sends all of a list.
    fn send_list(&self, mut list: Cursor, deadline: i64) -> Result<()> {
        self.output_open()?;
        if list.remaining() == 0 {
            return Ok(());
        }
        self.use_output(deadline, |operation| {
            while list.remaining() > 0 {
                let before = list.remaining();
                self.encrypt(&mut list)?;
                self.flush(deadline)?;
                if list.remaining() > 0 {
                    operation.transferred(before - list.remaining())?;
                }
            }
            Ok(())
        })
    }

    /// Fills a list. Without one everything is received and dropped.
    fn receive_list(&self, mut list: Option<Cursor>, deadline: i64) -> Result<()> {
        self.use_input(deadline, |operation| match &mut list {
            Some(list) => self.fill(list, operation),
            None => self.drop_all(operation).map(|never| match never {}),
        })
    }

    /// Runs an operation that receives.
    fn use_input(
        &self,
        deadline: i64,
        transfer: impl FnOnce(&mut Operation) -> Result<()>,
    ) -> Result<()> {
        match () {
            () if self.receiving.get() => return Err(Errno::EBUSY),
            () if self.ended.get() => return Err(Errno::EPIPE),
            () if self.receive_failed.get() => return Err(Errno::ECONNRESET),
            () => {}
        }
        if let Some(error) = self.failure.take() {
            self.receive_failed.set(true);
            return Err(error);
        }
        let _occupied = Occupied::new(&self.receiving);
        let mut operation = Operation::new(deadline);
        let result = transfer(&mut operation);
        match result {
            Err(error) if !operation.has_begun() && has_done_nothing(error, deadline) => {}
            Err(Errno::EPIPE) => self.ended.set(true),
            Err(_) => self.receive_failed.set(true),
            Ok(()) => {}
        }
        result
    }

    fn fill(&self, cursor: &mut Cursor, operation: &mut Operation) -> Result<()> {
        let all = cursor.remaining();
        loop {
            self.take_plaintext(cursor);
            if cursor.remaining() == 0 {
                return Ok(());
            }
            if self.peer_done.get() {
                return Err(Errno::EPIPE);
            }
            if cursor.remaining() < all {
                operation.begun()?;
            }
            self.read_record(operation)?;
            if cursor.remaining() == all {
                operation.not_begun();
            }
            operation.transferred(self.plaintext.get())?;
        }
    }

    fn drop_all(&self, operation: &mut Operation) -> Result<Infallible> {
        let mut dropped = false;
        loop {
            dropped |= self.plaintext.get() > 0;
            if dropped {
                operation.begun()?;
            }
            let count = self.plaintext.replace(0);
            self.drop_plaintext();
            operation.transferred(count)?;
            if self.peer_done.get() {
                return Err(Errno::EPIPE);
            }
            self.read_record(operation)?;
            if !dropped {
                operation.not_begun();
            }
        }
    }

    /// Copies what is decrypted to the list, as far as it has room.
    fn take_plaintext(&self, cursor: &mut Cursor) {
        let mut connection = self.connection.borrow_mut();
        while self.plaintext.get() > 0 && cursor.remaining() > 0 {
            let mut reader = connection.reader();
            let Ok(chunk) = reader.fill_buf() else { break };
            let taken = cursor.copy_from(chunk);
            reader.consume(taken);
            self.plaintext.set(self.plaintext.get() - taken);
        }
    }

    fn drop_plaintext(&self) {
        let mut connection = self.connection.borrow_mut();
        let mut reader = connection.reader();
        while let Ok(chunk) = reader.fill_buf() {
            let len = chunk.len();
            if len == 0 {
                break;
            }
            reader.consume(len);
        }
    }

    /// Says goodbye and waits until the peer has done so. What comes before that is dropped.
    pub(super) fn say_goodbye(&self, deadline: i64) -> Result<()> {
        if self.receive_failed.get() || self.send_failed.get() {
            return Err(Errno::ECONNRESET);
        }
        if self.receiving.get() {
            return Err(Errno::EBUSY);
        }
        let mut _under_way = None;
        if !self.done.get() {
            self.done(deadline)?;
            _under_way = Some(UnderWay::begin()?);
        }
        match self.receive_list(None, deadline) {
            Err(Errno::EPIPE) => Ok(()),
            result => result,
        }
    }
}
