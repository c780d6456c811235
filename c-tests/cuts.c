/* Operations that are stuck after any number of bytes, and end there in every way: by a
   graceful request, a scope's or their own deadline, cancellation, a close. So each place
   where an operation waits meets each reason to stop waiting. */

#include "stacks.h"
#include "tls.h"

ALL_TESTS(BOTH_POLLERS, VARIANTS("tcp ipc"))

enum stack {TLS_CLIENT, TLS_SERVER, PREFIX, SUFFIX, TERM_PREFIX, TERM_SUFFIX, WS_CLIENT,
    WS_SERVER, STACKS};

enum way {BY_REQUEST, BY_SCOPE, BY_DEADLINE, BY_CANCEL, BY_CLOSE, WAYS};

static enum stack stack;
static enum transport transport;

BEFORE_EACH_KEEPING_FDS {
    use_virtual_time();
    transport = (enum transport)variant();
}

static int is_stream(void) {
    return stack == TLS_CLIENT || stack == TLS_SERVER;
}

static int attach(int s, int peer) {
    switch(stack) {
    case PREFIX: return prefix_attach(s, 2, 0);
    case SUFFIX: return suffix_attach(s, "\r\n", 2);
    case TERM_PREFIX: return term_attach(prefix_attach(s, 2, 0), "STOP", 4);
    case TERM_SUFFIX: return term_attach(suffix_attach(s, "\r\n", 2), "STOP", 4);
    case WS_CLIENT: case WS_SERVER:
        if((stack == WS_CLIENT) != peer)
            return ws_attach_client(s, WS_BINARY | WS_NOHTTP, NULL, NULL, -1);
        return ws_attach_server(s, WS_BINARY | WS_NOHTTP, NULL, 0, NULL, 0, -1);
    default: CHECK(0); return -1;
    }
}

static int put(int s, const char *text, int64_t deadline) {
    return is_stream() ? bsend(s, text, 4, deadline) : msend(s, text, 4, deadline);
}

/* 0 if that text was received. */
static int get(int s, const char *text, int64_t deadline) {
    char buf[4];
    if(is_stream()) {
        if(brecv(s, buf, 4, deadline) < 0) return -1;
    } else {
        ssize_t n = mrecv(s, buf, 4, deadline);
        if(n < 0) return -1;
        CHECK_INT(n, 4);
    }
    CHECK_OK(memcmp(buf, text, 4));
    return 0;
}

/* s[0] has the valves, which are open. */
static void stack_pair(int s[2], struct valve *in, struct valve *out) {
    transport_pair(transport, s);
    s[0] = valves_attach(s[0], in, out);
    if(!is_stream()) {
        for(int i = 0; i != 2; ++i) {
            s[i] = attach(s[i], i);
            CHECK_HANDLE(s[i]);
        }
    } else if(stack == TLS_CLIENT) {
        tls_pair_on(s);
    } else {
        int swapped[2] = {s[1], s[0]};
        tls_pair_on(swapped);
        s[0] = swapped[1];
        s[1] = swapped[0];
    }
    /* And what comes of itself behind a handshake has come. */
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(put(s[i], "warm", -1));
        CHECK_OK(get(s[!i], "warm", -1));
    }
}

static volatile int ended, result, result_errno;

/* The operation's deadline; it is in the scope that its end is to come by. */
static int64_t begins(enum way way, struct cancel_scope *sc) {
    if(way == BY_REQUEST) CHECK_OK(cancel_enter(sc, DILL_REQUEST, -1));
    if(way == BY_SCOPE) CHECK_OK(cancel_enter(sc, -1, now() + 50));
    return way == BY_DEADLINE ? now() + 50 : -1;
}

static void ends(enum way way, struct cancel_scope *sc, int rc) {
    result_errno = errno;
    result = rc;
    ended = 1;
    if(way == BY_REQUEST || way == BY_SCOPE) (void)cancel_leave(sc);
}

static coroutine void operates(int s, int sends, enum way way) {
    struct cancel_scope sc;
    int64_t deadline = begins(way, &sc);
    ends(way, &sc, sends ? put(s, "data", deadline) : get(s, "data", deadline));
}

static coroutine void asks(int b) {
    CHECK_OK(bundle_cancel(b, -1));
}

