/* What a peer can make us spend: the limits of the table in SECURITY.md, but for what io_uring
   receives. At the limit things work, one beyond there is the error of the table. */

#include <dirent.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "net.h"
#include "scripted_names.h"

ALL_TESTS(BOTH_POLLERS)

#define KIB 1024

static char text_[128 * KIB];

/* Two ends of a stream that have no protocol yet. */
static void stream(int s[2]) {
    CHECK_OK(ipc_pair(s));
}

static coroutine void sends(int s, const void *bytes, size_t len) {
    (void)bsend(s, bytes, len, -1);
}

/* Bytes that are sent while the caller does something else: more than a socket may hold. */
static int sending(int s, const void *bytes, size_t len) {
    int b = go(sends(s, bytes, len));
    CHECK_HANDLE(b);
    return b;
}

TEST(read_ahead) {
    int fd[2], left = 0;
    const int all = 10000;
    raw_tcp_pair(fd);
    CHECK_INT(write(fd[1], text_, (size_t)all), all);
    /* The same socket, to ask the kernel about. */
    int copy = dup(fd[0]);
    while(left != all) CHECK_OK(ioctl(copy, FIONREAD, &left));
    int s = tcp_fromfd(fd[0]);
    CHECK_HANDLE(s);
    char byte;
    CHECK_OK(brecv(s, &byte, 1, -1));
    CHECK_OK(ioctl(copy, FIONREAD, &left));
    CHECK_BETWEEN(left, all - 1 - 2 * KIB, all - 2);
    CHECK_OK(hclose(s));
    CHECK_OK(close(copy));
    CHECK_OK(close(fd[1]));
}

/* ---- messages ----------------------------------------------------------------------------- */

enum {PREFIX, SUFFIX, TERM, WS, PROTOCOLS};

static int attach(int protocol, int s, int server) {
    switch(protocol) {
        case PREFIX: return prefix_attach(s, 2, 0);
        case SUFFIX: return suffix_attach(s, "\r\n", 2);
        case TERM: return term_attach(prefix_attach(s, 2, 0), "end", 3);
        default: return server ? ws_attach_server(s, WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, -1) :
            ws_attach_client(s, WS_BINARY | WS_NOHTTP, NULL, NULL, -1);
    }
}

TEST(the_callers_buffer) {
    for(int protocol = 0; protocol != PROTOCOLS; ++protocol)
        for(size_t more = 0; more != 2; ++more) {
            int s[2];
            char buf[100];
            stream(s);
            for(int i = 0; i != 2; ++i) {
                s[i] = attach(protocol, s[i], i);
                CHECK_HANDLE(s[i]);
            }
            CHECK_OK(msend(s[0], text_, sizeof(buf) + more, -1));
            if(more) CHECK_ERR(mrecv(s[1], buf, sizeof(buf), -1), EMSGSIZE);
            else CHECK_INT(mrecv(s[1], buf, sizeof(buf), -1), sizeof(buf));
            CHECK_OK(hclose(s[0]));
            CHECK_OK(hclose(s[1]));
        }
}

TEST(lengths_of_prefixes) {
    static const struct {unsigned char ninth, eighth, rest; int err;} cases[] = {
        /* Taken for a length, of which nothing has come yet. */
        {0, 0x7F, 0xFF, ETIMEDOUT},
        {0, 0x80, 0, EMSGSIZE},
        /* 0 if it were cut. */
        {1, 0, 0, EMSGSIZE},
    };
    int s[2];
    for(int i = 0; i != 3; ++i) {
        char header[32] = {0};
        memset(header + 25, cases[i].rest, 7);
        header[24] = (char)cases[i].eighth;
        header[23] = (char)cases[i].ninth;
        stream(s);
        CHECK_OK(bsend(s[1], header, sizeof(header), -1));
        int p = prefix_attach(s[0], sizeof(header), 0);
        CHECK_HANDLE(p);
        /* Dropped, whatever its length. */
        CHECK_ERR(mrecvl(p, NULL, NULL, now() + 10), cases[i].err);
        CHECK_OK(hclose(p));
        CHECK_OK(hclose(s[1]));
    }
    stream(s);
    CHECK_ERR(prefix_attach(s[0], 33, 0), EINVAL);
    CHECK_OK(hclose(s[1]));
}

/* ---- HTTP --------------------------------------------------------------------------------- */

#define START "POST / HTTP/1.1\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

