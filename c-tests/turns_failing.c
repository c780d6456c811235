/* In real time: a loop of calls that only fail keeps no other coroutine from running. That is so
   for each function that may wait, in a coroutine that is hard-cancelled, in a cancel scope that
   has fired, and for other reasons of a failure. No exported function is forgotten. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "turns.h"

static char buffer[64];
static struct iolist list = {buffer, 1, NULL, 0};
static struct ipaddr address, found;
static union {
    struct tcp_storage tcp;
    struct ipc_storage ipc;
    struct tls_storage tls;
    struct ws_storage ws;
} memory;
static char stack[16384];

static coroutine void nothing(void) {
}

static int count(ptrdiff_t result) {
    return (int)result;
}

/* Function, errno for a bad handle (0: it waits), call. `h` is no handle. */
#define BLOCKING(X) \
    X(yield, 0, yield())\
    X(msleep, 0, msleep(now() + 1))\
    X(fdin, EBADF, fdin(h, -1))\
    X(fdout, EBADF, fdout(h, -1))\
    X(hclose, EBADF, hclose(h))\
    X(launch, ENOMEM, go_mem(nothing(), stack, 100))\
    X(launch_at, EBADF, bundle_go(h, nothing()))\
    X(bundle_wait, EBADF, bundle_wait(h, -1))\
    X(bundle_cancel, EBADF, bundle_cancel(h, -1))\
    X(chsend, EBADF, chsend(h, buffer, 4, -1))\
    X(chrecv, EBADF, chrecv(h, buffer, 4, -1))\
    X(choose, EINVAL, choose(NULL, -1, -1))\
    X(bsend, EBADF, bsend(h, "x", 1, -1))\
    X(brecv, EBADF, brecv(h, buffer, 1, -1))\
    X(bsendl, EBADF, bsendl(h, &list, &list, -1))\
    X(brecvl, EBADF, brecvl(h, &list, &list, -1))\
    X(msend, EBADF, msend(h, "x", 1, -1))\
    X(mrecv, EBADF, count(mrecv(h, buffer, 1, -1)))\
    X(msendl, EBADF, msendl(h, &list, &list, -1))\
    X(mrecvl, EBADF, count(mrecvl(h, &list, &list, -1)))\
    X(ipaddr_remote, EINVAL, ipaddr_remote(&found, NULL, 1, 0, -1))\
    X(ipaddr_remotes, EINVAL, ipaddr_remotes(&found, 0, "::1", 1, 0, -1))\
    X(happyeyeballs_connect, EINVAL, happyeyeballs_connect(NULL, 1, -1))\
    X(tcp_accept, EBADF, tcp_accept(h, NULL, -1))\
    X(tcp_accept_mem, EBADF, tcp_accept_mem(h, NULL, &memory.tcp, -1))\
    X(tcp_connect, EINVAL, tcp_connect(NULL, -1))\
    X(tcp_connect_mem, EINVAL, tcp_connect_mem(NULL, &memory.tcp, -1))\
    X(tcp_done, EBADF, tcp_done(h, -1))\
    X(tcp_close, EBADF, tcp_close(h, -1))\
    X(ipc_accept, EBADF, ipc_accept(h, -1))\
    X(ipc_accept_mem, EBADF, ipc_accept_mem(h, &memory.ipc, -1))\
    X(ipc_connect, ENOENT, ipc_connect("/no/such/file", -1))\
    X(ipc_connect_mem, ENOENT, ipc_connect_mem("/no/such/file", &memory.ipc, -1))\
    X(ipc_sendfd, EBADF, ipc_sendfd(h, 0, -1))\
    X(ipc_recvfd, EBADF, ipc_recvfd(h, -1))\
    X(ipc_done, EBADF, ipc_done(h, -1))\
    X(ipc_close, EBADF, ipc_close(h, -1))\
    X(udp_send, EBADF, udp_send(h, NULL, "x", 1))\
    X(udp_sendl, EBADF, udp_sendl(h, NULL, &list, &list))\
    X(udp_recv, EBADF, count(udp_recv(h, NULL, buffer, 1, -1)))\
    X(udp_recvl, EBADF, count(udp_recvl(h, NULL, &list, &list, -1)))\
    X(suffix_detach, EBADF, suffix_detach(h, -1))\
    X(term_done, EBADF, term_done(h, -1))\
    X(term_detach, EBADF, term_detach(h, -1))\
    X(tls_attach_client, EBADF, tls_attach_client(h, -1))\
    X(tls_attach_client_mem, EBADF, tls_attach_client_mem(h, &memory.tls, -1))\
    X(tls_attach_client_verify, EBADF, tls_attach_client_verify(h, "localhost", NULL, -1))\
    X(tls_attach_client_verify_mem, EBADF,\
        tls_attach_client_verify_mem(h, "localhost", NULL, &memory.tls, -1))\
    X(tls_attach_server, EBADF, tls_attach_server(h, "none", "none", -1))\
    X(tls_attach_server_mem, EBADF, tls_attach_server_mem(h, "none", "none", &memory.tls, -1))\
    X(tls_attach_server_verify, EBADF, tls_attach_server_verify(h, "none", "none", "none", -1))\
    X(tls_attach_server_verify_mem, EBADF,\
        tls_attach_server_verify_mem(h, "none", "none", "none", &memory.tls, -1))\
    X(tls_done, EBADF, tls_done(h, -1))\
    X(tls_detach, EBADF, tls_detach(h, -1))\
    X(http_done, EBADF, http_done(h, -1))\
    X(http_detach, EBADF, http_detach(h, -1))\
    X(http_sendrequest, EBADF, http_sendrequest(h, "GET", "/", -1))\
    X(http_recvrequest, EBADF, http_recvrequest(h, buffer, 32, buffer + 32, 32, -1))\
    X(http_sendstatus, EBADF, http_sendstatus(h, 200, "OK", -1))\
    X(http_recvstatus, EBADF, http_recvstatus(h, buffer, 64, -1))\
    X(http_sendfield, EBADF, http_sendfield(h, "A", "b", -1))\
    X(http_recvfield, EBADF, http_recvfield(h, buffer, 32, buffer + 32, 32, -1))\
    X(http_sendbody, EBADF, dill_http_sendbody(h, "x", 1, -1))\
    X(http_donebody, EBADF, dill_http_donebody(h, -1))\
    X(http_recvbody, EBADF, count(dill_http_recvbody(h, buffer, 1, -1)))\
    X(ws_attach_client, EBADF, ws_attach_client(h, 0, "/", "localhost", -1))\
    X(ws_attach_client_mem, EBADF,\
        ws_attach_client_mem(h, 0, "/", "localhost", &memory.ws, -1))\
    X(ws_attach_server, EBADF, ws_attach_server(h, 0, buffer, 32, buffer + 32, 32, -1))\
    X(ws_attach_server_mem, EBADF,\
        ws_attach_server_mem(h, 0, buffer, 32, buffer + 32, 32, &memory.ws, -1))\
    X(ws_send, EBADF, ws_send(h, 0, "x", 1, -1))\
    X(ws_recv, EBADF, count(ws_recv(h, NULL, buffer, 1, -1)))\
    X(ws_sendl, EBADF, ws_sendl(h, 0, &list, &list, -1))\
    X(ws_recvl, EBADF, count(ws_recvl(h, NULL, &list, &list, -1)))\
    X(ws_done, EBADF, ws_done(h, 1000, NULL, 0, -1))\
    X(ws_detach, EBADF, ws_detach(h, 1000, NULL, 0, -1))\
    X(socks5_client_connect, EBADF, socks5_client_connect(h, NULL, NULL, &address, -1))\
    X(socks5_client_connectbyname, EBADF,\
        socks5_client_connectbyname(h, NULL, NULL, "localhost", 1, -1))\
    X(socks5_proxy_auth, EBADF, socks5_proxy_auth(h, NULL, -1))\
    X(socks5_proxy_recvcommand, EBADF, socks5_proxy_recvcommand(h, &address, -1))\
    X(socks5_proxy_recvcommandbyname, EBADF,\
        socks5_proxy_recvcommandbyname(h, long_buffer, &port, -1))\
    X(socks5_proxy_sendreply, EBADF, socks5_proxy_sendreply(h, 0, &address, -1))

