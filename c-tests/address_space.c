/* Coroutines where there is little address space (RLIMIT_AS, RLIMIT_DATA), or none; and where the
   system makes no guard without a mapping of its own. */

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "net.h"
#include "process.h"

ALL_TESTS(TIME_LIMIT(60))

enum {MIB = 1 << 20, ENOUGH = 100000};

/* The fewest and the most coroutines that there may be room for. */
static int fewest, most;

static void set_limit(int resource, rlim_t bytes) {
    struct rlimit limit;
    CHECK_OK(getrlimit((__rlimit_resource_t)resource, &limit));
    limit.rlim_cur = bytes;
    CHECK_OK(setrlimit((__rlimit_resource_t)resource, &limit));
}

/* Emulators may ignore limits. */
static int is_limited(void) {
    size_t size = (size_t)1 << 40;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if(p != MAP_FAILED) CHECK_OK(munmap(p, size));
    return p == MAP_FAILED;
}

/* The limits stay: each test has a process of its own. */
static void under_limit(int resource, int mib) {
    set_limit(resource, (rlim_t)mib * MIB);
    if(!is_limited()) SKIP("limits have no effect here");
}

static coroutine void echoes(int ch) {
    int val;
    while(chrecv(ch, &val, sizeof(val), -1) == 0) CHECK_OK(chsend(ch, &val, sizeof(val), -1));
}

/* Launches until there is no memory, in one bundle or each in its own. */
static int launch_all(int b, int ch) {
    int n = 0, handle = 0;
    while(n < ENOUGH) {
        handle = b >= 0 ? bundle_go(b, echoes(ch)) : go(echoes(ch));
        if(handle < 0) break;
        ++n;
    }
    if(handle < 0) CHECK_INT(errno, ENOMEM);
    return n;
}

static void speaks_with_one(int ch) {
    int val = 7;
    CHECK_OK(chsend(ch, &val, sizeof(val), now() + 1000));
    val = 0;
    CHECK_OK(chrecv(ch, &val, sizeof(val), now() + 1000));
    CHECK_INT(val, 7);
    CHECK_OK(msleep(now() + 1));
    CHECK_OK(yield());
}

static void as_many_as_fit(int in_bundle) {
    int ch[2], b = bundle();
    CHECK_OK(chmake(ch));
    CHECK_HANDLE(b);
    int n = launch_all(in_bundle ? b : -1, ch[1]);
    CHECK_BETWEEN(n, fewest, most);
    CHECK_ERR(bundle_go(b, echoes(ch[1])), ENOMEM);
    /* Those that are there work. */
    speaks_with_one(ch[0]);
    if(!in_bundle) return;
    /* And as many fit in again, be it at once or after all was given back. */
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(hclose(b));
        if(i) CHECK_OK(msleep(now() + 1000));
        CHECK_HANDLE(b = bundle());
        CHECK_BETWEEN(launch_all(b, ch[1]), n - n / 100, most);
        speaks_with_one(ch[0]);
    }
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* The limit comes when there are coroutines already, and goes away again. */
TEST(no_memory_for_a_while) {
    volatile char stack[64 * 1024]; /* it can't grow under the limit */
    memset((char*)stack, 0, sizeof(stack));
    int ch[2], pair[2], b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(chmake(ch));
    CHECK_OK(bundle_go(b, echoes(ch[1])));
    speaks_with_one(ch[0]);
    set_limit(RLIMIT_AS, 0);
    if(!is_limited()) return;
    int n = launch_all(b, ch[1]);
    for(int i = 0; i != 100; ++i) {
        CHECK_ERR(bundle_go(b, echoes(ch[1])), ENOMEM);
        CHECK_ERR(go(echoes(ch[1])), ENOMEM);
        speaks_with_one(ch[0]);
    }
    if(chmake(pair) == 0) {
        CHECK_OK(hclose(pair[0]));
        CHECK_OK(hclose(pair[1]));
    }
    else CHECK_INT(errno, ENOMEM);
    set_limit(RLIMIT_AS, RLIM_INFINITY);
    for(int i = 0; i != 1000; ++i) CHECK_OK(bundle_go(b, echoes(ch[1])));
    speaks_with_one(ch[0]);
    CHECK_BETWEEN(n, 0, 1000);
    CHECK_OK(hclose(b));
}

