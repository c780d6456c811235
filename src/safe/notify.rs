//! What is told of graceful requests.

use super::{Receiver, Sender};
use crate::concurrency::owned_bundle::OwnedBundle;

/// What [`Bundle::notify`](crate::Bundle::notify) can tell of the request: the ends of a channel.
///
/// ```
/// use redill::{Bundle, Notify, channel};
///
/// fn ends_both(bundle: &Bundle, left: &impl Notify, right: &impl Notify) -> redill::Result<()> {
///     bundle.notify(left)?;
///     bundle.notify(right)
/// }
///
/// let ((tx, _rx), (_tx, rx)) = (channel::<u8>()?, channel::<u32>()?);
/// ends_both(&Bundle::new()?, &tx, &rx)?;
/// # Ok::<(), redill::Error>(())
/// ```
///
/// Nothing else can be told:
///
/// ```compile_fail,E0277
/// struct Mine;
/// impl redill::Notify for Mine {}
/// ```
pub trait Notify: sealed::Notify {}

pub(super) mod sealed {
    use super::{OwnedBundle, Receiver, Sender};
    use crate::os::errno::Result;

    pub trait Notify {
        #[doc(hidden)]
        fn register(&self, bundle: &Registrar<'_>) -> Result<()>;
    }

    /// The bundle to be registered with.
    pub struct Registrar<'a>(pub(in crate::safe) &'a OwnedBundle);

    impl<T> Notify for Sender<T> {
        fn register(&self, bundle: &Registrar<'_>) -> Result<()> {
            bundle.0.notify_sender(&self.end)
        }
    }

    impl<T> Notify for Receiver<T> {
        fn register(&self, bundle: &Registrar<'_>) -> Result<()> {
            bundle.0.notify_receiver(&self.end)
        }
    }
}

impl<T> Notify for Sender<T> {}
impl<T> Notify for Receiver<T> {}
