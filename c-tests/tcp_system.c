/* TCP and the system: Nagle's algorithm is off, a full descriptor table doesn't
   ruin the listener, and a peer that never stops sending can't hold up tcp_close
   or a receive beyond its deadline. */

#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/resource.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

/* Checks all connected TCP sockets of the process; returns their number. */
static int check_nodelay(void) {
    int n = 0;
    for(int fd = 0; fd != 1024; ++fd) {
        int val, protocol;
        socklen_t len = sizeof(val);
        if(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &val, &len) < 0 || val)
            continue;
        len = sizeof(protocol);
        CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len));
        if(protocol != IPPROTO_TCP) continue;
        len = sizeof(val);
        CHECK_OK(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &val, &len));
        CHECK(val != 0);
        n++;
    }
    return n;
}

TEST(nodelay) {
    static struct tcp_storage mem[3];
    struct ipaddr addr;
    int ls = loopback_listener(&addr), s[6], fd[2];
    s[0] = tcp_connect(&addr, -1);
    s[1] = tcp_accept(ls, NULL, -1);
    s[2] = tcp_connect_mem(&addr, &mem[0], -1);
    s[3] = tcp_accept_mem(ls, NULL, &mem[1], -1);
    raw_tcp_pair(fd);
    s[4] = tcp_fromfd(fd[0]);
    s[5] = tcp_fromfd_mem(fd[1], &mem[2]);
    for(int i = 0; i != 6; ++i) CHECK_HANDLE(s[i]);
    CHECK_INT(check_nodelay(), 6);
    for(int i = 0; i != 6; ++i) CHECK_OK(hclose(s[i]));
    CHECK_OK(hclose(ls));
}

TEST(full_descriptor_table) {
    if(under_memcheck()) SKIP("Memcheck imitates the limit of descriptors");
    struct ipaddr addr;
    struct rlimit old, lim;
    int ls = loopback_listener(&addr);
    int cs = tcp_connect(&addr, -1);
    CHECK_HANDLE(cs);
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &old));
    lim = old;
    /* The lowest free number becomes the first forbidden one. */
    int lowest = dup(0);
    CHECK(lowest >= 0);
    CHECK_OK(close(lowest));
    lim.rlim_cur = (rlim_t)lowest;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &lim));
    for(int i = 0; i != 3; ++i) {
        CHECK_ERR(tcp_accept(ls, NULL, -1), EMFILE);
        CHECK_ERR(tcp_accept(ls, NULL, 0), EMFILE);
    }
    CHECK_ERR(tcp_connect(&addr, -1), EMFILE);
    struct ipaddr any = addr;
    ipaddr_setport(&any, 0);
    CHECK_ERR(tcp_listen(&any, 1), EMFILE);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &old));
    /* The connection is still there to be accepted. */
    int as = tcp_accept(ls, NULL, -1);
    CHECK_HANDLE(as);
    char c;
    CHECK_OK(bsend(cs, "x", 1, -1));
    CHECK_OK(brecv(as, &c, 1, -1));
    CHECK_INT(c, 'x');
    CHECK_OK(hclose(cs));
    CHECK_OK(hclose(as));
    /* And the listener takes the next one. */
    cs = tcp_connect(&addr, -1);
    CHECK_HANDLE(cs);
    as = tcp_accept(ls, NULL, -1);
    CHECK_HANDLE(as);
    CHECK_OK(hclose(cs));
    CHECK_OK(hclose(as));
    CHECK_OK(hclose(ls));
}

/* Blocking writes from another thread: the socket is readable all the time. */
static void *flood(void *arg) {
    static char junk[1 << 18];
    int fd = *(int*)arg;
    while(send(fd, junk, sizeof(junk), MSG_NOSIGNAL) > 0);
    CHECK(errno == EPIPE || errno == ECONNRESET);
    return NULL;
}

static int flooded(int fd[2], pthread_t *thread) {
    raw_tcp_pair(fd);
    int s = tcp_fromfd(fd[0]);
    CHECK_HANDLE(s);
    CHECK_OK(pthread_create(thread, NULL, flood, &fd[1]));
    return s;
}

TEST(closing_under_a_flood) {
    int fd[2];
    pthread_t thread;
    int s = flooded(fd, &thread);
    int64_t start = now();
    CHECK_ERR(tcp_close(s, start + 50), ETIMEDOUT);
    CHECK_BETWEEN(now() - start, 50, 3000);
    CHECK_ERR(hclose(s), EBADF);
    CHECK_OK(pthread_join(thread, NULL));
    CHECK_OK(close(fd[1]));
}

TEST(receiving_under_a_flood) {
    int fd[2];
    pthread_t thread;
    int s = flooded(fd, &thread);
    int64_t start = now();
    /* More than will come in this time. */
    CHECK_ERR(brecv(s, NULL, (size_t)1 << 60, start + 50), ETIMEDOUT);
    CHECK_BETWEEN(now() - start, 50, 3000);
    CHECK_OK(hclose(s));
    CHECK_OK(pthread_join(thread, NULL));
    CHECK_OK(close(fd[1]));
}

static coroutine void skips(int s) {
    CHECK_ERR(brecv(s, NULL, (size_t)1 << 60, -1), ECANCELED);
    note("cancelled");
}

/* Neither does it keep other coroutines from running. */
TEST(others_run_during_a_flood) {
    int fd[2];
    pthread_t thread;
    int s = flooded(fd, &thread);
    int b = go(skips(s));
    CHECK_HANDLE(b);
    int64_t start = now();
    CHECK_OK(msleep(start + 20));
    CHECK_BETWEEN(now() - start, 20, 3000);
    CHECK_OK(hclose(b));
    CHECK_NOTES("cancelled");
    CHECK_OK(hclose(s));
    CHECK_OK(pthread_join(thread, NULL));
    CHECK_OK(close(fd[1]));
}
