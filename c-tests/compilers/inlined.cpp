// A wrapper around a launch that must be inlined.

#include "check.h"

static coroutine void sends(int ch, int val) {
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
}

__attribute__((always_inline)) static inline int start(int b, int ch, int val) {
    return bundle_go(b, sends(ch, val + 1));
}

int main() {
    int ch[2], sum = 0, val;
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 10; ++i) CHECK_OK(start(b, ch[0], i));
    for(int i = 0; i != 10; ++i) {
        CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
        sum += val;
    }
    CHECK_INT(sum, 55);
    CHECK_OK(hclose(b));
    return 0;
}
