//! A session: rustls's connection between the two streams of bytes.
//!
//! One coroutine may send while another one receives. Both use the same connection, but never
//! hold it while they are blocked: what is to be sent is taken out of it first, and what was
//! received is put into it afterwards.

use super::config;
use crate::concurrency::cancel_scope::{self, UnderWay};
use crate::os::errno::{Errno, Result};
use crate::scheduler::clock;
use crate::scheduler::context::Context;
use crate::sockets::at_once;
use crate::sockets::byte_socket;
use crate::sockets::io_list::{Cursor, Direction, IoList};
use crate::sockets::partial;
use crate::sockets::room;
use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::ffi::c_int;
use core::mem;
use core::ops::RangeInclusive;
use rustls::{Connection, ProtocolVersion};
use std::io::{self, BufRead, ErrorKind, IoSlice, Read, Write};

/// Type, version and length: what comes before the content of a record.
const HEADER: usize = 5;

/// Types of records: the first byte of the header.
const ALERT: u8 = 21;
const DATA: u8 = 23;
const TYPES: RangeInclusive<u8> = 20..=24;

/// Bytes of a record behind its header at most: what TLS 1.2 allows, of which 1.3 needs less.
const LONGEST_CONTENT: usize = (1 << 14) + 2048;

/// Content that is encrypted at once, four full records: a system call less often than that
/// gains nothing any more.
const SEND_AT_ONCE: usize = 4 << 14;

/// Buffers that are gathered for that.
const BATCH: usize = 16;

/// Bytes between two looks at the clock. Not fewer, so that what is there already is received
/// although the deadline has passed.
const UNCHECKED: usize = 16 << 20;

pub(super) struct Session {
    /// Handle of the stream below, -1 when it was given back.
    below: Cell<c_int>,
    connection: RefCell<Connection>,
    /// Decrypted bytes that nobody has received yet.
    plaintext: Cell<usize>,
    /// rustls has the first byte of the next record, which is still in the stream below.
    peeked: Cell<bool>,
    /// The peer has said goodbye.
    peer_done: Cell<bool>,
    /// A receive has told of that.
    ended: Cell<bool>,
    /// We have said goodbye.
    done: Cell<bool>,
    receive_failed: Cell<bool>,
    send_failed: Cell<bool>,
    receiving: Cell<bool>,
    sending: Cell<bool>,
}

/// Marks a direction as used by a call.
struct Occupied<'a>(&'a Cell<bool>);

impl<'a> Occupied<'a> {
    fn new(flag: &'a Cell<bool>) -> Self {
        flag.set(true);
        Self(flag)
    }
}

impl Drop for Occupied<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// How far a receive has come.
struct Progress {
    deadline: i64,
    /// Bytes received since the clock was looked at.
    unchecked: usize,
    /// What was received can't be given back.
    begun: bool,
    /// Held as long as `begun`: requests do not interrupt.
    under_way: Option<UnderWay>,
}

impl Progress {
    fn new(deadline: i64) -> Self {
        Self { deadline, unchecked: 0, begun: false, under_way: None }
    }

    fn begin(&mut self) -> Result<()> {
        self.begun = true;
        if self.under_way.is_none() {
            self.under_way = Some(UnderWay::begin()?);
        }
        Ok(())
    }

    fn between_records(&mut self, begun: bool) {
        self.begun = begun;
        if !begun {
            self.under_way = None;
        }
    }

    /// A peer that sends and sends shall not hold a call whose time is over.
    fn transferred(&mut self, count: usize) -> Result<()> {
        self.unchecked += count;
        if self.unchecked < UNCHECKED {
            return Ok(());
        }
        self.unchecked = 0;
        let passed = self.deadline >= 0 && clock::now() >= self.deadline;
        if passed { Err(Errno::ETIMEDOUT) } else { Ok(()) }
    }
}

