/* Whole lives of servers, clients and protocols, in which any call may fail. Each ends in
   order whatever fails; what succeeds must have done what it says. The clock is virtual,
   and every wait has a deadline, so a lost wake-up shows as a wait that ends too late. */

#include "scenarios.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <libdillimpl.h>

#include "../check.h"
#include "inject.h"

#define CA "c-tests/certs/ca.pem"
#define CERT "c-tests/certs/chain.pem"
#define KEY "c-tests/certs/server.key"

/* ------------------------------------------------------------------ helpers -- */

/* All handles given out, closed in the end. One that was closed by the way, or went into
   another, is EBADF then: numbers rotate. */
static int handles[4096], nhandles;

static long long result_of(const char *what, long long result) {
    if(result >= 0) {
        record->successes++;
        return result;
    }
    record->errors++;
    if(result != -1 || errno <= 0 || errno >= 200)
        check_fail(__FILE__, __LINE__, "%s: %lld is no result", what, result);
    return result;
}

static int keep(int h) {
    if(h >= 0) {
        CHECK(nhandles < 4096);
        handles[nhandles++] = h;
    }
    return h;
}

/* A call that may fail, one that returns a handle, and one that must not have failed. */
#define T(expr) (int)result_of(#expr, expr)
#define H(expr) keep((int)result_of(#expr, expr))

static int64_t soon(void) {
    return now() + 1000;
}

static void close_all(void) {
    while(nhandles) (void)hclose(handles[--nhandles]);
}

/* A message of `len` bytes, and whether it arrived whole. */
static void fill(char *buf, size_t len) {
    for(size_t i = 0; i != len; i++) buf[i] = (char)(i * 7 + i / 251);
}

static int is_whole(const char *buf, size_t len) {
    for(size_t i = 0; i != len; i++) if(buf[i] != (char)(i * 7 + i / 251)) return 0;
    return 1;
}

static int pair(int s[2]) {
    if(T(ipc_pair(s)) < 0) return -1;
    keep(s[0]);
    keep(s[1]);
    return 0;
}

/* -------------------------------------------------- bundles and channels -- */

static coroutine void sleeps(int64_t period, int *ended) {
    (void)T(msleep(now() + period));
    ++*ended;
}

static coroutine void has_children(int *ended) {
    int b = H(bundle());
    if(b >= 0) {
        int follows = T(bundle_follow(b)) == 0;
        for(int i = 0; i != 3; i++) (void)T(bundle_go(b, sleeps(5 + i, ended)));
        (void)follows;
        (void)T(bundle_wait(b, soon()));
        (void)T(bundle_cancel(b, 10));
    }
    ++*ended;
}

static void bundles(void) {
    int ended = 0, launched = 0;
    char *stack = malloc(64 * 1024);
    CHECK(stack);
    int b = H(bundle());
    int ch[2] = {-1, -1};
    if(b >= 0) {
        if(T(chmake(ch)) == 0) keep(ch[0]), keep(ch[1]);
        (void)T(bundle_notify(b, ch[0]));
        (void)T(bundle_deadline(b, now() + 50));
        if(T(bundle_go(b, has_children(&ended))) == 0) launched++;
        if(T(bundle_go_mem(b, sleeps(3, &ended), stack, 64 * 1024)) == 0) launched++;
        struct bundle_storage mem;
        int other = H(bundle_mem(&mem));
        if(other >= 0 && T(bundle_go(other, sleeps(1000000, &ended))) == 0) launched++;
        other = H(hown(other));
        (void)T(bundle_wait(b, soon()));
        (void)T(bundle_cancel(b, 20));
        (void)T(bundle_cancel(other, 0));
        int alone = H(go(sleeps(1, &ended)));
        if(alone >= 0) {
            launched++;
            (void)T(hclose(alone));
        }
    }
    close_all();
    CHECK(ended >= launched);
    free(stack);
}

