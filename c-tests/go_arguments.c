/* go() and bundle_go() with arguments of every kind: many, large, floating,
   results of calls, with side effects, and in loops. */

#include "check.h"

struct big {
    int n[100];
};

struct mixed {
    double d;
    char c;
    float f;
};

static struct big big_make(int seed) {
    struct big b;
    for(int i = 0; i != 100; ++i) b.n[i] = seed + i * i;
    return b;
}

static int big_is(const struct big *b, int seed) {
    for(int i = 0; i != 100; ++i) if(b->n[i] != seed + i * i) return 0;
    return 1;
}

static int calls;

static __attribute__((noinline)) int next(void) {
    return ++calls;
}

static __attribute__((noinline)) int twice(int x) {
    volatile int y = x;
    return y * 2;
}

static __attribute__((noinline)) double half(double x) {
    volatile double y = x;
    return y / 2;
}

static int finished;

static coroutine void twelve_ints(int a, int b, int c, int d, int e, int f,
        int g, int h, int i, int j, int k, int l) {
    int seen[12] = {a, b, c, d, e, f, g, h, i, j, k, l};
    for(int n = 0; n != 12; ++n) CHECK_INT(seen[n], seen[0] + n);
    CHECK_OK(yield());
    for(int n = 0; n != 12; ++n) CHECK_INT(seen[n], seen[0] + n);
    finished++;
}

static coroutine void everything(char c, short s, struct big x, double d,
        int64_t i64, long double ld, const char *str, float f, struct big y,
        struct mixed m, unsigned u, double d2) {
    CHECK_OK(yield());
    CHECK_INT(c, 'c');
    CHECK_INT(s, -5);
    CHECK(big_is(&x, 7));
    CHECK(d == 3.25);
    CHECK_INT(i64, INT64_MIN);
    CHECK(ld == 1.0L / 3.0L);
    CHECK_STR(str, "text");
    CHECK(f == 0.5f);
    CHECK(big_is(&y, 1000));
    CHECK(m.d == 1e100 && m.c == 'm' && m.f == -2.5f);
    CHECK_INT(u, 4000000000u);
    CHECK(d2 == 8.125);
    finished++;
}

static coroutine void doubles(double a, double b, double c, double d, double e,
        double f, double g, double h, double i, double j) {
    double seen[10] = {a, b, c, d, e, f, g, h, i, j};
    CHECK_OK(yield());
    for(int n = 0; n != 10; ++n) CHECK(seen[n] == a + 0.5 * n);
    finished++;
}

static coroutine void adds(int *sum, int a, struct big b, double d, int e) {
    CHECK(big_is(&b, a));
    CHECK(d == a / 2.0);
    CHECK_INT(e, a * 2);
    *sum += a;
    CHECK_OK(yield());
    CHECK(big_is(&b, a));
    finished++;
}

static coroutine void two(int a, int b) {
    CHECK_OK(yield());
    CHECK_INT(a, 10);
    CHECK_INT(b, 21);
    finished++;
}

static void wait_and_close(int b, int expected) {
    CHECK_HANDLE(b);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(finished, expected);
    finished = 0;
    CHECK_OK(hclose(b));
}

TEST(many_arguments) {
    int b = go(twelve_ints(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
    CHECK_HANDLE(b);
    int base = 100;
    CHECK_OK(bundle_go(b, twelve_ints(base, base + 1, base + 2, base + 3,
        base + 4, base + 5, base + 6, base + 7, base + 8, base + 9, base + 10,
        base + 11)));
    wait_and_close(b, 2);
}

TEST(mixed_arguments) {
    struct mixed m = {1e100, 'm', -2.5f};
    struct big y = big_make(1000);
    int b = go(everything('c', -5, big_make(7), 3.25, INT64_MIN, 1.0L / 3.0L,
        "text", 0.5f, y, m, 4000000000u, 8.125));
    /* The coroutine has its own copies. */
    memset(&y, 0, sizeof(y));
    memset(&m, 0, sizeof(m));
    wait_and_close(b, 1);
    b = go(doubles(1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5));
    double a = 20;
    CHECK_OK(bundle_go(b, doubles(a, a + .5, a + 1, a + 1.5, a + 2, a + 2.5,
        a + 3, a + 3.5, a + 4, a + 4.5)));
    wait_and_close(b, 2);
}

TEST(calls_in_a_loop) {
    int b = bundle();
    CHECK_HANDLE(b);
    int sum = 0, expected = 0;
    calls = 0;
    for(int i = 0; i != 500; ++i) {
        CHECK_OK(bundle_go(b, adds(&sum, next(), big_make(i + 1), half(i + 1),
            twice(twice(i + 1) / 2))));
        expected += i + 1;
        CHECK_INT(calls, i + 1);
        CHECK_INT(sum, expected);
    }
    wait_and_close(b, 500);
    CHECK_INT(calls, 500);
}

static __attribute__((noinline)) int increment(int *p) {
    return ++*p;
}

TEST(side_effects_happen_once) {
    /* As with setjmp, a local that the arguments change is in memory only when
       it is volatile or its address is known elsewhere. */
    volatile int i = 9;
    int j = 20;
    int b = go(two(++i, increment(&j)));
    CHECK_INT(i, 10);
    CHECK_INT(j, 21);
    wait_and_close(b, 1);
    /* A conditional and an assignment as arguments. */
    volatile int set = 0;
    b = go(two(j ? 10 : 11, set = twice(10) + 1));
    CHECK_INT(set, 21);
    wait_and_close(b, 1);
}

static coroutine int returns_a_value(int a) {
    finished++;
    return a;
}

static coroutine const char *returns_a_pointer(int a) {
    finished++;
    return a ? "pointer" : NULL;
}

static coroutine double returns_a_double(int a) {
    finished++;
    return a / 2.0;
}

static void (*volatile pointer)(int a, int b) = two;

TEST(other_expressions) {
    /* A result is discarded, whatever its type. */
    int b = go(returns_a_value(5));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, returns_a_pointer(twice(5))));
    CHECK_OK(bundle_go(b, returns_a_double(twice(5))));
    CHECK_INT(finished, 3);
    /* A function pointer, and an expression that isn't just one call. */
    CHECK_OK(bundle_go(b, pointer(10, 21)));
    CHECK_OK(bundle_go(b, (returns_a_value(twice(1)), two(10, 21))));
    wait_and_close(b, 6);
    /* go() itself is an expression, that may stand in other ones. */
    CHECK_OK(hclose(go(returns_a_value(1))));
    int handles[2] = {go(returns_a_value(1)), go(returns_a_value(2))};
    CHECK_INT(finished, 3);
    for(int i = 0; i != 2; ++i) CHECK_OK(hclose(handles[i]));
    finished = 0;
}

static coroutine void nested(int level, struct big b) {
    CHECK(big_is(&b, level));
    if(level) {
        int h = go(nested(level - 1, big_make(twice(level - 1) / 2)));
        CHECK_HANDLE(h);
        CHECK_OK(bundle_wait(h, -1));
        CHECK_OK(hclose(h));
    }
    CHECK(big_is(&b, level));
    finished++;
}

TEST(launched_from_coroutines) {
    int b = go(nested(20, big_make(20)));
    wait_and_close(b, 21);
}
