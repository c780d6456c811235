/* Happy eyeballs: which address is tried when, who wins, and that the losers end. In virtual
   time, with names of the program's own and addresses of the loopback interface. */

#include <fcntl.h>

#include "net.h"
#include "scripted_names.h"

ALL_TESTS(BOTH_POLLERS)

static sem_t gate;

static const struct scripted lines[] = {
    {"both", "127.0.0.1 ::1", 0, 0, NULL, 0},
    {"four", "127.0.0.1", 0, 0, NULL, 0},
    {"many", "127.0.0.2 127.0.0.3 127.0.0.1", 0, 0, NULL, 0},
    {"dead", "127.0.0.2 127.0.0.3", 0, 0, NULL, 0},
    {"late", "127.0.0.1 ::1", 0, 0, &gate, AF_INET6},
    {"memory", "", EAI_MEMORY, 0, NULL, 0},
    {NULL, NULL, 0, 0, NULL, 0},
};

/* The port of all listeners below. */
static int port;

/* A plain listener: libdill's would accept too many. -1 if there is no such address. */
static int listener(const char *addr, int backlog) {
    struct ipaddr local;
    CHECK_OK(ipaddr_local(&local, addr, port, 0));
    int one = 1, fd = socket(ipaddr_family(&local), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if(fd < 0) return -1;
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
    if(bind(fd, ipaddr_sockaddr(&local), (socklen_t)ipaddr_len(&local)) != 0) {
        CHECK_INT(errno, EADDRNOTAVAIL);
        CHECK_OK(close(fd));
        return -1;
    }
    CHECK_OK(listen(fd, backlog));
    if(!port) {
        struct sockaddr_in in4;
        socklen_t len = sizeof(in4);
        CHECK_OK(getsockname(fd, (struct sockaddr*)&in4, &len));
        port = ntohs(in4.sin_port);
    }
    return fd;
}

/* Connections that fill up a listener's queue, so that it answers nobody any more. */
struct hole {
    int fds[3];
};

static struct hole hole(const char *addr) {
    struct hole self;
    struct ipaddr target;
    self.fds[0] = listener(addr, 0);
    CHECK(self.fds[0] >= 0);
    CHECK_OK(ipaddr_local(&target, addr, port, 0));
    for(int i = 1; i != 3; ++i) {
        self.fds[i] = socket(ipaddr_family(&target),
            SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        CHECK(self.fds[i] >= 0);
        int rc = connect(self.fds[i], ipaddr_sockaddr(&target),
            (socklen_t)ipaddr_len(&target));
        CHECK(rc == 0 || errno == EINPROGRESS);
    }
    return self;
}

static void fill_up(struct hole *self) {
    for(int i = 0; i != 3; ++i) CHECK_OK(close(self->fds[i]));
}

/* Is a connection waiting to be accepted? Takes it. */
static int arrived(int fd) {
    CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
    int s = accept(fd, NULL, NULL);
    if(s < 0) return 0;
    CHECK_OK(close(s));
    return 1;
}

static int connects(const char *name, int64_t after) {
    int64_t start = now();
    int s = happyeyeballs_connect(name, port, -1);
    CHECK_HANDLE(s);
    CHECK_INT(now() - start, after);
    return s;
}

/* The listeners' descriptors; all addresses of IPv4 lead to the first. */
static int four, six;

static void listen_with_ipv6(void) {
    six = listener("::1", 16);
    if(six < 0) SKIP("no IPv6 here");
}

BEFORE_EACH {
    script = lines;
    CHECK_OK(sem_init(&gate, 0, 0));
}

static void in_virtual_time(void) {
    use_virtual_time();
    four = listener("127.0.0.1", 16);
}

TEST(ipv6_is_preferred) {
    in_virtual_time();
    listen_with_ipv6();
    int s = connects("both", 0);
    CHECK_INT(arrived(six), 1);
    CHECK_INT(arrived(four), 0);
    CHECK_OK(bsend(s, "x", 1, -1));
    CHECK_OK(hclose(s));
}

TEST(literals) {
    in_virtual_time();
    int s = connects("127.0.0.1", 0);
    CHECK_INT(arrived(four), 1);
    CHECK_OK(hclose(s));
}

TEST(literals_of_ipv6) {
    in_virtual_time();
    listen_with_ipv6();
    int s = connects("::1", 0);
    CHECK_INT(arrived(six), 1);
    CHECK_OK(hclose(s));
}

TEST(attempts_overlap) {
    in_virtual_time();
    listen_with_ipv6();
    CHECK_OK(close(six));
    int fds = count_fds();
    struct hole silent = hole("::1");
    int s = connects("both", 250);
    CHECK_INT(arrived(four), 1);
    CHECK_OK(hclose(s));
    fill_up(&silent);
    CHECK_INT(count_fds(), fds);
}

TEST(a_refusal_is_no_reason_to_wait) {
    in_virtual_time();
    int s = connects("both", 0);
    CHECK_INT(arrived(four), 1);
    CHECK_OK(hclose(s));
    s = connects("many", 0);
    CHECK_INT(arrived(four), 1);
    CHECK_OK(hclose(s));
}

TEST(addresses_are_tried_in_turn) {
    in_virtual_time();
    int fds = count_fds();
    struct hole two = hole("127.0.0.2");
    struct hole three = hole("127.0.0.3");
    int s = connects("many", 500);
    CHECK_INT(arrived(four), 1);
    CHECK_OK(hclose(s));
    fill_up(&two);
    s = connects("many", 250);
    CHECK_INT(arrived(four), 1);
    CHECK_OK(hclose(s));
    fill_up(&three);
    CHECK_INT(count_fds(), fds);
}

static coroutine void is_cancelled(const char *name) {
    CHECK_ERR(happyeyeballs_connect(name, port, -1), ECANCELED);
    CHECK_ERR(happyeyeballs_connect("four", port, -1), ECANCELED);
    note("cancelled");
}

TEST(deadline_and_cancellation) {
    in_virtual_time();
    int fds = count_fds();
    struct hole two = hole("127.0.0.2");
    struct hole three = hole("127.0.0.3");
    int64_t start = now();
    CHECK_ERR(happyeyeballs_connect("dead", port, start + 100), ETIMEDOUT);
    CHECK_INT(now() - start, 100);
    start = now();
    CHECK_ERR(happyeyeballs_connect("dead", port, start + 600), ETIMEDOUT);
    CHECK_INT(now() - start, 600);
    int b = go(is_cancelled("dead"));
    CHECK_HANDLE(b);
    start = now();
    CHECK_ERR(bundle_wait(b, start + 300), ETIMEDOUT);
    CHECK_OK(hclose(b));
    CHECK_INT(now() - start, 300);
    CHECK_NOTES("cancelled");
    fill_up(&two);
    fill_up(&three);
    /* No attempt and no query is left. */
    CHECK_INT(count_fds(), fds);
}

TEST(failures) {
    in_virtual_time();
    int fds = count_fds();
    char name[300];
    CHECK_ERR(happyeyeballs_connect("dead", port, -1), ECONNREFUSED);
    CHECK_ERR(happyeyeballs_connect("nobody", port, -1), EADDRNOTAVAIL);
    CHECK_ERR(happyeyeballs_connect("memory", port, -1), ENOMEM);
    CHECK_ERR(happyeyeballs_connect(NULL, port, -1), EINVAL);
    CHECK_ERR(happyeyeballs_connect("four", 0, -1), EINVAL);
    CHECK_ERR(happyeyeballs_connect("four", -1, -1), EINVAL);
    CHECK_ERR(happyeyeballs_connect("four", 65536, -1), EINVAL);
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = 0;
    CHECK_ERR(happyeyeballs_connect(name, port, -1), ENAMETOOLONG);
    CHECK_INT(count_fds(), fds);
}

/* In real time: IPv6 addresses that are still looked up are waited for, but not for long. */
TEST(late_answer) {
    four = listener("127.0.0.1", 16);
    int fds = count_fds();
    int64_t start = now();
    int s = happyeyeballs_connect("late", port, -1);
    CHECK_HANDLE(s);
    CHECK_BETWEEN(now() - start, 50, 5000);
    CHECK_INT(arrived(four), 1);
    CHECK_OK(hclose(s));
    CHECK_INT(count_fds(), fds);
    CHECK_OK(sem_post(&gate));
}
