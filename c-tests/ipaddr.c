/* Addresses: literals in every mode, ports, text, comparison, interfaces. */

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "check.h"

static const struct sockaddr_in *in4(const struct ipaddr *addr) {
    return (const struct sockaddr_in*)ipaddr_sockaddr(addr);
}

static const struct sockaddr_in6 *in6(const struct ipaddr *addr) {
    return (const struct sockaddr_in6*)ipaddr_sockaddr(addr);
}

static void is(const struct ipaddr *addr, int family, const char *text,
        int port) {
    char buf[IPADDR_MAXSTRLEN], expected[IPADDR_MAXSTRLEN];
    unsigned char binary[16];
    CHECK_INT(ipaddr_family(addr), family);
    CHECK_INT(ipaddr_port(addr), port);
    CHECK_PTR(ipaddr_str(addr, buf), buf);
    CHECK_STR(buf, text);
    CHECK_INT(inet_pton(family, text, binary), 1);
    CHECK(inet_ntop(family, binary, expected, sizeof(expected)));
    CHECK_STR(buf, expected);
    if(family == AF_INET) {
        CHECK_INT(ipaddr_len(addr), sizeof(struct sockaddr_in));
        CHECK_INT(in4(addr)->sin_family, AF_INET);
        CHECK_INT(ntohs(in4(addr)->sin_port), port);
        CHECK_OK(memcmp(&in4(addr)->sin_addr, binary, 4));
    }
    else {
        CHECK_INT(ipaddr_len(addr), sizeof(struct sockaddr_in6));
        CHECK_INT(in6(addr)->sin6_family, AF_INET6);
        CHECK_INT(ntohs(in6(addr)->sin6_port), port);
        CHECK_OK(memcmp(&in6(addr)->sin6_addr, binary, 16));
        CHECK_INT(in6(addr)->sin6_flowinfo, 0);
    }
}

/* local and remote treat literals the same way. */
static int make(int remote, struct ipaddr *addr, const char *name, int port,
        int mode) {
    memset(addr, 0xff, sizeof(*addr));
    return remote ? ipaddr_remote(addr, name, port, mode, -1) :
        ipaddr_local(addr, name, port, mode);
}

TEST(literals, VARIANTS("local remote")) {
    struct ipaddr a;
    int remote = variant();
    int modes[] = {0, IPADDR_PREF_IPV4, IPADDR_PREF_IPV6};
    for(int i = 0; i != 3; ++i) {
        CHECK_OK(make(remote, &a, "1.2.3.4", 5555, modes[i]));
        is(&a, AF_INET, "1.2.3.4", 5555);
        CHECK_OK(make(remote, &a, "::1", 80, modes[i]));
        is(&a, AF_INET6, "::1", 80);
    }
    CHECK_OK(make(remote, &a, "255.255.255.255", 65535, IPADDR_IPV4));
    is(&a, AF_INET, "255.255.255.255", 65535);
    CHECK_OK(make(remote, &a, "0.0.0.0", 0, IPADDR_IPV4));
    is(&a, AF_INET, "0.0.0.0", 0);
    CHECK_OK(make(remote, &a, "2001:db8:0:0:1::2", 1, IPADDR_IPV6));
    is(&a, AF_INET6, "2001:db8::1:0:0:2", 1);
    CHECK_OK(make(remote, &a, "::ffff:1.2.3.4", 443, IPADDR_IPV6));
    is(&a, AF_INET6, "::ffff:1.2.3.4", 443);
    CHECK_OK(make(remote, &a,
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2, 0));
    is(&a, AF_INET6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2);
    int ports[] = {-1, 65536, 1 << 20, -65536};
    for(int i = 0; i != 4; ++i) {
        CHECK_ERR(make(remote, &a, "1.2.3.4", ports[i], 0), EINVAL);
        CHECK_ERR(make(remote, &a, "::1", ports[i], IPADDR_IPV6), EINVAL);
    }
    CHECK_ERR(make(remote, &a, "1.2.3.4", 80, 5), EINVAL);
    CHECK_ERR(make(remote, &a, "1.2.3.4", 80, -1), EINVAL);
}

