/* Programs that are asked to finish before they have started, or while they start, and those that
   stop their parts in an order. */

#include "coroutines.h"

BEFORE_EACH {
    use_virtual_time();
}

/* How many coroutines have got the request, each in its own way. */
static int asked;

static coroutine void waits_for_the_request(const char *name, int64_t finishing) {
    struct chclause request = {CHREQUEST, -1, NULL, 0};
    CHECK_INT(choose(&request, 1, -1), 0);
    ++asked;
    if(finishing > 0) CHECK_OK(msleep(now() + finishing));
    if(name) note("%s", name);
}

static coroutine void waits_in_a_scope(void) {
    CANCEL_SCOPE(sc, DILL_REQUEST, -1);
    CHECK_ERR(msleep(-1), ECANCELED);
    CHECK_INT(cancel_fired(&sc), ECANCELED);
    ++asked;
}

static coroutine void waits_for_its_channel(int ch) {
    int val;
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
    ++asked;
}

/* Starts three levels further down; each step of the start takes a while. */
static coroutine void starts(int level, int64_t step) {
    int b = bundle(), ch[2];
    CHECK_HANDLE(b);
    CHECK_OK(chmake(ch));
    if(step > 0) CHECK_OK(msleep(now() + step));
    CHECK_OK(bundle_follow(b));
    if(step > 0) CHECK_OK(msleep(now() + step));
    CHECK_OK(bundle_notify(b, ch[1]));
    CHECK_OK(bundle_go(b, waits_for_its_channel(ch[0])));
    CHECK_OK(bundle_go(b, waits_for_the_request(NULL, 0)));
    CHECK_OK(bundle_go(b, waits_in_a_scope()));
    if(level > 1) CHECK_OK(bundle_go(b, starts(level - 1, step)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

TEST(asked_before_the_start) {
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_request(b));
    CHECK_OK(bundle_go(b, starts(3, 0)));
    CHECK_OK(bundle_wait(b, now() + 1));
    CHECK_INT(asked, 9);
    CHECK_OK(hclose(b));
}

/* The request comes at each millisecond of a start that takes six. */
TEST(asked_during_the_start) {
    for(int64_t at = 0; at != 9; ++at) {
        int b = go(starts(3, 1));
        CHECK_HANDLE(b);
        if(at > 0) CHECK_OK(msleep(now() + at));
        int64_t end = now() + 10;
        CHECK_OK(bundle_cancel(b, 10));
        CHECK(now() < end);
        CHECK_INT(asked, 9);
        asked = 0;
    }
}

/* What depends on the other stops first, whoever takes longer. */
static coroutine void stops_in_an_order(int64_t front_takes, int64_t back_takes) {
    int back = bundle(), front = bundle();
    CHECK_HANDLE(back);
    CHECK_HANDLE(front);
    CHECK_OK(bundle_go(back, waits_for_the_request("back", back_takes)));
    CHECK_OK(bundle_go(front, waits_for_the_request("front", front_takes)));
    struct chclause request = {CHREQUEST, -1, NULL, 0};
    CHECK_INT(choose(&request, 1, -1), 0);
    CHECK_OK(bundle_cancel(front, DILL_INHERIT));
    CHECK_OK(bundle_cancel(back, DILL_INHERIT));
}

TEST(one_part_after_the_other) {
    int64_t takes[][2] = {{1, 5}, {5, 1}};
    for(int i = 0; i != 2; ++i) {
        int b = go(stops_in_an_order(takes[i][0], takes[i][1]));
        CHECK_HANDLE(b);
        CHECK_OK(msleep(now() + 1));
        int64_t start = now();
        CHECK_OK(bundle_cancel(b, 100));
        CHECK_INT(now() - start, 6);
        CHECK_NOTES("front back");
    }
}
