/* dill_dump: the tree of bundles and coroutines, and what each is blocked in. */

#include "check.h"
#include "net.h"
#include "scripted_names.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

ALL_TESTS(BOTH_POLLERS)

BEFORE_EACH {
    use_virtual_time();
}

/* What dill_dump() writes now, without its first line. */
static const char *dump(void) {
    static char text[1 << 20];
    int fd = memfd_create("dump", 0);
    CHECK(fd >= 0);
    CHECK_OK(dill_dump(fd));
    ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
    CHECK(len > 0);
    text[len] = 0;
    close(fd);
    const char *rest = strchr(text, '\n');
    CHECK(rest);
    return rest + 1;
}

/* The dump has this line, with any indentation. */
static void check_line(int line, const char *text, const char *expected) {
    size_t len = strlen(expected);
    for(const char *start = text; start && *start;) {
        const char *end = strchr(start, '\n');
        while(*start == ' ') ++start;
        if(end && (size_t)(end - start) == len && memcmp(start, expected, len) == 0) return;
        start = end ? end + 1 : NULL;
    }
    check_fail(__FILE__, line, "no line \"%s\" in\n%s", expected, text);
}

/* The same with a format. LINE is the place of a launch. */
static char expected_[512];
#define CHECK_LINE(text, ...) do {\
    snprintf(expected_, sizeof(expected_), __VA_ARGS__);\
    check_line(__LINE__, text, expected_);\
} while(0)

static coroutine void receive(int ch, int64_t deadline) {
    int value;
    chrecv(ch, &value, sizeof(value), deadline);
}

static coroutine void send_to(int ch) {
    int value = 1;
    chsend(ch, &value, sizeof(value), -1);
}

static coroutine void sleep_for(int64_t ms) {
    msleep(now() + ms);
}

static coroutine void nap(void) {
    yield();
}

static coroutine void wait_in(int fd) {
    fdin(fd, -1);
}

static coroutine void wait_out(int fd) {
    fdout(fd, now() + 70);
}

static coroutine void choose_one(int ch, int fd, int b) {
    int value = 1;
    struct chclause clauses[] = {
        {CHRECV, ch, &value, sizeof(value)},
        {CHSEND, ch, &value, sizeof(value)},
        {CHFDIN, fd, NULL, 0},
        {CHBUNDLE, b, NULL, 0},
    };
    choose(clauses, 4, now() + 30);
}

static coroutine void choose_many(int ch) {
    struct chclause clauses[20];
    int values[20];
    for(int i = 0; i != 20; ++i)
        clauses[i] = (struct chclause){CHRECV, ch, &values[i], sizeof(int)};
    choose(clauses, 20, -1);
}

static coroutine void wait_for(int b) {
    bundle_wait(b, now() + 10);
}

