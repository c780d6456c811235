/* bundle_fail: a member reports that the work of its bundle has failed. */

#include "elapsed.h"

BEFORE_EACH {
    use_virtual_time();
}

/* Goes on afterwards: its calls work. */
static coroutine void fails_at(int64_t when, int err, int64_t goes_on) {
    CHECK_WAITED(msleep(start + when));
    CHECK_OK(bundle_fail(err));
    note("failed@%d", elapsed());
    if(!goes_on) return;
    CHECK_WAITED(msleep(now() + goes_on));
    note("end@%d", elapsed());
}

static coroutine void fails_at_once(int err) {
    CHECK_OK(bundle_fail(err));
}

TEST(others_are_cancelled_and_the_owner_gets_the_error) {
    start = now();
    int b = bundle();
    CHECK_OK(bundle_go(b, is_cut("a")));
    CHECK_OK(bundle_go(b, fails_at(10, EPROTO, 5)));
    CHECK_OK(bundle_go(b, is_cut("b")));
    CHECK_RESULT(bundle_wait(b, -1), EPROTO, EPROTO);
    CHECK_NOTES("failed@10 a@10 b@10 end@15");
    /* Every time, without a wait too, until it is closed. */
    CHECK_RESULT(bundle_wait(b, -1), EPROTO, EPROTO);
    CHECK_RESULT(bundle_wait(b, 0), EPROTO, EPROTO);
    CHECK_RESULT(bundle_cancel(b, 1000), EPROTO, EPROTO);
    CHECK_ERR(bundle_wait(b, -1), EBADF);
}

TEST(nothing_is_launched_any_more) {
    int b = go(fails_at_once(EIO));
    CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
    CHECK_RESULT(bundle_wait(b, -1), EIO, EIO);
    CHECK_ERR(bundle_go(b, finishes()), ECANCELED);
    CHECK_OK(hclose(b));
    /* Its memory, used anew, knows nothing of it. */
    b = go(finishes());
    CHECK_OK(bundle_go(b, finishes()));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_cancel(b, 1000));
}

static coroutine void fails_twice(void) {
    CHECK_OK(bundle_fail(EPERM));
    CHECK_OK(bundle_fail(ENOENT));
}

/* The others are woken at the same time, but cancelled before they run. */
static coroutine void fails_too(int err) {
    CHECK_WAITED(msleep(start + 10));
    if(err == 1) CHECK_OK(bundle_fail(err));
    else CHECK_ERR(bundle_fail(err), ECANCELED);
}


TEST(the_first_error_is_kept) {
    int b = go(fails_twice());
    CHECK_RESULT(bundle_wait(b, -1), EPERM, EPERM);
    CHECK_RESULT(bundle_cancel(b, 0), EPERM, EPERM);
    start = now();
    b = bundle();
    for(int i = 1; i <= 3; ++i) CHECK_OK(bundle_go(b, fails_too(i)));
    CHECK_INT(bundle_cancel(b, -1), 1);
}

static coroutine void is_ignored(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(bundle_fail(EIO), ECANCELED);
}

TEST(to_be_cut_is_no_failure) {
    int b = go(is_ignored());
    CHECK_OK(bundle_deadline(b, 0));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    b = go(is_ignored());
    CHECK_ERR(bundle_cancel(b, 10), ETIMEDOUT);
    b = go(is_ignored());
    CHECK_OK(bundle_cancel(b, 0));
}

static coroutine void bad_arguments(void) {
    CHECK_ERR(bundle_fail(0), EINVAL);
    CHECK_ERR(bundle_fail(-1), EINVAL);
    CHECK_ERR(bundle_fail(INT32_MIN), EINVAL);
}

TEST(arguments) {
    CHECK_ERR(bundle_fail(EIO), ENOTSUP);
    int b = go(bad_arguments());
    CHECK_ERR(bundle_fail(EIO), ENOTSUP);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_cancel(b, -1));
}

static coroutine void fails_with(int err) {
    CHECK_OK(yield());
    CHECK_OK(bundle_fail(err));
}

