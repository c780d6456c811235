/* By C90 with GNU's extensions, with all warnings. */

#include <libdill.h>
#include <libdillimpl.h>

static coroutine void f(int a) {
    (void)a;
}

int main(void) {
    static char stack[16384];
    int b = go(f(1)), c = bundle(), d = go_mem(f(2), stack, sizeof(stack));
    if(bundle_go(c, f(3)) < 0 || bundle_go_mem(c, f(4), stack, sizeof(stack)) < 0) return 1;
    if(hclose(b) < 0 || hclose(d) < 0) return 1;
    return hclose(c);
}