/* Every kind of wait. */
TEST(waits) {
    int in[2], out[2], ch[2], fds[2], full[2], idle[2];
    CHECK_OK(chmake(in));
    CHECK_OK(chmake(out));
    CHECK_OK(chmake(ch));
    CHECK_OK(pipe(fds));
    CHECK_OK(pipe(idle));
    CHECK_OK(pipe2(full, O_NONBLOCK));
    while(write(full[1], check_notes_, sizeof(check_notes_)) > 0) continue;
    int b = bundle(), empty = bundle(), busy = bundle();
    CHECK_OK(bundle_go(busy, sleep_for(1000))); int busy_line = __LINE__;
    int line = __LINE__ + 1;
    CHECK_OK(bundle_go(b, receive(in[0], -1)));
    CHECK_OK(bundle_go(b, receive(in[0], now() + 200)));
    CHECK_OK(bundle_go(b, send_to(out[1])));
    CHECK_OK(bundle_go(b, sleep_for(40)));
    CHECK_OK(bundle_go(b, wait_in(fds[0])));
    CHECK_OK(bundle_go(b, wait_out(full[1])));
    CHECK_OK(bundle_go(b, wait_for(busy)));
    CHECK_OK(bundle_go(b, choose_one(ch[0], idle[0], busy)));
    CHECK_OK(bundle_go(b, choose_many(ch[0])));
    CHECK_OK(bundle_go(b, nap()));
    const char *text = dump();
    CHECK_LINE(text, "open handles: 6 channel, 3 bundle");
    CHECK_LINE(text, "main: running");
    CHECK_LINE(text, "bundle %d", b);
    CHECK_LINE(text, "#1 %s:%d: blocked in chrecv from %d", __FILE__, line, in[0]);
    CHECK_LINE(text, "#2 %s:%d: blocked in chrecv from %d, deadline in 200 ms", __FILE__,
        line + 1, in[0]);
    CHECK_LINE(text, "#3 %s:%d: blocked in chsend to %d", __FILE__, line + 2, out[1]);
    CHECK_LINE(text, "#4 %s:%d: sleeping for 40 ms", __FILE__, line + 3);
    CHECK_LINE(text, "#5 %s:%d: blocked in fdin of descriptor %d", __FILE__, line + 4, fds[0]);
    CHECK_LINE(text, "#6 %s:%d: blocked in fdout of descriptor %d, deadline in 70 ms",
        __FILE__, line + 5, full[1]);
    CHECK_LINE(text, "#7 %s:%d: blocked in bundle_wait for bundle %d, deadline in 10 ms",
        __FILE__, line + 6, busy);
    CHECK_LINE(text, "#8 %s:%d: blocked in choose: chrecv from %d, chsend to %d, "
        "fdin of descriptor %d, wait for bundle %d, deadline in 30 ms",
        __FILE__, line + 7, ch[0], ch[0], idle[0], busy);
    CHECK(strstr(text, ", chrecv from "));
    CHECK(strstr(text, ", and 4 more\n"));
    CHECK_LINE(text, "#10 %s:%d: ready", __FILE__, line + 9);
    CHECK_LINE(text, "bundle %d: empty", empty);
    CHECK_LINE(text, "bundle %d", busy);
    CHECK_LINE(text, "#11 %s:%d: sleeping for 1000 ms", __FILE__, busy_line);
    /* The handle at which somebody waits is gone. */
    CHECK_OK(hclose(in[0]));
    CHECK_LINE(dump(), "#1 %s:%d: blocked in a call on a closed handle", __FILE__, line);
    CHECK_OK(hclose(in[1]));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(busy));
    CHECK_OK(hclose(empty));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(out[i]));
        CHECK_OK(hclose(ch[i]));
        close(fds[i]);
        close(idle[i]);
        close(full[i]);
    }
    CHECK_LINE(dump(), "open handles: none");
}

static coroutine void sleep_for_ever(void) {
    msleep(-1);
}

static coroutine void choose_request(int fd) {
    struct chclause clauses[] = {
        {CHREQUEST, -1, NULL, 0},
        {CHFDIN, fd, NULL, 0},
        {CHFDIN, fd, NULL, 0},
    };
    choose(clauses, 3, -1);
}

