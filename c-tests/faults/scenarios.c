/* Whole lives of servers, clients and protocols, in which any call may fail. Each ends in
   order whatever fails; what succeeds must have done what it says. The clock is virtual,
   and every wait has a deadline, so a lost wake-up shows as a wait that ends too late. */

#include "scenarios.h"

#include "scenarios/shared.h"

const struct scenario scenarios[] = {
    {"bundles", bundles, 0},
    {"channels", channels, 0},
    {"scopes", scopes, 0},
    {"descriptors", descriptors, 0},
    {"signals", signals, 0},
    {"tcp", tcp, 0},
    {"fromfd", tcp_fromfd_and_back, 0},
    {"server", server, 0},
    {"ipc", ipc, 0},
    {"udp", udp, 0},
    {"prefix", prefix, 0},
    {"suffix", suffix, 0},
    {"term", term, 0},
    {"http", http, 0},
    {"ws", ws, 0},
    {"socks5", socks5, 0},
    {"tls", tls, 1},
    {"tls_refused", tls_refused, 1},
    {"names", names, 1},
    {"happy_eyeballs", happy_eyeballs, 1},
    {"many", many, 1}
};

const int nscenarios = sizeof(scenarios) / sizeof(scenarios[0]);