/* A line of LEN bytes in all that begins and ends so. */
static char *line_of(char *at, const char *begin, size_t len, const char *end) {
    size_t first = strlen(begin), last = strlen(end);
    CHECK(len >= first + last);
    memcpy(at, begin, first);
    memset(at + first, 'x', len - first - last);
    memcpy(at + len - last, end, last);
    at[len] = 0;
    return at + len;
}

/* Fields, and the empty line behind them, of LEN bytes in all. */
static char *fields_of(char *at, size_t len) {
    const size_t usual = 1000;
    for(len -= 2; len >= 2 * usual; len -= usual) at = line_of(at, "F: ", usual, "\r\n");
    at = line_of(at, "F: ", len, "\r\n");
    return line_of(at, "", 2, "\r\n");
}

/* Receives a whole message; 0 or the errno. */
static int receive_message(int s) {
    static char name[16 * KIB], value[16 * KIB];
    if(http_recvrequest(s, name, sizeof(name), value, sizeof(value), now() + 1000)) return errno;
    while(!http_recvfield(s, name, sizeof(name), value, sizeof(value), now() + 1000)) continue;
    if(errno != EPIPE) return errno;
    while(http_recvbody(s, value, sizeof(value), now() + 1000) >= 0) continue;
    return errno == EPIPE ? 0 : errno;
}

/* What the message from text_ to END makes of an HTTP socket: 0 or an errno. */
static int http_makes_of(const char *end) {
    int s[2];
    stream(s);
    int h = http_attach(s[0]);
    CHECK_HANDLE(h);
    int b = sending(s[1], text_, (size_t)(end - text_));
    int result = receive_message(h);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(h));
    CHECK_OK(hclose(s[1]));
    return result;
}

static char *put(char *at, const char *what) {
    return at + sprintf(at, "%s", what);
}

TEST(heads) {
    const size_t line = 8 * KIB, head = 64 * KIB;
    for(size_t more = 0; more != 2; ++more) {
        int expected = more ? EMSGSIZE : 0;
        /* The first line, a field, a line of a trailer. */
        char *at = line_of(text_, "GET /", line + more, " HTTP/1.1\r\n");
        CHECK_INT(http_makes_of(put(at, "\r\n")), expected);
        at = line_of(put(text_, START), "F: ", line + more, "\r\n");
        CHECK_INT(http_makes_of(put(at, "\r\n")), expected);
        at = line_of(put(text_, START CHUNKED "0\r\n"), "F: ", line + more, "\r\n");
        CHECK_INT(http_makes_of(put(at, "\r\n")), expected);
        /* The whole head; the whole trailer with the chunk's size before it. */
        at = put(text_, START);
        CHECK_INT(http_makes_of(fields_of(at, head + more - strlen(START))), expected);
        at = put(text_, START CHUNKED "0\r\n");
        CHECK_INT(http_makes_of(fields_of(at, head + more - strlen("0\r\n"))), expected);
    }
}

TEST(sizes_of_bodies) {
    static const struct {const char *size; int err;} cases[] = {
        {"Content-Length: 9223372036854775807\r\n\r\n", ETIMEDOUT},
        {"Content-Length: 9223372036854775808\r\n\r\n", EPROTO},
        {CHUNKED "7fffffffffffffff\r\n", ETIMEDOUT},
        {CHUNKED "8000000000000000\r\n", EPROTO},
    };
    for(int i = 0; i != 4; ++i)
        CHECK_INT(http_makes_of(put(put(text_, START), cases[i].size)), cases[i].err);
}

TEST(unanswered_requests) {
    const int most = 32;
    int s[2];
    char name[16], value[16];
    stream(s);
    int client = http_attach(s[0]), server = http_attach(s[1]);
    CHECK_HANDLE(client);
    CHECK_HANDLE(server);
    for(int i = 0; i != most; ++i) {
        CHECK_OK(http_sendrequest(client, "GET", "/", -1));
        CHECK_OK(http_donebody(client, -1));
        CHECK_OK(http_recvrequest(server, name, sizeof(name), value, sizeof(value), -1));
        CHECK_ERR(http_recvfield(server, name, sizeof(name), value, sizeof(value), -1), EPIPE);
    }
    CHECK_ERR(http_sendrequest(client, "GET", "/", -1), ENOBUFS);
    CHECK_ERR(http_recvrequest(server, name, sizeof(name), value, sizeof(value), -1), ENOBUFS);
    /* An answer makes room for one. */
    CHECK_OK(http_sendstatus(server, 204, "", -1));
    CHECK_OK(http_donebody(server, -1));
    CHECK_INT(http_recvstatus(client, name, sizeof(name), -1), 204);
    CHECK_OK(http_sendrequest(client, "GET", "/", -1));
    CHECK_OK(http_donebody(client, -1));
    CHECK_OK(http_recvrequest(server, name, sizeof(name), value, sizeof(value), -1));
    CHECK_OK(hclose(client));
    CHECK_OK(hclose(server));
}

