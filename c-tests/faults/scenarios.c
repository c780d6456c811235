/* Whole lives of servers, clients and protocols, in which any call may fail. Each ends in
   order whatever fails; what succeeds must have done what it says. The clock is virtual,
   and every wait has a deadline, so a lost wake-up shows as a wait that ends too late. */

#include "scenarios.h"

#include "scenarios/shared.h"

const struct scenario scenarios[] = {
    {"bundles", bundles},
    {"channels", channels},
    {"scopes", scopes},
    {"descriptors", descriptors},
    {"signals", signals},
    {"tcp", tcp},
    {"fromfd", tcp_fromfd_and_back},
    {"server", server},
    {"ipc", ipc},
    {"udp", udp},
    {"prefix", prefix},
    {"suffix", suffix},
    {"term", term},
    {"http", http},
    {"ws", ws},
    {"socks5", socks5},
    {"tls", tls},
    {"tls_refused", tls_refused},
    {"names", names},
    {"happy_eyeballs", happy_eyeballs},
    {"many", many}
};

const int nscenarios = sizeof(scenarios) / sizeof(scenarios[0]);
