/* The parent's locals, of every storage, survive its being left in the middle of
   a go() and entered again; and so do the child's across its waits. */

#include <alloca.h>

#include "check.h"

static int live;

static coroutine void disturb(int seed) {
    /* Uses many registers and much stack, to overwrite what the parent left. */
    volatile int mess[256];
    double x = seed, y = seed + 1;
    long a = seed, b = seed + 1, c = seed + 2, d = seed + 3, e = seed + 4;
    for(int i = 0; i != 256; ++i) {
        mess[i] = (int)(a ^ b) + i;
        a += b;
        b += c ^ d;
        c += e;
        d ^= a;
        e += d;
        x = x * y + 1;
        y = y / 2 + x;
        if(x > 1e10) x = seed;
    }
    live++;
    mess[seed & 255] = (int)x;
    CHECK_INT(mess[seed & 255], (int)x);
    (void)yield();
    live--;
}

/* All locals in registers as far as the compiler can. */
static __attribute__((noinline)) long registers(long a, long b, long c, long d,
        long e, long f, double x, double y) {
    long g = a * b, h = c * d, i = e * f, j = a + c, k = b + d, l = e + a;
    double z = x * y, w = x + y;
    int handle = go(disturb(1));
    a += g; b += h; c += i; d += j; e += k; f += l;
    int handle2 = go(disturb((int)(a + b)));
    z += w;
    CHECK_HANDLE(handle);
    CHECK_HANDLE(handle2);
    CHECK_OK(hclose(handle));
    CHECK_OK(hclose(handle2));
    return a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f + (long)(z * 4) +
        (long)(w * 8);
}

static long registers_expected(long a, long b, long c, long d, long e, long f,
        double x, double y) {
    return (a + a * b) + 3 * (b + c * d) + 5 * (c + e * f) +
        7 * (d + a + c) + 11 * (e + b + d) + 13 * (f + e + a) +
        (long)((x * y + x + y) * 4) + (long)((x + y) * 8);
}

TEST(in_registers) {
    for(int i = 1; i != 50; ++i)
        CHECK_INT(registers(i, 2 + i, 3, 4 * i, 5, 6, 1.5 * i, 0.25),
            registers_expected(i, 2 + i, 3, 4 * i, 5, 6, 1.5 * i, 0.25));
}

TEST(arrays) {
    int fixed[300];
    for(int i = 0; i != 300; ++i) fixed[i] = i * 3;
    for(int n = 1; n != 20; ++n) {
        /* Both change the stack pointer at run time. */
        int vla[n * 10];
        char *mem = (char*)alloca((size_t)n);
        memset(mem, n, (size_t)n);
        for(int i = 0; i != n * 10; ++i) vla[i] = n + i;
        int b = go(disturb(n));
        CHECK_HANDLE(b);
        for(int i = 0; i != n * 10; ++i) CHECK_INT(vla[i], n + i);
        for(int i = 0; i != n; ++i) CHECK_INT(mem[i], n);
        CHECK_OK(hclose(b));
    }
    for(int i = 0; i != 300; ++i) CHECK_INT(fixed[i], i * 3);
}

TEST(aligned) {
    /* Over-aligned locals make the compiler realign the frame. */
    __attribute__((aligned(64))) char buf[64];
    memset(buf, 'q', sizeof(buf));
    CHECK_INT((uintptr_t)buf % 64, 0);
    int b = go(disturb(3));
    CHECK_HANDLE(b);
    CHECK_INT((uintptr_t)buf % 64, 0);
    for(int i = 0; i != 64; ++i) CHECK_INT(buf[i], 'q');
    CHECK_OK(hclose(b));
}

TEST(loops) {
    int handles[64];
    unsigned hash = 0;
    for(int round = 0; round != 10; ++round) {
        int i = 0;
        while(i != 64) {
            handles[i] = go(disturb(i));
            hash = hash * 31 + (unsigned)i;
            CHECK_HANDLE(handles[i]);
            ++i;
        }
        do {
            --i;
            CHECK_OK(hclose(handles[i]));
        } while(i);
    }
    unsigned expected = 0;
    for(int round = 0; round != 10; ++round)
        for(unsigned i = 0; i != 64; ++i) expected = expected * 31 + i;
    CHECK_INT(hash, expected);
    CHECK_INT(live, 0);
}

static int choose_branch(int n) {
    /* Several go() in one function, in branches and in one expression. */
    int b = n % 3 == 0 ? go(disturb(1)) : n % 3 == 1 ? go(disturb(2)) : -1;
    switch(n % 4) {
    case 0:
        if(b >= 0) CHECK_OK(bundle_go(b, disturb(3)));
        break;
    case 1:
        if(b < 0) b = go(disturb(4));
        break;
    default:
        break;
    }
    if(b >= 0) CHECK_OK(hclose(b));
    return n;
}

TEST(branches) {
    int sum = 0;
    for(int i = 0; i != 24; ++i) sum += choose_branch(i);
    CHECK_INT(sum, 23 * 24 / 2);
}

static coroutine void child(int depth, double x) {
    /* The same for a parent that is itself a coroutine. */
    char text[64];
    snprintf(text, sizeof(text), "%d %.2f", depth, x);
    int vla[depth + 1];
    for(int i = 0; i <= depth; ++i) vla[i] = depth * i;
    int b = -1;
    if(depth) {
        b = go(child(depth - 1, x / 2));
        CHECK_HANDLE(b);
    }
    CHECK_OK(yield());
    char again[64];
    snprintf(again, sizeof(again), "%d %.2f", depth, x);
    CHECK_STR(text, again);
    for(int i = 0; i <= depth; ++i) CHECK_INT(vla[i], depth * i);
    if(b >= 0) {
        CHECK_OK(bundle_wait(b, -1));
        CHECK_OK(hclose(b));
    }
    live++;
}

TEST(in_coroutines) {
    live = 0;
    int b = go(child(12, 4096));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_INT(live, 13);
}

static coroutine void adds(int *sum, int n) {
    CHECK_OK(yield());
    *sum += n;
}

static coroutine void sets(volatile int *done) {
    CHECK_OK(yield());
    *done = 1;
}

/* Coroutines that write into the parent's frame, after go() has returned. */
TEST(results_through_pointers) {
    int sum = 0, b = bundle();
    CHECK_HANDLE(b);
    for(int i = 1; i != 11; ++i) CHECK_OK(bundle_go(b, adds(&sum, i)));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(sum, 55);
    /* A local that one polls. */
    int done = 0, turns = 0;
    CHECK_OK(bundle_go(b, sets(&done)));
    while(!done && turns < 100) {
        CHECK_OK(yield());
        turns++;
    }
    CHECK_INT(done, 1);
    volatile int vdone = 0, vturns = 0;
    CHECK_OK(bundle_go(b, sets(&vdone)));
    while(!vdone && vturns < 100) {
        CHECK_OK(yield());
        vturns++;
    }
    CHECK_INT(vdone, 1);
    CHECK_OK(hclose(b));
}

static coroutine void check_alignment(int *ok) {
    /* The ABI wants the stack aligned to 16; printing a double relies on it. */
    __attribute__((aligned(16))) char probe[16];
    char text[32];
    snprintf(text, sizeof(text), "%.3f", 2.5);
    *ok = (uintptr_t)probe % 16 == 0 && strcmp(text, "2.500") == 0;
}

TEST(stack_alignment) {
    for(int i = 0; i != 20; ++i) {
        int ok = 0;
        int b = go(check_alignment(&ok));
        CHECK_HANDLE(b);
        CHECK_INT(ok, 1);
        CHECK_OK(hclose(b));
    }
}
