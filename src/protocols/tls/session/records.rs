//! Records on their way between rustls and the stream below.

use super::Session;
use super::incomplete::{HEADER, Record};
use crate::os::errno::{Errno, Result};
use crate::protocols::lower::{Occupied, Operation};
use crate::protocols::tls::config;
use crate::sockets::at_once;
use crate::sockets::slices;
use core::ffi::c_int;
use core::ops::RangeInclusive;
use std::io::{self, ErrorKind, IoSlice, Read, Write};

/// Types of records: the first byte of the header.
const TYPES: RangeInclusive<u8> = 20..=24;

/// Bytes of a record behind its header at most: what TLS 1.2 allows, of which 1.3 needs less.
const LONGEST_CONTENT: usize = (1 << 14) + 2048;

impl Session {
    /// Sends all that rustls has for the peer. One call at a time may do that.
    pub(super) fn flush(&self, deadline: i64) -> Result<()> {
        self.flush_at_once()?;
        loop {
            let records = self.take_records();
            if records.is_empty() {
                return Ok(());
            }
            self.send_below(&records, deadline)?;
        }
    }

    /// Sends what there is room for, straight from rustls's memory.
    pub(super) fn flush_at_once(&self) -> Result<()> {
        let mut connection = self.connection.borrow_mut();
        let mut output = Output { below: self.below.get(), result: Ok(()) };
        while connection.wants_write() && connection.write_tls(&mut output).is_ok() {}
        output.result.map_err(torn)
    }

    fn send_below(&self, bytes: &[u8], deadline: i64) -> Result<()> {
        slices::send_bytes(self.below.get(), &[IoSlice::new(bytes)], deadline).map_err(torn)
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

    /// Reads one record, exactly, and decrypts it.
    pub(super) fn read_record(&self, operation: &mut Operation) -> Result<()> {
        let mut record = self.record.get();
        if record.known < HEADER {
            // What is there, as nothing has happened if that is nothing. A stream that can't
            // tell what is there is asked for a byte.
            let rest = &mut record.header[record.known..];
            let count = slices::receive_part(self.below.get(), rest, operation.deadline);
            record.known += count.map_err(torn)?;
            operation.begun()?;
            if record.known < HEADER {
                self.receive_below(&mut record.header[record.known..], operation.deadline)?;
            }
            self.feed_header(record.header, true)?;
        }
        let before = self.record.get().missing;
        let missing = self.feed_at_once()?;
        if missing < before {
            operation.begun()?;
        }
        if missing > 0 {
            self.receive_content(missing, operation.deadline)?;
        }
        operation.begun()?;
        self.finish_record(true)
    }

    /// Gives rustls the rest of the record's content, `missing` bytes, which it waits for.
    fn receive_content(&self, missing: usize, deadline: i64) -> Result<()> {
        let rest = slices::receive_bytes_vec(self.below.get(), missing, deadline);
        let rest = rest.map_err(torn)?;
        self.feed(&rest)
    }

    /// As [`read_record`](Self::read_record) if the rest of the record is there; otherwise takes
    /// what there is of it, and returns false.
    pub(super) fn read_record_at_once(&self) -> Result<bool> {
        let mut record = self.record.get();
        if record.known < HEADER {
            let memory = &mut record.header[record.known..];
            let mut count = 0;
            let result = at_once::receive(self.below.get(), memory, &mut count);
            record.known += count;
            self.record.set(record);
            if record.known < HEADER {
                return result.map(|()| false).map_err(torn);
            }
            self.feed_header(record.header, false)?;
        }
        if self.feed_at_once()? > 0 {
            return Ok(false);
        }
        self.finish_record(false).map(|()| true)
    }

    /// Gives rustls a header. `EPROTO` if it can't be one: nobody waits for the rest of what
    /// is no record at all.
    fn feed_header(&self, header: [u8; HEADER], may_block: bool) -> Result<()> {
        let known = usize::from(self.peeked.take());
        self.feed(&header[known..])?;
        let missing = usize::from(u16::from_be_bytes([header[3], header[4]]));
        self.record.set(Record { header, known: HEADER, missing });
        if TYPES.contains(&header[0]) && header[1] == 3 && missing <= LONGEST_CONTENT {
            return Ok(());
        }
        // rustls knows more of records than we do.
        self.process(may_block)?;
        if missing > 0 { Err(Errno::EPROTO) } else { Ok(()) }
    }

    /// Gives rustls what is there of the record's content, straight into its memory. How many
    /// bytes are still missing.
    fn feed_at_once(&self) -> Result<usize> {
        let mut connection = self.connection.borrow_mut();
        let mut record = self.record.get();
        let missing = record.missing;
        let mut input = Input { below: self.below.get(), missing, result: Ok(()) };
        while input.missing > 0 {
            match connection.read_tls(&mut input) {
                Ok(count) if count > 0 => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                _ => return Err(Errno::EPROTO),
            }
        }
        record.missing = input.missing;
        self.record.set(record);
        // What came before an error is worth something only if it is all.
        if input.missing > 0 {
            input.result.map_err(torn)?;
        }
        Ok(input.missing)
    }

    /// rustls has got the whole record.
    fn finish_record(&self, may_block: bool) -> Result<()> {
        self.record.set(Record::NONE);
        self.feed_next();
        self.process(may_block)
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
        slices::receive_bytes(self.below.get(), buffer, deadline).map_err(torn)
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
    fn process(&self, may_block: bool) -> Result<()> {
        let outcome = self.connection.borrow_mut().process_new_packets();
        match outcome {
            Ok(state) => {
                self.plaintext.set(state.plaintext_bytes_to_read());
                self.peer_done.set(state.peer_has_closed());
                Ok(())
            }
            Err(error) => {
                self.give_up(may_block);
                Err(config::errno(&error))
            }
        }
    }

    /// After a fatal error: tells the peer, if that can be done at once.
    fn give_up(&self, may_block: bool) {
        self.send_failed.set(true);
        if !self.sending.get() {
            let _occupied = Occupied::new(&self.sending);
            let _ = if may_block { self.flush(0) } else { self.flush_at_once() };
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
