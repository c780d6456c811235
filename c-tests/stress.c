/* Random programs: coroutines that send, receive, choose, sleep, launch others and
   are cancelled at any moment, in virtual time. No message may be lost or come
   twice, and every coroutine must have ended when its bundle is closed. The seed is
   fixed, so a failure can be repeated. */

#include "check.h"

ALL_TESTS(BOTH_POLLERS)

enum {CHANNELS = 6};

static uint64_t state;

static uint32_t rnd(uint32_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % n;
}

static int ch[CHANNELS][2];
static int workers;

/* Numbers of messages that left a sender and reached a receiver, and their sums. */
static long sent, got;
static uint64_t sent_sum, got_sum;
static int alive;

static void has_sent(uint64_t val) {
    sent++;
    sent_sum += val;
}

static void has_got(uint64_t val) {
    got++;
    got_sum += val;
}

static int64_t random_deadline(void) {
    switch(rnd(4)) {
    case 0: return -1;
    case 1: return 0;
    default: return now() + rnd(20);
    }
}

static int one_choose(void) {
    struct chclause cls[8];
    uint64_t val[8];
    int n = (int)rnd(8) + 1;
    for(int i = 0; i != n; ++i) {
        val[i] = state + (uint64_t)i;
        cls[i].op = rnd(2) ? CHSEND : CHRECV;
        cls[i].ch = ch[rnd(CHANNELS)][rnd(2)];
        cls[i].val = &val[i];
        cls[i].len = sizeof(val[i]);
    }
    int id = choose(cls, n, random_deadline());
    if(id < 0) return -1;
    CHECK(id < n);
    if(errno != 0) return -1;
    if(cls[id].op == CHSEND) has_sent(val[id]);
    else has_got(val[id]);
    return 0;
}

static int one_step(void) {
    uint64_t val = state;
    int c = ch[rnd(CHANNELS)][rnd(2)];
    switch(rnd(8)) {
    case 0:
    case 1:
        if(chsend(c, &val, sizeof(val), random_deadline()) < 0) return -1;
        has_sent(val);
        return 0;
    case 2:
    case 3:
        if(chrecv(c, &val, sizeof(val), random_deadline()) < 0) return -1;
        has_got(val);
        return 0;
    case 4:
    case 5:
        return one_choose();
    case 6:
        return msleep(now() + rnd(10));
    default:
        return yield();
    }
}

static coroutine void worker(int depth) {
    int own = -1;
    alive++;
    for(int i = (int)rnd(100); i > 0; --i) {
        if(one_step() < 0 && errno == ECANCELED) break;
        if(rnd(10) == 0 && depth < 3) {
            if(own < 0) own = go(worker(depth + 1));
            else if(rnd(2)) (void)bundle_go(own, worker(depth + 1));
            else {
                if(rnd(2)) CHECK_OK(hclose(own));
                else (void)bundle_cancel(own, rnd(3) ? (int64_t)rnd(30) :
                    DILL_INHERIT);
                own = -1;
            }
        }
        if(rnd(100) == 0) (void)bundle_go(workers, worker(depth + 1));
    }
    if(own >= 0) CHECK_OK(hclose(own));
    alive--;
}

static void round_with(uint64_t seed) {
    int notify[2];
    state = seed * 2654435761u + 88172645463325252u;
    sent = got = 0;
    sent_sum = got_sum = 0;
    for(int i = 0; i != CHANNELS; ++i) CHECK_OK(chmake(ch[i]));
    CHECK_OK(chmake(notify));
    workers = bundle();
    CHECK_HANDLE(workers);
    for(int i = 0; i != 20; ++i) CHECK_OK(bundle_go(workers, worker(0)));
    CHECK_OK(bundle_notify(workers, notify[0]));
    /* A wait of any length, then an end of any kind. */
    (void)bundle_wait(workers, now() + rnd(200));
    errno = 0;
    switch(rnd(3)) {
    case 0:
        CHECK_OK(hclose(workers));
        break;
    case 1:
        CHECK_OK(bundle_cancel(workers, 0));
        break;
    default:
        if(bundle_cancel(workers, rnd(100)) < 0) CHECK_INT(errno, ETIMEDOUT);
    }
    CHECK_INT(alive, 0);
    CHECK_INT(sent, got);
    CHECK(sent_sum == got_sum);
    CHECK(sent > 0);
    for(int i = 0; i != CHANNELS; ++i) {
        CHECK_OK(hclose(ch[i][0]));
        CHECK_OK(hclose(ch[i][1]));
    }
    CHECK_OK(hclose(notify[0]));
    CHECK_OK(hclose(notify[1]));
}

TEST(random_programs) {
    use_virtual_time();
    int rounds = under_memcheck() ? 3 : 30;
    for(int seed = 1; seed <= rounds; ++seed) {
        about("seed %d", seed);
        round_with((uint64_t)seed);
    }
}
