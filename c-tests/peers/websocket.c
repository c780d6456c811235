/* A WebSocket peer for peer_websockets.sh and peer_browser.sh.  Without an argument: a server that sends back what
   it gets, but on /leaves says goodbye, and on /cut breaks the connection.  With a port: a client that has a server do so. */

#include "../net.h"

#define ROOM (1 << 21)

static coroutine void echo(int s) {
    char resource[256], host[256], reason[123];
    s = ws_attach_server(s, WS_TEXT, resource, sizeof(resource), host, sizeof(host), -1);
    if(s < 0) {
        printf("no handshake: %s\n", strerror(errno));
        fflush(stdout);
        return;
    }
    if(strcmp(resource, "/cut") == 0) {
        CHECK_OK(hclose(s));
        return;
    }
    if(strcmp(resource, "/leaves") == 0) {
        CHECK_OK(ws_send(s, WS_TEXT, "goodbye", 7, -1));
        s = ws_detach(s, 4002, "later \xE2\x82\xAC", 9, now() + 5000);
        CHECK_HANDLE(s);
        printf("/leaves: detached\n");
        fflush(stdout);
        CHECK_OK(tcp_close(s, now() + 5000));
        return;
    }
    char *buf = malloc(ROOM);
    CHECK(buf);
    while(1) {
        int flags;
        ssize_t len = ws_recv(s, &flags, buf, ROOM, -1);
        if(len < 0) break;
        if(ws_send(s, flags, buf, (size_t)len, -1) < 0) break;
    }
    int error = errno, status = 0;
    ssize_t len = ws_status(s, &status, reason, sizeof(reason));
    printf("%s: %s, %d %.*s\n", resource, strerror(error), status, (int)(len > 0 ? len : 0),
        reason);
    fflush(stdout);
    free(buf);
    s = ws_detach(s, error == EPIPE ? status : 0, NULL, 0, now() + 5000);
    if(s >= 0) tcp_close(s, now() + 1000);
}

static void server(void) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    printf("ws://127.0.0.1:%d/\n", ipaddr_port(&addr));
    fflush(stdout);
    int b = bundle();
    while(1) {
        int s = tcp_accept(ls, NULL, -1);
        CHECK_HANDLE(s);
        CHECK_OK(bundle_go(b, echo(s)));
    }
}

static void round_trip(int s, int type, size_t len) {
    char *out = malloc(len + 1), *in = malloc(len + 1);
    CHECK(out && in);
    for(size_t i = 0; i != len; ++i) out[i] = (char)(type == WS_TEXT ? 'a' + i % 26 : i * 31);
    CHECK_OK(ws_send(s, type, out, len, -1));
    int flags;
    CHECK_INT(ws_recv(s, &flags, in, len + 1, now() + 10000), (long long)len);
    CHECK_INT(flags, type);
    CHECK(memcmp(in, out, len) == 0);
    free(in);
    free(out);
}

static void client(int port) {
    struct ipaddr addr;
    CHECK_OK(ipaddr_remote(&addr, "127.0.0.1", port, 0, -1));
    static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536, 100000, 1 << 20};
    int s = tcp_connect(&addr, -1);
    s = ws_attach_client(s, WS_BINARY, "/echo", "127.0.0.1", now() + 5000);
    CHECK_HANDLE(s);
    for(size_t i = 0; i != sizeof(sizes) / sizeof(sizes[0]); ++i) {
        round_trip(s, WS_TEXT, sizes[i]);
        round_trip(s, WS_BINARY, sizes[i]);
    }
    s = ws_detach(s, 4321, "done", 4, now() + 5000);
    CHECK_HANDLE(s);
    CHECK_OK(tcp_close(s, now() + 5000));
    /* The server sends fragments, pings between them, and closes first. */
    s = tcp_connect(&addr, -1);
    s = ws_attach_client(s, WS_TEXT, "/fragments", "127.0.0.1", now() + 5000);
    CHECK_HANDLE(s);
    char buf[64];
    int status;
    CHECK_INT(ws_recv(s, NULL, buf, sizeof(buf), now() + 5000), 9);
    CHECK(memcmp(buf, "onetwo\xE2\x82\xAC", 9) == 0);
    CHECK_ERR(ws_recv(s, NULL, buf, sizeof(buf), now() + 5000), EPIPE);
    CHECK_INT(ws_status(s, &status, buf, sizeof(buf)), 6);
    CHECK_INT(status, 4000);
    CHECK(memcmp(buf, "enough", 6) == 0);
    s = ws_detach(s, 4000, NULL, 0, now() + 5000);
    CHECK_HANDLE(s);
    CHECK_OK(tcp_close(s, now() + 5000));
    /* No WebSocket there. */
    s = tcp_connect(&addr, -1);
    CHECK_ERR(ws_attach_client(s, WS_TEXT, "/nothing", "127.0.0.1", now() + 5000), EPROTO);
    CHECK_ERR(hclose(s), EBADF);
}

int main(int argc, char *argv[]) {
    if(argc > 1) client(atoi(argv[1]));
    else server();
    return 0;
}
