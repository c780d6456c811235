/* Host names by the C library's own means: what every machine knows. */

#include "net.h"

TEST(a_name_of_the_system, BOTH_POLLERS) {
    struct ipaddr addr, listening;
    char text[IPADDR_MAXSTRLEN];
    if(ipaddr_remote(&addr, "localhost", 80, IPADDR_IPV4, -1) != 0)
        SKIP("this machine has no localhost");
    CHECK_STR(ipaddr_str(&addr, text), "127.0.0.1");
    CHECK_INT(ipaddr_port(&addr), 80);
    int ls = loopback_listener(&listening);
    CHECK_OK(ipaddr_remote(&addr, "localhost", ipaddr_port(&listening),
        IPADDR_PREF_IPV4, -1));
    int s = tcp_connect(&addr, -1);
    CHECK_HANDLE(s);
    CHECK_OK(hclose(s));
    CHECK_OK(hclose(ls));
    /* An address with a scope, which only the system can convert. */
    CHECK_OK(ipaddr_remote(&addr, "fe80::1%lo", 80, IPADDR_PREF_IPV4, -1));
    CHECK_STR(ipaddr_str(&addr, text), "fe80::1");
    const struct sockaddr_in6 *in6 =
        (const struct sockaddr_in6*)ipaddr_sockaddr(&addr);
    CHECK(in6->sin6_scope_id != 0);
    /* Reserved: no host has it. */
    CHECK_ERR(ipaddr_remote(&addr, "nobody.invalid", 80, 0, -1), EADDRNOTAVAIL);
    CHECK_INT(ipaddr_remotes(&addr, 1, "nobody.invalid", 80, 0, -1), 0);
}
