/* Both headers in one program that is valid C99 to C23 and C++17, with any of
   DILL_DISABLE_RAW_NAMES, DILL_DISABLE_SOCKETS and DILL_DISABLE_TLS; c-tests/run
   compiles it in all these ways. The type of every function that libdill 2.14 has
   is checked against the one that it has there. */

#include <libdill.h>
#include <libdillimpl.h>
/* Twice is the same as once. */
#include <libdill.h>
#include <libdillimpl.h>

#include <stdio.h>

/* Behind them, headers of the C++ library that have names of theirs. */
#if defined __cplusplus
#include <chrono>
#include <thread>
#if defined __cpp_impl_coroutine
#include <coroutine>
#endif
#endif

#if defined DILL_DISABLE_RAW_NAMES
#define NAME(name) dill_##name
#define SCOPE DILL_CANCEL_SCOPE
#else
#define NAME(name) name
#define SCOPE CANCEL_SCOPE
#endif

#define TYPED(returned, name, arguments)\
    __attribute__((unused)) static returned (*const name##_) arguments =\
        NAME(name);

TYPED(int, bundle, (void))
TYPED(int, bundle_mem, (struct dill_bundle_storage*))
TYPED(int, bundle_wait, (int, int64_t))
TYPED(int, chdone, (int))
TYPED(int, chmake, (int*))
TYPED(int, chmake_mem, (struct dill_chstorage*, int*))
TYPED(int, choose, (struct dill_chclause*, int, int64_t))
TYPED(int, chrecv, (int, void*, size_t, int64_t))
TYPED(int, chsend, (int, const void*, size_t, int64_t))
TYPED(int, fdclean, (int))
TYPED(int, fdin, (int, int64_t))
TYPED(int, fdout, (int, int64_t))
TYPED(int, hclose, (int))
TYPED(int, hmake, (struct dill_hvfs*))
TYPED(int, hown, (int))
TYPED(void*, hquery, (int, const void*))
TYPED(int, msleep, (int64_t))
TYPED(int64_t, now, (void))
TYPED(int, yield, (void))

#if !defined DILL_DISABLE_SOCKETS

TYPED(int, brecv, (int, void*, size_t, int64_t))
TYPED(int, brecvl, (int, struct dill_iolist*, struct dill_iolist*, int64_t))
TYPED(int, bsend, (int, const void*, size_t, int64_t))
TYPED(int, bsendl, (int, struct dill_iolist*, struct dill_iolist*, int64_t))
TYPED(int, happyeyeballs_connect, (const char*, int, int64_t))
TYPED(int, http_attach, (int))
TYPED(int, http_attach_mem, (int, struct dill_http_storage*))
TYPED(int, http_detach, (int, int64_t))
TYPED(int, http_done, (int, int64_t))
TYPED(int, http_recvfield, (int, char*, size_t, char*, size_t, int64_t))
TYPED(int, http_recvrequest, (int, char*, size_t, char*, size_t, int64_t))
TYPED(int, http_recvstatus, (int, char*, size_t, int64_t))
TYPED(int, http_sendfield, (int, const char*, const char*, int64_t))
TYPED(int, http_sendrequest, (int, const char*, const char*, int64_t))
TYPED(int, http_sendstatus, (int, int, const char*, int64_t))
TYPED(int, ipaddr_equal, (const struct dill_ipaddr*, const struct dill_ipaddr*,
    int))
TYPED(int, ipaddr_family, (const struct dill_ipaddr*))
TYPED(int, ipaddr_len, (const struct dill_ipaddr*))
TYPED(int, ipaddr_local, (struct dill_ipaddr*, const char*, int, int))
TYPED(int, ipaddr_port, (const struct dill_ipaddr*))
TYPED(int, ipaddr_remote, (struct dill_ipaddr*, const char*, int, int, int64_t))
TYPED(int, ipaddr_remotes, (struct dill_ipaddr*, int, const char*, int, int,
    int64_t))
TYPED(void, ipaddr_setport, (struct dill_ipaddr*, int))
TYPED(const struct sockaddr*, ipaddr_sockaddr, (const struct dill_ipaddr*))
TYPED(const char*, ipaddr_str, (const struct dill_ipaddr*, char*))
TYPED(int, ipc_accept, (int, int64_t))
TYPED(int, ipc_accept_mem, (int, struct dill_ipc_storage*, int64_t))
TYPED(int, ipc_close, (int, int64_t))
TYPED(int, ipc_connect, (const char*, int64_t))
TYPED(int, ipc_connect_mem, (const char*, struct dill_ipc_storage*, int64_t))
TYPED(int, ipc_done, (int, int64_t))
TYPED(int, ipc_fromfd, (int))
TYPED(int, ipc_fromfd_mem, (int, struct dill_ipc_storage*))
TYPED(int, ipc_listen, (const char*, int))
TYPED(int, ipc_listen_mem, (const char*, int, struct
    dill_ipc_listener_storage*))
TYPED(int, ipc_listener_fromfd, (int))
TYPED(int, ipc_listener_fromfd_mem, (int, struct dill_ipc_listener_storage*))
TYPED(int, ipc_pair, (int*))
TYPED(int, ipc_pair_mem, (struct dill_ipc_pair_storage*, int*))
TYPED(int, ipc_recvfd, (int, int64_t))
TYPED(int, ipc_sendfd, (int, int, int64_t))
TYPED(ssize_t, mrecv, (int, void*, size_t, int64_t))
TYPED(ssize_t, mrecvl, (int, struct dill_iolist*, struct dill_iolist*, int64_t))
TYPED(int, msend, (int, const void*, size_t, int64_t))
TYPED(int, msendl, (int, struct dill_iolist*, struct dill_iolist*, int64_t))
TYPED(int, prefix_attach, (int, size_t, int))
TYPED(int, prefix_attach_mem, (int, size_t, int, struct dill_prefix_storage*))
TYPED(int, prefix_detach, (int))
TYPED(int, socks5_client_connect, (int, const char*, const char*, struct
    dill_ipaddr*, int64_t))
TYPED(int, socks5_client_connectbyname, (int, const char*, const char*, const
    char*, int, int64_t))
TYPED(int, socks5_proxy_auth, (int, int (*)(const char*, const char*), int64_t))
TYPED(int, socks5_proxy_recvcommand, (int, struct dill_ipaddr*, int64_t))
TYPED(int, socks5_proxy_recvcommandbyname, (int, char*, int*, int64_t))
TYPED(int, socks5_proxy_sendreply, (int, int, struct dill_ipaddr*, int64_t))
TYPED(int, suffix_attach, (int, const void*, size_t))
TYPED(int, suffix_attach_mem, (int, const void*, size_t, struct
    dill_suffix_storage*))
TYPED(int, suffix_detach, (int, int64_t))
TYPED(int, tcp_accept, (int, struct dill_ipaddr*, int64_t))
TYPED(int, tcp_accept_mem, (int, struct dill_ipaddr*, struct dill_tcp_storage*,
    int64_t))
TYPED(int, tcp_close, (int, int64_t))
TYPED(int, tcp_connect, (const struct dill_ipaddr*, int64_t))
TYPED(int, tcp_connect_mem, (const struct dill_ipaddr*, struct
    dill_tcp_storage*, int64_t))
TYPED(int, tcp_done, (int, int64_t))
TYPED(int, tcp_fromfd, (int))
TYPED(int, tcp_fromfd_mem, (int, struct dill_tcp_storage*))
TYPED(int, tcp_listen, (struct dill_ipaddr*, int))
TYPED(int, tcp_listen_mem, (struct dill_ipaddr*, int, struct
    dill_tcp_listener_storage*))
TYPED(int, tcp_listener_fromfd, (int))
TYPED(int, tcp_listener_fromfd_mem, (int, struct dill_tcp_listener_storage*))
TYPED(int, term_attach, (int, const void*, size_t))
TYPED(int, term_attach_mem, (int, const void*, size_t, struct
    dill_term_storage*))
TYPED(int, term_detach, (int, int64_t))
TYPED(int, term_done, (int, int64_t))
TYPED(int, udp_open, (struct dill_ipaddr*, const struct dill_ipaddr*))
TYPED(int, udp_open_mem, (struct dill_ipaddr*, const struct dill_ipaddr*, struct
    dill_udp_storage*))
TYPED(ssize_t, udp_recv, (int, struct dill_ipaddr*, void*, size_t, int64_t))
TYPED(ssize_t, udp_recvl, (int, struct dill_ipaddr*, struct dill_iolist*, struct
    dill_iolist*, int64_t))
TYPED(int, udp_send, (int, const struct dill_ipaddr*, const void*, size_t))
TYPED(int, udp_sendl, (int, const struct dill_ipaddr*, struct dill_iolist*,
    struct dill_iolist*))
TYPED(int, ws_attach_client, (int, int, const char*, const char*, int64_t))
TYPED(int, ws_attach_client_mem, (int, int, const char*, const char*, struct
    dill_ws_storage*, int64_t))
TYPED(int, ws_attach_server, (int, int, char*, size_t, char*, size_t, int64_t))
TYPED(int, ws_attach_server_mem, (int, int, char*, size_t, char*, size_t, struct
    dill_ws_storage*, int64_t))
TYPED(int, ws_detach, (int, int, const void*, size_t, int64_t))
TYPED(int, ws_done, (int, int, const void*, size_t, int64_t))
TYPED(ptrdiff_t, ws_recv, (int, int*, void*, size_t, int64_t))
TYPED(ptrdiff_t, ws_recvl, (int, int*, struct dill_iolist*, struct dill_iolist*,
    int64_t))
TYPED(int, ws_request_key, (char*))
TYPED(int, ws_response_key, (const char*, char*))
TYPED(int, ws_send, (int, int, const void*, size_t, int64_t))
TYPED(int, ws_sendl, (int, int, struct dill_iolist*, struct dill_iolist*,
    int64_t))
TYPED(ptrdiff_t, ws_status, (int, int*, void*, size_t))

#if !defined DILL_DISABLE_TLS
TYPED(int, tls_attach_client, (int, int64_t))
TYPED(int, tls_attach_client_mem, (int, struct dill_tls_storage*, int64_t))
TYPED(int, tls_attach_server, (int, const char*, const char*, int64_t))
TYPED(int, tls_attach_server_mem, (int, const char*, const char*, struct
    dill_tls_storage*, int64_t))
TYPED(int, tls_detach, (int, int64_t))
TYPED(int, tls_done, (int, int64_t))
#else
/* A program may then have names of its own. */
enum own_names {tls_attach_client, tls_attach_server, tls_done, tls_detach};
#endif

#else
enum own_names {bsend, tcp_listen, udp_send, ws_send, tls_done, bsock_type};
#endif

static NAME(coroutine) void adds(int *sum, int a, int b) {
    if(NAME(yield)() == 0) *sum += a + b;
}

/* The name may be one that the macro's own parameters have. */
static int fires(int watched) {
    SCOPE(outer, -1, 0);
    SCOPE(deadline, watched, -1);
    if(NAME(yield)() == 0 || errno != ECANCELED) return 0;
    for(int i = 0; i != 2; ++i) {
        SCOPE(ch, DILL_SHIELD, i == 0 ? 0 : -1);
        if(NAME(cancel_fired)(&ch) != (i == 0 ? ETIMEDOUT : 0)) return 0;
    }
    return NAME(cancel_fired)(&outer) == ETIMEDOUT && NAME(cancel_fired)(&deadline) == 0;
}

static int fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    return 1;
}

