/* With DILL_DISABLE_RAW_NAMES only dill_ names are taken from the program, which
   uses all the others for itself here. Also: sizes that are part of the ABI. */

#define DILL_DISABLE_RAW_NAMES

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <libdillimpl.h>

/* Every name that the header would take otherwise, as a member of one enum. */
enum own_names {
    fdclean, fdin, fdout, now, msleep, hown, hclose, coroutine, go, go_mem,
    bundle_go, bundle_go_mem, bundle_storage, bundle, bundle_mem, bundle_wait,
    yield, CHSEND, CHRECV, chclause, chstorage, chmake, chmake_mem, chsend,
    chrecv, chdone, choose, iolist, bsend, brecv, bsendl, brecvl, IPADDR_IPV4,
    IPADDR_IPV6, IPADDR_PREF_IPV4, IPADDR_PREF_IPV6, IPADDR_MAXSTRLEN, ipaddr,
    ipaddr_local, ipaddr_remote, ipaddr_remotes, ipaddr_str, ipaddr_family,
    ipaddr_sockaddr, ipaddr_len, ipaddr_port, ipaddr_setport, ipaddr_equal,
    tcp_listener_storage, tcp_storage, tcp_listen, tcp_listen_mem, tcp_accept,
    tcp_accept_mem, tcp_connect, tcp_connect_mem, tcp_done, tcp_close,
    tcp_listener_fromfd, tcp_listener_fromfd_mem, tcp_fromfd, tcp_fromfd_mem,
    hvfs, hmake, hquery, bsock_vfs, bsock_type, bundle_cancel, bundle_notify,
    number_of_names
};

#define SIZE_IS(type, size)\
    extern char size_is_right[sizeof(type) == (size) ? 1 : -1]

SIZE_IS(struct dill_bundle_storage, 64);
SIZE_IS(struct dill_chstorage, 144);
SIZE_IS(struct dill_tcp_storage, 72);
SIZE_IS(struct dill_tcp_listener_storage, 56);
SIZE_IS(struct dill_ipaddr, 32);
SIZE_IS(struct dill_chclause, 24);
SIZE_IS(struct dill_iolist, 32);

#define CHECK(cond) do {\
    if(!(cond)) {\
        fprintf(stderr, "%s:%d: %s does not hold (errno %d)\n", __FILE__,\
            __LINE__, #cond, errno);\
        exit(1);\
    }\
} while(0)

static dill_coroutine void sends(int ch, int val) {
    CHECK(dill_chsend(ch, &val, sizeof(val), -1) == 0);
    CHECK(dill_yield() == 0);
}

static dill_coroutine void blocks(void) {
    CHECK(dill_msleep(-1) == -1 && errno == ECANCELED);
}

int main(void) {
    int ch[2], val = 0;
    CHECK(DILL_CHSEND == 1 && DILL_CHRECV == 2 && DILL_INHERIT == -2);
    CHECK(DILL_IPADDR_IPV4 == 1 && DILL_IPADDR_IPV6 == 2);
    CHECK(DILL_IPADDR_PREF_IPV4 == 3 && DILL_IPADDR_PREF_IPV6 == 4);
    CHECK(DILL_IPADDR_MAXSTRLEN == 46);
    struct dill_chstorage mem;
    CHECK(dill_chmake_mem(&mem, ch) == 0);
    int b = dill_go(sends(ch[0], 1));
    CHECK(b >= 0);
    CHECK(dill_bundle_go(b, sends(ch[0], 2)) == 0);
    static char stack[2][16384];
    CHECK(dill_bundle_go_mem(b, sends(ch[0], 3), stack[0], 16384) == 0);
    int b2 = dill_go_mem(blocks(), stack[1], 16384);
    CHECK(b2 >= 0);
    for(int i = 1; i != 4; ++i) {
        struct dill_chclause cl = {DILL_CHRECV, ch[1], &val, sizeof(val)};
        CHECK(dill_choose(&cl, 1, dill_now() + 60000) == 0 && errno == 0);
        CHECK(val == i);
    }
    CHECK(dill_bundle_notify(b, ch[0]) == 0);
    CHECK(dill_bundle_cancel(b, 60000) == 0);
    CHECK(dill_chrecv(ch[1], &val, sizeof(val), -1) == -1 && errno == EPIPE);
    CHECK(dill_hclose(b2) == 0);
    CHECK(dill_hclose(dill_hown(ch[0])) == 0);
    CHECK(dill_hclose(ch[1]) == 0);
    CHECK(dill_hquery(b, &val) == NULL && errno == EBADF);
    CHECK(dill_bsock_type != NULL);
    CHECK(number_of_names > 60);
    return 0;
}