static coroutine void sends(int ch, int count, int *sent) {
    for(int i = 0; i != count; i++) {
        if(T(chsend(ch, &i, sizeof(i), soon())) < 0) break;
        ++*sent;
    }
    (void)T(chdone(ch));
}

static void channels(void) {
    int ch[2], sent = 0, received = 0, b = -1;
    if(T(chmake(ch)) == 0) {
        keep(ch[0]);
        keep(ch[1]);
        b = H(go(sends(ch[1], 20, &sent)));
        for(int val; b >= 0; received++) {
            struct chclause clause = {CHRECV, ch[0], &val, sizeof(val)};
            int rc = received % 2 ? T(choose(&clause, 1, soon())) :
                T(chrecv(ch[0], &val, sizeof(val), soon()));
            if(rc < 0 || errno != 0) break;
            CHECK_INT(val, received);
        }
        /* Nothing that was sent got lost. */
        (void)T(bundle_wait(b, soon()));
        if(b >= 0) CHECK_INT(received, sent);
    }
    struct chstorage mem;
    if(T(chmake_mem(&mem, ch)) == 0) {
        int val = 1;
        keep(ch[0]);
        keep(ch[1]);
        (void)T(chsend(ch[0], &val, sizeof(val), now() + 1));
    }
    close_all();
}

static coroutine void waits_in_scope(int ch) {
    struct cancel_scope sc;
    if(T(cancel_enter(&sc, ch, now() + 30)) < 0) return;
    (void)T(msleep(soon()));
    (void)T(cancel_leave(&sc));
}

static void scopes(void) {
    int ch[2];
    if(T(chmake(ch)) == 0) {
        keep(ch[0]);
        keep(ch[1]);
        int b = H(go(waits_in_scope(ch[0])));
        (void)T(bundle_go(b, waits_in_scope(DILL_REQUEST)));
        (void)T(msleep(now() + 1));
        (void)T(chdone(ch[1]));
        (void)T(bundle_cancel(b, 10));
    }
    close_all();
}

/* Enough of everything for all tables to grow. */
static void many(void) {
    int ended = 0, launched = 0;
    int b = H(bundle());
    for(int i = 0; b >= 0 && i != 600; i++)
        if(T(bundle_go(b, sleeps(10 + i % 5, &ended))) == 0) launched++;
    for(int i = 0; i != 200; i++) {
        int ch[2];
        if(T(chmake(ch)) == 0) keep(ch[0]), keep(ch[1]);
    }
    int ready = 0, fds[100][2], n = 0;
    for(int i = 0; i != 60; i++) {
        if(pipe(fds[n]) < 0) break;
        if(T(fdout(fds[n][1], now())) == 0) ready++;
        (void)T(fdin(fds[n][0], now()));
        n++;
    }
    (void)ready;
    (void)T(bundle_wait(b, soon()));
    for(int i = 0; i != n; i++) {
        (void)T(fdclean(fds[i][0]));
        (void)T(fdclean(fds[i][1]));
        CHECK_OK(close(fds[i][0]));
        CHECK_OK(close(fds[i][1]));
    }
    close_all();
    CHECK_INT(ended, launched);
}

/* -------------------------------------------- descriptors and signals -- */

static coroutine void writes(int fd) {
    if(T(msleep(now() + 5)) == 0) CHECK_INT(write(fd, "x", 1), 1);
}

