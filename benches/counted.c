/* Operations whose instructions are counted (c-tests/costs) beside those of basics.c and
   sockets.c. Both ends of a connection are in this process, and a local one, on which what was
   sent is there at once: so each run does the same. Times are printed as by the others, but tell
   little. */

#define _GNU_SOURCE

#include "load.h"

#include <libdill.h>

static coroutine void nothing(void) {
}

/* A launch on a stack of the caller's, and the coroutine's end. */
static double go_mem_finish(long n) {
    static char stack[16384];
    int b = bundle();
    MUST(b >= 0);
    start();
    for(long i = 0; i != n; ++i)
        MUST(bundle_go_mem(b, nothing(), stack, sizeof(stack)) == 0);
    double result = stop(n);
    MUST(hclose(b) == 0);
    return result;
}

/* After each message the sender makes way, so that it never waits in chsend. */
static coroutine void sends_to_waiting(int ch) {
    int val = 1;
    while(chsend(ch, &val, sizeof(val), -1) == 0 && yield() == 0) continue;
}

/* A choose that finds no clause ready, and waits. */
static double choose_wait(int clauses, long n) {
    enum {MOST = 64};
    static int ch[MOST][2];
    static struct chclause list[MOST];
    int val;
    for(int i = 0; i != clauses; ++i) {
        MUST(chmake(ch[i]) == 0);
        list[i] = (struct chclause){CHRECV, ch[i][0], &val, sizeof(val)};
    }
    int b = bundle();
    MUST(b >= 0);
    MUST(bundle_go(b, sends_to_waiting(ch[clauses - 1][1])) == 0);
    MUST(choose(list, clauses, -1) == clauses - 1);
    start();
    for(long i = 0; i != n; ++i) MUST(choose(list, clauses, -1) == clauses - 1);
    double result = stop(n);
    MUST(hclose(b) == 0);
    for(int i = 0; i != clauses; ++i) MUST(hclose(ch[i][0]) == 0 && hclose(ch[i][1]) == 0);
    return result;
}

static double choose_wait_2(long n) { return choose_wait(2, n); }
static double choose_wait_8(long n) { return choose_wait(8, n); }
static double choose_wait_64(long n) { return choose_wait(64, n); }

/* A scope that has fired: what it watches has happened before. */
static void enter_fired(struct cancel_scope *scope, int ch[2]) {
    MUST(chmake(ch) == 0 && chdone(ch[1]) == 0);
    MUST(cancel_enter(scope, ch[0], -1) == 0);
}

static void leave_fired(struct cancel_scope *scope, int ch[2]) {
    MUST(cancel_leave(scope) < 0 && errno == ECANCELED);
    MUST(hclose(ch[0]) == 0 && hclose(ch[1]) == 0);
}

static double fired_receive(long n) {
    struct cancel_scope scope;
    int watched[2], ch[2], val;
    MUST(chmake(ch) == 0);
    enter_fired(&scope, watched);
    start();
    for(long i = 0; i != n; ++i)
        MUST(chrecv(ch[0], &val, sizeof(val), -1) < 0 && errno == ECANCELED);
    double result = stop(n);
    leave_fired(&scope, watched);
    MUST(hclose(ch[0]) == 0 && hclose(ch[1]) == 0);
    return result;
}

static double fired_yield(long n) {
    struct cancel_scope scope;
    int watched[2];
    enter_fired(&scope, watched);
    start();
    for(long i = 0; i != n; ++i) MUST(yield() < 0 && errno == ECANCELED);
    double result = stop(n);
    leave_fired(&scope, watched);
    return result;
}

/* Two ends of a connection on the loopback interface. */
static void tcp_pair(int s[2]) {
    struct ipaddr address;
    MUST(ipaddr_local(&address, "127.0.0.1", 0, IPADDR_IPV4) == 0);
    int listener = tcp_listen(&address, 1);
    MUST(listener >= 0);
    s[0] = tcp_connect(&address, -1);
    s[1] = tcp_accept(listener, NULL, -1);
    MUST(s[0] >= 0 && s[1] >= 0 && hclose(listener) == 0);
}

#define BATCH 64

/* The share of a receive in `BATCH` small ones of what one send has sent. */
static double receive_there(long n) {
    static char message[MESSAGE], batch[MESSAGE * BATCH];
    int s[2];
    tcp_pair(s);
    start();
    for(long done = 0; done < n; done += BATCH) {
        MUST(bsend(s[0], batch, sizeof(batch), -1) == 0);
        for(int i = 0; i != BATCH; ++i) MUST(brecv(s[1], message, MESSAGE, -1) == 0);
    }
    double result = stop(n);
    MUST(hclose(s[0]) == 0 && hclose(s[1]) == 0);
    return result;
}

/* Small sends, which the other end, a plain socket, receives in batches. */
static double send_writable(long n) {
    static char message[MESSAGE], batch[MESSAGE * BATCH];
    struct ipaddr address;
    MUST(ipaddr_local(&address, "127.0.0.1", 0, IPADDR_IPV4) == 0);
    int listener = tcp_listen(&address, 1);
    MUST(listener >= 0);
    int fd = load_connect(ipaddr_port(&address)), s = tcp_accept(listener, NULL, -1);
    MUST(s >= 0 && hclose(listener) == 0);
    start();
    for(long done = 0; done < n; done += BATCH) {
        for(int i = 0; i != BATCH; ++i) MUST(bsend(s, message, MESSAGE, -1) == 0);
        MUST(recv(fd, batch, sizeof(batch), MSG_WAITALL) == (ssize_t)sizeof(batch));
    }
    double result = stop(n);
    MUST(close(fd) == 0 && hclose(s) == 0);
    return result;
}