TEST(any_address) {
    struct ipaddr a;
    CHECK_OK(make(0, &a, NULL, 5555, 0));
    is(&a, AF_INET, "0.0.0.0", 5555);
    CHECK_OK(make(0, &a, NULL, 0, IPADDR_IPV4));
    is(&a, AF_INET, "0.0.0.0", 0);
    CHECK_OK(make(0, &a, NULL, 1, IPADDR_PREF_IPV4));
    is(&a, AF_INET, "0.0.0.0", 1);
    CHECK_OK(make(0, &a, NULL, 65535, IPADDR_IPV6));
    is(&a, AF_INET6, "::", 65535);
    CHECK_OK(make(0, &a, NULL, 7, IPADDR_PREF_IPV6));
    is(&a, AF_INET6, "::", 7);
    CHECK_ERR(make(0, &a, NULL, -1, 0), EINVAL);
    CHECK_ERR(make(0, &a, NULL, 65536, IPADDR_IPV6), EINVAL);
    CHECK_ERR(make(0, &a, NULL, 80, 77), EINVAL);
}

/* Whether the system gives the interface an address of the family. */
static int interface_has(const char *name, int family) {
    struct ifaddrs *all;
    int found = 0;
    CHECK_OK(getifaddrs(&all));
    for(struct ifaddrs *it = all; it; it = it->ifa_next)
        if(it->ifa_addr && strcmp(it->ifa_name, name) == 0 &&
                it->ifa_addr->sa_family == family) found = 1;
    freeifaddrs(all);
    return found;
}

TEST(interfaces) {
    struct ipaddr a;
    int v4 = interface_has("lo", AF_INET), v6 = interface_has("lo", AF_INET6);
    if(!v4 && !v6) SKIP("no loopback interface");
    if(v4) {
        int modes[] = {0, IPADDR_IPV4, IPADDR_PREF_IPV4};
        for(int i = 0; i != 3; ++i) {
            CHECK_OK(make(0, &a, "lo", 80 + i, modes[i]));
            is(&a, AF_INET, "127.0.0.1", 80 + i);
        }
        CHECK_ERR(make(0, &a, "lo", -1, 0), EINVAL);
        CHECK_ERR(make(0, &a, "lo", 65536, 0), EINVAL);
    }
    if(v6) {
        CHECK_OK(make(0, &a, "lo", 80, IPADDR_IPV6));
        is(&a, AF_INET6, "::1", 80);
        CHECK_OK(make(0, &a, "lo", 81, IPADDR_PREF_IPV6));
        is(&a, AF_INET6, "::1", 81);
    }
    else if(v4) {
        CHECK_ERR(make(0, &a, "lo", 80, IPADDR_IPV6), ENODEV);
        CHECK_OK(make(0, &a, "lo", 80, IPADDR_PREF_IPV6));
        is(&a, AF_INET, "127.0.0.1", 80);
    }
}

TEST(not_found) {
    struct ipaddr a;
    const char *names[] = {"nosuchinterface0", "", "1.2.3", "1.2.3.4.5",
        "1.2.3.256", "::g", "1.2.3.4 ", "lo "};
    for(size_t i = 0; i != sizeof(names) / sizeof(names[0]); ++i)
        CHECK_ERR(make(0, &a, names[i], 80, 0), ENODEV);
    /* A literal of the family that isn't wanted. */
    CHECK_ERR(make(0, &a, "::1", 80, IPADDR_IPV4), ENODEV);
    CHECK_ERR(make(0, &a, "1.2.3.4", 80, IPADDR_IPV6), ENODEV);
}