static char long_buffer[256];
static int port;

#define FUNCTION(name, err, call) static int call_##name(int h) { (void)h; return call; }
BLOCKING(FUNCTION)

static const struct function {
    const char *name;
    int err;
    int (*call)(int h);
} blocking[] = {
#define ROW(name, err, call) {#name, err, call_##name},
    BLOCKING(ROW)
};
#define BLOCKING_COUNT (sizeof(blocking) / sizeof(blocking[0]))

/* Functions that never wait, and so never let others run; and why. */
static const char *const immediate[][2] = {
    {"makes an object", "bundle bundle_mem chmake chmake_mem sigchan hmake hown tcp_listen "
        "tcp_listen_mem tcp_listener_fromfd tcp_listener_fromfd_mem tcp_fromfd tcp_fromfd_mem "
        "udp_open udp_open_mem ipc_listen ipc_listen_mem ipc_listener_fromfd "
        "ipc_listener_fromfd_mem ipc_fromfd ipc_fromfd_mem ipc_pair ipc_pair_mem prefix_attach "
        "prefix_attach_mem suffix_attach suffix_attach_mem term_attach term_attach_mem "
        "http_attach http_attach_mem"},
    {"sets what happens later", "bundle_deadline bundle_fail bundle_follow bundle_notify "
        "bundle_request cancel_begin cancel_end cancel_enter cancel_leave chdone fdclean "
        "last_resort"},
    {"gives back what it has", "bundle_requested cancel_fired deadline left prefix_detach hquery "
        "now reason ws_status"},
    {"computes", "ipaddr_equal ipaddr_family ipaddr_len ipaddr_local ipaddr_port ipaddr_setport "
        "ipaddr_sockaddr ipaddr_str ws_request_key ws_response_key"},
    {"is for finding mistakes", "dump"},
    {"is tested in launch_turns.c", "launch_alone prologue"},
    {"ends the coroutine", "epilogue"},
};

