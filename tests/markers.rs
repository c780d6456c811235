//! Which types stay on their thread, and which may go to another one. It is enough that this
//! compiles.

use redill::*;

/// Has `some` in one way for types that stay, and in two ways, of which the compiler can't choose
/// one, for others.
trait AmbiguousIfSend<A> {
    fn some() {}
}
impl<T: ?Sized> AmbiguousIfSend<()> for T {}
impl<T: ?Sized + Send> AmbiguousIfSend<u8> for T {}

trait AmbiguousIfSync<A> {
    fn some() {}
}
impl<T: ?Sized> AmbiguousIfSync<()> for T {}
impl<T: ?Sized + Sync> AmbiguousIfSync<u8> for T {}

macro_rules! stay {
    ($($type:ty),* $(,)?) => {
        $(
            <$type as AmbiguousIfSend<_>>::some();
            <$type as AmbiguousIfSync<_>>::some();
        )*
    };
}

fn travels<T: Send + Sync + 'static>() {}

#[test]
fn objects_of_a_scheduler_stay_on_its_thread() {
    stay!(
        Bundle,
        TypedBundle<u8>,
        Scope<'static, 'static>,
        JoinHandle<u8>,
        ScopedJoinHandle<'static, u8>,
        Sender<u8>,
        Receiver<u8>,
        Messages<'static, u8>,
        IntoMessages<u8>,
        Request,
        Signals,
        Choose<'static, u8>,
        CancelScope<'static>,
        Input<'static>,
    );
    #[cfg(feature = "sockets")]
    stay!(
        TcpListener,
        TcpStream,
        UnixListener,
        UnixStream,
        UdpSocket,
        RawByteStream,
        RawMessageSocket,
        ReadHalf<UnixStream>,
        WriteHalf<UnixStream>,
        Prefix<UnixStream>,
        Suffix<UnixStream>,
        Term<Prefix<UnixStream>>,
        Ws<UnixStream>,
        Http<UnixStream>,
    );
    #[cfg(feature = "tls")]
    stay!(Tls<UnixStream>);
}

#[test]
fn values_travel() {
    travels::<Error>();
    travels::<SendError<u8>>();
    travels::<Deadline>();
    travels::<Grace>();
    travels::<Outcome>();
    travels::<Fired>();
    travels::<Signal>();
    #[cfg(feature = "sockets")]
    {
        travels::<Host>();
        travels::<HttpRequest>();
        travels::<HttpResponse>();
        travels::<HttpBody<'static>>();
        travels::<WsMessage>();
        travels::<CloseReason>();
        travels::<socks5::Reply>();
    }
    #[cfg(feature = "tls")]
    {
        travels::<TlsClient>();
        travels::<TlsServer>();
    }
}