/* Asks for the end of what runs in the bundle; then the valve is opened, and it is awaited. */
static void request(int *b, struct valve *valve, void (*check)(int stuck, long cut), int stuck,
        long cut) {
    int a = go(asks(*b));
    CHECK_HANDLE(a);
    *b = -1;
    CHECK_OK(msleep(now() + 1));
    if(check) check(stuck, cut);
    valve_open(valve);
    CHECK_OK(bundle_wait(a, -1));
    CHECK_OK(hclose(a));
}

/* Has it come to its end in any other way; the errno of that. */
static int stop(enum way way, int *b) {
    switch(way) {
    case BY_SCOPE:
        CHECK_OK(msleep(now() + 60));
        return ECANCELED;
    case BY_DEADLINE:
        CHECK_OK(msleep(now() + 60));
        return ETIMEDOUT;
    case BY_CANCEL:
        CHECK_OK(hclose(*b));
        *b = -1;
        return ECANCELED;
    default: CHECK(0); return 0;
    }
}

static void check_failed(int err) {
    CHECK(ended);
    CHECK_RESULT((errno = result_errno, result), -1, err);
}

/* Both directions of the socket, and nothing is there that shouldn't be. */
static void both_work(int s[2], int data_is_there) {
    if(data_is_there) CHECK_OK(get(s[0], "data", -1));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(put(s[i], "good", -1));
        CHECK_OK(get(s[!i], "good", -1));
    }
}

/* After a request: it is interrupted before its first byte, and goes on after that. */
static void interrupted_before_first_byte(int stuck, long cut) {
    CHECK_INT(ended, !stuck || cut == 0);
    if(stuck && cut == 0) check_failed(ECANCELED);
}

/* False if the operation needs no more bytes than that. */
static int operation(int on, int sends, enum way way, long cut) {
    stack = (enum stack)on;
    int s[2];
    struct valve valve;
    valve_init(&valve, -1);
    stack_pair(s, sends ? NULL : &valve, sends ? &valve : NULL);
    valve.left = cut;
    if(!sends) CHECK_OK(put(s[1], "data", -1));
    ended = 0;
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, operates(s[0], sends, way)));
    CHECK_OK(msleep(now() + 1));
    int stuck = !ended, err = 0, whole = 0;
    /* The valve can't tell of room, so TLS encrypts what it is to send, and has begun. */
    int at_once = sends && is_stream();
    if(way == BY_REQUEST) {
        request(&b, &valve, interrupted_before_first_byte, stuck, at_once ? 1 : cut);
        if(stuck && cut == 0 && !at_once) {
            both_work(s, !sends);
            whole = 1;
        }
    } else if(way != BY_CLOSE) {
        err = stop(way, &b);
    } else if(stuck) {
        CHECK_OK(hclose(s[0]));
        s[0] = -1;
        CHECK_OK(bundle_wait(b, -1));
        check_failed(EBADF);
        whole = 1;
    }
    if(stuck && err) {
        check_failed(err);
        valve_open(&valve);
        if(cut == 0 && !at_once) {
            both_work(s, !sends);
        } else {
            /* It is unknown how far it has come, so that direction is over, */
            CHECK_ERR(sends ? put(s[0], "more", -1) : get(s[0], "more", -1), ECONNRESET);
            /* but the other one isn't. */
            CHECK_OK(put(s[sends], "back", -1));
            CHECK_OK(get(s[!sends], "back", -1));
        }
    } else if(!whole) {
        CHECK(ended);
        CHECK_INT(result, 0);
        if(sends) CHECK_OK(get(s[1], "data", -1));
        valve.left = -1;
        both_work(s, 0);
    }
    if(s[0] >= 0) CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    if(b >= 0) CHECK_OK(hclose(b));
    valve_term(&valve);
    return stuck;
}

/* Handshakes are the same, but what is left of them is nothing. */
enum handshake {ATTACH_TLS_CLIENT, ATTACH_TLS_SERVER, DETACH_TLS, ATTACH_WS_CLIENT,
    ATTACH_WS_SERVER, DETACH_WS, DETACH_TERM, HANDSHAKES};

static int shake(enum handshake handshake, int s, int64_t deadline) {
    char resource[32], host[32];
    switch(handshake) {
    case ATTACH_TLS_CLIENT:
        return tls_attach_client_verify(s, "localhost", CERT("ca.pem"), deadline);
    case ATTACH_TLS_SERVER:
        return tls_attach_server(s, CERT("chain.pem"), CERT("server.key"), deadline);
    case ATTACH_WS_CLIENT:
        return ws_attach_client(s, WS_BINARY, "/chat", "localhost", deadline);
    case ATTACH_WS_SERVER:
        return ws_attach_server(s, WS_BINARY, resource, sizeof(resource), host,
            sizeof(host), deadline);
    case DETACH_TLS: return tls_detach(s, deadline);
    case DETACH_WS: return ws_detach(s, 1000, "bye", 3, deadline);
    case DETACH_TERM: return term_detach(s, deadline);
    default: CHECK(0); return -1;
    }
}

