/* 20,000 connections that do nothing: they are no burden to others, and all end by their
   deadline, or when the server is told to stop. Clients come from several addresses, so that ports don't run out. */

#include <sys/resource.h>

#include "net.h"

#define CONNECTIONS 20000
#define EACH 10000 /* connections from one address */

static coroutine void serves(int s, int stop, int *ended) {
    struct chclause clauses[] = {{CHSOCK, s, NULL, 0}, {CHRECV, stop, NULL, 0}};
    char c;
    while(choose(clauses, 2, now() + 60 * 1000) == 0 && brecv(s, &c, 1, now() + 1000) == 0)
        if(bsend(s, &c, 1, now() + 1000) < 0) break;
    CHECK_OK(hclose(s));
    ++*ended;
}

/* Only as many as the process may have descriptors for, with some to spare. */
static int possible(void) {
    struct rlimit limit = {2 * CONNECTIONS + 200, 2 * CONNECTIONS + 200};
    /* Who may raise the limit? */
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    if(limit.rlim_cur == RLIM_INFINITY) return CONNECTIONS;
    int most = ((int)limit.rlim_cur - 100) / 2;
    return most < CONNECTIONS ? most : CONNECTIONS;
}

static int client(const struct ipaddr *server, int i) {
    struct sockaddr_in from;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    memset(&from, 0, sizeof(from));
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(i / EACH));
    CHECK_OK(setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof(one)));
    CHECK_OK(bind(fd, (struct sockaddr*)&from, sizeof(from)));
    CHECK_OK(connect(fd, ipaddr_sockaddr(server), (socklen_t)ipaddr_len(server)));
    return fd;
}

static void ask(int fd, char c) {
    char got;
    CHECK_INT(write(fd, &c, 1), 1);
    for(int i = 0; recv(fd, &got, 1, MSG_DONTWAIT) != 1; i++) {
        CHECK(errno == EAGAIN && i < 1000);
        CHECK_OK(msleep(now() + 1));
    }
    CHECK_INT(got, c);
}

int main(void) {
    CHECK_OK(setenv("DILL_CLOCK", "virtual", 1));
    int n = possible(), ended = 0, stop[2];
    if(n < 2000) {
        printf("skip: room for %d connections only\n", n);
        return CHECK_SKIPPED;
    }
    struct ipaddr addr;
    int *fds = calloc((size_t)n, sizeof(int));
    CHECK(fds);
    int ls = loopback_listener(&addr), b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(chmake(stop));
    CHECK_OK(bundle_notify(b, stop[1]));
    for(int i = 0; i != n; i++) {
        fds[i] = client(&addr, i);
        int s = tcp_accept(ls, NULL, -1);
        CHECK_HANDLE(s);
        CHECK_OK(bundle_go(b, serves(s, stop[0], &ended)));
    }
    /* Time passes; some of them wake up for once, from the first to the last. */
    for(int i = 0; i < n; i += n / 50) {
        CHECK_OK(msleep(now() + 100));
        ask(fds[i], (char)i);
    }
    CHECK_INT(ended, 0);
    /* Most have been silent for a minute and are dropped, those others not yet. */
    CHECK_OK(msleep(now() + 56 * 1000));
    CHECK_BETWEEN(ended, n - 60, n - 20);
    /* The rest ends at once when it is told to. */
    int64_t start = now();
    CHECK_OK(bundle_cancel(b, 10 * 1000));
    CHECK_INT(ended, n);
    CHECK_BETWEEN(now() - start, 0, 1);
    for(int i = 0; i != n; i++) {
        char c;
        CHECK(recv(fds[i], &c, 1, MSG_DONTWAIT) <= 0);
        CHECK_OK(close(fds[i]));
    }
    printf("%d connections\n", n);
    CHECK_OK(hclose(ls));
    CHECK_OK(hclose(stop[0]));
    CHECK_OK(hclose(stop[1]));
    free(fds);
    return 0;
}
