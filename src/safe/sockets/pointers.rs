//! What pointers to sockets do.

/// Has `Box`, `Rc` and references to a socket be such a socket: for each of the methods whose
/// signatures are given, and `input`. Only in a `Box` is a socket one's own.
macro_rules! forward {
    (for $socket:ident { $($methods:tt)* }) => {
        $crate::safe::sockets::pointers::forward!(@impl $socket std::boxed::Box<S> {
            $($methods)*
        } {
            fn socket(&mut self, private: Private) -> Option<&mut Socket> {
                (**self).socket(private)
            }
        });
        $crate::safe::sockets::pointers::forward!(@impl $socket std::rc::Rc<S> { $($methods)* } {});
        $crate::safe::sockets::pointers::forward!(@impl $socket &S { $($methods)* } {});

        impl $crate::AsInput for dyn $socket + '_ {
            fn as_input(&self) -> Input<'_> {
                self.input()
            }
        }
    };
    (@impl $socket:ident $pointer:ty {
        $(fn $method:ident(&self $(, $argument:ident: $type:ty)*) -> $result:ty;)*
    } { $($own:tt)* }) => {
        impl<S: $socket + ?Sized> $socket for $pointer {
            $(fn $method(&self $(, $argument: $type)*) -> $result {
                (**self).$method($($argument),*)
            })*

            fn input(&self) -> Input<'_> {
                (**self).input()
            }

            $($own)*
        }
    };
}

pub(crate) use forward;
