/* Torture for the frames that go() is called in. The arguments are evaluated while
   the caller's frame is entered for the first of two times, so everything that a
   compiler may do to that frame is here: register pressure, variable-length arrays,
   over-aligned locals, arguments of other calls on the stack, recursion, and frames
   that are gone before the coroutine goes on. Worth running at every optimisation
   level and with every option that concerns stacks. Compiles as C++, too. */

#include "check.h"

#define NOINLINE __attribute__((noinline))

static int finished;

/* Values are functions of a seed, so that whoever gets one can check it. */

struct big { unsigned char bytes[400]; };
struct huge { unsigned char bytes[5000]; };
struct pair { long whole; double fraction; };

NOINLINE static void fill(unsigned char *bytes, size_t size, int seed) {
    size_t i;
    for(i = 0; i != size; ++i)
        bytes[i] = (unsigned char)((size_t)seed * 7 + i);
}

NOINLINE static int filled(const unsigned char *bytes, size_t size, int seed) {
    size_t i;
    for(i = 0; i != size; ++i)
        if(bytes[i] != (unsigned char)((size_t)seed * 7 + i)) return 0;
    return 1;
}

NOINLINE static struct big big(int seed) {
    struct big b;
    fill(b.bytes, sizeof(b.bytes), seed);
    return b;
}

NOINLINE static struct huge huge(int seed) {
    struct huge h;
    fill(h.bytes, sizeof(h.bytes), seed);
    return h;
}

NOINLINE static struct pair pair(int seed) {
    struct pair p;
    p.whole = seed + 5;
    p.fraction = seed + 0.5;
    return p;
}

NOINLINE static int twice(int x) { return x * 2; }
NOINLINE static double half(int x) { return x / 2.0; }
NOINLINE static long double third(int x) { return (long double)x / 3; }
static int inlined(int x) { return x * 3 + 1; }

/* Twelve integers: six of them travel on the stack. */
NOINLINE static long sum12(long a, long b, long c, long d, long e, long f,
      long g, long h, long i, long j, long k, long l) {
    return a + b + c + d + e + f + g + h + i + j + k + l;
}

/* Overwrites the stack below the caller, as later calls would. */
NOINLINE static void scribble(void) {
    volatile unsigned char junk[16384];
    size_t i;
    for(i = 0; i != sizeof(junk); ++i)
        junk[i] = 0xEE;
}

/* The coroutines */

static void check_stack_alignment(void) {
    volatile long double probe __attribute__((aligned(16))) = 1.0L;
    CHECK((uintptr_t)&probe % 16 == 0);
}

static coroutine void twelve(int seed, struct big b, double c, long double d,
      struct pair e, float f, long g, signed char h, short i, const char *j,
      unsigned long long k, int l) {
    int round;
    check_stack_alignment();
    /* The second round finds out whether the caller, which runs meanwhile,
       shares memory with what arrived here. */
    for(round = 0; round != 3; ++round) {
        CHECK(filled(b.bytes, sizeof(b.bytes), seed));
        CHECK(c == half(seed));
        CHECK(d == third(seed));
        CHECK(e.whole == seed + 5 && e.fraction == seed + 0.5);
        CHECK(f == (float)seed);
        CHECK(g == seed * 1000L);
        CHECK(h == (signed char)(seed % 100));
        CHECK(i == (short)(seed + 1));
        CHECK(strcmp(j, "twelve") == 0);
        CHECK(k == (unsigned long long)seed << 40);
        CHECK(l == twice(twice(seed)));
        CHECK_OK(yield());
    }
    ++finished;
}

#define TWELVE(seed) \
    twelve((seed), big(seed), half(seed), third(seed), pair(seed), \
        (float)(seed), (seed) * 1000L, (signed char)((seed) % 100), \
        (short)((seed) + 1), "twelve", (unsigned long long)(seed) << 40, \
        twice(twice(seed)))

static coroutine void one(int value, int expected) {
    CHECK_INT(value, expected);
    CHECK_OK(yield());
    CHECK_INT(value, expected);
    ++finished;
}

static coroutine void takes_huge(struct huge h, int seed, struct huge g) {
    int round;
    for(round = 0; round != 2; ++round) {
        CHECK(filled(h.bytes, sizeof(h.bytes), seed));
        CHECK(filled(g.bytes, sizeof(g.bytes), seed + 1));
        CHECK_OK(yield());
    }
    ++finished;
}

