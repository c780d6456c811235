/* A plugin that contains the static library. */

#include <signal.h>
#include <libdill.h>

static coroutine void works(int *done) {
    if(msleep(now() + 1) == 0) *done = 1;
}

int plugin_use(void);

int plugin_use(void) {
    int done = 0, b = bundle();
    if(b < 0 || bundle_go(b, works(&done)) < 0 || bundle_wait(b, -1) < 0) return -1;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    /* Left open, and closed by the end of the thread. */
    if(sigchan(&set) < 0) return -1;
    return hclose(b) == 0 && done ? 0 : -1;
}
