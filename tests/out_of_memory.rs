//! When there is no memory, calls say so, and what they were given is not lost track of: each
//! allocation of each scenario fails once.

use redill::{Bundle, Choose, Deadline, Error, Grace, Result, TryBundle, TypedBundle, channel};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::rc::Rc;

/// The allocator of the system, which can be told to fail.
struct Failing;

thread_local! {
    /// So many allocations of this thread succeed, and then one fails.
    static COUNTDOWN: Cell<usize> = const { Cell::new(usize::MAX) };
    /// Bytes that this thread has and has not given back.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

impl Failing {
    fn fails() -> bool {
        let left = COUNTDOWN.get();
        COUNTDOWN.set(left.wrapping_sub(1).min(usize::MAX - 1));
        left == 0
    }
}

fn held(more: usize, less: usize) {
    HELD.set(HELD.get() + more as isize - less as isize);
}

// SAFETY: that of the system, which null pointers from time to time don't change.
unsafe impl GlobalAlloc for Failing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Failing::fails() {
            return std::ptr::null_mut();
        }
        held(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        held(0, layout.size());
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // To give something back needs no memory.
        if size > layout.size() && Failing::fails() {
            return std::ptr::null_mut();
        }
        held(size, layout.size());
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Failing = Failing;

/// Runs the scenario again and again; each time another allocation fails, until none is left.
/// What is not out of memory then is a failure of the test, and so is what is leaked. Returns
/// how many have failed.
#[track_caller]
fn walk(name: &str, scenario: impl Fn() -> Result<()>) -> usize {
    // Caches are filled now.
    scenario().unwrap();
    scenario().unwrap();
    let before = HELD.get();
    for n in 0.. {
        COUNTDOWN.set(n);
        let result = scenario();
        let failed = COUNTDOWN.replace(usize::MAX) > n;
        let leaked = HELD.get() - before;
        if !failed {
            result.unwrap();
            assert!(n > 0, "{name}: nothing was allocated");
            return n;
        }
        assert!(
            matches!(result, Err(Error::OutOfMemory)),
            "{name}: allocation {n} has failed: {result:?}"
        );
        assert!(leaked <= 0, "{name}: allocation {n} has failed: {leaked} bytes are leaked");
    }
    unreachable!()
}

#[test]
fn choosing_among_many() {
    let channels: Vec<_> = (0..20).map(|n: u64| (channel::<u64>().unwrap(), n)).collect();
    let count = walk("Choose", || {
        let mut choose = Choose::new();
        for ((_, rx), _) in &channels {
            choose = choose.recv(rx, |message| message);
        }
        match choose.wait(Deadline::NOW) {
            Err(Error::TimedOut) => Ok(()),
            Err(error) => Err(error),
            Ok(message) => panic!("{message:?}"),
        }
    });
    // The alternatives, the lists of them and of their clauses.
    assert!(count >= 22, "{count}");
}

#[test]
fn failing_coroutines() {
    walk("TryBundle", || {
        let failing = TryBundle::<Error>::new()?;
        let value = failing.spawn(|| redill::yield_now().map(|()| [7; 2000]))?;
        assert_eq!(value.join(Deadline::NEVER)?, [7; 2000]);
        failing.go(|| Err(Error::Done))?;
        assert_eq!(failing.wait(Deadline::NEVER), Err(Error::Done));
        let scoped = redill::try_scope(|scope| {
            scope.go(|| Err(Error::Reset))?;
            Ok(())
        });
        match scoped {
            Err(Error::Reset) => {}
            other => return other,
        }
        let captured = [0u8; 100];
        let isolating = TryBundle::<Error>::isolating(move |_| assert_eq!(captured[99], 0))?;
        isolating.go(|| Err(Error::Done))?;
        isolating.wait(Deadline::NEVER)
    });
}

#[test]
fn results_of_many_tasks() {
    walk("TypedBundle", || {
        let tasks = TypedBundle::new()?;
        let witness = Rc::<()>::default;
        for n in 0..100 {
            let alive = Cell::new(None);
            COUNTDOWN.with(|it| {
                // The Rc is the test's own, and not to fail.
                let countdown = it.replace(usize::MAX);
                alive.set(Some(witness()));
                it.set(countdown);
            });
            tasks.go(move || {
                drop(alive);
                redill::yield_now().map(|()| n)
            })?;
        }
        assert_eq!(tasks.cancel(Grace::Unlimited)?, redill::Outcome::Finished);
        for n in 0..100 {
            assert_eq!(tasks.next(Deadline::NOW)?, Some(Ok(n)));
        }
        assert_eq!(tasks.next(Deadline::NOW)?, None);
        Ok(())
    });
}

#[test]
fn functions_too_large_for_the_stack() {
    let witness = Rc::new(());
    walk("go", || {
        let bundle = Bundle::new()?;
        let (large, alive) = ([7u8; 10_000], witness.clone());
        bundle.go(move || assert_eq!((large[9_999], Rc::strong_count(&alive)), (7, 2)))?;
        let alive = witness.clone();
        let sum = bundle.spawn(move || {
            drop(alive);
            large.iter().map(|&n| u32::from(n)).sum::<u32>()
        })?;
        assert_eq!(sum.join(Deadline::NEVER)?, 70_000);
        Ok(())
    });
    // Also when nothing was launched.
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[cfg(feature = "sockets")]
mod sockets {
    use super::walk;
    use redill::{
        ByteStream, Choose, Deadline, Error, Host, Http, HttpBody, Prefix, RawByteStream, Result,
        Term, ToHost, UnixStream, Ws,
    };
    use std::io::IoSlice;

    const NEVER: Deadline = Deadline::NEVER;

    /// A stream of the user's own making.
    struct Own(UnixStream);

    impl ByteStream for Own {
        fn send_vectored(&self, buffers: &[IoSlice<'_>], deadline: Deadline) -> Result<()> {
            self.0.send_vectored(buffers, deadline)
        }

        fn recv(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize> {
            self.0.recv(buffer, deadline)
        }
    }

    #[test]
    fn messages() {
        let parts: Vec<_> = b"many parts of one message".chunks(2).map(IoSlice::new).collect();
        walk("Prefix", || {
            let (a, b) = UnixStream::pair()?;
            let (a, b) = (Prefix::attach(a, 2)?, Prefix::attach(b, 2)?);
            a.send_vectored(&parts, NEVER)?;
            assert_eq!(b.recv_vec(1000, NEVER)?, b"many parts of one message");
            let (a, b) = (Term::attach(a, b"end")?, Term::attach(b, b"end")?);
            a.done(NEVER)?;
            match b.recv_vec(100, NEVER) {
                Err(Error::Done) => {}
                other => panic!("{:?}", other?),
            }
            b.detach(NEVER)?.detach()?;
            Ok(())
        });
    }

    #[test]
    fn streams_of_ones_own() {
        walk("adapter", || {
            let (a, b) = UnixStream::pair()?;
            let (a, b) = (Prefix::attach(Own(a), 2)?, Prefix::attach(b, 2)?);
            a.send(b"x", NEVER)?;
            assert_eq!(b.recv_vec(10, NEVER)?, b"x");
            let Own(a) = a.detach()?;
            let (reader, writer) = redill::split(RawByteStream::new(Own(a))?)?;
            writer.send(b"\0\x01y", NEVER)?;
            assert_eq!(b.recv_vec(10, NEVER)?, b"y");
            drop(reader);
            Ok(())
        });
    }

    #[test]
    fn http_and_websocket() {
        walk("HTTP", || {
            let (a, b) = UnixStream::pair()?;
            let (client, server) = (Http::attach(a)?, Http::attach(b)?);
            let fields = [("Host", "example.org"), ("Accept", "text/plain")];
            client.send_request("GET", "/x", &fields, HttpBody::Whole(b"body"), NEVER)?;
            let request = server.recv_request(NEVER)?.expect("a request");
            assert_eq!(request.fields.get("accept"), Some("text/plain"));
            assert_eq!(server.recv_body(100, NEVER)?, b"body");
            let (a, b) = (client.detach(NEVER)?, server.detach(NEVER)?);
            let (a, b) = (Ws::raw_client(a)?, Ws::raw_server(b)?);
            a.send_text("hello", NEVER)?;
            assert_eq!(b.recv_message(100, NEVER)?.as_bytes(), b"hello");
            Ok(())
        });
    }

    #[test]
    fn hosts() {
        walk("Host", || {
            let host: Host = "example.org:80".to_host()?;
            assert_eq!(host.to_host()?, host);
            assert_eq!(redill::resolve("127.0.0.1:80", NEVER)?.len(), 1);
            Ok(())
        });
    }

    #[test]
    fn waiting_for_input_of_many() {
        let sockets: Vec<_> = (0..20).map(|_| UnixStream::pair().unwrap()).collect();
        walk("input", || {
            let mut choose = Choose::new();
            for (a, _) in &sockets {
                choose = choose.input(a, |ready| ready);
            }
            match choose.wait(Deadline::NOW) {
                Err(Error::TimedOut) => Ok(()),
                other => other?,
            }
        });
    }
}