static coroutine void doubles(double a, double b, double c, double d, double e,
      double f, double g, double h, double i, double j) {
    CHECK_OK(yield());
    CHECK(a == 1 && b == 2 && c == 3 && d == 4 && e == 5 && f == 6 && g == 7 &&
        h == 8 && i == 9 && j == 10);
    ++finished;
}

static coroutine int returns_int(int value) {
    CHECK_OK(yield());
    ++finished;
    return value;
}

/* The callers */

static void join(int h) {
    CHECK_HANDLE(h);
    CHECK_OK(bundle_wait(h, -1));
    CHECK_OK(hclose(h));
}

static void expect_finished(int expected) {
    CHECK_INT(finished, expected);
    finished = 0;
}

TEST(in_a_loop) {
    int handles[20];
    int guard_before = 0x1234;
    double guard_double = 2.5;
    int i;
    for(i = 0; i != 20; ++i) {
        handles[i] = go(TWELVE(i * 3));
        CHECK(guard_before == 0x1234 && guard_double == 2.5);
        guard_before = 0x1234;
    }
    for(i = 0; i != 20; ++i)
        join(handles[i]);
    expect_finished(20);
}

/* Fills every register with something that is needed again afterwards. */
NOINLINE static long under_register_pressure(int n, int *handles) {
    long a = n + 1, b = n + 2, c = n + 3, d = n + 4, e = n + 5, f = n + 6,
        g = n + 7, h = n + 8;
    double p = n + 0.25, q = n + 0.5, r = n * 2.0, s = n * 3.0;
    int i;
    for(i = 0; i != 8; ++i) {
        handles[i] = go(TWELVE((int)(a + h + i)));
        a += b; b += c; c += d; d += e; e += f; f += g; g += h; h += 1;
        p += q; q += r; r += s; s += 1;
    }
    return a + b + c + d + e + f + g + h + (long)(p + q + r + s);
}

NOINLINE static long same_without_go(int n) {
    long a = n + 1, b = n + 2, c = n + 3, d = n + 4, e = n + 5, f = n + 6,
        g = n + 7, h = n + 8;
    double p = n + 0.25, q = n + 0.5, r = n * 2.0, s = n * 3.0;
    int i;
    for(i = 0; i != 8; ++i) {
        a += b; b += c; c += d; d += e; e += f; f += g; g += h; h += 1;
        p += q; q += r; r += s; s += 1;
    }
    return a + b + c + d + e + f + g + h + (long)(p + q + r + s);
}

TEST(register_pressure) {
    int handles[8];
    int i;
    CHECK(under_register_pressure(11, handles) == same_without_go(11));
    scribble();
    for(i = 0; i != 8; ++i)
        join(handles[i]);
    expect_finished(8);
}

NOINLINE static int launch_and_leave(int seed) {
    int local = seed;
    struct big mine = big(seed);
    return go(twelve(local, mine, half(local), third(local), pair(local),
        (float)local, local * 1000L, (signed char)(local % 100),
        (short)(local + 1), "twelve", (unsigned long long)local << 40,
        twice(twice(local))));
}

TEST(frame_is_gone) {
    int handles[3];
    int i;
    for(i = 0; i != 3; ++i) {
        handles[i] = launch_and_leave(i + 40);
        scribble();
    }
    for(i = 0; i != 3; ++i)
        join(handles[i]);
    expect_finished(3);
}

NOINLINE static void in_conditions(int flag) {
    int a, b, c = -1, d = -1;
    a = flag ? go(one(twice(flag), 2 * flag)) : go(one(inlined(7), 22));
    if(flag && (b = go(one(inlined(flag), flag * 3 + 1))) >= 0)
        c = b;
    switch(flag) {
    case 0:
        d = go(one(twice(inlined(1)), 8));
        break;
    case 3:
        d = go(returns_int(twice(1)));
        break;
    default:
        break;
    }
    join(a);
    if(c >= 0) join(c);
    if(d >= 0) join(d);
}

TEST(conditions) {
    in_conditions(0);
    in_conditions(1);
    in_conditions(3);
    expect_finished(2 + 2 + 3);
}