/* ---- WebSocket ---------------------------------------------------------------------------- */

#define WS_FIELDS "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define ASKS "GET / HTTP/1.1\r\nHost: h\r\n" WS_FIELDS \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

/* What a server makes of the request from text_ to END: 0 or an errno. */
static int server_makes_of(const char *end) {
    int s[2];
    stream(s);
    int b = sending(s[1], text_, (size_t)(end - text_));
    int h = ws_attach_server(s[0], WS_TEXT, NULL, 0, NULL, 0, now() + 1000);
    int result = h >= 0 ? 0 : errno;
    if(h >= 0) CHECK_OK(hclose(h));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[1]));
    return result;
}

/* Answers a client's request by a response of LEN bytes or with COUNT fields. */
static coroutine void answers(int s, size_t len, int count) {
    static const char asked[] = "Sec-WebSocket-Key: ";
    char request[KIB], key[WS_KEY_SIZE], accept[WS_KEY_SIZE];
    size_t known = 0;
    do CHECK_OK(brecv(s, request + known++, 1, -1));
    while(known < 4 || memcmp(request + known - 4, "\r\n\r\n", 4) != 0);
    request[known] = 0;
    const char *found = strstr(request, asked);
    CHECK(found);
    memcpy(key, found + strlen(asked), 24);
    key[24] = 0;
    CHECK_OK(ws_response_key(key, accept));
    char *at = put(text_, "HTTP/1.1 101 Switching Protocols\r\n" WS_FIELDS
        "Sec-WebSocket-Accept: ");
    at = put(put(at, accept), "\r\n");
    if(len) at = fields_of(at, len - (size_t)(at - text_));
    else {
        for(int i = 3; i != count; ++i) at = put(at, "F: x\r\n");
        at = put(at, "\r\n");
    }
    (void)bsend(s, text_, (size_t)(at - text_), -1);
}

/* What a client makes of that. */
static int client_makes_of(size_t len, int count) {
    int s[2];
    stream(s);
    int b = go(answers(s[1], len, count));
    CHECK_HANDLE(b);
    int h = ws_attach_client(s[0], WS_TEXT, "/", "h", now() + 1000);
    int result = h >= 0 ? 0 : errno;
    if(h >= 0) CHECK_OK(hclose(h));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[1]));
    return result;
}

TEST(handshakes) {
    const size_t head = 16 * KIB;
    const int fields = 128;
    for(int more = 0; more != 2; ++more) {
        int expected = more ? EMSGSIZE : 0;
        char *at = fields_of(put(text_, ASKS), head + (size_t)more - strlen(ASKS));
        CHECK_INT(server_makes_of(at), expected);
        CHECK_INT(client_makes_of(head + (size_t)more, 0), expected);
        expected = more ? EPROTO : 0;
        at = put(text_, ASKS);
        for(int i = 5; i != fields + more; ++i) at = put(at, "F: x\r\n");
        CHECK_INT(server_makes_of(put(at, "\r\n")), expected);
        CHECK_INT(client_makes_of(0, fields + more), expected);
    }
}

TEST(control_frames) {
    for(int more = 0; more != 2; ++more) {
        int s[2];
        char buf[8];
        stream(s);
        int h = attach(WS, s[0], 0);
        CHECK_HANDLE(h);
        /* A ping, then a text. */
        char frames[200] = {'\x89', 125};
        size_t len = 2;
        if(more) {
            frames[1] = 126;
            frames[3] = 126;
            len = 4;
        }
        len += 125 + (size_t)more;
        memcpy(frames + len, "\x82\1x", 3);
        CHECK_OK(bsend(s[1], frames, len + 3, -1));
        if(more) CHECK_ERR(mrecv(h, buf, sizeof(buf), -1), EPROTO);
        else CHECK_INT(mrecv(h, buf, sizeof(buf), -1), 1);
        CHECK_OK(hclose(h));
        CHECK_OK(hclose(s[1]));
    }
}

/* ---- SOCKS5, TLS -------------------------------------------------------------------------- */

static coroutine void asks_proxy(int s, const char *name, const char *host, int err) {
    int rc = socks5_client_connectbyname(s, name, name, host, 1, -1);
    CHECK_INT(rc, -1);
    CHECK_INT(errno, err);
}

