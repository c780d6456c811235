/* Sources with a launching macro of their own, as wrappers of libdill have: they use what
   libdill's header declares for its macro. Valid C and C++: see cxx_own_launcher.cpp. */

#include <setjmp.h>

#include "check.h"

__attribute__((unused)) static int (*const prologue)(sigjmp_buf**, void**, size_t, int,
    const char*, int) = dill_prologue;

struct DILL_ALIGN aligned {char c[3];};

#define co(bndl, mem, len, fn) \
    __extension__ ({ \
        sigjmp_buf *co_ctx; \
        void *co_stack = (mem); \
        int co_handle = dill_prologue(&co_ctx, &co_stack, (len), (bndl), __FILE__, __LINE__); \
        if(co_handle >= 0) { \
            if(!dill_setjmp(*co_ctx)) { \
                dill_setsp(co_stack); \
                fn; \
                dill_epilogue(); \
            } \
        } \
        co_handle; \
    })

/* As in a module that a language with closures calls. */
static int start(void (*fn)(void *arg), void *arg, void *mem, size_t len) {
    return co(-1, mem, len, fn(arg));
}

struct job {
    int ch;
    int val;
    double factor;
};

static coroutine void sends(int ch, int val, double factor, struct job *job) {
    int product = (int)(val * factor) + job->val;
    note("child%d", val);
    CHECK_OK(chsend(ch, &product, sizeof(product), -1));
    note("sent%d", val);
}

static coroutine void blocks(void) {
    CHECK_ERR(msleep(-1), ECANCELED);
    note("cancelled");
}

static void entry(void *arg) {
    struct job *job = (struct job*)arg;
    sends(job->ch, job->val, job->factor, job);
}

static void nests(void *arg) {
    struct job *job = (struct job*)arg;
    int b = co(-1, NULL, 0, sends(job->ch, job->val, job->factor, job));
    CHECK_HANDLE(b);
    note("parent");
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

static void receives(int ch, int expected) {
    int val;
    CHECK_OK(chrecv(ch, &val, sizeof(val), -1));
    CHECK_INT(val, expected);
}

TEST(launches) {
    int ch[2];
    CHECK_OK(chmake(ch));
    struct job job = {ch[0], 5, 1.5};
    int b = co(-1, NULL, 0, sends(ch[0], 4, job.factor, &job));
    CHECK_HANDLE(b);
    note("main");
    receives(ch[1], 11);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("child4 main sent4");
    CHECK_INT(co(b, NULL, 0, blocks()), 0);
    CHECK_OK(bundle_go(b, blocks()));
    CHECK_OK(hclose(b));
    CHECK_NOTES("cancelled cancelled");
    CHECK_ERR(co(b, NULL, 0, blocks()), EBADF);
    static char stack[65536];
    CHECK_ERR(co(-1, stack, 100, blocks()), ENOMEM);
    b = co(-1, stack + 1, sizeof(stack) - 1, blocks());
    CHECK_HANDLE(b);
    CHECK_OK(hclose(b));
    CHECK_NOTES("cancelled");
    void (*const fns[2])(void *arg) = {entry, nests};
    for(int i = 0; i != 2; ++i) {
        b = start(fns[i], &job, i ? stack : NULL, sizeof(stack));
        CHECK_HANDLE(b);
        receives(ch[1], 12);
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
    }
    CHECK_NOTES("child5 sent5 child5 parent sent5");
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* Variables in registers of all kinds live on across launches. */
TEST(keeps) {
    int ch[2], sum = 0, val;
    double x = 0.5, y = 1.25;
    struct job job = {0, 0, 0};
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 100; ++i) {
        x += 1, y += x;
        CHECK_INT(co(b, NULL, 0, sends(ch[0], i, 2.0, &job)), 0);
    }
    CHECK((int)x == 100 && (int)y == 5101);
    for(int i = 0; i != 100; ++i) {
        CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
        sum += val;
    }
    CHECK_INT(sum, 9900);
    CHECK_OK(bundle_wait(b, -1));
    check_notes_[0] = 0;
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* Within one stack. */
TEST(jumps) {
    static sigjmp_buf place;
    volatile int times = 0;
    int again = dill_setjmp(place);
    times = times + 1;
    if(!again) dill_longjmp(place);
    CHECK_INT(again, 1);
    CHECK_INT(times, 2);
    dill_unoptimisable = &place;
    CHECK_INT(sizeof(struct aligned), 3);
}
