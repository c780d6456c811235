/* 200,000 coroutines (under Memcheck 2,000) alive at once, each with its guarded stack: all wait,
   all are reached, all are cancelled. */

#include <sys/mman.h>

#include "check.h"

#if !defined MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static int arrived, served, cancelled;

static coroutine void waits(int ch) {
    int val;
    arrived++;
    if(chrecv(ch, &val, sizeof(val), -1) == 0) {
        CHECK_INT(val, served);
        served++;
        CHECK_ERR(msleep(-1), ECANCELED);
    }
    else CHECK_INT(errno, ECANCELED);
    cancelled++;
}

/* Older kernels need a mapping for each guard page, and allow about 65,000. */
static int guards_are_cheap(void) {
    size_t size = 65536;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    int rc = madvise(p, 4096, MADV_GUARD_INSTALL);
    CHECK_OK(munmap(p, size));
    return rc == 0;
}

static long memory_kb(const char *key) {
    long kb = -1;
    char line[256];
    FILE *f = fopen("/proc/meminfo", "r");
    CHECK(f);
    while(fgets(line, sizeof(line), f))
        if(strncmp(line, key, strlen(key)) == 0)
            kb = strtol(line + strlen(key), NULL, 10);
    CHECK_OK(fclose(f));
    return kb;
}

TEST(all_are_reached_and_cancelled, TIME_LIMIT(60)) {
    int n = under_memcheck() ? 2000 : guards_are_cheap() ? 200000 : 20000;
    /* A page of stack each, and as much again to be sure. */
    if(memory_kb("MemAvailable:") < n * 8L)
        SKIP("too little memory for %d coroutines", n);
    int ch[2], b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(chmake(ch));
    for(int i = 0; i != n; ++i) CHECK_OK(bundle_go(b, waits(ch[1])));
    CHECK_INT(arrived, n);
    CHECK_ERR(bundle_wait(b, 0), ETIMEDOUT);
    /* Half of them get a message, in their order, and then sleep. */
    for(int i = 0; i != n / 2; ++i)
        CHECK_OK(chsend(ch[0], &i, sizeof(i), -1));
    CHECK_ERR(bundle_wait(b, 0), ETIMEDOUT);
    CHECK_INT(served, n / 2);
    CHECK_OK(hclose(b));
    CHECK_INT(cancelled, n);
    /* The stacks can be had again. */
    b = bundle();
    CHECK_HANDLE(b);
    arrived = served = cancelled = 0;
    for(int i = 0; i != n / 4; ++i) CHECK_OK(bundle_go(b, waits(ch[1])));
    CHECK_INT(arrived, n / 4);
    CHECK_OK(hclose(b));
    CHECK_INT(cancelled, n / 4);
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}
