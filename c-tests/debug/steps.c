/* A program that a debugger goes through instruction by instruction: switches of all kinds. */

#include <libdill.h>

static int ch[2];

__attribute__((noinline)) static void begin(void) {
    __asm__ __volatile__("# not the same as the next one" : : : "memory");
}

__attribute__((noinline)) static void end(void) {
    __asm__ __volatile__("" : : : "memory");
}

static coroutine void nothing(void) {
}

static coroutine void yields(void) {
    yield();
}

static coroutine void receives(void) {
    int val;
    chrecv(ch[1], &val, sizeof(val), -1);
}

__attribute__((noinline)) static int launches(void) {
    int b = bundle();
    if(b < 0 || chmake(ch) < 0) return 1;
    /* Later ones find a stack that was used before. */
    for(int i = 0; i != 3; ++i)
        if(bundle_go(b, nothing()) < 0) return 1;
    begin();
    if(bundle_go(b, nothing()) < 0 || bundle_go(b, yields()) < 0) return 1;
    if(yield() < 0 || yield() < 0) return 1;
    int alone = go(receives());
    /* Cancels it, and waits. */
    if(alone < 0 || hclose(alone) < 0 || hclose(b) < 0) return 1;
    end();
    return 0;
}

int main(void) {
    return launches();
}