/* A number of the program's own. */
TEST(any_positive_number) {
    int b = go(fails_with(1000000));
    CHECK_RESULT(bundle_wait(b, -1), 1000000, 1000000);
    CHECK_OK(hclose(b));
    b = go(fails_with(INT32_MAX));
    CHECK_INT(bundle_wait(b, -1), INT32_MAX);
    CHECK_RESULT(bundle_wait(b, -1), INT32_MAX, INT32_MAX);
    CHECK_RESULT(bundle_cancel(b, -1), INT32_MAX, INT32_MAX);
}

/* The grace period ends for the others; the owner waits for the reporter. */
TEST(in_the_grace_period) {
    start = now();
    int b = go(is_cut("a"));
    CHECK_OK(bundle_go(b, fails_at(100, EIO, 50)));
    CHECK_RESULT(bundle_cancel(b, 1000), EIO, EIO);
    CHECK_INT(elapsed(), 150);
    CHECK_NOTES("failed@100 a@100 end@150");
}

static coroutine void fails_and_stays(void) {
    CHECK_OK(bundle_fail(EIO));
    CHECK_ERR(msleep(-1), ECANCELED);
    note("cut@%d", elapsed());
}

/* It goes before ETIMEDOUT. */
TEST(before_etimedout) {
    start = now();
    int b = go(fails_and_stays());
    CHECK_RESULT(bundle_cancel(b, 100), EIO, EIO);
    CHECK_NOTES("cut@100");
    /* With the deadline of the bundle. */
    b = go(fails_and_stays());
    CHECK_OK(bundle_deadline(b, now() + 100));
    CHECK_RESULT(bundle_wait(b, -1), EIO, EIO);
    CHECK_RESULT(bundle_cancel(b, 100), EIO, EIO);
    CHECK_NOTES("cut@200");
}

static coroutine void is_cut_while_it_waits(int64_t timeout) {
    int b = go(fails_and_stays());
    CHECK_ERR(bundle_cancel(b, timeout), ECANCELED);
    note("owner");
}

static coroutine void ends_it_when_cut(void) {
    int b = go(fails_at_once(EIO));
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_ERR(bundle_wait(b, -1), ECANCELED);
    CHECK_ERR(bundle_cancel(b, 1000), ECANCELED);
    CHECK_ERR(bundle(), ECANCELED);
}

static coroutine void closes_it_when_cut(int timeout) {
    int b = go(fails_at_once(EIO));
    CHECK_ERR(msleep(-1), ECANCELED);
    if(timeout) CHECK_ERR(bundle_cancel(b, -1), ECANCELED);
    else CHECK_RESULT(bundle_cancel(b, 0), EIO, EIO);
}

/* ECANCELED of the caller goes before it. */
TEST(behind_ecanceled) {
    start = now();
    int b = go(is_cut_while_it_waits(1000));
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(hclose(b));
    CHECK_NOTES("cut@10 owner");
    CHECK_OK(hclose(go(ends_it_when_cut())));
    CHECK_OK(hclose(go(closes_it_when_cut(1))));
    CHECK_OK(hclose(go(closes_it_when_cut(0))));
}

TEST(closing) {
    start = now();
    int b = go(fails_and_stays());
    CHECK_OK(hclose(b));
    b = go(fails_and_stays());
    CHECK_RESULT(bundle_cancel(b, 0), EIO, EIO);
    b = go(fails_at_once(EIO));
    CHECK_OK(hclose(b));
    CHECK_NOTES("cut@0 cut@0");
}

/* The clause only says that all have finished. */
TEST(clause) {
    start = now();
    int b = go(fails_at(10, EIO, 0));
    CHECK_OK(bundle_go(b, is_cut("other")));
    struct chclause cl = {CHBUNDLE, b, NULL, 0};
    CHECK_RESULT(choose(&cl, 1, -1), 0, 0);
    CHECK_RESULT(choose(&cl, 1, -1), 0, 0);
    CHECK_RESULT(bundle_wait(b, -1), EIO, EIO);
    CHECK_OK(hclose(b));
    CHECK_NOTES("failed@10 other@10");
}

