/* The sockets of the system, and names. */

#include "shared.h"

#include <fcntl.h>
#include <sys/socket.h>

static coroutine void serves_tcp(int ls) {
    int s = T(tcp_accept(ls, NULL, soon()));
    /* A client that could not be accepted once is, or gets an end. */
    if(s < 0) s = T(tcp_accept(ls, NULL, now() + 5));
    if(s < 0) return;
    keep(s);
    if(takes(s, SIZE) == 0) gives(s, SIZE);
    (void)T(tcp_done(s, soon()));
    (void)T(tcp_close(s, soon()));
}

void tcp(void) {
    struct ipaddr addr;
    if(T(ipaddr_local(&addr, "127.0.0.1", 0, IPADDR_IPV4)) == 0) {
        int ls = H(tcp_listen(&addr, 8));
        int b = H(go(serves_tcp(ls)));
        int s = H(tcp_connect(&addr, soon()));
        if(s >= 0) {
            gives(s, SIZE);
            (void)takes(s, SIZE);
            (void)T(tcp_close(s, soon()));
        }
        (void)T(bundle_wait(b, soon()));
        struct tcp_storage mem;
        struct tcp_listener_storage lmem;
        int other = H(tcp_listen_mem(&addr, 8, &lmem));
        s = H(tcp_connect_mem(&addr, &mem, soon()));
        (void)T(hclose(other));
    }
    int ended = 0;
    (void)ended;
    close_all();
}

void tcp_fromfd_and_back(void) {
    int fds[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    int a = H(ipc_fromfd(fds[0])), b = H(ipc_fromfd(fds[1]));
    if(a < 0) CHECK_OK(close(fds[0]));
    if(b < 0) CHECK_OK(close(fds[1]));
    if(a >= 0 && b >= 0) exchange(a, b);
    int ls = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(ls >= 0);
    CHECK_OK(listen(ls, 1));
    if(H(tcp_listener_fromfd(ls)) < 0) CHECK_OK(close(ls));
    close_all();
}

/* An accept loop that is asked to stop while clients come. */
static coroutine void connection(int s) {
    char c;
    while(T(brecv(s, &c, 1, soon())) == 0) if(T(bsend(s, &c, 1, soon())) < 0) break;
    (void)T(tcp_close(s, soon()));
}

static coroutine void accepts(int ls, int stop) {
    int b = H(bundle()), ch[2];
    if(b < 0) return;
    if(T(chmake(ch)) == 0) keep(ch[0]), keep(ch[1]), (void)T(bundle_notify(b, ch[1]));
    struct chclause clauses[] = {{CHRECV, stop, NULL, 0}, {CHSOCK, ls, NULL, 0}};
    for(int failures = 0; failures < 5;) {
        int which = T(choose(clauses, 2, soon()));
        if(which == 0) break;
        int s = which == 1 ? T(tcp_accept(ls, NULL, 0)) : -1;
        if(s < 0) {
            failures++;
            (void)T(msleep(now() + 1));
            continue;
        }
        keep(s);
        if(T(bundle_go(b, connection(s))) < 0) (void)T(hclose(s));
    }
    (void)T(bundle_cancel(b, 50));
}

void server(void) {
    struct ipaddr addr;
    int stop[2];
    if(T(ipaddr_local(&addr, "127.0.0.1", 0, IPADDR_IPV4)) == 0 && T(chmake(stop)) == 0) {
        keep(stop[0]);
        keep(stop[1]);
        int ls = H(tcp_listen(&addr, 8)), b = H(bundle());
        if(ls >= 0 && b >= 0) {
            (void)T(bundle_notify(b, stop[1]));
            (void)T(bundle_go(b, accepts(ls, stop[0])));
            for(int i = 0; i != 3; i++) {
                char c = (char)i;
                int s = H(tcp_connect(&addr, soon()));
                if(s < 0) continue;
                if(T(bsend(s, &c, 1, soon())) == 0 && T(brecv(s, &c, 1, soon())) == 0)
                    CHECK_INT(c, i);
                if(i != 1) (void)T(tcp_close(s, soon()));
            }
            (void)T(bundle_cancel(b, 100));
        }
    }
    close_all();
}

void ipc(void) {
    char path[64];
    temporary_path(path, sizeof(path), "faults");
    unlink(path);
    int s[2] = {-1, -1};
    int ls = H(ipc_listen(path, 4));
    if(ls >= 0) s[0] = H(ipc_connect(path, soon()));
    if(s[0] >= 0) s[1] = H(ipc_accept(ls, soon()));
    if(s[1] >= 0) {
        exchange(s[0], s[1]);
        (void)T(ipc_done(s[0], soon()));
        char c;
        CHECK(T(brecv(s[1], &c, 1, soon())) < 0);
    }
    close_all();
    unlink(path);
    int fds[2];
    CHECK_OK(pipe(fds));
    if(pair(s) == 0) {
        for(int i = 0; i != 3; i++) {
            if(T(ipc_sendfd(s[0], fds[0], soon())) < 0) continue;
            int fd = T(ipc_recvfd(s[1], soon()));
            if(fd >= 0) CHECK_OK(close(fd));
        }
        /* One on its way when the socket goes. */
        (void)T(ipc_sendfd(s[0], fds[0], soon()));
    }
    struct ipc_pair_storage mem;
    if(T(ipc_pair_mem(&mem, s)) == 0) keep(s[0]), keep(s[1]);
    close_all();
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

void udp(void) {
    struct ipaddr addr[2], from;
    char buf[SIZE];
    for(int i = 0; i != 2; i++)
        if(T(ipaddr_local(&addr[i], "127.0.0.1", 0, IPADDR_IPV4)) < 0) return;
    int a = H(udp_open(&addr[0], NULL)), b = H(udp_open(&addr[1], &addr[0]));
    if(a >= 0 && b >= 0) {
        fill(buf, SIZE);
        int sent = T(udp_send(b, NULL, buf, SIZE)) == 0;
        memset(buf, 0, SIZE);
        ssize_t size = T(udp_recv(a, &from, buf, SIZE, soon()));
        if(size >= 0) CHECK(sent && size == SIZE && is_whole(buf, SIZE));
        if(size >= 0) (void)T(udp_send(a, &from, "back", 4));
        (void)T(mrecv(b, buf, SIZE, now() + 10));
    }
    close_all();
}

/* ------------------------------------------------------------------- names -- */

void names(void) {
    struct ipaddr addrs[4];
    int n = T(ipaddr_remotes(addrs, 4, "localhost", 80, 0, soon()));
    for(int i = 0; i < n; i++) CHECK_INT(ipaddr_port(&addrs[i]), 80);
    (void)T(ipaddr_remote(&addrs[0], "no.such.host.example", 80, 0, soon()));
    (void)T(ipaddr_local(&addrs[0], "lo", 80, 0));
    close_all();
}

void happy_eyeballs(void) {
    struct ipaddr addr;
    if(T(ipaddr_local(&addr, "127.0.0.1", 0, IPADDR_IPV4)) == 0) {
        int ls = H(tcp_listen(&addr, 8));
        if(ls >= 0) {
            int a = H(happyeyeballs_connect("localhost", ipaddr_port(&addr), soon()));
            if(a >= 0) {
                int b = H(tcp_accept(ls, NULL, soon()));
                if(b >= 0) exchange(a, b);
            }
        }
    }
    close_all();
}
