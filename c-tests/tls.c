/* TLS between two coroutines, besides what streams.c shows of every bytestream: lists, storage
   of the caller's, sessions inside sessions. */

#include "pieces.h"
#include "tls.h"

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH_KEEPING_FDS {}

TEST(simple_exchange) {
    int s[2];
    char buf[3];
    tls_pair(s);
    CHECK_OK(bsend(s[0], "ABC", 3, -1));
    CHECK_OK(bsend(s[0], NULL, 0, -1));
    CHECK_OK(tls_done(s[0], -1));
    CHECK_ERR(bsend(s[0], "x", 1, -1), EPIPE);
    CHECK_ERR(tls_done(s[0], -1), EPIPE);
    CHECK_OK(brecv(s[1], buf, 2, -1));
    CHECK_OK(brecv(s[1], buf + 2, 1, -1));
    CHECK_OK(memcmp(buf, "ABC", 3));
    CHECK_ERR(brecv(s[1], buf, 1, -1), EPIPE);
    CHECK_ERR(brecv(s[1], buf, 1, -1), EPIPE);
    /* One half is closed, the other one isn't. */
    CHECK_OK(bsend(s[1], "DEF", 3, -1));
    CHECK_OK(brecv(s[0], buf, 3, -1));
    CHECK_OK(memcmp(buf, "DEF", 3));
    CHECK_OK(tls_done(s[1], -1));
    CHECK_ERR(brecv(s[0], buf, 1, -1), EPIPE);
    for(int i = 0; i != 2; ++i) {
        int u = tls_detach(s[i], -1);
        CHECK_HANDLE(u);
        CHECK_ERR(hclose(s[i]), EBADF);
        CHECK_OK(hclose(u));
    }
}

TEST(lists) {
    int s[2];
    char one[3] = "", two[5] = "";
    tls_pair(s);
    struct iolist c = {(char*)"ghi", 3, NULL, 0};
    struct iolist b = {NULL, 0, &c, 0};
    struct iolist a = {(char*)"abcdef", 6, &b, 0};
    CHECK_OK(bsendl(s[0], &a, &c, -1));
    struct iolist z = {two, 5, NULL, 0};
    struct iolist y = {NULL, 2, &z, 0};
    struct iolist x = {one, 2, &y, 0};
    CHECK_OK(brecvl(s[1], &x, &z, -1));
    CHECK_OK(memcmp(one, "ab", 2));
    CHECK_OK(memcmp(two, "efghi", 5));
    /* Malformed ones have no effect. */
    CHECK_ERR(bsendl(s[0], &a, &b, -1), EINVAL);
    CHECK_ERR(bsendl(s[0], NULL, &c, -1), EINVAL);
    CHECK_ERR(bsend(s[0], NULL, 1, -1), EINVAL);
    CHECK_ERR(brecvl(s[1], &x, &y, -1), EINVAL);
    CHECK_OK(bsend(s[0], "x", 1, -1));
    CHECK_OK(tls_done(s[0], -1));
    /* Everything up to the end. */
    CHECK_ERR(brecvl(s[1], NULL, NULL, -1), EPIPE);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static int says_goodbye(int s) {
    return tls_done(s, -1);
}

static coroutine void attaches_mem(int s, struct tls_storage *mem, int *h) {
    *h = tls_attach_server_mem(s, CERT("chain.pem"), CERT("server.key"), mem, -1);
    CHECK_HANDLE(*h);
}

TEST(in_storage_of_the_caller) {
    struct tls_storage mem[2];
    int s[2], server = -1;
    tcp_pair(s);
    int b = go(attaches_mem(s[1], &mem[1], &server));
    CHECK_HANDLE(b);
    s[0] = tls_attach_client_mem(s[0], &mem[0], -1);
    CHECK_HANDLE(s[0]);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    s[1] = server;
    both_ways_at_once(s, 300000, says_goodbye);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    /* Nobody is verified: it works with anybody's certificate. */
    tcp_pair(s);
    b = go(tls_attaches_server(s[1], &server));
    s[0] = tls_attach_client_verify_mem(s[0], "www.redill.test", CERT("ca.pem"),
        &mem[0], -1);
    CHECK_HANDLE(s[0]);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(server));
}

TEST(inside_another_session) {
    int s[2];
    tls_pair(s);
    tls_pair_on(s);
    both_ways_at_once(s, 200000, says_goodbye);
    for(int i = 0; i != 2; ++i) CHECK_OK(hclose(s[i]));
}

/* What follows the goodbye at once, whatever it looks like, stays in the stream below. */
static void stream_goes_on_behind(int local, size_t len, const char *behind) {
    static char data[40000], received[40000];
    int s[2];
    char buf[6];
    if(local) CHECK_OK(ipc_pair(s));
    else tcp_pair(s);
    tls_pair_on(s);
    memset(data, 'd', len);
    CHECK_OK(tls_done(s[1], -1));
    CHECK_OK(bsend(s[0], data, len, -1));
    int u = tls_detach(s[0], -1);
    CHECK_HANDLE(u);
    CHECK_OK(bsend(u, behind, 6, -1));
    /* All of this is on its way before any of it is received. */
    CHECK_OK(brecv(s[1], received, len, -1));
    CHECK_OK(memcmp(received, data, len));
    int v = tls_detach(s[1], -1);
    CHECK_HANDLE(v);
    CHECK_OK(brecv(v, buf, 6, -1));
    CHECK_OK(memcmp(buf, behind, 6));
    CHECK_OK(bsend(v, "reply", 5, -1));
    CHECK_OK(brecv(u, buf, 5, -1));
    CHECK_OK(memcmp(buf, "reply", 5));
    /* And it is good for another session. */
    int again[2] = {u, v};
    tls_pair_on(again);
    for(int i = 0; i != 2; ++i) CHECK_OK(hclose(again[i]));
}