static void descriptors(void) {
    int fds[2];
    CHECK_OK(pipe(fds));
    int b = H(go(writes(fds[1])));
    char c;
    if(T(fdin(fds[0], soon())) == 0) {
        CHECK_INT(read(fds[0], &c, 1), 1);
        (void)T(bundle_go(b, writes(fds[1])));
        struct chclause clauses[] = {{CHFDIN, fds[0], NULL, 0}, {CHBUNDLE, b, NULL, 0}};
        (void)T(choose(clauses, 2, soon()));
    }
    (void)T(fdout(fds[1], soon()));
    (void)T(fdclean(fds[0]));
    (void)T(fdclean(fds[1]));
    close_all();
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static void signals(void) {
    sigset_t set, before, after;
    CHECK_OK(pthread_sigmask(SIG_BLOCK, NULL, &before));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int ch = H(sigchan(&set)), signo;
    if(ch >= 0) {
        CHECK_OK(pthread_kill(pthread_self(), SIGUSR1));
        /* A signal that arrived is not lost by a failure. */
        int rc = -1;
        for(int i = 0; rc < 0 && i != 9; i++) rc = T(chrecv(ch, &signo, sizeof(signo), soon()));
        CHECK_INT(rc, 0);
        CHECK_INT(signo, SIGUSR1);
        (void)T(chrecv(ch, &signo, sizeof(signo), now() + 1));
    }
    close_all();
    CHECK_OK(pthread_sigmask(SIG_BLOCK, NULL, &after));
    CHECK_INT(sigismember(&after, SIGUSR1), sigismember(&before, SIGUSR1));
}

/* ----------------------------------------------------------------- sockets -- */

#define SIZE 20000

/* What one end sends and the other gets: whole, or an error. */
static coroutine void gives(int s, size_t size) {
    char *buf = malloc(size);
    CHECK(buf);
    fill(buf, size);
    struct iolist second = {buf + size / 2, size - size / 2, NULL, 0};
    struct iolist first = {buf, size / 2, &second, 0};
    (void)T(bsendl(s, &first, &second, soon()));
    free(buf);
}

static int takes(int s, size_t size) {
    char *buf = malloc(size);
    CHECK(buf);
    int rc = T(brecv(s, buf, size, soon()));
    if(rc == 0) CHECK(is_whole(buf, size));
    free(buf);
    return rc;
}

static void exchange(int a, int b) {
    int sender = H(go(gives(a, SIZE)));
    if(sender >= 0) (void)takes(b, SIZE);
    (void)T(bundle_wait(sender, soon()));
    (void)T(hclose(sender));
    sender = H(go(gives(b, 10)));
    if(sender >= 0) (void)takes(a, 10);
    (void)T(hclose(sender));
}

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

static void tcp(void) {
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

static void tcp_fromfd_and_back(void) {
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

static void server(void) {
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

static void ipc(void) {
    char path[64];
    snprintf(path, sizeof(path), "/tmp/faults.%d", (int)getpid());
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

static void udp(void) {
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

/* --------------------------------------------------------------- protocols -- */

static coroutine void sends_messages(int s) {
    char buf[600];
    fill(buf, sizeof(buf));
    for(int i = 0; i != 3; i++) if(T(msend(s, buf, sizeof(buf), soon())) < 0) break;
}

/* Messages in both directions: each that arrives is whole. */
static void messages(int a, int b) {
    char buf[700];
    for(int i = 0; i != 2; i++) {
        int sender = H(go(sends_messages(i ? b : a)));
        for(int k = 0; sender >= 0 && k != 3; k++) {
            int size = T(mrecv(i ? a : b, buf, sizeof(buf), soon()));
            if(size < 0) break;
            CHECK_INT(size, 600);
            CHECK(is_whole(buf, 600));
        }
        (void)T(hclose(sender));
    }
}

static void prefix(void) {
    int s[2];
    struct prefix_storage mem;
    if(pair(s) == 0) {
        int a = H(prefix_attach(s[0], 2, 0)), b = H(prefix_attach_mem(s[1], 2, 0, &mem));
        if(a >= 0 && b >= 0) messages(a, b);
        a = H(prefix_detach(a));
        b = H(prefix_detach(b));
        if(a >= 0 && b >= 0) exchange(a, b);
    }
    close_all();
}

static void suffix(void) {
    int s[2];
    if(pair(s) == 0) {
        int a = H(suffix_attach(s[0], "\r\n.\r\n", 5)), b = H(suffix_attach(s[1], "\r\n.\r\n", 5));
        char buf[100];
        if(a >= 0 && b >= 0 && T(msend(a, "hello", 5, soon())) == 0) {
            int size = T(mrecv(b, buf, sizeof(buf), soon()));
            if(size >= 0) CHECK(size == 5 && memcmp(buf, "hello", 5) == 0);
            (void)T(msend(a, "", 0, soon()));
        }
        (void)H(suffix_detach(a, soon()));
        (void)H(suffix_detach(b, soon()));
    }
    close_all();
}

static coroutine void ends_term(int s) {
    char buf[10];
    if(T(mrecv(s, buf, sizeof(buf), soon())) < 0 && errno == EPIPE)
        (void)H(term_detach(s, soon()));
}

static void term(void) {
    int s[2];
    if(pair(s) == 0) {
        int a = H(term_attach(H(prefix_attach(s[0], 2, 0)), "STOP", 4));
        int b = H(term_attach(H(prefix_attach(s[1], 2, 0)), "STOP", 4));
        if(a >= 0 && b >= 0) {
            messages(a, b);
            int ending = H(go(ends_term(b)));
            a = H(term_detach(a, soon()));
            if(a >= 0) (void)H(prefix_detach(a));
            (void)T(bundle_wait(ending, soon()));
        }
    }
    close_all();
}

static coroutine void serves_http(int s) {
    char command[16], resource[64], name[64], value[64], body[100];
    s = H(http_attach(s));
    for(int i = 0; s >= 0 && i != 2; i++) {
        if(T(http_recvrequest(s, command, sizeof(command), resource, sizeof(resource),
                soon())) < 0) break;
        CHECK_STR(command, "POST");
        CHECK_STR(resource, "/path");
        while(T(http_recvfield(s, name, sizeof(name), value, sizeof(value), soon())) == 0) {}
        if(errno != EPIPE) break;
        ptrdiff_t size, all = 0;
        while((size = T(http_recvbody(s, body + all, 50 - (size_t)all, soon()))) > 0) all += size;
        if(size < 0 && errno != EPIPE) break;
        CHECK_INT(all, 5);
        CHECK_OK(memcmp(body, "hello", 5));
        if(T(http_sendstatus(s, 200, "OK", soon())) < 0) break;
        if(T(http_sendfield(s, "Transfer-Encoding", "chunked", soon())) < 0) break;
        if(T(http_sendbody(s, "answer", 6, soon())) < 0) break;
        if(T(http_donebody(s, soon())) < 0) break;
    }
    (void)T(hclose(s));
}

static void http(void) {
    int s[2];
    char reason[32], name[64], value[64], body[100];
    if(pair(s) == 0) {
        int b = H(go(serves_http(s[1])));
        int h = H(http_attach(s[0]));
        for(int i = 0; h >= 0 && i != 2; i++) {
            if(T(http_sendrequest(h, "POST", "/path", soon())) < 0) break;
            if(T(http_sendfield(h, "Host", "example.org", soon())) < 0) break;
            if(T(http_sendfield(h, "Content-Length", "5", soon())) < 0) break;
            if(T(http_sendbody(h, "hello", 5, soon())) < 0) break;
            int status = T(http_recvstatus(h, reason, sizeof(reason), soon()));
            if(status < 0) break;
            CHECK_INT(status, 200);
            while(T(http_recvfield(h, name, sizeof(name), value, sizeof(value), soon())) == 0) {}
            if(errno != EPIPE) break;
            ptrdiff_t size, all = 0;
            while((size = T(http_recvbody(h, body + all, 50 - (size_t)all, soon()))) > 0)
                all += size;
            if(size < 0 && errno != EPIPE) break;
            CHECK_INT(all, 6);
            CHECK_OK(memcmp(body, "answer", 6));
        }
        (void)H(http_detach(h, soon()));
        (void)T(bundle_wait(b, soon()));
    }
    close_all();
}

static coroutine void serves_ws(int s) {
    char resource[64], host[64], buf[700];
    s = H(ws_attach_server(s, WS_BINARY, resource, sizeof(resource), host, sizeof(host),
        soon()));
    if(s < 0) return;
    for(int size; (size = T(mrecv(s, buf, sizeof(buf), soon()))) >= 0;)
        if(T(msend(s, buf, (size_t)size, soon())) < 0) break;
    (void)H(ws_detach(s, 1000, "bye", 3, soon()));
}

static void ws(void) {
    int s[2];
    char buf[700];
    if(pair(s) == 0) {
        int b = H(go(serves_ws(s[1])));
        int w = H(ws_attach_client(s[0], WS_BINARY, "/chat", "example.org", soon()));
        for(int i = 0; w >= 0 && i != 2; i++) {
            fill(buf, 600);
            if(T(msend(w, buf, 600, soon())) < 0) break;
            memset(buf, 0, sizeof(buf));
            int size = T(mrecv(w, buf, sizeof(buf), soon()));
            if(size < 0) break;
            CHECK_INT(size, 600);
            CHECK(is_whole(buf, 600));
        }
        (void)H(ws_detach(w, 1000, "bye", 3, soon()));
        (void)T(bundle_wait(b, soon()));
    }
    close_all();
}

static int approve(const char *user, const char *password) {
    return strcmp(user, "user") == 0 && strcmp(password, "password") == 0;
}

static coroutine void serves_socks(int s) {
    char host[256];
    int port;
    struct ipaddr addr;
    if(T(socks5_proxy_auth(s, approve, soon())) < 0) goto end;
    if(T(socks5_proxy_recvcommandbyname(s, host, &port, soon())) < 0) goto end;
    CHECK_STR(host, "example.org");
    CHECK_INT(port, 80);
    if(T(ipaddr_local(&addr, "127.0.0.1", 7, IPADDR_IPV4)) < 0) goto end;
    if(T(socks5_proxy_sendreply(s, SOCKS5_SUCCESS, &addr, soon())) < 0) goto end;
    (void)takes(s, SIZE);
end:
    (void)T(hclose(s));
}

static void socks5(void) {
    int s[2];
    if(pair(s) == 0) {
        int b = H(go(serves_socks(s[1])));
        if(T(socks5_client_connectbyname(s[0], "user", "password", "example.org", 80,
                soon())) == 0)
            gives(s[0], SIZE);
        (void)T(bundle_wait(b, soon()));
    }
    close_all();
}

static coroutine void serves_tls(int s, int verify) {
    s = verify ? H(tls_attach_server_verify(s, CERT, KEY, CA, now() + 100)) :
        H(tls_attach_server(s, CERT, KEY, soon()));
    if(s < 0) return;
    if(takes(s, SIZE) == 0) gives(s, SIZE);
    (void)H(tls_detach(s, soon()));
}

static void tls_between(int verify) {
    int s[2];
    if(pair(s) == 0) {
        int b = H(go(serves_tls(s[1], verify)));
        int t = H(tls_attach_client_verify(s[0], "localhost", CA, soon()));
        if(t >= 0) {
            gives(t, SIZE);
            (void)takes(t, SIZE);
            (void)H(tls_detach(t, soon()));
        }
        (void)T(bundle_wait(b, soon()));
    }
    close_all();
}

static void tls(void) {
    tls_between(0);
}

/* The server refuses a client without a certificate. */
static void tls_refused(void) {
    tls_between(1);
}

/* ------------------------------------------------------------------- names -- */

static void names(void) {
    struct ipaddr addrs[4];
    int n = T(ipaddr_remotes(addrs, 4, "localhost", 80, 0, soon()));
    for(int i = 0; i < n; i++) CHECK_INT(ipaddr_port(&addrs[i]), 80);
    (void)T(ipaddr_remote(&addrs[0], "no.such.host.example", 80, 0, soon()));
    (void)T(ipaddr_local(&addrs[0], "lo", 80, 0));
    close_all();
}

static void happy_eyeballs(void) {
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