/* A request's head is sent by one call, received field by field and answered with a head of one
   line, as no more than 32 requests may wait for answers. */
static double head(long n, const char *text, int expected) {
    static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
    static char name[128], value[512];
    int s[2];
    size_t length = strlen(text);
    tcp_pair(s);
    s[1] = http_attach(s[1]);
    MUST(s[1] >= 0);
    start();
    for(long i = 0; i != n; ++i) {
        int fields = 0;
        MUST(bsend(s[0], text, length, -1) == 0);
        MUST(http_recvrequest(s[1], name, sizeof(name), value, sizeof(value), -1) == 0);
        while(http_recvfield(s[1], name, sizeof(name), value, sizeof(value), -1) == 0) ++fields;
        MUST(errno == EPIPE && fields == expected);
        MUST(http_sendstatus(s[1], 204, "No Content", -1) == 0 && http_done(s[1], -1) == 0);
        MUST(brecv(s[0], value, sizeof(answer) - 1, -1) == 0);
    }
    double result = stop(n);
    MUST(memcmp(value, answer, sizeof(answer) - 1) == 0);
    MUST(hclose(s[0]) == 0 && hclose(s[1]) == 0);
    return result;
}

static double http_head_hello(long n) {
    return head(n, REQUEST, 1);
}

static double http_head_browser(long n) {
    return head(n,
        "GET /articles/structured-concurrency?page=2 HTTP/1.1\r\n"
        "Host: www.example.com\r\n"
        "Connection: keep-alive\r\n"
        "Cache-Control: max-age=0\r\n"
        "sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n"
        "sec-ch-ua-mobile: ?0\r\n"
        "sec-ch-ua-platform: \"Linux\"\r\n"
        "Upgrade-Insecure-Requests: 1\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/130.0.0.0 Safari/537.36\r\n"
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n"
        "Sec-Fetch-Site: same-origin\r\n"
        "Sec-Fetch-Mode: navigate\r\n"
        "Sec-Fetch-User: ?1\r\n"
        "Sec-Fetch-Dest: document\r\n"
        "Referer: https://www.example.com/articles/\r\n"
        "Accept-Encoding: gzip, deflate, br\r\n"
        "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
        "Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=yes\r\n"
        "\r\n", 17);
}

#define CERTIFICATES "c-tests/certs/"

static coroutine void attaches_server(int s, int *result) {
    *result = tls_attach_server(s, CERTIFICATES "chain.pem", CERTIFICATES "server.key", -1);
}

/* There and back again. Both ends are the caller's, so that no coroutine waits. */
static double tls_echo(long n) {
    static char message[MESSAGE];
    int s[2], server = -1;
    tcp_pair(s);
    int b = go(attaches_server(s[1], &server));
    MUST(b >= 0);
    int client = tls_attach_client_verify(s[0], "localhost", CERTIFICATES "ca.pem", -1);
    MUST(client >= 0 && bundle_wait(b, -1) == 0 && hclose(b) == 0 && server >= 0);
    start();
    for(long i = 0; i != n; ++i) {
        MUST(bsend(client, message, MESSAGE, -1) == 0);
        MUST(brecv(server, message, MESSAGE, -1) == 0);
        MUST(bsend(server, message, MESSAGE, -1) == 0);
        MUST(brecv(client, message, MESSAGE, -1) == 0);
    }
    double result = stop(n);
    MUST(hclose(client) == 0 && hclose(server) == 0);
    return result;
}

static double ws_echo(long n) {
    static char message[MESSAGE];
    int s[2];
    tcp_pair(s);
    int client = ws_attach_client(s[0], WS_BINARY | WS_NOHTTP, NULL, NULL, -1);
    int server = ws_attach_server(s[1], WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, -1);
    MUST(client >= 0 && server >= 0);
    start();
    for(long i = 0; i != n; ++i) {
        MUST(msend(client, message, MESSAGE, -1) == 0);
        MUST(mrecv(server, message, MESSAGE, -1) == MESSAGE);
        MUST(msend(server, message, MESSAGE, -1) == 0);
        MUST(mrecv(client, message, MESSAGE, -1) == MESSAGE);
    }
    double result = stop(n);
    MUST(hclose(client) == 0 && hclose(server) == 0);
    return result;
}

static const struct benchmark benchmarks[] = {
    {"go_mem_finish", go_mem_finish},
    {"choose_wait_2", choose_wait_2},
    {"choose_wait_8", choose_wait_8},
    {"choose_wait_64", choose_wait_64},
    {"fired_receive", fired_receive},
    {"fired_yield", fired_yield},
    {"receive_there", receive_there},
    {"send_writable", send_writable},
    {"http_head_hello", http_head_hello},
    {"http_head_browser", http_head_browser},
    {"tls_echo", tls_echo},
    {"ws_echo", ws_echo},
};

int main(int argc, char **argv) {
    return bench_main(argc, argv, benchmarks, COUNT(benchmarks));
}