static int is_immediate(const char *name) {
    char word[80];
    snprintf(word, sizeof(word), " %s ", name);
    for(size_t i = 0; i != sizeof(immediate) / sizeof(immediate[0]); ++i) {
        char all[1024];
        snprintf(all, sizeof(all), " %s ", immediate[i][1]);
        if(strstr(all, word)) return 1;
    }
    return 0;
}

static int is_blocking(const char *name) {
    for(size_t i = 0; i != BLOCKING_COUNT; ++i) {
        if(strcmp(blocking[i].name, name) == 0) return 1;
    }
    return 0;
}

TEST(no_function_is_forgotten) {
    char line[256], name[64], kind[16];
    int seen = 0;
    FILE *exports = fopen("c-tests/exports.txt", "r");
    CHECK(exports != NULL);
    while(fgets(line, sizeof(line), exports)) {
        if(sscanf(line, "dill_%63s %15s", name, kind) != 2 || strcmp(kind, "FUNC") != 0) continue;
        seen++;
        if(is_blocking(name) + is_immediate(name) != 1) {
            check_fail(__FILE__, __LINE__, "%s: add it to one of the tables", name);
        }
    }
    CHECK(seen > (int)BLOCKING_COUNT);
    fclose(exports);
}

/* `err`: what is expected, or `other`. */
static void fails(const struct function *function, int err, int other) {
    begin_loop();
    while(must_go_on(function->name)) {
        errno = 0;
        int result = function->call(-1);
        if(result != -1 || (errno != err && errno != other)) {
            check_fail(__FILE__, __LINE__, "%s: %d, errno %d", function->name, result, errno);
        }
    }
}

static int tickers;

BEFORE_EACH {
    CHECK_OK(ipaddr_local(&address, "127.0.0.1", 80, 0));
    tickers = go(ticker());
    CHECK_HANDLE(tickers);
}

AFTER_EACH {
    CHECK_OK(hclose(tickers));
}

