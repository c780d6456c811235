//! What all message sockets have in common.

use crate::kinds::*;
use crate::{moment, pattern, soon, virtual_time};
use redill::{CancelScope, Deadline, Error, Fired, Grace, MessageSocket, Outcome, Term};
use std::io::IoSlice;

fn messages_stay_whole<K: MessageKind>() {
    let (a, b) = K::pair();
    let lengths = [0, 1, 2, 31, 32, 33, 125, 126, 127, 1000, 4096];
    redill::scope(|scope| {
        let b = &b;
        scope.go(move || {
            for length in lengths {
                b.send(&pattern(length), soon()).unwrap();
            }
        })?;
        for length in lengths {
            let mut buffer = vec![0; length + 7];
            assert_eq!(a.recv(&mut buffer, soon())?, length);
            assert_eq!(buffer[..length], pattern(length));
        }
        Ok(())
    })
    .unwrap();
}

fn parts_are_one_message<K: MessageKind>() {
    let (a, b) = K::pair();
    let data = pattern(1000);
    let parts: Vec<IoSlice<'_>> =
        (0..100).map(|n| IoSlice::new(&data[n * 10..n * 10 + 10])).collect();
    a.send_vectored(&parts, soon()).unwrap();
    a.send_vectored(&[], soon()).unwrap();
    assert_eq!(b.recv_vec(1000, soon()).unwrap(), data);
    assert_eq!(b.recv_vec(1000, soon()).unwrap(), b"");
}

fn buffers_may_fit_exactly<K: MessageKind>() {
    let (a, b) = K::pair();
    a.send(b"abc", soon()).unwrap();
    a.send(b"", soon()).unwrap();
    let mut buffer = [0; 3];
    assert_eq!(b.recv(&mut buffer, soon()), Ok(3));
    assert_eq!(&buffer, b"abc");
    assert_eq!(b.recv(&mut [], soon()), Ok(0));
}

fn long_messages_are_refused<K: MessageKind>() {
    let (a, b) = K::pair();
    a.send(&pattern(100), soon()).unwrap();
    a.send(b"e", soon()).unwrap();
    assert_eq!(b.recv(&mut [0; 3], soon()), Err(Error::MessageSize));
    if K::SURVIVES_LONG_MESSAGES {
        assert_eq!(b.recv_vec(3, soon()).unwrap(), b"e");
    } else {
        assert_eq!(b.recv_vec(3, soon()), Err(Error::Reset));
    }
}

fn half_close_ends_one_direction<K: MessageKind>() {
    if !K::HALF_CLOSES {
        return;
    }
    let (a, b) = K::pair();
    a.send(b"last words", soon()).unwrap();
    K::done(&a);
    assert_eq!(b.recv_vec(100, soon()).unwrap(), b"last words");
    assert_eq!(b.recv_vec(100, soon()), Err(Error::Done));
    b.send(b"still here", soon()).unwrap();
    assert_eq!(a.recv_vec(100, soon()).unwrap(), b"still here");
}

fn deadlines_hold<K: MessageKind>() {
    let (a, b) = K::pair();
    a.send(b"abc", soon()).unwrap();
    assert_eq!(b.recv_vec(3, Deadline::NOW).unwrap(), b"abc");
    assert_eq!(b.recv_vec(3, moment()), Err(Error::TimedOut));
}

fn cancellation_ends_calls<K: MessageKind>() {
    let (a, _b) = K::pair();
    redill::scope(|scope| {
        let a = &a;
        let receiver = scope.spawn(move || a.recv(&mut [0; 10], soon()))?;
        assert_eq!(scope.cancel(Grace::Now)?, Outcome::Forced);
        assert_eq!(receiver.join(soon())?, Err(Error::Canceled));
        Ok(())
    })
    .unwrap();
}

fn scopes_interrupt_before_the_first_byte<K: MessageKind>() {
    let (a, b) = K::pair();
    for _ in 0..3 {
        let scope = CancelScope::new().deadline(moment());
        let (result, fired) = scope.run(|| b.recv_vec(100, soon())).unwrap();
        assert_eq!((result, fired), (Err(Error::Canceled), Some(Fired::Deadline)));
    }
    a.send(b"nothing is lost", soon()).unwrap();
    assert_eq!(b.recv_vec(100, soon()).unwrap(), b"nothing is lost");
}

fn one_call_a_direction<K: MessageKind>() {
    let (a, b) = K::pair();
    redill::scope(|scope| {
        let b = &b;
        let first = scope.spawn(move || b.recv_vec(100, soon()))?;
        assert_eq!(b.recv_vec(100, soon()), Err(Error::Busy));
        a.send(b"no harm done", soon())?;
        assert_eq!(first.join(soon())??, b"no harm done");
        Ok(())
    })
    .unwrap();
}

fn term_comes_and_goes<K: MessageKind>() {
    let (a, b) = K::pair();
    let (a, b) = (Term::attach(a, b"bye").unwrap(), Term::attach(b, b"bye").unwrap());
    a.send(b"before", soon()).unwrap();
    assert_eq!(b.recv_vec(100, soon()).unwrap(), b"before");
    redill::scope(|scope| {
        let b = scope.spawn(move || b.detach(soon()))?;
        let a = a.detach(soon())?;
        let b = b.join(soon())??;
        a.send(b"after", soon())?;
        assert_eq!(b.recv_vec(100, soon())?, b"after");
        Ok(())
    })
    .unwrap();
}

macro_rules! suite {
    ($($name:ident: $kind:ty;)*) => {
        $(mod $name {
            use super::*;
            suite!(@tests $kind; messages_stay_whole parts_are_one_message
                buffers_may_fit_exactly long_messages_are_refused
                half_close_ends_one_direction deadlines_hold cancellation_ends_calls
                scopes_interrupt_before_the_first_byte one_call_a_direction
                term_comes_and_goes);
        })*
    };
    (@tests $kind:ty; $($test:ident)*) => {
        $(#[test]
        fn $test() {
            virtual_time();
            super::$test::<$kind>();
        })*
    };
}

suite! {
    prefix_over_tcp: PrefixOver<Tcp>;
    prefix_over_tls: PrefixOver<TlsOver<Unix>>;
    prefix_over_the_users: PrefixOver<User>;
    suffix: SuffixOver<Unix>;
    suffix_over_tls: SuffixOver<TlsOver<Tcp>>;
    term_over_prefix: TermOver<PrefixOver<Unix>>;
    term_over_ws: TermOver<WsOver<Tcp>>;
    term_over_the_users: TermOver<UserMessages>;
    ws_over_tcp: WsOver<Tcp>;
    ws_over_tls: WsOver<TlsOver<Unix>>;
    ws_over_the_users: WsOver<User>;
    of_c: RawPrefix;
    of_the_user: UserMessages;
    shared: Shared;
    udp: Udp;
}
