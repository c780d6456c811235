/*
 * libdillimpl.h: for those who implement handles and protocols of their own.
 *
 * This file is generated: `make header` makes it from the Rust sources in src/capi
 * and from include/parts/libdillimpl.h.in. Change those.
 */

#ifndef LIBDILLIMPL_H_INCLUDED
#define LIBDILLIMPL_H_INCLUDED

#include "libdill.h"

#if defined __cplusplus
extern "C" {
#endif

/* ============================================================================
 * Handles
 * ========================================================================= */

/**
 * The functions that an object with a handle has.
 *
 * Put this structure into your object, best as its first member, and pass its address
 * to `hmake`. It must stay valid until `close` is called.
 */
struct dill_hvfs {
    /**
     * Returns a pointer to the object's interface with the identifier `type`, the same
     * pointer each time, or `NULL` with `errno` set to `ENOTSUP` when it has none.
     */
    void *(*query)(struct dill_hvfs *vfs, const void *type);
    /**
     * Frees the object. Called once, when its handle is closed; blocking functions fail
     * with `ECANCELED` while it runs.
     */
    void (*close)(struct dill_hvfs *vfs);
};

/**
 * Makes a handle for an object of your own.
 *
 * The object then works with `hclose`, `hown` and `hquery`, and with the functions of
 * every interface that its `query` answers for: an object with a `bsock_vfs`, for
 * example, is a bytestream socket.
 *
 * # Parameters
 *
 * - `vfs`: the functions of the object.
 *
 * # Return value
 *
 * The new handle, or -1 with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `ECANCELED`: the coroutine was cancelled.
 * - `EINVAL`: `vfs` is `NULL`, or one of its functions is.
 * - `EMFILE`: the thread has used up its handles.
 * - `ENOMEM`: out of memory.
 *
 * # Thread safety
 *
 * The new handle belongs to the calling thread.
 *
 * # Example
 *
 * ```c
 * #include <libdillimpl.h>
 *
 * static const int counter_type = 0;
 *
 * struct counter {
 *     struct hvfs vfs;
 *     int value;
 * };
 *
 * static void *counter_query(struct hvfs *vfs, const void *type) {
 *     if(type == &counter_type) return vfs;
 *     errno = ENOTSUP;
 *     return NULL;
 * }
 *
 * static void counter_close(struct hvfs *vfs) {
 *     free(vfs);
 * }
 *
 * static int counter_make(void) {
 *     struct counter *self = (struct counter*)calloc(1, sizeof(*self));
 *     if(!self) return -1;
 *     self->vfs.query = counter_query;
 *     self->vfs.close = counter_close;
 *     int h = hmake(&self->vfs);
 *     if(h < 0) free(self);
 *     return h;
 * }
 *
 * static int counter_next(int h) {
 *     struct counter *self = (struct counter*)hquery(h, &counter_type);
 *     return self ? ++self->value : -1;
 * }
 *
 * int main(void) {
 *     int h = counter_make();
 *     if(counter_next(h) != 1 || counter_next(h) != 2) return 1;
 *     return hclose(h) == 0 ? 0 : 1;
 * }
 * ```
 *
 * # See also
 *
 * `bsock_vfs`, `hclose`, `hown`, `hquery`
 */
DILL_EXPORT int dill_hmake(struct dill_hvfs *vfs);

/**
 * Returns the interface of a handle's object.
 *
 * Types are identified by address: take that of any object of static duration for a
 * type of your own. What the result points to is an agreement between those who know
 * the identifier, usually a structure of function pointers. Answers are remembered, so
 * asking again is cheap.
 *
 * The library itself asks byte streams for `bsock_type`, whose structure is `bsock_vfs`, message
 * sockets for `msock_type` (`msock_vfs`), and sockets in a `CHSOCK` clause for `input_type`
 * (`input_vfs`).
 *
 * # Parameters
 *
 * - `h`: the handle.
 * - `type`: the identifier of the wanted interface.
 *
 * # Return value
 *
 * A pointer to the interface, or `NULL` with `errno` set to one of the values below.
 *
 * # Errors
 *
 * - `EBADF`: the handle is not open.
 * - `ENOTSUP`: the object has no such interface.
 *
 * # Thread safety
 *
 * The handle belongs to the thread that made it. On another one it is `EBADF`.
 *
 * # Example
 *
 * ```c
 * int ch[2];
 * if(chmake(ch) < 0) return;
 * // A channel is no bytestream socket.
 * if(!hquery(ch[0], bsock_type) && errno == ENOTSUP) puts("as expected");
 * ```
 *
 * # See also
 *
 * `bsock_type`, `hmake`
 */
DILL_EXPORT void *dill_hquery(int h, const void *type);

#if !defined DILL_DISABLE_SOCKETS

/* ============================================================================
 * Bytestream sockets
 * ========================================================================= */

/**
 * The functions of a bytestream socket. A protocol of your own puts this structure
 * into its object and returns a pointer to it when it is queried for `bsock_type`;
 * `bsend`, `brecv`, `bsendl` and `brecvl` call them.
 *
 * Both functions transfer the whole list from `first` to `last`, or fail with -1 and
 * `errno`. A receive of no list at all (both pointers `NULL`) reads and drops
 * everything until it fails.
 *
 * A protocol on top takes `ETIMEDOUT`, `ECANCELED` and `EBUSY` for a call that has changed
 * nothing if no socket beneath has transferred a byte in it. If that is wrong, as bytes were
 * taken out of a buffer of the object's own, its later calls must fail.
 */
struct dill_bsock_vfs {
    /**
     * Sends a list of buffers.
     */
    int (*bsendl)(struct dill_bsock_vfs *vfs,
                  struct dill_iolist *first,
                  struct dill_iolist *last,
                  int64_t deadline);
    /**
     * Receives into a list of buffers.
     */
    int (*brecvl)(struct dill_bsock_vfs *vfs,
                  struct dill_iolist *first,
                  struct dill_iolist *last,
                  int64_t deadline);
};

/**
 * Identifies the bytestream interface: an object that implements it answers
 * `hquery(h, bsock_type)` with a pointer to its `struct bsock_vfs`.
 */
DILL_EXPORT_DATA extern const void *dill_bsock_type;

/* ============================================================================
 * Message sockets
 * ========================================================================= */

/**
 * The functions of a message socket. A protocol of your own puts this structure into its
 * object and returns a pointer to it when it is queried for `msock_type`; `msend`, `mrecv`,
 * `msendl` and `mrecvl` call them.
 *
 * `msendl` sends the whole list from `first` to `last` as one message. `mrecvl` receives one
 * message into the list and returns its length; without any list (both pointers `NULL`) it
 * drops the message. Both return -1 and set `errno` when they fail.
 */
struct dill_msock_vfs {
    /**
     * Sends a list of buffers as one message.
     */
    int (*msendl)(struct dill_msock_vfs *vfs,
                  struct dill_iolist *first,
                  struct dill_iolist *last,
                  int64_t deadline);
    /**
     * Receives a message into a list of buffers.
     */
    ssize_t (*mrecvl)(struct dill_msock_vfs *vfs,
                      struct dill_iolist *first,
                      struct dill_iolist *last,
                      int64_t deadline);
};

/**
 * Identifies the message socket interface: an object that implements it answers
 * `hquery(h, msock_type)` with a pointer to its `struct msock_vfs`.
 */
DILL_EXPORT_DATA extern const void *dill_msock_type;

/* ============================================================================
 * Input, for choose
 * ========================================================================= */

/**
 * An answer of `struct input_vfs`: ask the socket beneath, whose handle is in `beneath`.
 */
#define DILL_INPUT_BENEATH 0

/**
 * An answer of `struct input_vfs`: the next receive would not block before its first
 * byte, because input is buffered or because it fails at once.
 */
#define DILL_INPUT_BUFFERED 1

/**
 * An answer of `struct input_vfs`: ask the system about the file descriptor in `beneath`.
 */
#define DILL_INPUT_FD 2

/**
 * Where the input of a socket is, for the `CHSOCK` clause of `choose`. A protocol of your
 * own puts this structure into its object and returns a pointer to it when it is queried
 * for `input_type`.
 */
struct dill_input_vfs {
    /**
     * Returns `INPUT_BUFFERED`; or `INPUT_BENEATH` or `INPUT_FD`, and stores in `beneath`
     * who is to be asked instead; or -1 with `errno` set. Must not block.
     */
    int (*input)(struct dill_input_vfs *vfs, int *beneath);
};

/**
 * Identifies the interface by which a socket tells of its input: an object that
 * implements it answers `hquery(h, input_type)` with a pointer to its
 * `struct input_vfs`. It is optional; without it `CHSOCK` fails with `ENOTSUP`. A
 * protocol that buffers nothing may pass the query on to the socket beneath it.
 */
DILL_EXPORT_DATA extern const void *dill_input_type;

#endif /* !defined DILL_DISABLE_SOCKETS */

#if defined __cplusplus
}
#endif

#if !defined DILL_DISABLE_RAW_NAMES

#define hvfs dill_hvfs
#define hmake dill_hmake
#define hquery dill_hquery

#if !defined DILL_DISABLE_SOCKETS

#define bsock_type dill_bsock_type
#define bsock_vfs dill_bsock_vfs
#define INPUT_BENEATH DILL_INPUT_BENEATH
#define INPUT_BUFFERED DILL_INPUT_BUFFERED
#define INPUT_FD DILL_INPUT_FD
#define input_type dill_input_type
#define input_vfs dill_input_vfs
#define msock_type dill_msock_type
#define msock_vfs dill_msock_vfs

#endif /* !defined DILL_DISABLE_SOCKETS */

#endif /* !defined DILL_DISABLE_RAW_NAMES */

#endif /* LIBDILLIMPL_H_INCLUDED */