impl Session {
    pub(super) fn new(mut connection: Connection, below: c_int) -> Self {
        // All that is encrypted leaves before more is.
        connection.set_buffer_limit(None);
        Self {
            below: Cell::new(below),
            connection: RefCell::new(connection),
            plaintext: Cell::new(0),
            peeked: Cell::new(false),
            peer_done: Cell::new(false),
            ended: Cell::new(false),
            done: Cell::new(false),
            receive_failed: Cell::new(false),
            send_failed: Cell::new(false),
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
        self.plaintext.get() > 0 || self.peer_done.get() || self.receive_failed.get()
    }

    /// The initial handshake.
    pub(super) fn shake_hands(&self, deadline: i64) -> Result<()> {
        // The server can be interrupted until the client has begun.
        let mut progress = Progress::new(deadline);
        loop {
            if self.connection.borrow().wants_write() {
                progress.begin()?;
                self.flush(0, deadline)?;
            }
            if !self.connection.borrow().is_handshaking() {
                return Ok(());
            }
            self.read_record(&mut progress)?;
        }
    }

    /// # Safety
    /// As for [`byte_socket::send`].
    pub(super) unsafe fn send(
        &self,
        first: *const IoList,
        last: *const IoList,
        deadline: i64,
    ) -> Result<()> {
        Context::may_block()?;
        // SAFETY: by the caller's promise.
        let mut cursor = unsafe { Cursor::new(first, last, Direction::Send)? };
        self.output_open()?;
        if cursor.remaining() == 0 {
            return Ok(());
        }
        self.use_output(DATA, deadline, |progress, mut sent| {
            while cursor.remaining() > 0 {
                let before = cursor.remaining();
                self.encrypt(&mut cursor)?;
                self.flush(mem::take(&mut sent), deadline)?;
                if cursor.remaining() > 0 {
                    progress.transferred(before - cursor.remaining())?;
                }
            }
            Ok(())
        })
    }

    /// Tells the peer that no more will come.
    pub(super) fn done(&self, deadline: i64) -> Result<()> {
        Context::may_block()?;
        self.output_open()?;
        let record = match self.connection.borrow().protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => ALERT,
            // Everything looks like data.
            _ => DATA,
        };
        self.use_output(record, deadline, |_, sent| {
            self.connection.borrow_mut().send_close_notify();
            self.flush(sent, deadline)?;
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

    /// Runs `operation`, which sends records that begin with the byte `first`; it is told how
    /// many bytes of those, one or none, have been sent already. Until then a request
    /// interrupts it, and has changed nothing.
    fn use_output(
        &self,
        first: u8,
        deadline: i64,
        operation: impl FnOnce(&mut Progress, usize) -> Result<()>,
    ) -> Result<()> {
        let _occupied = Occupied::new(&self.sending);
        let mut progress = Progress::new(deadline);
        let result = self.begin_output(first, &mut progress).and_then(|sent| {
            progress.begin()?;
            operation(&mut progress, sent)
        });
        match result {
            Err(error) if !progress.begun && was_put_off(error) => {}
            Err(_) => self.send_failed.set(true),
            Ok(()) => {}
        }
        result
    }

    /// A record that is encrypted can't be taken back, as the next one counts on from it. So
    /// where a request may come, we wait before that for room in the stream below. If it can't
    /// tell, the byte with which all records begin is sent alone.
    fn begin_output(&self, first: u8, progress: &mut Progress) -> Result<usize> {
        if !cancel_scope::may_interrupt(Context::get()?) || self.connection.borrow().wants_write() {
            return Ok(0);
        }
        if room::wait(self.below.get(), progress.deadline)? {
            return Ok(0);
        }
        self.send_below(&[first], progress.deadline)?;
        Ok(1)
    }

    /// Encrypts the next bytes. Not inlined: the list of buffers shall not stay on the stack
    /// of a blocked coroutine.
    #[inline(never)]
    fn encrypt(&self, cursor: &mut Cursor) -> Result<()> {
        const EMPTY: libc::iovec = libc::iovec { iov_base: core::ptr::null_mut(), iov_len: 0 };
        let mut slots = [EMPTY; BATCH];
        let (count, _) = cursor.gather(&mut slots, SEND_AT_ONCE);
        // SAFETY: the standard library guarantees that its slices are such structures; the
        // cursor vouches for the buffers, which are only read.
        let slices =
            unsafe { core::slice::from_raw_parts(slots.as_ptr().cast::<IoSlice>(), count) };
        let mut connection = self.connection.borrow_mut();
        match connection.writer().write_vectored(slices) {
            Ok(taken) if taken > 0 => {
                cursor.advance(taken);
                Ok(())
            }
            // Not before the handshake, and not after an error.
            _ => Err(Errno::ECONNRESET),
        }
    }

    /// Sends all that rustls has for the peer, of which the first `sent` bytes have gone. One
    /// call at a time may do that.
    fn flush(&self, mut sent: usize, deadline: i64) -> Result<()> {
        if sent == 0 {
            self.send_at_once()?;
        }
        loop {
            let records = self.take_records();
            if records.is_empty() {
                return Ok(());
            }
            self.send_below(&records[mem::take(&mut sent)..], deadline)?;
        }
    }

    /// Sends what there is room for, straight from rustls's memory.
    fn send_at_once(&self) -> Result<()> {
        let mut connection = self.connection.borrow_mut();
        let mut output = Output { below: self.below.get(), result: Ok(()) };
        while connection.wants_write() && connection.write_tls(&mut output).is_ok() {}
        output.result.map_err(torn)
    }

    fn send_below(&self, bytes: &[u8], deadline: i64) -> Result<()> {
        let mut list = IoList::to_send(bytes);
        let list = &raw mut list;
        // SAFETY: list and buffer live through the call.
        unsafe { byte_socket::send(self.below.get(), list, list, deadline) }.map_err(torn)
    }

    #[inline(never)]
    fn take_records(&self) -> Vec<u8> {
        let mut records = Vec::new();
        let mut connection = self.connection.borrow_mut();
        while connection.wants_write() {
            if !matches!(connection.write_tls(&mut records), Ok(count) if count > 0) {
                break;
            }
        }
        records
    }

    /// # Safety
    /// As for [`byte_socket::receive`].
    pub(super) unsafe fn receive(
        &self,
        first: *const IoList,
        last: *const IoList,
        deadline: i64,
    ) -> Result<()> {
        Context::may_block()?;
        let mut cursor = if first.is_null() && last.is_null() {
            None
        } else {
            // SAFETY: by the caller's promise.
            Some(unsafe { Cursor::new(first, last, Direction::Receive)? })
        };
        self.use_input(deadline, false, |progress| match &mut cursor {
            Some(cursor) => self.fill(cursor, progress),
            None => self.drop_all(progress).map(|never| match never {}),
        })
    }

    /// Receives what is there, at least one byte, and at most `length`, which is not 0.
    ///
    /// # Safety
    /// So many bytes can be written to `memory` until the call returns.
    pub(super) unsafe fn receive_some(
        &self,
        memory: *mut u8,
        length: usize,
        deadline: i64,
    ) -> Result<usize> {
        Context::may_block()?;
        let list = IoList::single(memory.cast(), length);
        let list = &raw const list;
        // SAFETY: by the caller's promise.
        let mut cursor = unsafe { Cursor::new(list, list, Direction::Receive)? };
        self.use_input(deadline, true, |progress| {
            loop {
                self.take_plaintext(&mut cursor);
                if cursor.remaining() < length {
                    return Ok(());
                }
                if self.peer_done.get() {
                    return Err(Errno::EPIPE);
                }
                self.read_record(progress)?;
                progress.between_records(false);
            }
        })?;
        Ok(length - cursor.remaining())
    }

    /// Runs an operation that receives; whether it `may_time_out` between two records.
    fn use_input(
        &self,
        deadline: i64,
        may_time_out: bool,
        operation: impl FnOnce(&mut Progress) -> Result<()>,
    ) -> Result<()> {
        match () {
            () if self.receiving.get() => return Err(Errno::EBUSY),
            () if self.ended.get() => return Err(Errno::EPIPE),
            () if self.receive_failed.get() => return Err(Errno::ECONNRESET),
            () => {}
        }
        let _occupied = Occupied::new(&self.receiving);
        let mut progress = Progress::new(deadline);
        let result = operation(&mut progress);
        match result {
            Err(error) if !progress.begun && was_put_off(error) => {}
            Err(Errno::ETIMEDOUT) if !progress.begun && may_time_out => {}
            Err(Errno::EPIPE) => self.ended.set(true),
            Err(_) => self.receive_failed.set(true),
            Ok(()) => {}
        }
        result
    }

    fn fill(&self, cursor: &mut Cursor, progress: &mut Progress) -> Result<()> {
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
                progress.begin()?;
            }
            self.read_record(progress)?;
            progress.between_records(cursor.remaining() < all);
            progress.transferred(self.plaintext.get())?;
        }
    }

    fn drop_all(&self, progress: &mut Progress) -> Result<Infallible> {
        let mut dropped = false;
        loop {
            dropped |= self.plaintext.get() > 0;
            progress.transferred(self.plaintext.replace(0))?;
            self.drop_plaintext();
            if self.peer_done.get() {
                return Err(Errno::EPIPE);
            }
            if dropped {
                progress.begin()?;
            }
            self.read_record(progress)?;
            progress.between_records(dropped);
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

    /// Reads one record, exactly, and decrypts it.
    fn read_record(&self, progress: &mut Progress) -> Result<()> {
        let mut header = [0; HEADER];
        // What is there, as nothing has happened if that is nothing.
        let memory = header.as_mut_ptr();
        // SAFETY: the header is there for the whole call.
        let start = unsafe {
            partial::receive(self.below.get(), memory, HEADER, HEADER, progress.deadline)
        };
        let start = start.map_err(torn)?;
        let known = usize::from(self.peeked.take());
        progress.begin()?;
        if start < HEADER {
            self.receive_below(&mut header[start..], progress.deadline)?;
        }
        self.feed(&header[known..])?;
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        // Nobody waits for the rest of what is no record at all.
        let plausible = TYPES.contains(&header[0]) && header[1] == 3 && length <= LONGEST_CONTENT;
        if !plausible || length == 0 {
            self.process()?;
            // rustls knows more of records than we do.
            return if length == 0 { Ok(()) } else { Err(Errno::EPROTO) };
        }
        let missing = self.feed_at_once(length)?;
        if missing > 0 {
            let mut rest = Vec::new();
            rest.try_reserve_exact(missing).map_err(|_| Errno::ENOMEM)?;
            let mut list = IoList::single(rest.spare_capacity_mut().as_mut_ptr().cast(), missing);
            let list = &raw mut list;
            // SAFETY: list and buffer live through the call, which fills all of the buffer if
            // it succeeds; there is room for so much.
            unsafe {
                byte_socket::receive(self.below.get(), list, list, progress.deadline)
                    .map_err(torn)?;
                rest.set_len(missing);
            }
            self.feed(&rest)?;
        }
        self.feed_next();
        self.process()
    }

    /// Gives rustls what is there of the next `length` bytes, straight into its memory. How
    /// many are still missing.
    fn feed_at_once(&self, length: usize) -> Result<usize> {
        let mut connection = self.connection.borrow_mut();
        let mut input = Input { below: self.below.get(), missing: length, result: Ok(()) };
        while input.missing > 0 {
            match connection.read_tls(&mut input) {
                Ok(count) if count > 0 => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                _ => return Err(Errno::EPROTO),
            }
        }
        // What came before an error is worth something only if it is all.
        if input.missing > 0 {
            input.result.map_err(torn)?;
        }
        Ok(input.missing)
    }

    /// Gives rustls the first byte of the next record, if it has arrived with this one: as long
    /// as there is something in its buffer, rustls does not make that small again. The byte
    /// stays in the stream below, which this record may have ended our part of. That is why it
    /// is one that starts a record in any case: rustls shall not find fault with it before
    /// its time.
    fn feed_next(&self) {
        if self.connection.borrow().is_handshaking() {
            return;
        }
        let next = at_once::peek(self.below.get()).filter(|next| TYPES.contains(next));
        self.peeked.set(next.is_some_and(|next| self.feed(&[next]).is_ok()));
    }

    fn receive_below(&self, buffer: &mut [u8], deadline: i64) -> Result<()> {
        let mut list = IoList::single(buffer.as_mut_ptr().cast(), buffer.len());
        let list = &raw mut list;
        // SAFETY: list and buffer live through the call.
        unsafe { byte_socket::receive(self.below.get(), list, list, deadline) }.map_err(torn)
    }

    /// Gives rustls a part of a record.
    fn feed(&self, mut bytes: &[u8]) -> Result<()> {
        let mut connection = self.connection.borrow_mut();
        while !bytes.is_empty() {
            match connection.read_tls(&mut bytes) {
                Ok(count) if count > 0 => {}
                _ => return Err(Errno::EPROTO),
            }
        }
        Ok(())
    }

    /// Has rustls decrypt what it was given.
    #[inline(never)]
    fn process(&self) -> Result<()> {
        let outcome = self.connection.borrow_mut().process_new_packets();
        match outcome {
            Ok(state) => {
                self.plaintext.set(state.plaintext_bytes_to_read());
                self.peer_done.set(state.peer_has_closed());
                Ok(())
            }
            Err(error) => {
                self.give_up();
                Err(config::errno(&error))
            }
        }
    }

    /// After a fatal error: tells the peer, if that can be done at once.
    fn give_up(&self) {
        self.send_failed.set(true);
        if !self.sending.get() {
            let _occupied = Occupied::new(&self.sending);
            let _ = self.flush(0, 0);
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
        // SAFETY: there is no list.
        match unsafe { self.receive(core::ptr::null(), core::ptr::null(), deadline) } {
            Err(Errno::EPIPE) => Ok(()),
            result => result,
        }
    }
}

/// The stream below as rustls reads it: what is there of the current record.
struct Input {
    below: c_int,
    /// Bytes of the record that were not read yet.
    missing: usize,
    result: Result<()>,
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.missing);
        let mut received = 0;
        self.result = self
            .result
            .and_then(|()| at_once::receive(self.below, &mut buffer[..length], &mut received));
        self.missing -= received;
        // No bytes would be the end of the stream.
        if received > 0 { Ok(received) } else { Err(ErrorKind::WouldBlock.into()) }
    }
}

/// The stream below as rustls writes to it: as long as there is room.
struct Output {
    below: c_int,
    result: Result<()>,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let sent = at_once::send(self.below, slices);
        self.result = sent.map(drop);
        sent.ok().filter(|&sent| sent > 0).ok_or_else(|| ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The end of the stream below is not the end of ours: that takes a goodbye.
fn torn(error: Errno) -> Errno {
    if error == Errno::EPIPE { Errno::ECONNRESET } else { error }
}

/// Was an operation that has failed with `error` before its first byte only put off? Then it
/// can be repeated.
fn was_put_off(error: Errno) -> bool {
    match error {
        // A `choose` was waiting for the stream below.
        Errno::EBUSY => true,
        // The end of a cancel scope. After hard cancellation it counts as failed, as in libdill.
        Errno::ECANCELED => Context::get().is_ok_and(|it| it.current().may_start().is_ok()),
        _ => false,
    }
}