static enum handshake opposite(enum handshake handshake) {
    switch(handshake) {
    case ATTACH_TLS_CLIENT: return ATTACH_TLS_SERVER;
    case ATTACH_TLS_SERVER: return ATTACH_TLS_CLIENT;
    case ATTACH_WS_CLIENT: return ATTACH_WS_SERVER;
    case ATTACH_WS_SERVER: return ATTACH_WS_CLIENT;
    default: return handshake;
    }
}

/* The other end comes as far as it can. */
static coroutine void shakes_too(enum handshake handshake, int s) {
    s = shake(handshake, s, -1);
    if(s >= 0) (void)msleep(-1);
    if(s >= 0) CHECK_OK(hclose(s));
}

static coroutine void shakes(enum handshake handshake, int s, enum way way) {
    struct cancel_scope sc;
    int h = shake(handshake, s, begins(way, &sc));
    ends(way, &sc, h < 0 ? -1 : 0);
    CHECK_ERR(hclose(s), EBADF);
    if(h >= 0) CHECK_OK(hclose(h));
}

static int handshake(int which, int sends, enum way way, long cut) {
    enum handshake handshake = (enum handshake)which;
    int s[2], peer;
    struct valve valve;
    valve_init(&valve, -1);
    int detaches = handshake == DETACH_TLS || handshake == DETACH_WS || handshake == DETACH_TERM;
    if(detaches) {
        stack = handshake == DETACH_TLS ? TLS_SERVER : handshake == DETACH_WS ? WS_CLIENT :
            TERM_PREFIX;
        stack_pair(s, sends ? NULL : &valve, sends ? &valve : NULL);
    } else {
        transport_pair(transport, s);
        s[0] = valves_attach(s[0], sends ? NULL : &valve, sends ? &valve : NULL);
    }
    valve.left = cut;
    ended = 0;
    CHECK_HANDLE(peer = go(shakes_too(opposite(handshake), s[1])));
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, shakes(handshake, s[0], way)));
    CHECK_OK(msleep(now() + 1));
    int stuck = !ended;
    if(way == BY_REQUEST) {
        request(&b, &valve, NULL, stuck, cut);
        /* It completes, or, before its first byte, is interrupted. */
        CHECK(ended);
        if(!(result < 0 && result_errno == ECANCELED && cut == 0)) CHECK_INT(result, 0);
    } else {
        int err = stop(way, &b);
        if(stuck) check_failed(err);
    }
    CHECK_OK(hclose(peer));
    if(b >= 0) CHECK_OK(hclose(b));
    valve_term(&valve);
    return stuck;
}

/* Each way to end what() in each direction, after all numbers of bytes in these steps until it
   needs no more. */
static void all_cuts(const char *name, int which, enum way ways, long step, long least, long most,
        int (*what)(int which, int sends, enum way way, long cut)) {
    for(int sends = 0; sends != 2; ++sends)
        for(int way = BY_REQUEST; way != (int)ways; ++way) {
            printf("%s %d, %s, way %d\n", name, which, sends ? "out" : "in", way);
            fflush(stdout);
            long cut = 0;
            while(what(which, sends, (enum way)way, cut)) cut += step;
            CHECK_BETWEEN(cut, least, most);
        }
}

TEST(operations) {
    /* The valve hides what is beneath it: the second time, fewer places will do. */
    long every = transport == OVER_TCP ? 1 : 5;
    /* Four bytes and something around them. */
    for(int i = TLS_CLIENT; i != STACKS; ++i)
        all_cuts("operation on stack", i, WAYS, every, 6, 64, operation);
}

/* Those of TLS are long, and cost time to compute. */
TEST(handshakes) {
    long every = transport == OVER_TCP ? 1 : 5;
    for(int i = ATTACH_TLS_CLIENT; i != HANDSHAKES; ++i)
        all_cuts("handshake", i, BY_CLOSE, i <= ATTACH_TLS_SERVER ? 37 : every, 5, 4000,
            handshake);
}
