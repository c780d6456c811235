/* The server for peer_curl_http.sh: several requests on a connection, bodies of all kinds.
   GET / is answered with the number of the connection and of the request on it; what is sent
   to /length or /chunked comes back so. */

#include "../net.h"

static int connections;

static int answer(int s, const char *method, const char *resource, int n, int request) {
    char name[128], value[1024], buf[5000];
    int upload = 0, wants_continue = 0;
    while(http_recvfield(s, name, sizeof(name), value, sizeof(value), now() + 5000) == 0) {
        if(strcasecmp(name, "Content-Length") == 0) upload = 1;
        if(strcasecmp(name, "Transfer-Encoding") == 0) upload = 1;
        if(strcasecmp(name, "Expect") == 0) wants_continue = 1;
    }
    if(errno != EPIPE) return -1;
    if(wants_continue) {
        CHECK_OK(http_sendstatus(s, 100, "Continue", -1));
        CHECK_OK(http_done(s, -1));
    }
    if(!upload) {
        int len = snprintf(buf, sizeof(buf), "%d.%d %s\n", n, request, resource);
        snprintf(value, sizeof(value), "%d", len);
        CHECK_OK(http_sendstatus(s, 200, "OK", -1));
        CHECK_OK(http_sendfield(s, "Content-Length", value, -1));
        if(strcmp(method, "HEAD") == 0) return http_done(s, -1);
        return http_sendbody(s, buf, (size_t)len, now() + 5000);
    }
    if(strcmp(resource, "/ignored") == 0) {
        CHECK_OK(http_sendstatus(s, 204, "No Content", -1));
        return http_done(s, now() + 5000);
    }
    size_t room = 1 << 22, len = 0;
    char *all = malloc(room);
    ssize_t got;
    while((got = http_recvbody(s, all + len, room - len < 5000 ? room - len : 5000, -1)) > 0)
        len += (size_t)got;
    if(got < 0 && errno != EPIPE) return -1;
    CHECK_OK(http_sendstatus(s, 200, "OK", -1));
    if(strcmp(resource, "/chunked") == 0) {
        CHECK_OK(http_sendfield(s, "Transfer-Encoding", "chunked", -1));
        for(size_t at = 0; at < len; at += 7000)
            if(http_sendbody(s, all + at, len - at < 7000 ? len - at : 7000, -1) < 0) return -1;
    } else {
        snprintf(value, sizeof(value), "%zu", len);
        CHECK_OK(http_sendfield(s, "Content-Length", value, -1));
        if(http_sendbody(s, all, len, -1) < 0) return -1;
    }
    free(all);
    return http_donebody(s, -1);
}

static coroutine void serve(int s, int n) {
    char method[16], resource[256];
    s = http_attach(s);
    CHECK_HANDLE(s);
    int request = 0;
    while(http_recvrequest(s, method, sizeof(method), resource, sizeof(resource),
            now() + 5000) == 0)
        if(answer(s, method, resource, n, ++request) < 0) break;
    s = http_detach(s, now() + 1000);
    if(s >= 0) tcp_close(s, now() + 1000);
}

int main(void) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    printf("http://127.0.0.1:%d/\n", ipaddr_port(&addr));
    fflush(stdout);
    int b = bundle();
    while(1) {
        int s = tcp_accept(ls, NULL, -1);
        CHECK_HANDLE(s);
        CHECK_OK(bundle_go(b, serve(s, ++connections)));
    }
}
