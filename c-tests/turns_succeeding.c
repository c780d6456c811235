/* In real time: a loop of calls that succeed at once keeps no other coroutine from running, where
   a peer, the system or nobody sees to it that they never have to wait. */

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "turns.h"

static int tickers;
static struct ipaddr address;
static char c;
static struct iolist list = {&c, 1, NULL, 0};

BEFORE_EACH {
    CHECK_OK(ipaddr_local(&address, "127.0.0.1", 0, 0));
    tickers = go(ticker());
    CHECK_HANDLE(tickers);
}

AFTER_EACH {
    CHECK_OK(hclose(tickers));
}

TEST(signals) {
    sigset_t set;
    int signals, val;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_HANDLE(signals = sigchan(&set));
    struct chclause clause = {CHRECV, signals, &val, sizeof(val)};
    CHECK_OK(raise(SIGUSR1));
    LOOP("chrecv", {
        CHECK_OK(raise(SIGUSR1));
        CHECK_OK(chrecv(signals, &val, sizeof(val), -1));
        CHECK_INT(val, SIGUSR1);
    });
    LOOP("choose", {
        CHECK_OK(raise(SIGUSR1));
        CHECK_RESULT(choose(&clause, 1, -1), 0, 0);
    });
    CHECK_OK(hclose(signals));
}

TEST(bundles) {
    int b = bundle();
    CHECK_HANDLE(b);
    struct chclause clause = {CHBUNDLE, b, NULL, 0};
    LOOP("bundle_wait", CHECK_OK(bundle_wait(b, -1)));
    LOOP("choose", CHECK_RESULT(choose(&clause, 1, -1), 0, 0));
    CHECK_OK(hclose(b));
    LOOP("bundle_cancel", CHECK_OK(bundle_cancel(bundle(), -1)));
}

TEST(addresses) {
    struct ipaddr found[2];
    LOOP("ipaddr_remote", CHECK_OK(ipaddr_remote(found, "10.1.2.3", 80, 0, -1)));
    LOOP("ipaddr_remotes", CHECK_INT(ipaddr_remotes(found, 2, "::1", 80, 0, -1), 1));
}

TEST(datagrams) {
    int s = udp_open(&address, NULL);
    CHECK_HANDLE(s);
    LOOP("udp_send", CHECK_OK(udp_send(s, &address, "x", 1)));
    LOOP("udp_sendl", CHECK_OK(udp_sendl(s, &address, &list, &list)));
    while(udp_recv(s, NULL, &c, 1, 0) == 1) continue;
    LOOP("udp_recv", {
        CHECK_OK(udp_send(s, &address, "x", 1));
        CHECK_INT(udp_recv(s, NULL, &c, 1, -1), 1);
    });
    CHECK_OK(hclose(s));
}

TEST(streams) {
    int s[2], fds[2];
    CHECK_OK(ipc_pair(s));
    LOOP("bsend", {
        CHECK_OK(bsend(s[0], "x", 1, -1));
        CHECK_OK(brecv(s[1], &c, 1, -1));
    });
    LOOP("bsendl", {
        CHECK_OK(bsendl(s[0], &list, &list, -1));
        CHECK_OK(brecvl(s[1], &list, &list, -1));
    });
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    LOOP("ipc_sendfd", {
        CHECK_OK(ipc_sendfd(s[0], fds[0], -1));
        int fd = ipc_recvfd(s[1], -1);
        CHECK(fd >= 0);
        CHECK_OK(close(fd));
    });
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(messages) {
    int s[2];
    CHECK_OK(ipc_pair(s));
    CHECK_HANDLE(s[0] = prefix_attach(s[0], 2, 0));
    CHECK_HANDLE(s[1] = prefix_attach(s[1], 2, 0));
    LOOP("msend", {
        CHECK_OK(msend(s[0], "x", 1, -1));
        CHECK_INT(mrecv(s[1], &c, 1, -1), 1);
    });
    LOOP("msendl", {
        CHECK_OK(msendl(s[0], &list, &list, -1));
        CHECK_INT(mrecvl(s[1], &list, &list, -1), 1);
    });
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(what_is_ready) {
    int s[2], fds[2];
    CHECK_OK(ipc_pair(s));
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    CHECK_OK(bsend(s[0], "x", 1, -1));
    CHECK_INT(write(fds[0], "x", 1), 1);
    struct chclause in = {CHFDIN, fds[1], NULL, 0}, out = {CHFDOUT, fds[1], NULL, 0};
    struct chclause socket = {CHSOCK, s[1], NULL, 0};
    LOOP("CHFDIN", CHECK_RESULT(choose(&in, 1, -1), 0, 0));
    LOOP("CHFDOUT", CHECK_RESULT(choose(&out, 1, -1), 0, 0));
    LOOP("CHSOCK", CHECK_RESULT(choose(&socket, 1, -1), 0, 0));
    LOOP("fdin", CHECK_OK(fdin(fds[1], -1)));
    LOOP("fdout", CHECK_OK(fdout(fds[1], -1)));
    LOOP("msleep", CHECK_OK(msleep(1)));
    LOOP("yield", CHECK_OK(yield()));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

TEST(connections) {
    int listener = tcp_listen(&address, 10);
    CHECK_HANDLE(listener);
    LOOP("tcp_connect", {
        int a = tcp_connect(&address, -1), b = tcp_accept(listener, NULL, -1);
        CHECK_HANDLE(a);
        CHECK_HANDLE(b);
        CHECK_OK(hclose(a));
        CHECK_OK(hclose(b));
    });
    CHECK_OK(hclose(listener));
    char path[200];
    temporary_path(path, sizeof(path), "turns");
    unlink(path);
    CHECK_HANDLE(listener = ipc_listen(path, 10));
    LOOP("ipc_connect", {
        int a = ipc_connect(path, -1), b = ipc_accept(listener, -1);
        CHECK_HANDLE(a);
        CHECK_HANDLE(b);
        CHECK_OK(hclose(a));
        CHECK_OK(hclose(b));
    });
    CHECK_OK(hclose(listener));
    CHECK_OK(unlink(path));
}
