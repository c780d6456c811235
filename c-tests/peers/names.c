/* Asks for host names; for peer_names.sh.

     names 0|4|6|prefer4|prefer6 NAME...   prints the addresses of each
     names silent NAME                     of one for which no name server answers
     names connect NAME                    happy eyeballs to a listener on 127.0.0.1 */

#include "../net.h"

static const struct {
    const char *name;
    int mode;
} modes[] = {
    {"0", 0}, {"4", IPADDR_IPV4}, {"6", IPADDR_IPV6}, {"prefer4", IPADDR_PREF_IPV4},
    {"prefer6", IPADDR_PREF_IPV6}
};

static void resolve(int mode, const char *name) {
    struct ipaddr addrs[8];
    char text[IPADDR_MAXSTRLEN];
    int n = ipaddr_remotes(addrs, 8, name, 80, mode, now() + 20000);
    CHECK_BETWEEN(n, 0, 8);
    printf("%s:", name);
    for(int i = 0; i != n; ++i) printf(" %s", ipaddr_str(&addrs[i], text));
    printf("\n");
}

static volatile int canceled;

static coroutine void asks(const char *name) {
    struct ipaddr addr;
    CHECK_ERR(ipaddr_remote(&addr, name, 80, 0, -1), ECANCELED);
    canceled++;
}

/* The system's resolver would wait for half a minute. */
static void silent(const char *name) {
    enum {AT_ONCE = 10000};
    struct ipaddr addr;
    int64_t start = now();
    CHECK_ERR(ipaddr_remote(&addr, name, 80, 0, start + 50), ETIMEDOUT);
    CHECK_BETWEEN(now() - start, 50, AT_ONCE);
    CHECK_ERR(happyeyeballs_connect(name, 80, now() + 50), ETIMEDOUT);
    /* Hard cancellation, of several, */
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 4; ++i) CHECK_OK(bundle_go(b, asks(name)));
    CHECK_OK(msleep(now() + 50));
    CHECK_OK(hclose(b));
    CHECK_INT(canceled, 4);
    /* and a scope's deadline. */
    struct cancel_scope sc;
    CHECK_OK(cancel_enter(&sc, -1, now() + 50));
    CHECK_ERR(ipaddr_remote(&addr, name, 80, 0, -1), ECANCELED);
    CHECK_ERR(cancel_leave(&sc), ETIMEDOUT);
    CHECK_BETWEEN(now() - start, 0, 2 * AT_ONCE);
    /* What was abandoned holds up nobody, not even the end of the process. */
    CHECK_OK(ipaddr_remote(&addr, "localhost", 80, IPADDR_IPV4, now() + 20000));
    printf("at once\n");
}

static void connects(const char *name) {
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    int s = happyeyeballs_connect(name, ipaddr_port(&addr), now() + 20000);
    CHECK_HANDLE(s);
    int peer = tcp_accept(ls, NULL, now() + 20000);
    CHECK_HANDLE(peer);
    CHECK_OK(bsend(s, "x", 1, -1));
    char c;
    CHECK_OK(brecv(peer, &c, 1, now() + 20000));
    printf("connected\n");
}

int main(int argc, char *argv[]) {
    CHECK(argc > 2);
    if(strcmp(argv[1], "silent") == 0) silent(argv[2]);
    else if(strcmp(argv[1], "connect") == 0) connects(argv[2]);
    else for(size_t i = 0; i != sizeof(modes) / sizeof(modes[0]); ++i)
        if(strcmp(argv[1], modes[i].name) == 0)
            for(int j = 2; j != argc; ++j) resolve(modes[i].mode, argv[j]);
    return 0;
}
