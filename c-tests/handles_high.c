/* With DILL_HANDLES=high no handle is the number of a descriptor, in any thread: close(h) for
   hclose(h) does nothing, and a descriptor is no handle of anything. Without it, handles count
   from 0 up, as in libdill. */

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>

#include <libdillimpl.h>

#include "coroutines.h"
#include "net.h"

/* The highest descriptors that this system allows now, and by its settings. */
static long most_descriptors(void) {
    struct rlimit lim;
    long most = 0, allowed = 0;
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &lim));
    FILE *file = fopen("/proc/sys/fs/nr_open", "r");
    if(file) {
        CHECK_INT(fscanf(file, "%ld", &most), 1);
        CHECK_OK(fclose(file));
    }
    if(lim.rlim_max != RLIM_INFINITY) allowed = (long)lim.rlim_max;
    return most > allowed ? most : allowed;
}

static void is_no_descriptor(int h) {
    CHECK_HANDLE(h);
    CHECK(h >= 1 << 30);
    CHECK(h >= most_descriptors());
    CHECK_ERR(close(h), EBADF);
    CHECK_ERR(fcntl(h, F_GETFD), EBADF);
    CHECK_ERR(fdin(h, 0), EBADF);
    CHECK_ERR(fdout(h, 0), EBADF);
    (void)fdclean(h);
    CHECK_ERR(tcp_fromfd(h), EBADF);
    CHECK_ERR(tcp_listener_fromfd(h), EBADF);
    CHECK_ERR(ipc_fromfd(h), EBADF);
    CHECK_ERR(ipc_listener_fromfd(h), EBADF);
    struct chclause cl = {CHFDIN, h, NULL, 0};
    CHECK_INT(choose(&cl, 1, 0), 0);
    CHECK_INT(errno, EBADF);
}

#define NO_HANDLE(call) CHECK_ERR(call, EBADF)

static const int no_type;

static void is_no_handle(int fd) {
    char a[64], b[64];
    struct iolist iol = {a, 1, NULL, 0};
    struct ipaddr addr;
    struct chclause cl = {CHRECV, fd, a, 1};
    struct cancel_scope sc;
    CHECK_OK(ipaddr_local(&addr, "127.0.0.1", 1, 0));
    NO_HANDLE(hown(fd));
    CHECK_NULL(hquery(fd, &no_type), EBADF);
    NO_HANDLE(chsend(fd, a, 1, 0));
    NO_HANDLE(chrecv(fd, a, 1, 0));
    NO_HANDLE(chdone(fd));
    for(cl.op = CHSEND; cl.op <= CHRECV; cl.op++) {
        CHECK_INT(choose(&cl, 1, 0), 0);
        CHECK_INT(errno, EBADF);
    }
    cl.val = NULL;
    cl.len = 0;
    cl.op = CHSOCK;
    CHECK_INT(choose(&cl, 1, 0), 0);
    CHECK_INT(errno, EBADF);
    cl.op = CHBUNDLE;
    CHECK_INT(choose(&cl, 1, 0), 0);
    CHECK_INT(errno, EBADF);
    NO_HANDLE(bundle_go(fd, finishes()));
    NO_HANDLE(bundle_wait(fd, 0));
    NO_HANDLE(bundle_cancel(fd, 0));
    NO_HANDLE(bundle_deadline(fd, -1));
    NO_HANDLE(bundle_notify(fd, fd));
    NO_HANDLE(cancel_enter(&sc, fd, -1));
    NO_HANDLE(bsend(fd, a, 1, 0));
    NO_HANDLE(brecv(fd, a, 1, 0));
    NO_HANDLE(bsendl(fd, &iol, &iol, 0));
    NO_HANDLE(brecvl(fd, &iol, &iol, 0));
    NO_HANDLE(msend(fd, a, 1, 0));
    NO_HANDLE(mrecv(fd, a, 1, 0));
    NO_HANDLE(msendl(fd, &iol, &iol, 0));
    NO_HANDLE(mrecvl(fd, &iol, &iol, 0));
    NO_HANDLE(tcp_accept(fd, NULL, 0));
    NO_HANDLE(tcp_done(fd, 0));
    NO_HANDLE(tcp_close(fd, 0));
    NO_HANDLE(ipc_accept(fd, 0));
    NO_HANDLE(ipc_done(fd, 0));
    NO_HANDLE(ipc_close(fd, 0));
    NO_HANDLE(ipc_sendfd(fd, 0, 0));
    NO_HANDLE(ipc_recvfd(fd, 0));
    NO_HANDLE(udp_send(fd, &addr, a, 1));
    NO_HANDLE(udp_recv(fd, NULL, a, 1, 0));
    NO_HANDLE(prefix_attach(fd, 2, 0));
    NO_HANDLE(prefix_detach(fd));
    NO_HANDLE(suffix_attach(fd, "\n", 1));
    NO_HANDLE(suffix_detach(fd, 0));
    NO_HANDLE(term_attach(fd, "x", 1));
    NO_HANDLE(term_done(fd, 0));
    NO_HANDLE(term_detach(fd, 0));
    NO_HANDLE(http_attach(fd));
    NO_HANDLE(http_sendrequest(fd, "GET", "/", 0));
    NO_HANDLE(http_recvrequest(fd, a, 9, b, 9, 0));
    NO_HANDLE(http_sendstatus(fd, 200, "OK", 0));
    NO_HANDLE(http_recvstatus(fd, a, 9, 0));
    NO_HANDLE(http_sendfield(fd, "a", "b", 0));
    NO_HANDLE(http_recvfield(fd, a, 9, b, 9, 0));
    NO_HANDLE(http_sendbody(fd, a, 1, 0));
    NO_HANDLE(http_recvbody(fd, a, 1, 0));
    NO_HANDLE(http_donebody(fd, 0));
    NO_HANDLE(http_done(fd, 0));
    NO_HANDLE(http_detach(fd, 0));
    NO_HANDLE(tls_attach_client(fd, 0));
    NO_HANDLE(tls_attach_server(fd, "c-tests/certs/chain.pem", "c-tests/certs/server.key", 0));
    NO_HANDLE(tls_done(fd, 0));
    NO_HANDLE(tls_detach(fd, 0));
    NO_HANDLE(ws_attach_client(fd, WS_BINARY | WS_NOHTTP, NULL, NULL, 0));
    NO_HANDLE(ws_attach_server(fd, WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, 0));
    NO_HANDLE(ws_send(fd, WS_BINARY, a, 1, 0));
    NO_HANDLE(ws_recv(fd, NULL, a, 1, 0));
    NO_HANDLE(ws_done(fd, 1000, NULL, 0, 0));
    NO_HANDLE(ws_detach(fd, 1000, NULL, 0, 0));
    NO_HANDLE(ws_status(fd, NULL, NULL, 0));
    NO_HANDLE(socks5_client_connect(fd, NULL, NULL, &addr, 0));
    NO_HANDLE(socks5_client_connectbyname(fd, NULL, NULL, "x", 1, 0));
    NO_HANDLE(socks5_proxy_auth(fd, NULL, 0));
    NO_HANDLE(socks5_proxy_recvcommand(fd, &addr, 0));
    NO_HANDLE(socks5_proxy_sendreply(fd, 0, &addr, 0));
    NO_HANDLE(hclose(fd));
}