TEST(no_handle, TIME_LIMIT(60)) {
    for(size_t i = 0; i != BLOCKING_COUNT; ++i) {
        if(blocking[i].err != 0) fails(&blocking[i], blocking[i].err, 0);
        else LOOP(blocking[i].name, CHECK_OK(blocking[i].call(-1)));
    }
}

static coroutine void all_fail(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    for(size_t i = 0; i != BLOCKING_COUNT; ++i) {
        int other = blocking[i].err;
        fails(&blocking[i], ECANCELED, other != 0 ? other : ECANCELED);
    }
}

TEST(hard_cancelled, TIME_LIMIT(60)) {
    CHECK_OK(hclose(go(all_fail())));
}

TEST(in_a_fired_scope, TIME_LIMIT(60)) {
    struct cancel_scope scope;
    memset(&scope, 0, sizeof(scope));
    CHECK_OK(cancel_enter(&scope, -1, 1));
    for(size_t i = 0; i != BLOCKING_COUNT; ++i) {
        /* What a graceful scope lets through: launches and closing. */
        int other = blocking[i].err;
        fails(&blocking[i], ECANCELED, other != 0 ? other : ECANCELED);
    }
    CHECK_ERR(cancel_leave(&scope), ETIMEDOUT);
}

TEST(channels) {
    int ch[2], over[2], signals, val = 0;
    sigset_t set;
    CHECK_OK(chmake(ch));
    CHECK_OK(chmake(over));
    CHECK_OK(chdone(over[0]));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_HANDLE(signals = sigchan(&set));
    struct chclause wrong = {CHRECV, -1, &val, sizeof(val)};
    struct chclause done = {CHRECV, over[1], &val, sizeof(val)};
    struct chclause unknown = {99, ch[0], &val, sizeof(val)};
    LOOP("EPIPE", CHECK_ERR(chrecv(over[1], &val, sizeof(val), -1), EPIPE));
    LOOP("EPIPE", CHECK_ERR(chsend(over[0], &val, sizeof(val), -1), EPIPE));
    LOOP("EINVAL", CHECK_ERR(chrecv(ch[0], NULL, 4, -1), EINVAL));
    LOOP("ENOTSUP", CHECK_ERR(chrecv(tickers, &val, sizeof(val), -1), ENOTSUP));
    LOOP("ENOTSUP", CHECK_ERR(chsend(signals, &val, sizeof(val), -1), ENOTSUP));
    LOOP("EMSGSIZE", CHECK_ERR(chrecv(signals, &val, 1, -1), EMSGSIZE));
    LOOP("choose: EBADF", CHECK_RESULT(choose(&wrong, 1, -1), 0, EBADF));
    LOOP("choose: EPIPE", CHECK_RESULT(choose(&done, 1, -1), 0, EPIPE));
    LOOP("choose: EINVAL", CHECK_RESULT(choose(&unknown, 1, -1), 0, EINVAL));
    LOOP("ETIMEDOUT", CHECK_ERR(chrecv(ch[0], &val, sizeof(val), 1), ETIMEDOUT));
    LOOP("choose: ETIMEDOUT", CHECK_ERR(choose(NULL, 0, 1), ETIMEDOUT));
    CHECK_OK(hclose(signals));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(ch[i]));
        CHECK_OK(hclose(over[i]));
    }
}

static coroutine void waits_for(int b) {
    CHECK_ERR(bundle_wait(b, -1), ECANCELED);
}

static coroutine void waits_for_itself(int b) {
    LOOP("EDEADLK", CHECK_ERR(bundle_wait(b, -1), EDEADLK));
    LOOP("hclose: EDEADLK", CHECK_ERR(hclose(b), EDEADLK));
    LOOP("bundle_cancel: EDEADLK", CHECK_ERR(bundle_cancel(b, -1), EDEADLK));
}