static coroutine void waits_for(int b) {
    CHECK_RESULT(bundle_wait(b, -1), EIO, EIO);
    note("waited");
}

/* A bundle_wait under way gets it, too, when another coroutine ends the bundle; and so does one
   with a deadline. */
TEST(all_who_wait) {
    start = now();
    int b = go(fails_at(10, EIO, 0));
    CHECK_OK(bundle_go(b, is_cut("other")));
    int w = go(waits_for(b));
    struct chclause cls[] = {{CHBUNDLE, b, NULL, 0}, {CHBUNDLE, b, NULL, 0}};
    CHECK_RESULT(choose(cls, 2, -1), 0, 0);
    CHECK_RESULT(bundle_cancel(b, 1000), EIO, EIO);
    CHECK_OK(bundle_wait(w, -1));
    CHECK_OK(hclose(w));
    b = go(fails_and_stays());
    w = go(waits_for(b));
    CHECK_RESULT(bundle_cancel(b, 0), EIO, EIO);
    CHECK_OK(bundle_wait(w, -1));
    CHECK_OK(hclose(w));
    CHECK_NOTES("failed@10 other@10 waited cut@10 waited");
    start = now();
    b = go(fails_at(10, EIO, 5));
    CHECK_ERR(bundle_wait(b, start + 12), ETIMEDOUT);
    CHECK_RESULT(bundle_wait(b, start + 1000), EIO, EIO);
    CHECK_INT(elapsed(), 15);
    CHECK_OK(hclose(b));
    CHECK_NOTES("failed@10 end@15");
}

static coroutine void nested(int own_error) {
    int b = go(fails_at(10, EPIPE, 0));
    CHECK_OK(bundle_go(b, is_cut("inner")));
    CHECK_RESULT(bundle_wait(b, -1), EPIPE, EPIPE);
    CHECK_OK(hclose(b));
    if(own_error) CHECK_OK(bundle_fail(own_error));
}

/* It stops at its bundle; who owns that decides. */
TEST(of_its_own_bundle_only) {
    start = now();
    int b = go(nested(0));
    CHECK_OK(bundle_go(b, sleeps(20, "outer")));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(bundle_go(b, finishes()));
    CHECK_OK(hclose(b));
    CHECK_NOTES("failed@10 inner@10 outer");
    start = now();
    b = go(nested(EIO));
    CHECK_OK(bundle_go(b, is_cut("outer")));
    CHECK_RESULT(bundle_wait(b, -1), EIO, EIO);
    CHECK_OK(hclose(b));
    CHECK_NOTES("failed@10 inner@10 outer@10");
}

static coroutine void inherits(int b) {
    CHECK_ERR(bundle_cancel(b, DILL_INHERIT), ETIMEDOUT);
    note("inherited@%d", elapsed());
}

static coroutine void fails_and_inherits(void) {
    int b = go(is_cut("child"));
    CHECK_OK(bundle_fail(EIO));
    inherits(b);
}

/* A period that has ended. */
TEST(inherited) {
    start = now();
    int b = go(fails_and_inherits());
    CHECK_RESULT(bundle_cancel(b, 1000), EIO, EIO);
    CHECK_NOTES("child@0 inherited@0");
}

/* As an errgroup: the first failure ends all, and is the result. */
static coroutine void fetches(int n) {
    if(msleep(now() + 10 * n) < 0) return;
    if(n == 3) CHECK_OK(bundle_fail(EHOSTUNREACH));
    note("%d", n);
}

TEST(errgroup) {
    int b = bundle();
    for(int n = 5; n; --n) CHECK_OK(bundle_go(b, fetches(n)));
    CHECK_INT(bundle_wait(b, -1), EHOSTUNREACH);
    CHECK_OK(hclose(b));
    CHECK_NOTES("1 2 3");
}
