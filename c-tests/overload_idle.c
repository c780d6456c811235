/* 20,000 connections that do nothing: they are no burden to others, and all end by their
   deadline, or when the server is told to stop. Their clients are processes of their own, so that
   the server may have all descriptors that a process can get; where that is fewer, it holds as
   many as go. They come from several addresses, so that ports don't run out. */

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "net.h"

enum {
    CONNECTIONS = 20000,
    EACH = 10000,      /* connections from one address */
    AT_A_TIME = 500,   /* connections that wait to be accepted */
    SPARE = 40,        /* descriptors for other things */
    ASKED = 50,        /* connections that wake up for once */
    MOST_CLIENTS = 20
};

/* What the server tells a client. */
struct order {
    enum {CONNECT, ASK, CHECK_CLOSED} what;
    int first, count; /* which of the client's connections */
};

static coroutine void serves(int s, int stop, int *ended) {
    struct chclause clauses[] = {{CHSOCK, s, NULL, 0}, {CHRECV, stop, NULL, 0}};
    char c;
    while(choose(clauses, 2, now() + 60 * 1000) == 0 && brecv(s, &c, 1, now() + 1000) == 0)
        if(bsend(s, &c, 1, now() + 1000) < 0) break;
    CHECK_OK(hclose(s));
    ++*ended;
}

/* As many descriptors as the process may have. */
static int descriptors(void) {
    struct rlimit limit = {CONNECTIONS + SPARE, CONNECTIONS + SPARE};
    /* Who may raise the limit? */
    if(setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
        limit.rlim_cur = limit.rlim_max;
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    }
    return limit.rlim_cur < CONNECTIONS + SPARE ? (int)limit.rlim_cur : CONNECTIONS + SPARE;
}

/* ------------------------------------------------------------------ clients -- */

static int connected(const struct ipaddr *server, int i) {
    struct sockaddr_in from;
    /* Those who wait for what doesn't come are not to wait for ever. */
    struct timeval patience = {20, 0};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    memset(&from, 0, sizeof(from));
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(i / EACH));
    CHECK_OK(setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof(one)));
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
    CHECK_OK(bind(fd, (struct sockaddr*)&from, sizeof(from)));
    CHECK_OK(connect(fd, ipaddr_sockaddr(server), (socklen_t)ipaddr_len(server)));
    return fd;
}

static void asks(int fd, char c) {
    char got;
    CHECK_INT(write(fd, &c, 1), 1);
    CHECK_INT(recv(fd, &got, 1, 0), 1);
    CHECK_INT(got, c);
}

/* The server has ended it: there is nothing, or a reset. */
static void is_closed(int fd) {
    char c;
    CHECK(recv(fd, &c, 1, 0) == 0 || errno == ECONNRESET);
    CHECK_OK(close(fd));
}

/* Does as it is told, and says when it has. "before" other clients have so many connections. */
static void client(int server, const struct ipaddr *addr, int before) {
    int *fds = calloc(CONNECTIONS, sizeof(int));
    struct order order;
    CHECK(fds);
    while(read(server, &order, sizeof(order)) == (ssize_t)sizeof(order)) {
        for(int i = order.first; i != order.first + order.count; i++) {
            if(order.what == CONNECT) fds[i] = connected(addr, before + i);
            else if(order.what == ASK) asks(fds[i], (char)i);
            else is_closed(fds[i]);
        }
        CHECK_INT(write(server, "", 1), 1);
    }
    free(fds);
    exit(0);
}

/* ------------------------------------------------------------------- server -- */

static int clients[MOST_CLIENTS], nclients, of_a_client;

static void tell(int i, int what, int count) {
    struct order order = {what, i % of_a_client, count};
    CHECK_INT(write(clients[i / of_a_client], &order, sizeof(order)), sizeof(order));
}

/* Virtual time stands still meanwhile, as nobody waits for a moment to come. */
static int accepted(int ls) {
    int s;
    while((s = tcp_accept(ls, NULL, now())) < 0) {
        CHECK_INT(errno, ETIMEDOUT);
        (void)sched_yield();
    }
    return s;
}

