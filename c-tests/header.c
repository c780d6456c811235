/* Both headers in one program that is valid C99 to C23 and C++17; c-tests/run
   compiles it by all these standards. Every function's type is checked against a
   pointer of the type that the manual gives. */

#include <libdill.h>
#include <libdillimpl.h>
/* Twice is the same as once. */
#include <libdill.h>
#include <libdillimpl.h>

#include <stdio.h>

static int (*const hmake_)(struct hvfs*) = hmake;
static void *(*const hquery_)(int, const void*) = hquery;
static int (*const hown_)(int) = hown;
static int (*const hclose_)(int) = hclose;
static int (*const fdclean_)(int) = fdclean;
static int (*const fdin_)(int, int64_t) = fdin;
static int (*const fdout_)(int, int64_t) = fdout;
static int64_t (*const now_)(void) = now;
static int (*const msleep_)(int64_t) = msleep;
static int (*const bundle_)(void) = bundle;
static int (*const bundle_mem_)(struct bundle_storage*) = bundle_mem;
static int (*const bundle_wait_)(int, int64_t) = bundle_wait;
static int (*const bundle_cancel_)(int, int64_t) = bundle_cancel;
static int (*const bundle_notify_)(int, int) = bundle_notify;
static int (*const yield_)(void) = yield;
static int (*const chmake_)(int*) = chmake;
static int (*const chmake_mem_)(struct chstorage*, int*) = chmake_mem;
static int (*const chsend_)(int, const void*, size_t, int64_t) = chsend;
static int (*const chrecv_)(int, void*, size_t, int64_t) = chrecv;
static int (*const chdone_)(int) = chdone;
static int (*const choose_)(struct chclause*, int, int64_t) = choose;
static int (*const bsend_)(int, const void*, size_t, int64_t) = bsend;
static int (*const brecv_)(int, void*, size_t, int64_t) = brecv;
static int (*const bsendl_)(int, struct iolist*, struct iolist*, int64_t) =
    bsendl;
static int (*const brecvl_)(int, struct iolist*, struct iolist*, int64_t) =
    brecvl;
static int (*const ipaddr_local_)(struct ipaddr*, const char*, int, int) =
    ipaddr_local;
static int (*const ipaddr_remote_)(struct ipaddr*, const char*, int, int,
    int64_t) = ipaddr_remote;
static int (*const ipaddr_remotes_)(struct ipaddr*, int, const char*, int, int,
    int64_t) = ipaddr_remotes;
static const char *(*const ipaddr_str_)(const struct ipaddr*, char*) =
    ipaddr_str;
static int (*const ipaddr_family_)(const struct ipaddr*) = ipaddr_family;
static const struct sockaddr *(*const ipaddr_sockaddr_)(const struct ipaddr*) =
    ipaddr_sockaddr;
static int (*const ipaddr_len_)(const struct ipaddr*) = ipaddr_len;
static int (*const ipaddr_port_)(const struct ipaddr*) = ipaddr_port;
static void (*const ipaddr_setport_)(struct ipaddr*, int) = ipaddr_setport;
static int (*const ipaddr_equal_)(const struct ipaddr*, const struct ipaddr*,
    int) = ipaddr_equal;
static int (*const tcp_listen_)(struct ipaddr*, int) = tcp_listen;
static int (*const tcp_listen_mem_)(struct ipaddr*, int,
    struct tcp_listener_storage*) = tcp_listen_mem;
static int (*const tcp_accept_)(int, struct ipaddr*, int64_t) = tcp_accept;
static int (*const tcp_accept_mem_)(int, struct ipaddr*, struct tcp_storage*,
    int64_t) = tcp_accept_mem;
static int (*const tcp_connect_)(const struct ipaddr*, int64_t) = tcp_connect;
static int (*const tcp_connect_mem_)(const struct ipaddr*, struct tcp_storage*,
    int64_t) = tcp_connect_mem;
static int (*const tcp_done_)(int, int64_t) = tcp_done;
static int (*const tcp_close_)(int, int64_t) = tcp_close;
static int (*const tcp_fromfd_)(int) = tcp_fromfd;
static int (*const tcp_fromfd_mem_)(int, struct tcp_storage*) = tcp_fromfd_mem;
static int (*const tcp_listener_fromfd_)(int) = tcp_listener_fromfd;
static int (*const tcp_listener_fromfd_mem_)(int,
    struct tcp_listener_storage*) = tcp_listener_fromfd_mem;

/* Keeps the compiler from finding them unused. */
static const void *const functions[] = {
    &hmake_, &hquery_, &hown_, &hclose_, &fdclean_, &fdin_, &fdout_, &now_,
    &msleep_, &bundle_, &bundle_mem_, &bundle_wait_, &bundle_cancel_,
    &bundle_notify_, &yield_, &chmake_, &chmake_mem_, &chsend_, &chrecv_,
    &chdone_, &choose_, &bsend_, &brecv_, &bsendl_, &brecvl_, &ipaddr_local_,
    &ipaddr_remote_, &ipaddr_remotes_, &ipaddr_str_, &ipaddr_family_,
    &ipaddr_sockaddr_, &ipaddr_len_, &ipaddr_port_, &ipaddr_setport_,
    &ipaddr_equal_, &tcp_listen_, &tcp_listen_mem_, &tcp_accept_,
    &tcp_accept_mem_, &tcp_connect_, &tcp_connect_mem_, &tcp_done_, &tcp_close_,
    &tcp_fromfd_, &tcp_fromfd_mem_, &tcp_listener_fromfd_,
    &tcp_listener_fromfd_mem_
};

static coroutine void adds(int *sum, int a, int b) {
    if(yield() == 0) *sum += a + b;
}

static int fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    return 1;
}

int main(void) {
    int sum = 0, ch[2];
    for(size_t i = 0; i != sizeof(functions) / sizeof(functions[0]); ++i)
        if(!functions[i]) return fail("a function is missing");
    if(!bsock_type) return fail("bsock_type is missing");
    static char stack[2][16384];
    int b = go(adds(&sum, 1, 2));
    int b2 = go_mem(adds(&sum, 3, 4), stack[0], sizeof(stack[0]));
    if(b < 0 || b2 < 0) return fail("go failed");
    for(int i = 0; i != 10; ++i)
        if(bundle_go(b, adds(&sum, i, sum * 0)) != 0)
            return fail("bundle_go failed");
    if(bundle_go_mem(b, adds(&sum, 5, 6), stack[1], sizeof(stack[1])) != 0)
        return fail("bundle_go_mem failed");
    if(bundle_wait(b, -1) != 0 || bundle_wait(b2, -1) != 0)
        return fail("bundle_wait failed");
    if(sum != 3 + 7 + 45 + 11) return fail("the sum is wrong");
    if(chmake(ch) != 0) return fail("chmake failed");
    struct chclause clauses[] = {
        {CHRECV, ch[0], &sum, sizeof(sum)}, {CHSEND, ch[0], &sum, sizeof(sum)}
    };
    if(choose(clauses, 2, now() + 1) != -1 || errno != ETIMEDOUT)
        return fail("choose should have timed out");
    if(bundle_cancel(b, DILL_INHERIT) != 0 || hclose(b2) != 0)
        return fail("closing failed");
    return 0;
}
