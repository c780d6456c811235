//! Half-channels that become done when a bundle is asked to finish.

use super::bundle::Bundle;
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
    bundle: Ref<Bundle>,
}

/// Lets `channel` become done when `subscribers`, those of the request to `bundle`, are told of it.
/// Nothing happens where that is so already.
pub(super) fn register(
    context: &Context,
    bundle: Ref<Bundle>,
    subscribers: &Subscribers,
    channel: Ref<HalfChannel>,
) -> Result<()> {
    if is_registered(bundle, subscribers, channel) {
        return Ok(());
    }
    let notification = context.objects.allocate(Notification {
        of_request: Subscriber::new(tell_of_request),
        of_close: Subscriber::new(tell_of_close),
        channel,
        bundle,
    })?;
    // SAFETY: allocated objects don't move, and `free` withdraws both subscribers.
    unsafe {
        subscribers.add(Ref::from_raw(&raw const notification.of_request));
        channel.subscribe_to_close(Ref::from_raw(&raw const notification.of_close));
    }
    Ok(())
}

/// Returns whether the two are registered with each other. The search ends with the shorter of
/// both lists: a bundle may have very many channels, or a channel very many bundles.
fn is_registered(
    bundle: Ref<Bundle>,
    subscribers: &Subscribers,
    channel: Ref<HalfChannel>,
) -> bool {
    let channels = subscribers.iter().map(|subscriber| notified(subscriber).channel);
    let bundles = channel.close_subscribers().iter().map(|other| closed(other).bundle);
    channels.zip(bundles).any(|(one, other)| one == channel || other == bundle)
}

/// The bundles with whose request the half-channel becomes done.
pub(super) fn bundles_of(channel: &HalfChannel) -> impl Iterator<Item = Ref<Bundle>> {
    channel.close_subscribers().iter().map(|subscriber| closed(subscriber).bundle)
}

/// The notification that is subscribed to a request.
fn notified(subscriber: Ref<Subscriber>) -> Ref<Notification> {
    let place = subscriber.as_ptr().wrapping_byte_sub(offset_of!(Notification, of_request));
    // SAFETY: `register` alone subscribes to what a bundle tells first of its request.
    unsafe { Ref::from_raw(place.cast()) }
}

/// The notification that is subscribed to the close of a half-channel.
fn closed(subscriber: Ref<Subscriber>) -> Ref<Notification> {
    let place = subscriber.as_ptr().wrapping_byte_sub(offset_of!(Notification, of_close));
    // SAFETY: `register` alone subscribes to the close of a half-channel.
    unsafe { Ref::from_raw(place.cast()) }
}

/// Makes the half-channel done, unless the bundle has ended without a request.
unsafe fn tell_of_request(subscriber: Ref<Subscriber>, context: &Context, news: News) {
    let notification = notified(subscriber);
    if news == News::Happened {
        // `EPIPE`: it is done already, as the user wants it.
        let _ = notification.channel.done(context);
    }
    free(context, notification);
}

/// The half-channel is being closed.
unsafe fn tell_of_close(subscriber: Ref<Subscriber>, context: &Context, _: News) {
    free(context, closed(subscriber));
}

fn free(context: &Context, notification: Ref<Notification>) {
    notification.of_request.withdraw();
    notification.of_close.withdraw();
    // SAFETY: `register` allocated it, and its subscribers, by which alone it is reached, are in
    // no list any more.
    unsafe { context.objects.free(notification) };
}
