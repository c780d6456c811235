//! Half-channels that become done when a bundle is asked to finish.

use super::channel::HalfChannel;
use super::subscriber::{News, Subscriber, Subscribers};
use crate::intrusive::Ref;
use crate::os::errno::Result;
use crate::scheduler::context::Context;
use core::mem::offset_of;

/// One `bundle_notify`: subscribed to the bundle's request and to the close of the half-channel,
/// and freed when it is told of the first of them.
struct Notification {
    of_request: Subscriber,
    of_close: Subscriber,
    channel: Ref<HalfChannel>,
}

/// Lets `channel` become done when `subscribers`, those of a bundle's request, are told of it.
pub(super) fn register(
    context: &Context,
    subscribers: &Subscribers,
    channel: Ref<HalfChannel>,
) -> Result<()> {
    let notification = context.objects.allocate(Notification {
        of_request: Subscriber::new(tell_of_request),
        of_close: Subscriber::new(tell_of_close),
        channel,
    })?;
    // SAFETY: allocated objects don't move, and `free` withdraws both subscribers.
    unsafe {
        subscribers.add(Ref::from_raw(&raw const notification.of_request));
        channel.subscribe_to_close(Ref::from_raw(&raw const notification.of_close));
    }
    Ok(())
}

/// Makes the half-channel done, unless the bundle has ended without a request.
unsafe fn tell_of_request(subscriber: Ref<Subscriber>, context: &Context, news: News) {
    let place = subscriber.as_ptr().wrapping_byte_sub(offset_of!(Notification, of_request));
    // SAFETY: `register` makes subscribers with this function in notifications only.
    let notification: Ref<Notification> = unsafe { Ref::from_raw(place.cast()) };
    if news == News::Happened {
        // `EPIPE`: it is done already, as the user wants it.
        let _ = notification.channel.done(context);
    }
    free(context, notification);
}

/// The half-channel is being closed.
unsafe fn tell_of_close(subscriber: Ref<Subscriber>, context: &Context, _: News) {
    let place = subscriber.as_ptr().wrapping_byte_sub(offset_of!(Notification, of_close));
    // SAFETY: `register` makes subscribers with this function in notifications only.
    free(context, unsafe { Ref::from_raw(place.cast()) });
}

fn free(context: &Context, notification: Ref<Notification>) {
    notification.of_request.withdraw();
    notification.of_close.withdraw();
    // SAFETY: `register` allocated it, and its subscribers, by which alone it is reached, are in
    // no list any more.
    unsafe { context.objects.free(notification) };
}