/* Tags, and names that a program takes for itself. */
#if !defined DILL_DISABLE_RAW_NAMES
__attribute__((unused)) static void tags(void) {
    struct chclause clause = {CHRECV, -1, NULL, 0};
    int64_t start = now();
    if(choose(&clause, 1, start) == 0 && yield() == 0) return;
#if !defined DILL_DISABLE_SOCKETS
    struct ipaddr addr;
    struct iolist list = {NULL, 0, NULL, 0};
    if(ipaddr_local(&addr, NULL, 80, 0) == 0) bsendl(-1, &list, &list, -1);
#endif
#if defined __cplusplus
    (void)std::chrono::steady_clock::now();
    std::this_thread::yield();
#endif
}

/* What the rest uses stays. */
#undef now
#undef msleep
#undef chclause
#undef fdin
#if defined __cplusplus
int64_t now();
int64_t now() {
    return 5;
}
__attribute__((unused)) static int64_t time_of_program() {
    return now();
}
#else
enum more_own_names {now, fdin};
#endif
static struct {int a, b;} msleep;
struct chclause {int own;};
#endif

static int twice(int x) {
    return 2 * x;
}

int main(void) {
    static char stack[2][16384];
    int sum = 0;
#if !defined DILL_DISABLE_RAW_NAMES
    struct chclause clause = {0};
    if(msleep.a || clause.own) return fail("own names");
#endif
#if !defined DILL_DISABLE_SOCKETS
    if(!NAME(bsock_type) || !NAME(msock_type)) return fail("a type is missing");
#endif
    if(!fires(-1) || NAME(yield)() != 0) return fail("scopes");
    int b = NAME(go)(adds(&sum, 1, 2));
    int b2 = NAME(go_mem)(adds(&sum, 3, twice(2)), stack[0], sizeof(stack[0]));
    if(b < 0 || b2 < 0) return fail("go failed");
    for(int i = 0; i != 10; ++i)
        if(NAME(bundle_go)(b, adds(&sum, i, sum * 0)) != 0)
            return fail("bundle_go failed");
    if(NAME(bundle_go_mem)(b, adds(&sum, 5, 6), stack[1], sizeof(stack[1])) != 0)
        return fail("bundle_go_mem failed");
    if(NAME(bundle_wait)(b, -1) != 0 || NAME(bundle_wait)(b2, -1) != 0)
        return fail("bundle_wait failed");
    if(sum != 3 + 7 + 45 + 11) return fail("the sum is wrong");
    if(NAME(bundle_cancel)(b, DILL_INHERIT) != 0 || NAME(hclose)(b2) != 0)
        return fail("closing failed");
    return 0;
}