static void *other_thread(void *arg) {
    int ch[2];
    CHECK_OK(chmake(ch));
    CHECK(ch[0] != *(int*)arg);
    is_no_descriptor(ch[0]);
    is_no_descriptor(ch[1]);
    for(int fd = 0; fd != 10; ++fd) is_no_handle(fd);
    CHECK_ERR(hclose(*(int*)arg), EBADF);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    return NULL;
}

/* The three descriptors that programs lose by mistake, and what has become of handles. */
TEST(high, BOTH_POLLERS) {
    int ch[2], p[2];
    CHECK_OK(setenv("DILL_HANDLES", "high", 1));
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int fd = 0; fd != 10; ++fd) is_no_handle(fd);
    is_no_descriptor(ch[0]);
    is_no_descriptor(ch[1]);
    is_no_descriptor(b);
    for(int fd = 0; fd != 3; ++fd) CHECK(fcntl(fd, F_GETFD) >= 0);
    /* Stale ones are found out, and many are as good as few. */
    CHECK_OK(hclose(b));
    int stale = b;
    for(int i = 0; i != 1000; ++i) {
        CHECK_HANDLE(b = bundle());
        CHECK(b != stale || i > 200);
        CHECK_OK(hclose(b));
    }
    static int many[20000];
    for(int i = 0; i != 20000; ++i) CHECK_HANDLE(many[i] = bundle());
    is_no_descriptor(many[19999]);
    for(int i = 0; i != 20000; ++i) CHECK_OK(hclose(many[i]));
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, other_thread, &ch[0]));
    CHECK_OK(pthread_join(thread, NULL));
    tcp_pair(p);
    CHECK_OK(bsend(p[0], "abc", 3, -1));
    char buf[3];
    CHECK_OK(brecv(p[1], buf, 3, -1));
    for(int i = 0; i != 2; ++i) {
        is_no_descriptor(p[i]);
        CHECK_OK(hclose(p[i]));
        CHECK_OK(hclose(ch[i]));
    }
}

TEST(by_default_from_zero_up) {
    CHECK_OK(unsetenv("DILL_HANDLES"));
    for(int i = 0; i != 5; ++i) CHECK_INT(bundle(), i);
}

TEST(from_zero_up_by_another_value) {
    CHECK_OK(setenv("DILL_HANDLES", "other", 1));
    for(int i = 0; i != 5; ++i) CHECK_INT(bundle(), i);
}
