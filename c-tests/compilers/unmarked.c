/* Functions that are launched without being marked with `coroutine`, by several coroutines at
   once, whose locals must not be each other's. */

#include "check.h"

static void adds(int ch, int from, int *sum) {
    int values[8], total = 0;
    for(int i = 0; i != 8; ++i) values[i] = from + i;
    for(int i = 0; i != 8; ++i) {
        CHECK_OK(yield());
        values[i] += 1;
    }
    for(int i = 0; i != 8; ++i) total += values[i];
    *sum += total;
    CHECK_OK(chsend(ch, &total, sizeof(total), -1));
}

static inline void counts(int ch, int n) {
    int count = 0;
    for(int i = 0; i != n; ++i) {
        CHECK_OK(yield());
        count += i;
    }
    CHECK_OK(chsend(ch, &count, sizeof(count), -1));
}

int main(void) {
    static int sum;
    int ch[2], seen = 0, expected = 0, val;
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 10; ++i) {
        CHECK_OK(bundle_go(b, adds(ch[0], i, &sum)));
        CHECK_OK(bundle_go(b, counts(ch[0], i)));
        expected += 8 * i + 28 + 8 + i * (i - 1) / 2;
    }
    for(int i = 0; i != 20; ++i) {
        CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
        seen += val;
    }
    CHECK_INT(seen, expected);
    CHECK_OK(hclose(b));
    return 0;
}
