/* More than there is room for: no descriptors, clients that dawdle, peers that are dead,
   producers that are too fast. Nobody else must suffer from it, and nothing gets lost. */

#include <sys/resource.h>
#include <sys/syscall.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    use_virtual_time();
}

/* ------------------------------------------------------- no descriptors left -- */

static int connected(const struct ipaddr *addr) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_OK(connect(fd, ipaddr_sockaddr(addr), (socklen_t)ipaddr_len(addr)));
    return fd;
}

/* The accept loop of examples-c/graceful_server.c in short. */
static coroutine void accepts(int ls, int error, int *accepted, int *failed) {
    struct chclause client = {CHSOCK, ls, NULL, 0};
    while(choose(&client, 1, -1) == 0) {
        int s = tcp_accept(ls, NULL, 0);
        if(s >= 0) {
            ++*accepted;
            CHECK_OK(hclose(s));
            continue;
        }
        if(errno == ETIMEDOUT) continue;
        CHECK_INT(errno, error);
        ++*failed;
        if(msleep(now() + 100) < 0) break;
    }
    CHECK_INT(errno, ECANCELED);
}

TEST(no_descriptors) {
    if(under_memcheck()) SKIP("Memcheck imitates the limit of descriptors");
    struct ipaddr addr;
    struct rlimit old, few;
    int clients[8], hoard[64], n = 0, accepted = 0, failed = 0;
    int ls = loopback_listener(&addr);
    for(int i = 0; i != 8; i++) clients[i] = connected(&addr);
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &old));
    few = old;
    few.rlim_cur = (rlim_t)count_fds() + 40;
    if(few.rlim_cur > old.rlim_max) few.rlim_cur = old.rlim_max;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &few));
    while(n != 64 && (hoard[n] = dup(0)) >= 0) n++;
    CHECK_INT(errno, EMFILE);
    /* It fails at once, whatever the deadline, each time, and the listener is none the worse. */
    CHECK_ERR(tcp_accept(ls, NULL, -1), EMFILE);
    CHECK_ERR(tcp_accept(ls, NULL, 0), EMFILE);
    CHECK_ERR(tcp_accept(ls, NULL, now() + 1000), EMFILE);
    struct ipaddr other = addr;
    CHECK_ERR(tcp_listen(&other, 1), EMFILE);
    CHECK_ERR(tcp_connect(&addr, -1), EMFILE);
    /* A loop that waits a little does not spin: ten failures in a second. */
    int b = go(accepts(ls, EMFILE, &accepted, &failed));
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 1000));
    CHECK_BETWEEN(failed, 9, 11);
    CHECK_INT(accepted, 0);
    /* With one descriptor free it serves all who have been waiting, without a new client. */
    CHECK_OK(close(hoard[--n]));
    CHECK_OK(msleep(now() + 200));
    CHECK_INT(accepted, 8);
    while(n) CHECK_OK(close(hoard[--n]));
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &old));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ls));
    for(int i = 0; i != 8; i++) CHECK_OK(close(clients[i]));
}

/* The whole system has none left: no test can have that come true without harm to others. */
static int system_is_full;

int accepts_for_library(int fd, void *addr, socklen_t *len, int flags) __asm__("accept4");
int accepts_for_library(int fd, void *addr, socklen_t *len, int flags) {
    if(system_is_full) {
        errno = ENFILE;
        return -1;
    }
    return (int)syscall(SYS_accept4, fd, addr, len, flags);
}

TEST(no_descriptors_anywhere) {
    struct ipaddr addr;
    int clients[8], accepted = 0, failed = 0;
    int ls = loopback_listener(&addr);
    for(int i = 0; i != 8; i++) clients[i] = connected(&addr);
    system_is_full = 1;
    CHECK_ERR(tcp_accept(ls, NULL, -1), ENFILE);
    CHECK_ERR(tcp_accept(ls, NULL, 0), ENFILE);
    int b = go(accepts(ls, ENFILE, &accepted, &failed));
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 1000));
    CHECK_BETWEEN(failed, 9, 11);
    CHECK_INT(accepted, 0);
    system_is_full = 0;
    CHECK_OK(msleep(now() + 200));
    CHECK_INT(accepted, 8);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ls));
    for(int i = 0; i != 8; i++) CHECK_OK(close(clients[i]));
}

/* ---------------------------------------------------------------- slowloris -- */

#define SLOW 100

/* One deadline for the whole head, not one for each byte. */
static coroutine void reads_head(int s, int *given_up) {
    char c[4] = {0};
    int64_t start = now(), deadline = start + 1000;
    int rc;
    do {
        memmove(c, c + 1, 3);
        rc = brecv(s, c + 3, 1, deadline);
    } while(rc == 0 && memcmp(c, "\r\n\r\n", 4) != 0);
    CHECK_INT(rc, -1);
    CHECK_INT(errno, ETIMEDOUT);
    CHECK_INT(now() - start, 1000);
    CHECK_OK(hclose(s));
    ++*given_up;
}

