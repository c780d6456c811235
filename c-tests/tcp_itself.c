/* Where no socket listens at a port that the system may choose for outgoing connections, it may
   choose that very port, and connects the socket to itself: such a connection is refused. In a
   network of the program's own, in which the system has no choice. */

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "net.h"

ALL_TESTS(BOTH_POLLERS)

#define PORT 40000

static void make_network(void) {
    static const char range[] = "40000 40000";
    static const char path[] = "/proc/sys/net/ipv4/ip_local_port_range";
    struct ifreq ifr;
    if(unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) SKIP("no network of one's own");
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(fd >= 0);
    memset(&ifr, 0, sizeof(ifr));
    strcpy(ifr.ifr_name, "lo");
    ifr.ifr_flags = IFF_UP;
    if(ioctl(fd, SIOCSIFFLAGS, &ifr) != 0) SKIP("no loopback interface");
    CHECK_OK(close(fd));
    fd = open(path, O_WRONLY);
    if(fd < 0 || write(fd, range, sizeof(range) - 1) < 0) SKIP("%s can't be set", path);
    CHECK_OK(close(fd));
}

static int before;

BEFORE_EACH {
    make_network();
    before = count_fds();
}

/* The system does it in this network. False if there is no such address. */
static int connects_to_itself(const struct ipaddr *addr) {
    int fd = socket(ipaddr_family(addr), SOCK_STREAM, 0);
    if(fd < 0) return 0;
    if(connect(fd, ipaddr_sockaddr(addr), (socklen_t)ipaddr_len(addr)) != 0) {
        CHECK(errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT || errno == ENETUNREACH);
        CHECK_OK(close(fd));
        return 0;
    }
    struct linger linger = {1, 0};
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
    CHECK_OK(close(fd));
    return 1;
}

TEST(refused, VARIANTS("loopback any loopback_ipv6 any_ipv6")) {
    static const char *const addresses[] = {"127.0.0.1", "0.0.0.0", "::1", "::"};
    struct ipaddr addr;
    static struct tcp_storage mem;
    CHECK_OK(ipaddr_local(&addr, addresses[variant()], PORT, 0));
    if(!connects_to_itself(&addr)) SKIP("no %s", addresses[variant()]);
    /* Time and again: the port is not taken after an attempt. */
    for(int i = 0; i != 3; ++i) {
        CHECK_ERR(tcp_connect(&addr, -1), ECONNREFUSED);
        CHECK_ERR(tcp_connect(&addr, 0), ECONNREFUSED);
        CHECK_ERR(tcp_connect_mem(&addr, &mem, now() + 10000), ECONNREFUSED);
    }
    CHECK_INT(count_fds(), before);
    /* Who listens there gets connections, from another port. */
    int ls = tcp_listen(&addr, 10);
    CHECK_HANDLE(ls);
    CHECK_ERR(tcp_connect(&addr, now() + 100), EADDRNOTAVAIL);
    CHECK_OK(hclose(ls));
}

/* Another port than the one to connect to is nothing special. */
TEST(others_connect) {
    struct ipaddr addr;
    CHECK_OK(ipaddr_local(&addr, "127.0.0.1", PORT + 1, IPADDR_IPV4));
    int ls = tcp_listen(&addr, 10);
    CHECK_HANDLE(ls);
    int s = tcp_connect(&addr, -1);
    CHECK_HANDLE(s);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(ls));
}

TEST(by_name, VARIANTS("127.0.0.1 localhost")) {
    const char *name = variant() ? "localhost" : "127.0.0.1";
    CHECK_ERR(happyeyeballs_connect(name, PORT, now() + 10000), ECONNREFUSED);
}