static int trusts_anybody(const char *name, const char *word) {
    CHECK_INT(strlen(name), 255);
    CHECK_STR(word, name);
    return 1;
}

TEST(socks5_names) {
    char name[257], seen[256];
    int s[2], port;
    memset(name, 'n', sizeof(name));
    name[255] = 0;
    stream(s);
    /* All three of the longest; nobody answers the command. */
    int b = go(asks_proxy(s[0], name, name, ECANCELED));
    CHECK_HANDLE(b);
    CHECK_OK(socks5_proxy_auth(s[1], trusts_anybody, -1));
    CHECK_INT(socks5_proxy_recvcommandbyname(s[1], seen, &port, -1), SOCKS5_CONNECT);
    CHECK_STR(seen, name);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    name[255] = 'n';
    name[256] = 0;
    stream(s);
    CHECK_ERR(socks5_client_connectbyname(s[0], name, "x", "host", 1, -1), EINVAL);
    CHECK_ERR(socks5_client_connectbyname(s[0], "x", name, "host", 1, -1), EINVAL);
    CHECK_ERR(socks5_client_connectbyname(s[0], NULL, NULL, name, 1, -1), EINVAL);
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

/* What a server makes of the beginning of a record: ETIMEDOUT if it waits for the rest. */
static void tls_makes_of(const char *bytes, size_t len, int err) {
    int s[2];
    stream(s);
    CHECK_OK(bsend(s[1], bytes, len, -1));
    CHECK_ERR(tls_attach_server(s[0], "c-tests/certs/chain.pem", "c-tests/certs/server.key",
        now() + 1000), err);
    CHECK_OK(hclose(s[1]));
}

TEST(tls_records) {
    tls_makes_of("\x16\3\3\x48\0", 5, ETIMEDOUT);
    tls_makes_of("\x16\3\3\x48\1", 5, EPROTO);
    /* A ClientHello in a record of its first four bytes. */
    tls_makes_of("\x16\3\3\0\4\1\0\xFF\xFF", 9, ETIMEDOUT);
    tls_makes_of("\x16\3\3\0\4\1\1\0\0", 9, EPROTO);
}

/* ---- names -------------------------------------------------------------------------------- */

/* Nobody listens at these. */
#define DEAD "127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.6 127.0.0.7 127.0.0.8 127.0.0.9 " \
    "127.0.0.10 127.0.0.11 127.0.0.12 127.0.0.13 127.0.0.14 127.0.0.15 127.0.0.16 "

static sem_t gate_;

static const struct scripted lines[] = {
    {"held", "127.0.0.1", 0, 0, &gate_, AF_UNSPEC},
    {"16", DEAD "127.0.0.1", 0, 0, NULL, 0},
    {"17", DEAD "127.0.0.17 127.0.0.1", 0, 0, NULL, 0},
    {NULL, NULL, 0, 0, NULL, 0},
};

static coroutine void looks_up(void) {
    struct ipaddr addr;
    CHECK_OK(ipaddr_remote(&addr, "held", 80, 0, -1));
}

static int count_threads(void) {
    int n = 0;
    DIR *dir = opendir("/proc/self/task");
    CHECK(dir);
    for(struct dirent *entry; (entry = readdir(dir));) n += entry->d_name[0] != '.';
    CHECK_OK(closedir(dir));
    return n;
}

/* First, while there are no helper threads. */
TEST(helper_threads) {
    const int most = 16;
    CHECK_OK(sem_init(&gate_, 0, 0));
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, looks_up()));
    /* Only now: sanitizers begin a thread of their own together with the first one. */
    int others = count_threads() - 1;
    for(int i = 2; i <= 2 * most; ++i) {
        CHECK_OK(bundle_go(b, looks_up()));
        CHECK_INT(count_threads() - others, i < most ? i : most);
    }
    while(scripted_count(&scripted_running) != most) CHECK_OK(sched_yield());
    for(int i = 0; i != 2 * most; ++i) CHECK_OK(sem_post(&gate_));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(scripted_count(&scripted_calls), 2 * most);
    CHECK_INT(scripted_count(&scripted_most), most);
    CHECK_OK(hclose(b));
}

TEST(addresses_of_a_host) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    int s = happyeyeballs_connect("16", ipaddr_port(&addr), -1);
    CHECK_HANDLE(s);
    CHECK_OK(hclose(s));
    CHECK_ERR(happyeyeballs_connect("17", ipaddr_port(&addr), -1), ECONNREFUSED);
    CHECK_OK(hclose(ls));
}

BEFORE_EACH {
    use_virtual_time();
    memset(text_, 'x', sizeof(text_));
    script = lines;
}