/* A name can be resolved, though there is no room for a thread's usual stack. */
TEST(a_name, BOTH_POLLERS) {
    struct ipaddr addr;
    /* The rings of an io_uring take more memory than there will be. */
    (void)count_fds();
    /* What the C library loads for it. */
    struct addrinfo *found = NULL;
    if(getaddrinfo("localhost", NULL, NULL, &found) == 0) freeaddrinfo(found);
    CHECK_OK(ipaddr_remote(&addr, "127.0.0.1", 80, IPADDR_IPV4, -1));
    if(!found) return;
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f);
    CHECK_INT(fscanf(f, "%ld", &pages), 1);
    CHECK_OK(fclose(f));
    set_limit(RLIMIT_AS, (rlim_t)(pages * sysconf(_SC_PAGESIZE) + 2 * MIB));
    CHECK_OK(ipaddr_remote(&addr, "localhost", 80, IPADDR_PREF_IPV4, -1));
}

/* Guard regions are refused, as by older systems. */
static void refuse_guard_regions(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 102 /* MADV_GUARD_INSTALL */, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
    CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CHECK_OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static long map_limit(void) {
    long limit = 0;
    FILE *f = fopen("/proc/sys/vm/max_map_count", "r");
    if(!f) return 0;
    if(fscanf(f, "%ld", &limit) != 1) limit = 0;
    CHECK_OK(fclose(f));
    return limit;
}

/* Each stack takes two mappings, and some are left for other things. Those of a burst are given
   back. */
TEST(without_guard_regions) {
    long limit = map_limit();
    if(limit < 10000 || limit > 100000) SKIP("an unusual number of mappings is allowed");
    fewest = (int)(limit / 2 - 250), most = (int)(limit / 2);
    refuse_guard_regions();
    int ch[2], b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(chmake(ch));
    long before = mappings();
    int n = launch_all(b, ch[1]);
    CHECK_BETWEEN(n, fewest, most);
    CHECK_BETWEEN(mappings(), 2L * n, 2L * n + 200);
    CHECK_OK(hclose(b));
    CHECK_OK(msleep(now() + 1));
    CHECK_BETWEEN(mappings(), before, before + 500);
    CHECK_HANDLE(b = bundle());
    CHECK_BETWEEN(launch_all(b, ch[1]), n - n / 100, most);
    CHECK_OK(hclose(b));
}

BEFORE_EACH {
    use_virtual_time();
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    SKIP("sanitizers take much address space themselves");
#endif
}

/* What libdill 2.14 found room for, linked as small as it can be. */
static const struct {
    int mib, address_space, data;
} libdill[] = {{64, 232, 244}, {200, 751, 772}, {3072, 11725, 11912}};
#define SIZES "64_mib 200_mib 3072_mib"

/* Room for so many, or for some more. */
static void expect(int n) {
    fewest = n;
    most = n + n / 4 + 8;
}

TEST(little_address_space, VARIANTS(SIZES)) {
    expect(libdill[variant()].address_space);
    under_limit(RLIMIT_AS, libdill[variant()].mib);
    as_many_as_fit(1);
}

TEST(little_address_space_with_handles, VARIANTS(SIZES)) {
    expect(libdill[variant()].address_space);
    under_limit(RLIMIT_AS, libdill[variant()].mib);
    as_many_as_fit(0);
}

TEST(little_room_for_data, VARIANTS(SIZES)) {
    expect(libdill[variant()].data);
    under_limit(RLIMIT_DATA, libdill[variant()].mib);
    as_many_as_fit(1);
}

/* Large stacks: as many as there is room for. */
static void large_stacks(int resource, int mib, int n) {
    CHECK_OK(setenv("DILL_STACK_SIZE", "67108864", 1));
    fewest = n, most = n + 1;
    under_limit(resource, mib);
    as_many_as_fit(1);
}

TEST(two_large_stacks) {
    large_stacks(RLIMIT_AS, 200, 2);
}

TEST(large_stacks_in_address_space) {
    large_stacks(RLIMIT_AS, 1024, 14);
}

TEST(large_stacks_as_data) {
    large_stacks(RLIMIT_DATA, 1024, 14);
}