/* The frame moves its own stack pointer already. */
NOINLINE static void with_variable_array(int n) {
#if defined __cplusplus
    int *array = (int*)__builtin_alloca(sizeof(int) * (size_t)n);
#else
    int array[n];
#endif
    int handles[4];
    int i;
    for(i = 0; i != n; ++i)
        array[i] = i * i;
    for(i = 0; i != 4; ++i)
        handles[i] = go(one(twice(array[n - 1 - i]),
            (n - 1 - i) * (n - 1 - i) * 2));
    for(i = 0; i != n; ++i)
        CHECK(array[i] == i * i);
    for(i = 0; i != 4; ++i)
        join(handles[i]);
    for(i = 0; i != n; ++i)
        CHECK(array[i] == i * i);
}

TEST(variable_array) {
    for(int n = 9; n != 12; ++n) {
        with_variable_array(n);
        expect_finished(4);
    }
}

/* The compiler realigns the frame and addresses it in its own way. */
NOINLINE static void with_aligned_locals(int seed, struct big by_value) {
    unsigned char wide[64] __attribute__((aligned(64)));
    int handle, other;
    fill(wide, sizeof(wide), seed);
    handle = go(TWELVE((int)wide[0]));
    other = go(twelve(seed, by_value, half(seed), third(seed), pair(seed),
        (float)seed, seed * 1000L, (signed char)(seed % 100),
        (short)(seed + 1), "twelve", (unsigned long long)seed << 40,
        twice(twice(seed))));
    CHECK((uintptr_t)wide % 64 == 0);
    CHECK(filled(wide, sizeof(wide), seed));
    CHECK(filled(by_value.bytes, sizeof(by_value.bytes), seed));
    join(handle);
    join(other);
    CHECK(filled(wide, sizeof(wide), seed));
}

TEST(aligned_locals) {
    with_aligned_locals(5, big(5));
    expect_finished(2);
}

NOINLINE static void recursively(int depth, int b) {
    struct big mine = big(depth);
    CHECK_OK(bundle_go(b, TWELVE(depth + 60)));
    if(depth > 0) recursively(depth - 1, b);
    CHECK_OK(bundle_go(b, TWELVE(depth + 70)));
    CHECK(filled(mine.bytes, sizeof(mine.bytes), depth));
}

TEST(recursion) {
    int b = bundle();
    recursively(6, b);
    join(b);
    expect_finished(14);
}

/* Arguments of other calls are on the stack, or waiting to be popped. */
NOINLINE static void among_other_calls(int n) {
    long before, around;
    int first, second, third;
    before = sum12(n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    first = go(one((int)sum12(n, n, n, n, n, n, n, n, n, n, n, n), 12 * n));
    around = sum12(1, 2, 3, 4, 5, 6, 7, (second = go(one(twice(n), 2 * n))) >= 0,
        9, 10, ((third = go(one(n, n))), 11), before);
    CHECK_INT(before, n + 77);
    CHECK_INT(around, 59 + before);
    join(first);
    join(second);
    join(third);
    doubles(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    join(go(doubles(half(2), half(4), half(6), 4, half(10), 6, 7, half(16), 9,
        half(20))));
}

TEST(other_calls) {
    among_other_calls(3);
    expect_finished(5);
}

static int tickets;

NOINLINE static int next_ticket(void) { return ++tickets; }

/* What an argument changes outside the caller's frame stays changed. */
TEST(side_effects) {
    int i;
    for(i = 1; i != 6; ++i) {
        int h = go(one(next_ticket(), i));
        CHECK_INT(tickets, i);
        join(h);
    }
    expect_finished(5);
}

TEST(on_own_memory) {
    static char stacks[3][32768];
    int b = bundle();
    int i, h;
    for(i = 0; i != 2; ++i)
        CHECK_OK(bundle_go_mem(b, TWELVE(i + 80), stacks[i], sizeof(stacks[i])));
    h = go_mem(TWELVE(90), stacks[2], sizeof(stacks[2]));
    join(h);
    join(b);
    expect_finished(3);
}

TEST(huge_arguments) {
    for(int i = 0; i != 3; ++i) {
        join(go(takes_huge(huge(i), i, huge(i + 1))));
        expect_finished(1);
    }
}
