/* What a burst of coroutines leaves behind: its memory and its mappings go back to the system
   when the program is idle, also when it stays busy with less, and at once under virtual time.
   Then the thread sleeps without a limit. Bursts that follow each other use the same pages. */

#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "process.h"

ALL_TESTS(TIME_LIMIT(60))

enum {
    MANY = 100000,      /* coroutines that use little of their stacks */
    DEEP = 1000,        /* coroutines that use much of them */
    DEPTH = 128 * 1024, /* so much */
    NEAR_KB = 6 * 1024, /* handles and the C library's memory are a part of it */
    NEAR_MAPS = 16,
    PATIENCE = 15000    /* milliseconds */
};

/* The scheduler of a thread that waits for no descriptor sleeps with this. */
static void (*before_sleep)(const struct timespec *timeout);

int ppoll(struct pollfd *fds, nfds_t nfds, const struct timespec *timeout,
        const sigset_t *mask) {
    if(before_sleep) before_sleep(timeout);
    struct timespec copy = {0, 0}; /* the system call changes it */
    if(timeout) copy = *timeout;
    return (int)syscall(SYS_ppoll, fds, nfds, timeout ? &copy : NULL, mask, (size_t)8);
}

static long resident_before, mappings_before;

static int is_near(void) {
    return resident_kb() <= resident_before + NEAR_KB;
}

static void check_near(void) {
    CHECK_BETWEEN(resident_kb(), 0, resident_before + NEAR_KB);
    CHECK_BETWEEN(mappings(), 0, mappings_before + NEAR_MAPS);
}

static coroutine void waits(int ch) {
    int val;
    CHECK_ERR(chrecv(ch, &val, sizeof(val), -1), ECANCELED);
}

static coroutine void waits_deep(int ch) {
    volatile char room[DEPTH];
    for(size_t i = 0; i < sizeof(room); i += 1024) room[i] = 1;
    waits(ch);
}

/* All of them are alive at once, with a bundle each or in one. */
static void burst(int n, int ndeep, int handles) {
    int ch[2], b = bundle(), *own = calloc((size_t)n, sizeof(int));
    CHECK(own);
    CHECK_HANDLE(b);
    CHECK_OK(chmake(ch));
    for(int i = 0; i != n; ++i) {
        if(handles) CHECK_HANDLE(own[i] = go(waits(ch[0])));
        else CHECK_OK(bundle_go(b, waits(ch[0])));
    }
    for(int i = 0; i != n && handles; ++i) CHECK_OK(hclose(own[i]));
    free(own);
    CHECK_OK(hclose(b));
    CHECK_HANDLE(b = bundle());
    for(int i = 0; i != ndeep; ++i) CHECK_OK(bundle_go(b, waits_deep(ch[0])));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static void begin(void) {
    burst(10, 1, 1);
    CHECK_OK(msleep(now() + 1));
    resident_before = resident_kb();
    mappings_before = mappings();
}

/* What is to come when all has been given back: a sleep that nothing limits. It ends the child. */
static void look_at_sleep(const struct timespec *timeout) {
    if(timeout) return;
    check_near();
    _exit(0);
}

static void ends_near_when_idle(int n, int handles) {
    begin();
    burst(n, DEEP, handles);
    before_sleep = look_at_sleep;
    msleep(-1);
    CHECK(0);
}

static void idle_with_handles(void) {
    ends_near_when_idle(MANY, 1);
}

static void idle_without_handles(void) {
    ends_near_when_idle(MANY, 0);
}

TEST(idle) {
    CHECK_OK(in_child(idle_without_handles));
}

TEST(idle_after_handles) {
    CHECK_OK(in_child(idle_with_handles));
}

static coroutine void bursts(void) {
    CHECK_OK(msleep(now() + 1));
    burst(MANY / 10, DEEP, 0);
    before_sleep = look_at_sleep;
}

static void idle_on_the_stack(void) {
    begin();
    int b = go(bursts());
    CHECK_HANDLE(b);
    msleep(-1);
    CHECK(0);
}

/* The scheduler waits on the stack of a coroutine that has finished. */
TEST(idle_on_a_finished_stack) {
    CHECK_OK(in_child(idle_on_the_stack));
}

TEST(virtual_time) {
    use_virtual_time();
    begin();
    for(int i = 0; i != 2; ++i) {
        burst(MANY / 5, DEEP, i);
        CHECK_OK(msleep(now() + 1));
        check_near();
    }
}

static void idle_in_virtual_time(void) {
    use_virtual_time();
    begin();
    burst(MANY / 5, DEEP, 0);
    before_sleep = look_at_sleep;
    msleep(-1);
    CHECK(0);
}

/* Nothing is to come, so time does not jump. */
TEST(virtual_time_without_timers) {
    CHECK_OK(in_child(idle_in_virtual_time));
}

static coroutine void yields(void) {
    while(yield() == 0);
}

/* One that ends gives back what others have left, not the stack that it still runs on. */
static coroutine void ends_last(int b, int ndeep) {
    CHECK_OK(hclose(b));
    burst(100, ndeep, 0);
}

TEST(busy) {
    begin();
    burst(MANY / 10, DEEP, 1);
    CHECK(!is_near());
    int64_t end = now() + PATIENCE;
    int b = go(yields());
    CHECK_HANDLE(b);
    while(!is_near() && now() < end)
        for(int i = 0; i != 10000; ++i) CHECK_OK(yield());
    check_near();
    CHECK_OK(hclose(b));
}

TEST(last_one) {
    use_virtual_time();
    begin();
    for(int i = 0; i != 100; ++i) {
        int other = go(yields()), b = go(ends_last(other, 10));
        CHECK_HANDLE(other);
        CHECK_HANDLE(b);
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
        CHECK_OK(msleep(now() + i % 3));
    }
    check_near();
}

static long page_faults(void) {
    struct rusage usage;
    CHECK_OK(getrusage(RUSAGE_SELF, &usage));
    return usage.ru_minflt;
}

/* Nothing is given back between them that the next one needs. */
TEST(repeated) {
    enum {TIMES = 50, COROUTINES = 2000};
    burst(COROUTINES, 100, 0);
    long before = page_faults();
    for(int i = 0; i != TIMES; ++i) burst(COROUTINES, 100, 0);
    CHECK_BETWEEN(page_faults() - before, 0, TIMES * COROUTINES / 10);
}

/* Guards without mappings of their own: Linux 6.13. */
static int has_guard_regions(void) {
    size_t size = 65536;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    int rc = madvise(p, 4096, 102 /* MADV_GUARD_INSTALL */);
    CHECK_OK(munmap(p, size));
    return rc == 0;
}

BEFORE_EACH {
    if(!has_guard_regions()) SKIP("the system has no room for %d stacks", MANY);
}