/* What is told of a request. */
TEST(requests) {
    int ch[2], fds[2];
    CHECK_OK(chmake(ch));
    CHECK_OK(pipe(fds));
    int line = __LINE__ + 1;
    int b = go(choose_request(fds[0])), other = bundle();
    CHECK(!strstr(dump(), "done with a request"));
    CHECK_OK(bundle_notify(b, ch[1]));
    CHECK_LINE(dump(), "done with a request: channel %d (bundle %d)", ch[1], b);
    CHECK_OK(bundle_notify(other, ch[1]));
    CHECK_LINE(dump(), "done with a request: channel %d (bundle %d), channel %d (bundle %d)",
        ch[1], b, ch[1], other);
    CHECK_LINE(dump(), "#1 %s:%d: blocked in choose: the request, fdin of descriptor %d, "
        "nothing more", __FILE__, line, fds[0]);
    for(int i = 0; i != 100; ++i) {
        int more = bundle();
        CHECK_OK(bundle_notify(more, ch[0]));
    }
    CHECK(strstr(dump(), ", and 38 more\n"));
    CHECK_OK(bundle_request(b));
    CHECK_LINE(dump(), "bundle %d: asked to finish", b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

static coroutine void choose_nothing(int64_t deadline) {
    choose(NULL, 0, deadline);
}

static coroutine void sleep_and_choose_nothing(void) {
    CHECK_OK(msleep(now() + 5));
    choose(NULL, 0, -1);
}

/* What nothing but a cancellation ends. */
TEST(endless_waits) {
    int b = bundle(), line = __LINE__ + 1;
    CHECK_OK(bundle_go(b, sleep_for_ever()));
    CHECK_OK(bundle_go(b, choose_nothing(-1)));
    CHECK_OK(bundle_go(b, sleep_and_choose_nothing()));
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(bundle_go(b, choose_nothing(now() + 30)));
    const char *text = dump();
    CHECK_LINE(text, "#1 %s:%d: sleeping without a deadline", __FILE__, line);
    CHECK_LINE(text, "#2 %s:%d: sleeping without a deadline", __FILE__, line + 1);
    CHECK_LINE(text, "#3 %s:%d: sleeping without a deadline", __FILE__, line + 2);
    CHECK_LINE(text, "#4 %s:%d: blocked in choose without clauses, deadline in 30 ms",
        __FILE__, line + 4);
    CHECK_OK(hclose(b));
}

static int inner_, outer_;

static coroutine void work(void) {
    while(msleep(now() + 10000) == 0) continue;
}

/* Ends its workers with what is left of its own time. */
static coroutine void manage(int ch) {
    inner_ = bundle();
    bundle_go(inner_, work());
    int value;
    CHECK_ERR(chrecv(ch, &value, sizeof(value), -1), EPIPE);
    CHECK_ERR(bundle_cancel(inner_, DILL_INHERIT), ETIMEDOUT);
}

static coroutine void cancel(int b, int64_t ms) {
    bundle_cancel(b, ms);
}

static coroutine void close_it(int b) {
    CHECK_OK(hclose(b));
}

/* The states of bundles that are being ended. */
TEST(endings) {
    int ch[2];
    CHECK_OK(chmake(ch));
    outer_ = bundle();
    CHECK_OK(bundle_notify(outer_, ch[0]));
    CHECK_OK(bundle_go(outer_, manage(ch[1])));
    CHECK_OK(bundle_deadline(inner_, now() + 7000));
    CHECK_LINE(dump(), "bundle %d: deadline in 7000 ms", inner_);
    int b = bundle(), line = __LINE__ + 1;
    CHECK_OK(bundle_go(b, cancel(outer_, 500)));
    CHECK_OK(msleep(now() + 100));
    const char *text = dump();
    CHECK_LINE(text, "bundle %d: asked to finish, grace 400 ms", outer_);
    CHECK_LINE(text, "bundle %d: asked to finish, grace 400 ms as bundle %d, deadline in 6900 ms",
        inner_, outer_);
    CHECK_LINE(text, "#3 %s:%d: blocked in bundle_cancel of bundle %d, deadline in 400 ms",
        __FILE__, line, outer_);
    CHECK(strstr(text, ": blocked in bundle_cancel of bundle "));
    CHECK_OK(bundle_wait(b, -1));

    /* A grace period without an end. */
    int c = bundle();
    CHECK_OK(bundle_go(c, work()));
    CHECK_OK(bundle_go(b, cancel(c, -1)));
    CHECK_LINE(dump(), "bundle %d: asked to finish, grace without limit", c);
    CHECK_OK(bundle_deadline(c, now()));
    CHECK_LINE(dump(), "bundle %d: asked to finish, grace without limit, "
        "deadline passed, hard-cancelled", c);
    CHECK_OK(bundle_wait(b, -1));

    /* In the middle of a close. */
    c = bundle();
    line = __LINE__ + 1;
    CHECK_OK(bundle_go(c, work()));
    CHECK_OK(bundle_go(b, close_it(c)));
    text = dump();
    CHECK_LINE(text, "bundle %d: being closed", c);
    CHECK_LINE(text, "#1 %s:%d: blocked in the end of bundle %d", __FILE__, line + 1, c);
    CHECK_LINE(text, "#2 %s:%d: ready; cancelled", __FILE__, line);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void enter(int ch, int shield) {
    struct cancel_scope outer, inner;
    CHECK_OK(cancel_enter(&outer, ch, now() + 300));
    if(shield) CHECK_OK(cancel_enter(&inner, DILL_SHIELD, -1));
    msleep(now() + 500);
    if(shield) cancel_leave(&inner);
    cancel_leave(&outer);
}

static coroutine void leave_behind(int *b) {
    *b = bundle();
    CHECK_OK(bundle_go(*b, work()));
}

TEST(scopes_and_orphans) {
    int ch[2], left = -1;
    CHECK_OK(chmake(ch));
    int b = bundle(), line = __LINE__ + 1;
    CHECK_OK(bundle_go(b, enter(ch[1], 0)));
    CHECK_OK(bundle_go(b, enter(DILL_REQUEST, 1)));
    CHECK_OK(bundle_go(b, enter(-1, 1)));
    const char *text = dump();
    CHECK_LINE(text, "#1 %s:%d: sleeping for 500 ms; in a cancel scope on channel %d, "
        "deadline in 300 ms", __FILE__, line, ch[1]);
    CHECK_LINE(text, "#2 %s:%d: sleeping for 500 ms; in a cancel scope that shields; "
        "in a cancel scope on the request, deadline in 300 ms", __FILE__, line + 1);
    CHECK_OK(msleep(now() + 350));
    CHECK_LINE(dump(), "#2 %s:%d: sleeping for 150 ms; in a cancel scope that shields; "
        "in a cancel scope, ended by its deadline", __FILE__, line + 2);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));

    b = go(leave_behind(&left));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    text = strstr(dump(), "bundles whose owners have ended:\n");
    CHECK(text);
    CHECK_LINE(text, "bundle %d", left);
    CHECK(strstr(text, "sleeping for 10000 ms"));
    CHECK_OK(hclose(left));
    CHECK_OK(hclose(b));
}

static coroutine void accept_one(int s) {
    tcp_accept(s, NULL, -1);
}

static coroutine void read_byte(int s) {
    char byte;
    brecv(s, &byte, 1, now() + 60);
}

static coroutine void read_message(int s) {
    char byte;
    mrecv(s, &byte, 1, -1);
}

static coroutine void fill(int s) {
    static char block[1 << 20];
    while(bsend(s, block, sizeof(block), -1) == 0) continue;
}

/* "TEXT, descriptor N", with any number. */
static void check_socket(int line, const char *text, const char *expected) {
    const char *found = strstr(text, expected);
    if(!found || strncmp(found + strlen(expected), ", descriptor ", 13) != 0)
        check_fail(__FILE__, line, "no \"%s\" in\n%s", expected, text);
}

#define CHECK_SOCKET(text, ...) do {\
    snprintf(expected_, sizeof(expected_), __VA_ARGS__);\
    check_socket(__LINE__, text, expected_);\
} while(0)

