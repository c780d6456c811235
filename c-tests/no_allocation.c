/* In a steady state nothing allocates. The allocator's functions are replaced by ones
   that count, in this program and so for the library, too. */

#include <sys/mman.h>
#include <sys/syscall.h>

#include "coroutines.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static long allocations;

void *malloc(size_t size) {
    ++allocations;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    ++allocations;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    ++allocations;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    ++allocations;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **place, size_t alignment, size_t size) {
    ++allocations;
    *place = __libc_memalign(alignment, size);
    return *place ? 0 : ENOMEM;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    ++allocations;
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

BEFORE_EACH {
    use_virtual_time();
}

/* The counting functions are those that the library calls. */
TEST(allocations_are_counted) {
    allocations = 0;
    CHECK_OK(hclose(bundle()));
    CHECK(allocations > 0);
}

static void repeat(void (*what)(void)) {
    for(int n = 0; n != 3; ++n) what();
    allocations = 0;
    for(int n = 0; n != 100; ++n) what();
    CHECK_INT(allocations, 0);
}

/* A test that does something again and again, for which nothing may be allocated. */
#define STEADY(name)\
    static void name##_once(void);\
    TEST(name) {\
        repeat(name##_once);\
    }\
    static void name##_once(void)

static coroutine void yields(int times) {
    while(times--) CHECK_OK(yield());
}

STEADY(yielding) {
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 3; ++i) CHECK_OK(bundle_go(b, yields(10)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

STEADY(launching) {
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 10; ++i) CHECK_OK(bundle_go(b, finishes()));
    CHECK_OK(hclose(b));
    for(int i = 0; i != 10; ++i) {
        b = go(finishes());
        CHECK_HANDLE(b);
        CHECK_OK(hclose(b));
    }
}

static coroutine void echoes(int ch, size_t len) {
    char val[64];
    while(chrecv(ch, val, len, -1) == 0) CHECK_OK(chsend(ch, val, len, -1));
}

STEADY(messages) {
    static const size_t lens[] = {0, 1, 4, 8, 64};
    for(size_t i = 0; i != sizeof(lens) / sizeof(lens[0]); ++i) {
        char val[64] = {0};
        int ch[2];
        CHECK_OK(chmake(ch));
        int b = go(echoes(ch[1], lens[i]));
        CHECK_HANDLE(b);
        for(int n = 0; n != 10; ++n) {
            CHECK_OK(chsend(ch[0], val, lens[i], now() + 1000));
            CHECK_OK(chrecv(ch[0], val, lens[i], now() + 1000));
        }
        CHECK_OK(chdone(ch[0]));
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
        CHECK_OK(hclose(ch[0]));
        CHECK_OK(hclose(ch[1]));
    }
}

static coroutine void sends_often(int ch, int times) {
    int val = 5;
    while(times--) CHECK_OK(chsend(ch, &val, sizeof(val), -1));
}

STEADY(choosing) {
    enum {MOST = 64};
    static int halves[MOST][2];
    static struct chclause clauses[MOST];
    int val;
    for(int i = 0; i != MOST; ++i) {
        CHECK_OK(chmake(halves[i]));
        clauses[i] = (struct chclause){CHRECV, halves[i][0], &val, sizeof(val)};
    }
    for(int count = 1; count <= MOST; count *= 4) {
        int b = go(sends_often(halves[count - 1][1], 10));
        CHECK_HANDLE(b);
        for(int n = 0; n != 10; ++n) CHECK_INT(choose(clauses, count, -1), count - 1);
        CHECK_ERR(choose(clauses, count, now() + 1), ETIMEDOUT);
        CHECK_OK(hclose(b));
    }
    for(int i = 0; i != MOST; ++i) {
        CHECK_OK(hclose(halves[i][0]));
        CHECK_OK(hclose(halves[i][1]));
    }
}

STEADY(deadlines) {
    int ch[2], val;
    CHECK_OK(chmake(ch));
    for(int i = 0; i != 10; ++i) {
        CHECK_OK(msleep(now() + i));
        CHECK_ERR(chrecv(ch[0], &val, sizeof(val), now() + i), ETIMEDOUT);
    }
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void is_cancelled(int ch) {
    int val;
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), ECANCELED);
}

static coroutine void obeys(int ch) {
    int val;
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), EPIPE);
}

STEADY(cancelling) {
    int ch[2];
    CHECK_OK(chmake(ch));
    for(int i = 0; i != 10; ++i) {
        int b = go(is_cancelled(ch[1]));
        CHECK_HANDLE(b);
        CHECK_OK(hclose(b));
    }
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_deadline(b, now() + 1000));
    CHECK(dill_left(dill_deadline()) == -1);
    CHECK_OK(bundle_notify(b, ch[0]));
    for(int i = 0; i != 10; ++i) CHECK_OK(bundle_go(b, obeys(ch[1])));
    CHECK_OK(bundle_cancel(b, 1000));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

STEADY(descriptors) {
    static int fds[2] = {-1, -1};
    if(fds[0] < 0) CHECK_OK(pipe(fds));
    for(int i = 0; i != 10; ++i) {
        char byte = 'x';
        CHECK_ERR(fdin(fds[0], now() + 1), ETIMEDOUT);
        CHECK_INT(write(fds[1], &byte, 1), 1);
        CHECK_OK(fdin(fds[0], -1));
        CHECK_INT(read(fds[0], &byte, 1), 1);
    }
}
