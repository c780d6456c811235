/* dill_reason: who has cancelled the caller, in words. */

#include "coroutines.h"

#include <libdillimpl.h>
#include <pthread.h>

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static int64_t start;

BEFORE_EACH {
    use_virtual_time();
    start = now();
}

/* Where the coroutine was launched that is to blame. */
static int line;
/* So often a reason was compared. */
static int told;

/* The reason is the text, with the place of that launch in the place of a %s. */
static void check_reason(int at, const char *expected) {
    char place[512], text[1024];
    int err = errno;
    snprintf(place, sizeof(place), "the coroutine launched at %s:%d", __FILE__, line);
    snprintf(text, sizeof(text), expected, place);
    const char *seen = dill_reason();
    if(!seen || strcmp(seen, text) != 0)
        check_fail(__FILE__, at, "expected \"%s\", saw \"%s\"", text, seen ? seen : "NULL");
    /* It may be asked again, and changes nothing. */
    CHECK_INT(errno, err);
    CHECK_STR(dill_reason(), text);
    CHECK_INT(errno, err);
    ++told;
}

#define CHECK_REASON(expected) check_reason(__LINE__, (expected))

static void check_unknown(int at) {
    const char *seen = dill_reason();
    if(seen) check_fail(__FILE__, at, "expected nothing, saw \"%s\"", seen);
}

/* That often since the last time. */
#define CHECK_TOLD(count) do {\
    CHECK_INT(told, count);\
    told = 0;\
} while(0)

#define CHECK_UNKNOWN() check_unknown(__LINE__)

TEST(nothing_is_known_of_other_failures) {
    int ch[2], val;
    CHECK_UNKNOWN();
    CHECK_OK(chmake(ch));
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), now() + 10), ETIMEDOUT);
    CHECK_UNKNOWN();
    CHECK_OK(chdone(ch[1]));
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), -1), EPIPE);
    CHECK_UNKNOWN();
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_WAITED(msleep(now() + 10));
    CHECK_UNKNOWN();
    errno = ECANCELED;
    CHECK_UNKNOWN();
}

static void *asks(void *arg) {
    (void)arg;
    errno = ECANCELED;
    CHECK_UNKNOWN();
    return NULL;
}

TEST(nothing_is_known_in_a_thread_without_a_scheduler) {
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, asks, NULL));
    CHECK_OK(pthread_join(thread, NULL));
}

static coroutine void is_told(const char *expected) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_REASON(expected);
    /* Of calls that fail at once, too. */
    CHECK_ERR(yield(), ECANCELED);
    CHECK_REASON(expected);
    CHECK_ERR(bundle(), ECANCELED);
    CHECK_REASON(expected);
    /* A failure that knows nothing more clears it. */
    CHECK_ERR(hclose(99999), EBADF);
    CHECK_UNKNOWN();
    CHECK_ERR(msleep(now() + 10), ECANCELED);
    CHECK_REASON(expected);
}

TEST(closed_by_main) {
    int b = go(is_told("hard-cancelled: its bundle was closed by the main coroutine"));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    b = go(is_told("hard-cancelled: its bundle was closed by the main coroutine"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, 0));
    CHECK_TOLD(8);
}

static coroutine void closes(const char *expected) {
    int b = go(is_told(expected));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
}