TEST(sockets) {
    struct ipaddr addr;
    CHECK_OK(ipaddr_local(&addr, "127.0.0.1", 0, 0));
    int ls = tcp_listen(&addr, 10), one[2], two[2], three[2];
    CHECK_HANDLE(ls);
    CHECK_OK(ipc_pair(one));
    CHECK_OK(ipc_pair(two));
    CHECK_OK(ipc_pair(three));
    int prefix = prefix_attach(two[0], 2, 0);
    CHECK_HANDLE(prefix);
    int b = bundle(), line = __LINE__ + 1;
    CHECK_OK(bundle_go(b, accept_one(ls)));
    CHECK_OK(bundle_go(b, read_byte(one[0])));
    CHECK_OK(bundle_go(b, read_message(prefix)));
    CHECK_OK(bundle_go(b, fill(three[0])));
    const char *text = dump();
    CHECK_SOCKET(text, "#1 %s:%d: blocked in accept on tcp listener %d", __FILE__, line, ls);
    CHECK_SOCKET(text, "#2 %s:%d: blocked in receive from ipc %d", __FILE__, line + 1, one[0]);
    CHECK(strstr(text, ", deadline in 60 ms\n"));
    CHECK_SOCKET(text, "#3 %s:%d: blocked in receive from prefix %d", __FILE__, line + 2, prefix);
    CHECK_SOCKET(text, "#4 %s:%d: blocked in send to ipc %d", __FILE__, line + 3, three[0]);
    CHECK_OK(hclose(b));
    int all[] = {ls, one[0], one[1], prefix, two[1], three[0], three[1]};
    for(size_t i = 0; i != sizeof(all) / sizeof(all[0]); ++i) CHECK_OK(hclose(all[i]));
}

static sem_t gate;