TEST(stream_goes_on) {
    /* A record of data and one of the handshake to look at, none at all, and text. */
    static const char *const behind[] = {"\x17\x03\x03" "abc", "\x16\x03\x01" "abc",
        "\0\0\0\0\0", "GET / "};
    static const size_t lens[] = {1, 1000, 16384, 40000};
    for(int local = 0; local != 2; ++local)
        for(int i = 0; i != 4; ++i)
            for(int j = 0; j != 4; ++j) stream_goes_on_behind(local, lens[j], behind[i]);
}

TEST(choose_sees_input) {
    int s[2], ch[2];
    char buf[4];
    tls_pair(s);
    CHECK_OK(chmake(ch));
    struct chclause clauses[] = {{CHSOCK, s[1], NULL, 0}, {CHRECV, ch[0], buf, 1}};
    CHECK_RESULT(choose(clauses, 2, now() + 10), -1, ETIMEDOUT);
    CHECK_OK(bsend(s[0], "abcd", 4, -1));
    CHECK_INT(choose(clauses, 2, -1), 0);
    CHECK_OK(brecv(s[1], buf, 1, -1));
    /* The rest is decrypted already, so nothing is left below. */
    CHECK_RESULT(choose(clauses, 2, 0), 0, 0);
    CHECK_OK(brecv(s[1], buf, 3, -1));
    CHECK_RESULT(choose(clauses, 2, 0), -1, ETIMEDOUT);
    CHECK_OK(tls_done(s[0], -1));
    CHECK_RESULT(choose(clauses, 2, -1), 0, 0);
    CHECK_ERR(brecv(s[1], buf, 1, -1), EPIPE);
    CHECK_RESULT(choose(clauses, 2, 0), 0, 0);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static coroutine void relays(int from, int to) {
    char buf[4096];
    while(fdin(from, -1) == 0) {
        ssize_t len = recv(from, buf, sizeof(buf), 0);
        CHECK(len > 0);
        CHECK_INT(send(to, buf, (size_t)len, 0), len);
    }
}

/* A session from s[0] to s[1] through a relay that can be stopped: then what s[1] sends
   is to be had from `from`, and s[0] gets what is put into `to`. */
static void relayed_pair(int s[2], int *from, int *to) {
    int client[2], server[2];
    raw_tcp_pair(client);
    raw_tcp_pair(server);
    s[0] = tcp_fromfd(client[0]);
    CHECK_HANDLE(s[0]);
    s[1] = tcp_fromfd(server[0]);
    CHECK_HANDLE(s[1]);
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, relays(client[1], server[1])));
    CHECK_OK(bundle_go(b, relays(server[1], client[1])));
    tls_pair_on(s);
    CHECK_OK(hclose(b));
    CHECK_OK(fdclean(client[1]));
    CHECK_OK(fdclean(server[1]));
    *from = server[1];
    *to = client[1];
}

static int input_of(int s, int64_t deadline) {
    struct chclause clause = {CHSOCK, s, NULL, 0};
    return choose(&clause, 1, deadline);
}

/* A part of a record is no input yet, wherever it is cut. */
TEST(choose_waits_for_a_whole_record) {
    char record[64], buf[4];
    for(size_t cut = 1; ; ++cut) {
        int s[2], from, to;
        relayed_pair(s, &from, &to);
        CHECK_OK(bsend(s[1], "abcd", 4, -1));
        ssize_t len = recv(from, record, sizeof(record), 0);
        CHECK(len > 5 && len < (ssize_t)sizeof(record));
        CHECK_INT(send(to, record, cut, 0), (ssize_t)cut);
        CHECK_RESULT(input_of(s[0], now() + 2), -1, ETIMEDOUT);
        CHECK_INT(send(to, record + cut, (size_t)len - cut, 0), len - (ssize_t)cut);
        if(cut % 2) CHECK_OK(input_of(s[0], -1));
        CHECK_OK(brecv(s[0], buf, 4, -1));
        CHECK_OK(memcmp(buf, "abcd", 4));
        CHECK_RESULT(input_of(s[0], 0), -1, ETIMEDOUT);
        CHECK_OK(hclose(s[0]));
        CHECK_OK(hclose(s[1]));
        CHECK_OK(close(from));
        CHECK_OK(close(to));
        if(cut + 1 == (size_t)len) return;
    }
}

/* Garbage is something to tell of; and so is the end without a goodbye. */
TEST(choose_sees_errors) {
    char buf[4];
    for(int garbage = 0; garbage != 2; ++garbage) {
        int s[2], from, to;
        relayed_pair(s, &from, &to);
        if(garbage) CHECK_INT(send(to, "\x17\x03\x03\0\x20" "abcdefghijklmnopqrstuvwxyz012345",
            37, 0), 37);
        else CHECK_OK(shutdown(to, SHUT_WR));
        CHECK_OK(input_of(s[0], -1));
        CHECK_OK(input_of(s[0], 0));
        CHECK_ERR(brecv(s[0], buf, 1, -1), garbage ? EPROTO : ECONNRESET);
        CHECK_ERR(brecv(s[0], buf, 1, -1), ECONNRESET);
        CHECK_OK(input_of(s[0], 0));
        CHECK_OK(hclose(s[0]));
        CHECK_OK(hclose(s[1]));
        CHECK_OK(close(from));
        CHECK_OK(close(to));
    }
}