TEST(closed_by_another_coroutine) {
    line = __LINE__ + 1;
    int b = go(closes("hard-cancelled: its bundle was closed by %s"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_TOLD(4);
}

static coroutine void cancels(int64_t timeout, int err, const char *expected) {
    int b = go(is_told(expected));
    CHECK_HANDLE(b);
    CHECK_ERR(bundle_cancel(b, timeout), err);
}

TEST(the_end_of_a_period) {
    const char *expected =
        "hard-cancelled: the grace period of its bundle has ended, given by %s";
    line = __LINE__ + 1;
    int b = go(cancels(100, ETIMEDOUT, expected));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_TOLD(4);
}

/* Hard beats graceful: the one that waits was cancelled itself, and that is why. */
TEST(a_chain) {
    const char *expected = "hard-cancelled: its bundle was closed by %s, "
        "hard-cancelled itself: its bundle was closed by the main coroutine";
    line = __LINE__ + 1;
    int b = go(cancels(-1, ECANCELED, expected));
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_TOLD(4);

    expected = "hard-cancelled: its bundle was closed by %s, "
        "hard-cancelled itself: the deadline of its bundle has passed";
    line = __LINE__ + 1;
    b = go(cancels(-1, ECANCELED, expected));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_deadline(b, now() + 10));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_TOLD(4);
}

TEST(the_deadline_of_the_bundle) {
    int b = go(is_told("hard-cancelled: the deadline of its bundle has passed"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_deadline(b, start + 10));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_TOLD(4);
    /* Of those that come later it is not the reason. */
    CHECK_OK(bundle_deadline(b, -1));
    CHECK_OK(bundle_go(b, is_told("hard-cancelled: its bundle was closed by the main coroutine")));
    CHECK_OK(hclose(b));
    CHECK_TOLD(4);
}

/* What came first counts. */
TEST(the_deadline_before_the_close) {
    int b = go(is_told("hard-cancelled: the deadline of its bundle has passed"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_deadline(b, 0));
    /* Nobody has run yet. */
    CHECK_INT(told, 0);
    CHECK_OK(hclose(b));
    CHECK_TOLD(4);
}

static coroutine void is_told_of_request(const char *expected) {
    struct cancel_scope scope;
    CHECK_OK(cancel_enter(&scope, DILL_REQUEST, -1));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_REASON(expected);
    CHECK_ERR(yield(), ECANCELED);
    CHECK_REASON(expected);
    CHECK_ERR(cancel_leave(&scope), ECANCELED);
    CHECK_REASON(expected);
    CHECK_WAITED(msleep(now() + 10));
    CHECK_UNKNOWN();
}

TEST(the_request) {
    int b = go(is_told_of_request("the bundle was asked to finish by the main coroutine"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_TOLD(3);
}

static coroutine void follows(void) {
    int b = go(is_told_of_request("the bundle was asked to finish"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_follow(b));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

TEST(the_request_to_a_bundle_that_follows) {
    int b = go(follows());
    CHECK_HANDLE(b);
    CHECK_OK(bundle_cancel(b, 100));
    CHECK_TOLD(3);
}

TEST(scopes) {
    struct cancel_scope scope, inner;
    int ch[2];
    CHECK_OK(chmake(ch));
    CHECK_OK(cancel_enter(&scope, ch[0], -1));
    CHECK_OK(chdone(ch[1]));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_REASON("the channel of the cancel scope is done");
    CHECK_OK(cancel_enter(&inner, -1, now() + 10));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_REASON("the channel of the cancel scope is done");
    CHECK_OK(cancel_leave(&inner));
    CHECK_ERR(cancel_leave(&scope), ECANCELED);
    CHECK_REASON("the channel of the cancel scope is done");
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    CHECK_TOLD(3);

    CHECK_OK(cancel_enter(&scope, -1, now() + 10));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_REASON("the deadline of the cancel scope has passed");
    CHECK_ERR(cancel_leave(&scope), ETIMEDOUT);
    CHECK_UNKNOWN();
    /* That of a call has nothing to tell. */
    int fds[2];
    CHECK_OK(pipe(fds));
    CHECK_ERR(fdin(fds[0], now() + 10), ETIMEDOUT);
    CHECK_UNKNOWN();
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_TOLD(1);
}

static coroutine void launches_into(int b, const char *expected) {
    CHECK_OK(yield());
    CHECK_ERR(bundle_go(b, blocks(NULL)), ECANCELED);
    CHECK_REASON(expected);
    /* The launch's reason is not that of the next call. */
    struct cancel_scope scope;
    CHECK_OK(cancel_enter(&scope, -1, now()));
    CHECK_ERR(yield(), ECANCELED);
    CHECK_REASON("the deadline of the cancel scope has passed");
    CHECK_ERR(cancel_leave(&scope), ETIMEDOUT);
    CHECK_WAITED(msleep(now() + 1));
    CHECK_UNKNOWN();
}

TEST(a_launch_that_is_refused) {
    int b = bundle(), launchers = bundle();
    CHECK_OK(bundle_go(b, blocks(NULL)));
    /* Ready before those in the bundle, so it comes while the bundle is being closed. */
    CHECK_OK(bundle_go(launchers,
        launches_into(b, "the bundle is being closed by the main coroutine")));
    CHECK_OK(hclose(b));
    CHECK_OK(bundle_wait(launchers, -1));
    CHECK_OK(hclose(launchers));
    CHECK_TOLD(2);
}

/* A close callback, where nothing may block. */
struct object {
    struct hvfs vfs;
    int closed;
};

static void *object_query(struct hvfs *vfs, const void *type) {
    (void)vfs;
    (void)type;
    errno = ENOTSUP;
    return NULL;
}

static void object_close(struct hvfs *vfs) {
    CHECK_ERR(msleep(now() + 10), ECANCELED);
    CHECK_REASON("inside a close callback, where nothing may block");
    ((struct object*)vfs)->closed = 1;
}

TEST(a_close_callback) {
    struct object object = {{object_query, object_close}, 0};
    int h = hmake(&object.vfs);
    CHECK_HANDLE(h);
    CHECK_OK(hclose(h));
    CHECK_INT(object.closed, 1);
    errno = ECANCELED;
    CHECK_UNKNOWN();
}

static coroutine void fails(void) {
    CHECK_OK(bundle_fail(EPROTO));
}

TEST(a_member_has_reported_an_error) {
    int b = go(is_told("hard-cancelled: another member of its bundle has failed: Protocol error "
        "(errno 71)"));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, fails()));
    CHECK_INT(bundle_wait(b, -1), EPROTO);
    CHECK_ERR(bundle_go(b, fails()), ECANCELED);
    CHECK_REASON("a member of the bundle has failed: Protocol error (errno 71)");
    CHECK_OK(hclose(b));
    CHECK_TOLD(5);
}

TEST(the_deadline_has_passed_before_a_launch) {
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_deadline(b, now()));
    CHECK_ERR(bundle_go(b, fails()), ECANCELED);
    CHECK_REASON("the deadline of the bundle has passed");
    CHECK_OK(hclose(b));
    CHECK_TOLD(1);
}