TEST(bundles) {
    int waiting = go(waits_for(tickers)), b = bundle();
    CHECK_HANDLE(waiting);
    CHECK_HANDLE(b);
    LOOP("EBUSY", CHECK_ERR(bundle_wait(tickers, -1), EBUSY));
    LOOP("EINVAL", CHECK_ERR(bundle_cancel(b, -100), EINVAL));
    CHECK_OK(bundle_go(b, waits_for_itself(b)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(waiting));
}

static coroutine void reads(int s) {
    char c;
    CHECK_ERR(brecv(s, &c, 1, -1), ECANCELED);
}

TEST(sockets) {
    int s[2], over[2], lines[2], fds[2], refusing;
    char c;
    CHECK_OK(ipc_pair(s));
    CHECK_OK(ipc_pair(over));
    CHECK_OK(ipc_pair(lines));
    CHECK_OK(hclose(over[0]));
    CHECK_HANDLE(lines[0] = prefix_attach(lines[0], 2, 0));
    CHECK_OK(hclose(lines[1]));
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    LOOP("brecv: EPIPE", CHECK_ERR(brecv(over[1], &c, 1, -1), EPIPE));
    LOOP("bsend: ECONNRESET", CHECK_ERR(bsend(over[1], "x", 1, -1), ECONNRESET));
    CHECK_ERR(count(mrecv(lines[0], &c, 1, -1)), EPIPE);
    LOOP("mrecv: ECONNRESET", CHECK_ERR(count(mrecv(lines[0], &c, 1, -1)), ECONNRESET));
    LOOP("ENOTSUP", CHECK_ERR(count(mrecv(s[0], &c, 1, -1)), ENOTSUP));
    LOOP("EINVAL", CHECK_ERR(brecvl(s[0], &list, NULL, -1), EINVAL));
    int reader = go(reads(s[0]));
    CHECK_HANDLE(reader);
    LOOP("EBUSY", CHECK_ERR(brecv(s[0], &c, 1, -1), EBUSY));
    CHECK_OK(hclose(reader));
    LOOP("fdin: ETIMEDOUT", CHECK_ERR(fdin(fds[0], 1), ETIMEDOUT));
    LOOP("fdin: EBADF", CHECK_ERR(fdin(999, -1), EBADF));
    LOOP("accept: ENOTSUP", CHECK_ERR(tcp_accept(tickers, NULL, -1), ENOTSUP));
    CHECK_OK(ipaddr_local(&address, "127.0.0.1", 0, 0));
    CHECK_HANDLE(refusing = tcp_listen(&address, 1));
    LOOP("accept: ETIMEDOUT", CHECK_ERR(tcp_accept(refusing, NULL, 1), ETIMEDOUT));
    CHECK_OK(hclose(refusing));
    LOOP("ECONNREFUSED", CHECK_ERR(tcp_connect(&address, -1), ECONNREFUSED));
    LOOP("EADDRNOTAVAIL",
        CHECK_ERR(ipaddr_remote(&found, "::1", 1, IPADDR_IPV4, -1), EADDRNOTAVAIL));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    CHECK_OK(hclose(over[1]));
    CHECK_OK(hclose(lines[0]));
}

/* Foreign code that knows of no shutdown: only the flag of another coroutine ends it. */
static coroutine void accepts_for_ever(int listener, const int *stop) {
    struct cancel_scope scope;
    memset(&scope, 0, sizeof(scope));
    CHECK_OK(cancel_enter(&scope, DILL_REQUEST, -1));
    while(!*stop) {
        int s = tcp_accept(listener, NULL, -1);
        if(s < 0) continue;
        CHECK_OK(hclose(s));
    }
    CHECK_ERR(cancel_leave(&scope), ECANCELED);
}

static coroutine void sets(int *flag) {
    CHECK_OK(msleep(now() + 30));
    *flag = 1;
}

TEST(end_of_a_grace_period) {
    int stop = 0;
    CHECK_OK(ipaddr_local(&address, "127.0.0.1", 0, 0));
    int listener = tcp_listen(&address, 1);
    CHECK_HANDLE(listener);
    int b = go(accepts_for_ever(listener, &stop)), other = go(sets(&stop));
    CHECK_HANDLE(b);
    CHECK_HANDLE(other);
    CHECK_ERR(bundle_cancel(b, 10), ETIMEDOUT);
    CHECK_OK(bundle_wait(other, -1));
    CHECK_OK(hclose(other));
    CHECK_OK(hclose(listener));
}
