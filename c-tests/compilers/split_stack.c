/* With -fsplit-stack: coroutines that go deep, switch and go on, launched from the first segment
   of the thread's stack and from others. */

#include "check.h"

static int deep(int n) {
    volatile char frame[1000];
    memset((void*)frame, n, sizeof(frame));
    return n ? deep(n - 1) + frame[3] : frame[0];
}

static coroutine void works(int ch, int n) {
    int val = deep(n);
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
    CHECK_OK(yield());
    CHECK_INT(deep(n), val);
}

static int sum(void) {
    int ch[2], seen = 0, val;
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 100; ++i) {
        CHECK_OK(bundle_go(b, works(ch[0], i)));
        static char stack[65536];
        if(i == 50) CHECK_OK(bundle_go_mem(b, works(ch[0], 10), stack, sizeof(stack)));
    }
    for(int i = 0; i != 101; ++i) {
        CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
        seen += val;
    }
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    return seen;
}

static int nested(int n) {
    volatile char frame[3000];
    frame[5] = 1;
    return n ? nested(n - 1) + frame[5] - 1 : sum();
}

int main(void) {
    CHECK_INT(sum(), 166650 + 55);
    CHECK_INT(nested(500), 166650 + 55);
    return 0;
}
