/* UDP: addresses, lists, lengths, strangers. */

#include "net.h"

#include <libdillimpl.h>

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH_KEEPING_FDS {
    use_virtual_time();
}

static void any_port(struct ipaddr *addr) {
    CHECK_OK(ipaddr_local(addr, "127.0.0.1", 0, IPADDR_IPV4));
}

/* Two sockets, the second of which talks to the first one only. */
static void udp_pair(int s[2], struct ipaddr addr[2]) {
    any_port(&addr[0]);
    any_port(&addr[1]);
    s[0] = udp_open(&addr[0], NULL);
    CHECK_HANDLE(s[0]);
    CHECK(ipaddr_port(&addr[0]) > 0);
    s[1] = udp_open(&addr[1], &addr[0]);
    CHECK_HANDLE(s[1]);
}

static void close_pair(int s[2]) {
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(request_and_reply) {
    int s[2];
    struct ipaddr addr[2], from;
    char buf[8];
    udp_pair(s, addr);
    CHECK_OK(msend(s[1], "abc", 3, -1));
    CHECK_INT(udp_recv(s[0], &from, buf, sizeof(buf), -1), 3);
    CHECK_INT(ipaddr_equal(&from, &addr[1], 0), 1);
    CHECK_OK(udp_send(s[0], &from, "defg", 4));
    CHECK_INT(mrecv(s[1], buf, sizeof(buf), -1), 4);
    CHECK_OK(memcmp(buf, "defg", 4));
    CHECK_OK(udp_send(s[1], NULL, "", 0));
    CHECK_INT(udp_recv(s[0], NULL, NULL, 0, -1), 0);
    /* No remote address, and a port of its own. */
    CHECK_ERR(msend(s[0], "x", 1, -1), EINVAL);
    CHECK_ERR(udp_send(s[0], NULL, "x", 1), EINVAL);
    CHECK_ERR(udp_open(&addr[0], NULL), EADDRINUSE);
    close_pair(s);
}

TEST(lists) {
    enum {N = 40};
    int s[2];
    struct ipaddr addr[2];
    struct iolist out[N], in[N];
    char text[N], got[N];
    udp_pair(s, addr);
    for(int holes = 0; holes != 2; ++holes) {
        for(int i = 0; i != N; ++i) {
            text[i] = (char)('A' + i);
            out[i].iol_base = text + i;
            in[i].iol_base = holes && i % 3 == 1 ? NULL : got + i;
            out[i].iol_len = in[i].iol_len = 1;
            out[i].iol_next = i == N - 1 ? NULL : &out[i + 1];
            in[i].iol_next = i == N - 1 ? NULL : &in[i + 1];
            out[i].iol_rsvd = in[i].iol_rsvd = 0;
        }
        memset(got, '#', sizeof(got));
        CHECK_OK(udp_sendl(s[1], NULL, &out[0], &out[N - 1]));
        CHECK_INT(udp_recvl(s[0], NULL, &in[0], &in[N - 1], -1), N);
        for(int i = 0; i != N; ++i)
            CHECK_INT(got[i], holes && i % 3 == 1 ? '#' : text[i]);
    }
    struct iolist rest = {NULL, SIZE_MAX, NULL, 0}, head = {got, 2, &rest, 0};
    CHECK_OK(udp_send(s[1], NULL, "12345", 5));
    CHECK_INT(udp_recvl(s[0], NULL, &head, &rest, -1), 5);
    CHECK_OK(memcmp(got, "12", 2));
    CHECK_OK(udp_send(s[1], NULL, "12345", 5));
    CHECK_INT(mrecvl(s[0], NULL, NULL, -1), 5);
    CHECK_ERR(udp_recvl(s[0], NULL, &rest, &head, -1), EINVAL);
    CHECK_ERR(udp_sendl(s[1], NULL, &head, &rest), EINVAL);
    CHECK_ERR(udp_sendl(s[1], NULL, NULL, NULL), EINVAL);
    close_pair(s);
}

TEST(lengths) {
    static char big[70000], got[70000];
    int s[2];
    struct ipaddr addr[2];
    udp_pair(s, addr);
    for(size_t i = 0; i != sizeof(big); ++i) big[i] = (char)(i * 7);
    CHECK_ERR(udp_send(s[1], NULL, big, 65508), EMSGSIZE);
    CHECK_ERR(udp_send(s[1], NULL, big, sizeof(big)), EMSGSIZE);
    CHECK_OK(udp_send(s[1], NULL, big, 65507));
    CHECK_INT(udp_recv(s[0], NULL, got, sizeof(got), -1), 65507);
    CHECK_OK(memcmp(big, got, 65507));
    /* Too long for the buffer: that message is lost, the next one isn't. */
    CHECK_OK(udp_send(s[1], NULL, "12345", 5));
    CHECK_OK(udp_send(s[1], NULL, "next", 4));
    CHECK_ERR(udp_recv(s[0], NULL, got, 4, -1), EMSGSIZE);
    CHECK_INT(udp_recv(s[0], NULL, got, 4, -1), 4);
    CHECK_OK(memcmp(got, "next", 4));
    close_pair(s);
}

TEST(strangers) {
    int s[2];
    struct ipaddr addr[2], mine;
    char buf[8];
    udp_pair(s, addr);
    any_port(&mine);
    int stranger = udp_open(&mine, NULL);
    CHECK_HANDLE(stranger);
    for(int i = 0; i != 20; ++i)
        CHECK_OK(udp_send(stranger, &addr[1], "bad", 3));
    CHECK_OK(udp_send(s[0], &addr[1], "good", 4));
    /* Also without waiting. */
    CHECK_INT(mrecv(s[1], buf, sizeof(buf), 0), 4);
    /* Nor do they look like input. */
    struct chclause cl = {CHSOCK, s[1], NULL, 0};
    CHECK_OK(udp_send(stranger, &addr[1], "bad", 3));
    CHECK_ERR(choose(&cl, 1, now() + 20), ETIMEDOUT);
    CHECK_OK(udp_send(s[0], &addr[1], "good", 4));
    CHECK_INT(choose(&cl, 1, -1), 0);
    CHECK_INT(mrecv(s[1], buf, sizeof(buf), 0), 4);
    CHECK_OK(udp_send(stranger, &addr[1], "too long", 8));
    CHECK_ERR(mrecv(s[1], buf, 4, now() + 20), ETIMEDOUT);
    CHECK_OK(udp_send(s[0], &addr[1], "good", 4));
    CHECK_INT(mrecv(s[1], buf, sizeof(buf), -1), 4);
    CHECK_OK(hclose(stranger));
    close_pair(s);
}

/* Each part of the address counts; some machines have no IPv6. */
TEST(strangers_by_address) {
    static const char *const hosts[][2] = {{"127.0.0.1", "127.0.0.2"}, {"::1", "::1"}};
    for(int six = 0; six != 2; ++six) {
        struct ipaddr here, friend, other;
        char buf[8];
        int family = six ? IPADDR_IPV6 : IPADDR_IPV4;
        CHECK_OK(ipaddr_local(&friend, hosts[six][0], 0, family));
        int s = udp_open(&friend, NULL);
        if(s < 0 && six) continue;
        CHECK_HANDLE(s);
        /* The same port on another address, or another port on the same one. */
        CHECK_OK(ipaddr_local(&other, hosts[six][1], six ? 0 : ipaddr_port(&friend), family));
        int t = udp_open(&other, NULL);
        CHECK_HANDLE(t);
        CHECK_OK(ipaddr_local(&here, hosts[six][0], 0, family));
        int r = udp_open(&here, &friend);
        CHECK_HANDLE(r);
        struct chclause cl = {CHSOCK, r, NULL, 0};
        CHECK_OK(udp_send(t, &here, "bad", 3));
        CHECK_ERR(choose(&cl, 1, now() + 20), ETIMEDOUT);
        CHECK_OK(udp_send(s, &here, "good", 4));
        CHECK_INT(choose(&cl, 1, -1), 0);
        CHECK_INT(mrecv(r, buf, sizeof(buf), 0), 4);
        CHECK_OK(hclose(r));
        CHECK_OK(hclose(s));
        CHECK_OK(hclose(t));
    }
}

static volatile int calls;

static coroutine void receives(int s, int err) {
    char buf[8];
    if(err) CHECK_ERR(mrecv(s, buf, sizeof(buf), -1), err);
    else CHECK_INT(mrecv(s, buf, sizeof(buf), -1), 1);
    calls++;
}

TEST(waiting) {
    int s[2];
    struct ipaddr addr[2];
    char buf[8];
    udp_pair(s, addr);
    CHECK_ERR(mrecv(s[1], buf, sizeof(buf), 0), ETIMEDOUT);
    int64_t start = now();
    CHECK_ERR(mrecv(s[1], buf, sizeof(buf), start + 30), ETIMEDOUT);
    CHECK_INT(now(), start + 30);
    calls = 0;
    int b = go(receives(s[1], 0));
    CHECK_HANDLE(b);
    CHECK_ERR(mrecv(s[1], buf, sizeof(buf), -1), EBUSY);
    /* Sending goes on meanwhile. */
    CHECK_OK(msend(s[1], "a", 1, -1));
    CHECK_INT(mrecv(s[0], buf, sizeof(buf), -1), 1);
    CHECK_OK(udp_send(s[0], &addr[1], "b", 1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(calls, 1);
    CHECK_OK(hclose(b));
    /* Cancelled, and closed, under a receive. */
    b = go(receives(s[1], ECANCELED));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    b = go(receives(s[1], EBADF));
    CHECK_HANDLE(b);
    struct chclause cl = {CHSOCK, s[0], NULL, 0};
    CHECK_ERR(choose(&cl, 1, 0), ETIMEDOUT);
    CHECK_OK(msend(s[1], "c", 1, -1));
    CHECK_INT(choose(&cl, 1, -1), 0);
    CHECK_OK(hclose(s[1]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(calls, 3);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
}

TEST(arguments) {
    struct ipaddr four, six, none;
    struct udp_storage mem;
    any_port(&four);
    CHECK_OK(ipaddr_local(&six, "::1", 0, IPADDR_IPV6));
    memset(&none, 0, sizeof(none));
    CHECK_ERR(udp_open(&four, &six), EINVAL);
    CHECK_ERR(udp_open_mem(&four, NULL, NULL), EINVAL);
    CHECK_ERR(udp_open(&none, NULL), EAFNOSUPPORT);
    CHECK_ERR(udp_open(NULL, &none), EAFNOSUPPORT);
    memset(&mem, 0x5a, sizeof(mem));
    int s = udp_open_mem(NULL, NULL, &mem);
    CHECK_HANDLE(s);
    CHECK_ERR(udp_send(s, &none, "x", 1), EAFNOSUPPORT);
    CHECK_ERR(udp_send(s, &four, NULL, 1), EINVAL);
    CHECK_ERR(bsend(s, "x", 1, -1), ENOTSUP);
    CHECK(hquery(s, msock_type) != NULL);
    CHECK_OK(hclose(s));
    CHECK_ERR(udp_send(s, &four, "x", 1), EBADF);
    int p[2];
    CHECK_OK(ipc_pair(p));
    int m = prefix_attach(p[0], 1, 0);
    CHECK_HANDLE(m);
    /* A message socket, but not of this kind. */
    char c;
    CHECK_ERR(udp_send(m, &four, "x", 1), ENOTSUP);
    CHECK_ERR(udp_recv(m, NULL, &c, 1, -1), ENOTSUP);
    CHECK_OK(hclose(m));
    CHECK_OK(hclose(p[1]));
}