/* Until it is done; the same goes for the time. */
static void await(int i) {
    char c;
    while(fdin(clients[i / of_a_client], now()) != 0) {
        CHECK_INT(errno, ETIMEDOUT);
        (void)sched_yield();
    }
    CHECK_INT(read(clients[i / of_a_client], &c, 1), 1);
}

static int least(int a, int b) {
    return a < b ? a : b;
}

/* How many connections from the i-th one on one order can be for. */
static int in_one(int i, int n) {
    return least(least(AT_A_TIME, n - i), of_a_client - i % of_a_client);
}

TEST(idle_connections, BOTH_POLLERS) {
    CHECK_OK(setenv("DILL_CLOCK", "virtual", 1));
    int limit = descriptors(), ended = 0, stop[2];
    /* The clients begin with copies of the server's descriptors. */
    of_a_client = limit - SPARE;
    int n = least(under_memcheck() ? 1000 : CONNECTIONS, of_a_client - MOST_CLIENTS);
    if(n < 1000) SKIP("room for %d connections only", n);
    nclients = (n + of_a_client - 1) / of_a_client;
    CHECK_BETWEEN(nclients, 1, MOST_CLIENTS);
    struct ipaddr addr;
    /* Before anything of the library exists, which belongs to one process. */
    CHECK_OK(ipaddr_local(&addr, "127.0.0.1", 0, IPADDR_IPV4));
    int fd = socket(AF_INET, SOCK_STREAM, 0), ends[2];
    socklen_t len = sizeof(addr);
    CHECK(fd >= 0);
    CHECK_OK(bind(fd, ipaddr_sockaddr(&addr), (socklen_t)ipaddr_len(&addr)));
    CHECK_OK(listen(fd, 2 * AT_A_TIME));
    CHECK_OK(getsockname(fd, (struct sockaddr*)&addr, &len));
    for(int i = 0; i != nclients; i++) {
        CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
        pid_t pid = fork();
        CHECK(pid >= 0);
        if(pid == 0) {
            for(int j = 0; j != i; j++) CHECK_OK(close(clients[j]));
            CHECK_OK(close(ends[0]));
            CHECK_OK(close(fd));
            client(ends[1], &addr, i * of_a_client);
        }
        CHECK_OK(close(ends[1]));
        clients[i] = ends[0];
    }
    int ls = tcp_listener_fromfd(fd), b = bundle();
    CHECK_HANDLE(ls);
    CHECK_HANDLE(b);
    CHECK_OK(chmake(stop));
    CHECK_OK(bundle_notify(b, stop[1]));
    for(int i = 0, count; i != n; i += count) {
        count = in_one(i, n);
        tell(i, CONNECT, count);
        for(int j = 0; j != count; j++) {
            int s = accepted(ls);
            CHECK_OK(bundle_go(b, serves(s, stop[0], &ended)));
        }
        await(i);
    }
    /* Time passes; some of them wake up for once, from the first to the last. */
    int asked = 0;
    for(int i = 0; i < n; i += n / ASKED, asked++) {
        CHECK_OK(msleep(now() + 100));
        tell(i, ASK, 1);
        await(i);
    }
    CHECK_INT(ended, 0);
    /* Most have been silent for a minute and are dropped, but not those 41 who were asked in
       the last 4.05 seconds before the last one. */
    CHECK_BETWEEN(asked, ASKED, ASKED + 1);
    CHECK_OK(msleep(now() + 60 * 1000 - 4050));
    CHECK_INT(ended, n - 41);
    /* The rest ends at once when it is told to. */
    int64_t start = now();
    CHECK_OK(bundle_cancel(b, 10 * 1000));
    CHECK_INT(ended, n);
    CHECK_BETWEEN(now() - start, 0, 1);
    for(int i = 0, count; i != n; i += count) {
        count = in_one(i, n);
        tell(i, CHECK_CLOSED, count);
        await(i);
    }
    for(int i = 0; i != nclients; i++) {
        CHECK_OK(fdclean(clients[i]));
        CHECK_OK(close(clients[i]));
    }
    for(int i = 0, status; i != nclients; i++) {
        CHECK(wait(&status) > 0);
        CHECK_INT(status, 0);
    }
    printf("%d connections, %d processes of clients\n", n, nclients);
    CHECK_OK(hclose(ls));
    CHECK_OK(hclose(stop[0]));
    CHECK_OK(hclose(stop[1]));
}
