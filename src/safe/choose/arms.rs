//! `choose!`: alternatives that are written down.

/// Waits for the first of several things, and does what belongs to it.
///
/// Each arm is `what(…) -> pattern => expression,`. Of those that can be done at once, the first
/// one counts; nothing happens to the others. The arms are part of the function around them:
/// `return`, `break` and `?` work in them. The whole is a `Result`: `Ok` of the arm's
/// expression, or [`Error::TimedOut`](crate::Error::TimedOut),
/// [`Error::Canceled`](crate::Error::Canceled) when none has happened. Nothing is allocated for up
/// to eight arms.
///
/// | arm | waits until | the pattern gets |
/// |---|---|---|
/// | `recv(channel)` | a message has come from a [`Receiver`](crate::Receiver) or [`Signals`](crate::Signals) | `Result<T>` |
/// | `send(channel, slot)` | the value in the variable `slot: Option<T>` has been sent by a [`Sender`](crate::Sender); it stays there otherwise; an empty one is never sent | `Result<()>` |
/// | `input(socket)` | a receive or accept on a [socket](crate::AsInput) would not block | `Result<()>` |
/// | `readable(fd)`, `writable(fd)` | a descriptor ([`AsFd`](std::os::fd::AsFd)) is ready | `Result<()>` |
/// | `finished(what)` | the last coroutine of a bundle or scope has finished, or that of a [`JoinHandle`](crate::JoinHandle), whose result is there then | `Result<()>` |
/// | `next(bundle)` | a task of a [`TypedBundle`](crate::TypedBundle) has finished, or all have, and no result is left | `Result<Option<T>>` |
/// | `request()` | the bundle in which the caller runs has got the graceful request; ready from then on; never in a main coroutine | `Result<()>` |
/// | `request(request)` | the same, for a [`Request`](crate::Request) | `Result<()>` |
/// | `deadline(deadline)` as the last one, without pattern | | |
///
/// ```
/// use redill::{Bundle, Deadline, Error, Grace, Signal, channel, choose};
/// use std::time::Duration;
///
/// let (tx, work) = channel::<u32>()?;
/// let signals = redill::signals([Signal::INTERRUPT])?;
/// let bundle = Bundle::new()?;
/// bundle.go(move || {
///     for n in 1..=3 {
///         tx.send(n, Deadline::NEVER).unwrap();
///     }
/// })?;
///
/// let mut sum = 0;
/// let reason = loop {
///     choose! {
///         recv(work) -> number => match number {
///             Ok(number) => sum += number,
///             Err(error) => break error,
///         },
///         recv(signals) -> signal => {
///             println!("{:?}", signal?);
///             break Error::Canceled;
///         },
///         deadline(Duration::from_secs(10)),
///     }?
/// };
/// assert_eq!((sum, reason), (6, Error::Done));
/// # Ok::<(), Error>(())
/// ```
///
/// A worker that receives its work or the request, and loses neither, needs nothing but the arm:
///
/// ```
/// use redill::{Bundle, Deadline, Grace, Outcome, channel, choose};
///
/// let (tx, work) = channel::<u32>()?;
/// let workers = Bundle::new()?;
/// let sum = workers.spawn(move || {
///     let mut sum = 0;
///     // The work comes first: what was sent before the request is done before the end.
///     while choose! {
///         recv(work) -> number => number.map(|number| sum += number).is_ok(),
///         request() -> _ => false,
///     }
///     .unwrap()
///     {}
///     sum
/// })?;
/// tx.send(3, Deadline::NEVER)?;
/// tx.send(4, Deadline::NEVER)?;
/// assert_eq!(workers.cancel(Grace::Unlimited)?, Outcome::Finished);
/// assert_eq!(sum.join(Deadline::NEVER)?, 7);
/// # Ok::<(), redill::Error>(())
/// ```
///
/// A value can be sent by one arm only:
///
/// ```compile_fail,E0499
/// use redill::{channel, choose};
///
/// let ((left, _rx), (right, _other)) = (channel().unwrap(), channel().unwrap());
/// let mut slot = Some(1);
/// choose! {
///     send(left, slot) -> sent => sent.unwrap(),
///     send(right, slot) -> sent => sent.unwrap(),
/// }
/// .unwrap();
/// ```
#[macro_export]
#[doc(alias = "select")]
macro_rules! choose {
    // One arm after the other becomes a variable; names made in different steps differ.
    (@arms [$($done:tt)*] send($channel:expr, $slot:expr) -> $pattern:pat => $body:expr, $($rest:tt)*) => {{
        let mut alternative = $crate::__choose::send(&$channel, &mut $slot);
        $crate::choose!(@arms [$($done)* (alternative $pattern, $body)] $($rest)*)
    }};
    (@arms [$($done:tt)*] request() -> $pattern:pat => $body:expr, $($rest:tt)*) => {{
        let mut alternative = $crate::__choose::own_request();
        $crate::choose!(@arms [$($done)* (alternative $pattern, $body)] $($rest)*)
    }};
    (@arms [$($done:tt)*] $what:ident($of:expr) -> $pattern:pat => $body:expr, $($rest:tt)*) => {{
        let mut alternative = $crate::__choose::$what(&$of);
        $crate::choose!(@arms [$($done)* (alternative $pattern, $body)] $($rest)*)
    }};
    // A block needs no comma behind it.
    (@arms $done:tt $what:ident $of:tt -> $pattern:pat => $body:block $($rest:tt)*) => {
        $crate::choose!(@arms $done $what $of -> $pattern => { $body }, $($rest)*)
    };
    // The last arm needs none either.
    (@arms $done:tt $what:ident $of:tt -> $pattern:pat => $body:expr) => {
        $crate::choose!(@arms $done $what $of -> $pattern => $body,)
    };
    (@arms $done:tt deadline($deadline:expr) $(,)?) => {
        $crate::choose!(@wait $done $deadline)
    };
    (@arms $done:tt) => {
        $crate::choose!(@wait $done $crate::Deadline::NEVER)
    };
    (@wait [$(($alternative:ident $pattern:pat, $body:expr))*] $deadline:expr) => {
        match $crate::__choose::wait(&mut [$(&mut $alternative),*], $deadline) {
            ::core::result::Result::Err(error) => ::core::result::Result::Err(error),
            ::core::result::Result::Ok(chosen) => ::core::result::Result::Ok(
                $crate::choose!(@body chosen 0usize; $(($alternative $pattern, $body))*)
            ),
        }
    };
    (@body $chosen:ident $n:expr; ($alternative:ident $pattern:pat, $body:expr) $($rest:tt)*) => {
        if $chosen.is($n) {
            let $pattern = $chosen.take(&mut $alternative);
            $body
        } else {
            $crate::choose!(@body $chosen $n + 1usize; $($rest)*)
        }
    };
    (@body $chosen:ident $n:expr;) => {
        ::core::unreachable!()
    };
    (@$($wrong:tt)*) => {
        ::core::compile_error!("an arm of choose! is `what(…) -> pattern => expression,`")
    };
    ($($arms:tt)*) => {
        $crate::choose!(@arms [] $($arms)*)
    };
}