static const struct scripted lines[] = {
    {"held", "127.0.0.1 ::1", 0, 0, &gate, AF_UNSPEC},
    {NULL, NULL, 0, 0, NULL, 0},
};

static coroutine void look_up(int64_t deadline) {
    struct ipaddr addr;
    ipaddr_remote(&addr, "held", 80, 0, deadline);
}

static coroutine void connect_to_name(void) {
    happyeyeballs_connect("held", 80, -1);
}

/* A name server that does not answer, and coroutines of the library's own. */
TEST(names) {
    script = lines;
    CHECK_OK(sem_init(&gate, 0, 0));
    int b = bundle(), line = __LINE__ + 1;
    CHECK_OK(bundle_go(b, look_up(now() + 1500)));
    CHECK_OK(bundle_go(b, connect_to_name()));
    /* The library's coroutines, too, have their turn. */
    for(int i = 0; i != 3; ++i) CHECK_OK(yield());
    const char *text = dump();
    CHECK_LINE(text, "#1 %s:%d: blocked in name resolution, deadline in 1500 ms",
        __FILE__, line);
    CHECK_LINE(text, "#2 %s:%d: blocked in a call of a protocol", __FILE__, line + 1);
    CHECK_LINE(text, "bundle of the library");
    CHECK_LINE(text, "#3 (library): blocked in name resolution");
    CHECK_LINE(text, "#4 (library): blocked in name resolution");
    CHECK_OK(hclose(b));
    for(int i = 0; i != 3; ++i) CHECK_OK(sem_post(&gate));
    CHECK_LINE(dump(), "open handles: none");
}

static coroutine void nest(int depth, int ch) {
    int value, b = -1;
    if(depth > 0) {
        b = bundle();
        CHECK_OK(bundle_go(b, nest(depth - 1, ch)));
    }
    chrecv(ch, &value, sizeof(value), -1);
    if(b >= 0) CHECK_OK(hclose(b));
}

static coroutine void dump_from_here(void) {
    CHECK(strstr(dump(), ": running\n"));
    CHECK(strncmp(strstr(dump(), "main: "), "main: ready\n", 12) == 0);
}

/* A tree deeper than the stack could hold it, and a stack as small as can be. */
TEST(depths) {
    static char stack[4096], text[1 << 20];
    int ch[2], levels = 3000;
    CHECK_OK(chmake(ch));
    int b = go(nest(levels, ch[1]));
    int fd = memfd_create("dump", 0);
    int small = go_mem(CHECK_OK(dill_dump(fd)), stack, sizeof(stack));
    CHECK_HANDLE(small);
    ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
    CHECK(len > 0);
    text[len] = 0;
    close(fd);
    int lines = 0;
    for(const char *line = text; (line = strstr(line, "\n")); ++line) ++lines;
    /* Two first lines, main, two for each level, and the small one and its bundle. */
    CHECK_INT(lines, 2 + 1 + 2 * (levels + 1) + 2);
    CHECK_OK(hclose(small));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    b = go(dump_from_here());
    CHECK_OK(hclose(b));
}

static void *other_thread(void *arg) {
    (void)arg;
    CHECK_LINE(dump(), "open handles: none");
    int b = go(sleep_for(5));
    CHECK(strstr(dump(), "sleeping for 5 ms"));
    CHECK(!strstr(dump(), "sleeping for 77 ms"));
    CHECK_OK(hclose(b));
    return NULL;
}

TEST(threads) {
    int b = go(sleep_for(77));
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, other_thread, NULL));
    CHECK_OK(pthread_join(thread, NULL));
    CHECK(strstr(dump(), "sleeping for 77 ms"));
    CHECK_OK(hclose(b));
}

TEST(errors) {
    CHECK_ERR(dill_dump(-1), EBADF);
    int fds[2];
    CHECK_OK(pipe(fds));
    CHECK_ERR(dill_dump(fds[0]), EBADF);
    close(fds[0]);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERR(dill_dump(fds[1]), EPIPE);
    close(fds[1]);
    CHECK_ERR(dill_dump(fds[1]), EBADF);
}

TEST(nothing_to_tell_of) {
    CHECK_LINE(dump(), "open handles: none");
    CHECK_LINE(dump(), "main: running");
}