static coroutine void drips(int s, int every) {
    while(msleep(now() + every) == 0 && bsend(s, "x", 1, now() + 10) == 0) {}
    CHECK_OK(hclose(s));
}

TEST(slowloris) {
    struct ipaddr addr;
    int given_up = 0;
    int ls = loopback_listener(&addr);
    int slow = bundle(), served = bundle();
    CHECK_HANDLE(slow);
    CHECK_HANDLE(served);
    for(int i = 0; i != SLOW; i++) {
        int s = tcp_connect(&addr, -1);
        CHECK_HANDLE(s);
        CHECK_OK(bundle_go(slow, drips(s, 7 + i % 90)));
        s = tcp_accept(ls, NULL, -1);
        CHECK_HANDLE(s);
        CHECK_OK(bundle_go(served, reads_head(s, &given_up)));
    }
    CHECK_OK(bundle_wait(served, now() + 2000));
    CHECK_INT(given_up, SLOW);
    CHECK_OK(hclose(served));
    CHECK_OK(hclose(slow));
    CHECK_OK(hclose(ls));
}

/* -------------------------------------------------------------- a dead peer -- */

static char much[1 << 20];

static coroutine void echoes(int s, int *times) {
    char c;
    while(brecv(s, &c, 1, -1) == 0 && bsend(s, &c, 1, -1) == 0) ++*times;
    CHECK_OK(hclose(s));
}

TEST(dead_peer) {
    int dead[2], lively[2], times = 0;
    tcp_pair(dead);
    tcp_pair(lively);
    int b = go(echoes(lively[1], &times));
    CHECK_HANDLE(b);
    int64_t start = now();
    int rc;
    /* It takes what the system's buffers hold, and then no more. */
    for(int i = 0; i != 100 && (rc = bsend(dead[0], much, sizeof(much), now() + 500)) == 0; i++) {}
    CHECK_INT(rc, -1);
    CHECK_INT(errno, ETIMEDOUT);
    CHECK_INT(now() - start, 500);
    for(int i = 0; i != 100; i++) {
        char c = (char)i;
        CHECK_OK(bsend(lively[0], &c, 1, now() + 100));
        CHECK_OK(brecv(lively[0], &c, 1, now() + 100));
        CHECK_INT(c, i);
    }
    CHECK_INT(times, 100);
    /* An orderly end isn't to be had, and isn't waited for. */
    start = now();
    CHECK_ERR(tcp_close(dead[0], now() + 300), ECONNRESET);
    CHECK_BETWEEN(now() - start, 0, 300);
    CHECK_OK(hclose(dead[1]));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(lively[0]));
}

/* ------------------------------------------------------------ back pressure -- */

#define PRODUCERS 50

static coroutine void produces(int ch, int *produced) {
    for(int i = 0; chsend(ch, &i, sizeof(i), -1) == 0; i++) ++*produced;
    CHECK_INT(errno, ECANCELED);
}

/* Socket, channel, slow consumer: the whole chain goes at the pace of the last. */
static coroutine void feeds(int s, size_t *fed) {
    static char piece[4096];
    while(bsend(s, piece, sizeof(piece), -1) == 0) *fed += sizeof(piece);
    CHECK_OK(hclose(s));
}

static coroutine void passes_on(int s, int ch) {
    char piece[4096];
    while(brecv(s, piece, sizeof(piece), -1) == 0)
        if(chsend(ch, &piece[0], 1, -1) < 0) break;
    CHECK_OK(hclose(s));
}

TEST(back_pressure) {
    int ch[2], produced = 0, val;
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != PRODUCERS; i++) CHECK_OK(bundle_go(b, produces(ch[1], &produced)));
    for(int i = 0; i != 200; i++) {
        CHECK_OK(msleep(now() + 10));
        CHECK_OK(chrecv(ch[0], &val, sizeof(val), -1));
        CHECK_OK(yield());
        /* Nothing is made in advance. */
        CHECK_INT(produced, i + 1);
    }
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));

    int s[2];
    size_t fed = 0;
    char c;
    tcp_pair(s);
    CHECK_OK(chmake(ch));
    b = go(feeds(s[0], &fed));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, passes_on(s[1], ch[1])));
    CHECK_OK(msleep(now() + 1000));
    size_t ahead = fed;
    /* Buffers of the system, and one of ours. */
    CHECK(ahead < 64u << 20);
    for(size_t i = 0; i != 3000; i++) CHECK_OK(chrecv(ch[0], &c, 1, -1));
    CHECK_OK(msleep(now() + 1000));
    CHECK(fed <= ahead + 3000 * 4096 + (16u << 20));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}
