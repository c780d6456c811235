/* The server for peer_browser.sh: gives the page $1 to whoever asks, and prints what the page
   posts. */

#include "../net.h"

static char page[1 << 16];
static size_t page_len;

/* Answers a request; true when that was the result. */
static int answer(int s, const char *method) {
    char name[128], value[4096], len[32];
    while(http_recvfield(s, name, sizeof(name), value, sizeof(value), now() + 5000) == 0);
    CHECK_INT(errno, EPIPE);
    if(strcmp(method, "POST") == 0) {
        ssize_t got = http_recvbody(s, value, sizeof(value), now() + 5000);
        printf("%.*s\n", (int)(got > 0 ? got : 0), value);
        fflush(stdout);
        CHECK_OK(http_sendstatus(s, 204, "No Content", -1));
        return http_done(s, now() + 5000) == 0;
    }
    snprintf(len, sizeof(len), "%zu", page_len);
    CHECK_OK(http_sendstatus(s, 200, "OK", -1));
    CHECK_OK(http_sendfield(s, "Content-Type", "text/html; charset=utf-8", -1));
    CHECK_OK(http_sendfield(s, "Content-Length", len, -1));
    (void)http_sendbody(s, page, page_len, now() + 5000);
    return 0;
}

static coroutine void serve(int s) {
    char method[16], resource[256];
    s = http_attach(s);
    CHECK_HANDLE(s);
    while(http_recvrequest(s, method, sizeof(method), resource, sizeof(resource), -1) == 0)
        if(answer(s, method)) break;
    CHECK_OK(hclose(s));
}

int main(int argc, char *argv[]) {
    CHECK_INT(argc, 2);
    FILE *file = fopen(argv[1], "r");
    CHECK(file);
    page_len = fread(page, 1, sizeof(page), file);
    CHECK(page_len > 0 && page_len < sizeof(page));
    fclose(file);
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    printf("http://127.0.0.1:%d/\n", ipaddr_port(&addr));
    fflush(stdout);
    int b = bundle();
    while(1) {
        int s = tcp_accept(ls, NULL, -1);
        CHECK_HANDLE(s);
        CHECK_OK(bundle_go(b, serve(s)));
    }
}