TEST(remotes) {
    struct ipaddr a[3];
    memset(a, 0, sizeof(a));
    CHECK_INT(ipaddr_remotes(a, 3, "1.2.3.4", 80, 0, -1), 1);
    is(&a[0], AF_INET, "1.2.3.4", 80);
    CHECK_INT(ipaddr_remotes(a, 1, "::1", 81, IPADDR_PREF_IPV6, 0), 1);
    is(&a[0], AF_INET6, "::1", 81);
    CHECK_ERR(ipaddr_remotes(a, 0, "1.2.3.4", 80, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_remotes(a, -1, "1.2.3.4", 80, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_remotes(NULL, 3, "1.2.3.4", 80, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_remotes(a, 3, NULL, 80, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_remotes(a, 3, "1.2.3.4", 80, 9, -1), EINVAL);
    CHECK_ERR(ipaddr_remotes(a, 3, "1.2.3.4", 65536, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_remote(NULL, "1.2.3.4", 80, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_remote(a, NULL, 80, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_local(NULL, "1.2.3.4", 80, 0), EINVAL);
    CHECK_ERR(ipaddr_local(NULL, NULL, 80, 0), EINVAL);
}

TEST(ports) {
    struct ipaddr a;
    const char *names[] = {"1.2.3.4", "::1"};
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(ipaddr_local(&a, names[i], 1, 0));
        for(int port = 0; port < 65536; port += 255) {
            ipaddr_setport(&a, port);
            is(&a, i ? AF_INET6 : AF_INET, names[i], port);
        }
    }
}

static int equal(const char *n1, int p1, const char *n2, int p2, int ignore) {
    struct ipaddr a1, a2;
    /* Different junk around the addresses doesn't count. */
    memset(&a1, 0x11, sizeof(a1));
    memset(&a2, 0x22, sizeof(a2));
    CHECK_OK(ipaddr_local(&a1, n1, p1, 0));
    CHECK_OK(ipaddr_local(&a2, n2, p2, 0));
    int there = ipaddr_equal(&a1, &a2, ignore);
    CHECK_INT(ipaddr_equal(&a2, &a1, ignore), there);
    return there;
}

TEST(comparison) {
    CHECK_INT(equal("1.2.3.4", 5, "1.2.3.4", 5, 0), 1);
    CHECK_INT(equal("1.2.3.4", 5, "1.2.3.4", 5, 1), 1);
    CHECK_INT(equal("1.2.3.4", 5, "1.2.3.4", 6, 0), 0);
    CHECK_INT(equal("1.2.3.4", 5, "1.2.3.4", 6, 1), 1);
    CHECK_INT(equal("1.2.3.4", 5, "1.2.3.5", 5, 0), 0);
    CHECK_INT(equal("1.2.3.4", 5, "1.2.3.5", 5, 1), 0);
    CHECK_INT(equal("::1:2:3:4", 5, "::1:2:3:4", 5, 0), 1);
    CHECK_INT(equal("::1:2:3:4", 5, "::1:2:3:4", 6, 0), 0);
    CHECK_INT(equal("::1:2:3:4", 5, "::1:2:3:4", 6, 1), 1);
    CHECK_INT(equal("::1:2:3:4", 5, "::4:3:2:1", 5, 1), 0);
    CHECK_INT(equal("::1:2:3:4", 5, "1:0::2:3:4", 5, 1), 0);
    CHECK_INT(equal("::1.2.3.4", 5, "1.2.3.4", 5, 1), 0);
    CHECK_INT(equal("::ffff:1.2.3.4", 5, "1.2.3.4", 5, 0), 0);
}

TEST(no_address) {
    struct ipaddr a, zero;
    char text[IPADDR_MAXSTRLEN];
    CHECK_OK(ipaddr_local(&a, "1.2.3.4", 80, 0));
    CHECK_ERR(ipaddr_family(NULL), EINVAL);
    CHECK_ERR(ipaddr_len(NULL), EINVAL);
    CHECK_ERR(ipaddr_port(NULL), EINVAL);
    CHECK_NULL(ipaddr_str(NULL, text), EINVAL);
    CHECK_NULL(ipaddr_str(&a, NULL), EINVAL);
    CHECK_PTR(ipaddr_sockaddr(NULL), NULL);
    CHECK_RESULT(ipaddr_equal(NULL, &a, 0), 0, EINVAL);
    CHECK_RESULT(ipaddr_equal(&a, NULL, 1), 0, EINVAL);
    CHECK_RESULT((ipaddr_setport(NULL, 1), 0), 0, EINVAL);
    int bad[] = {-1, 65536, 1 << 20};
    for(int i = 0; i != 3; ++i) {
        CHECK_RESULT((ipaddr_setport(&a, bad[i]), 0), 0, EINVAL);
        CHECK_INT(ipaddr_port(&a), 80);
    }
    /* A structure that was not filled in. */
    memset(&zero, 0, sizeof(zero));
    CHECK_INT(ipaddr_family(&zero), AF_UNSPEC);
    CHECK_ERR(ipaddr_len(&zero), EAFNOSUPPORT);
    CHECK_ERR(ipaddr_port(&zero), EAFNOSUPPORT);
    CHECK_NULL(ipaddr_str(&zero, text), EAFNOSUPPORT);
    CHECK_RESULT(ipaddr_equal(&zero, &zero, 0), 0, EAFNOSUPPORT);
    CHECK_RESULT((ipaddr_setport(&zero, 1), 0), 0, EAFNOSUPPORT);
    CHECK_ERR(tcp_connect(&zero, -1), EAFNOSUPPORT);
    CHECK_ERR(tcp_listen(&zero, 1), EAFNOSUPPORT);
}
