/* The main thread leaves with pthread_exit; the process lives on in another one,
   which uses the library before and after that. */

#include <pthread.h>

#include "process.h"

ALL_TESTS(BOTH_POLLERS)

static pthread_t main_thread;

static coroutine void sends(int ch) {
    int val = 5;
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
}

static void use(void) {
    int ch[2], val;
    CHECK_OK(chmake(ch));
    int b = go(sends(ch[0]));
    CHECK_HANDLE(b);
    CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
    CHECK_INT(val, 5);
    CHECK_OK(msleep(now() + 1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static void *other(void *arg) {
    use();
    CHECK_OK(pthread_join(main_thread, NULL));
    use();
    /* Had it gone wrong on the way, the status would not be this one. */
    exit(42);
    return arg;
}

static void leaves(void) {
    main_thread = pthread_self();
    use();
    /* A blocked coroutine stays behind in this thread. */
    int ch[2];
    CHECK_OK(chmake(ch));
    CHECK_HANDLE(go(sends(ch[0])));
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, other, NULL));
    pthread_exit(NULL);
}

TEST(of_the_main_thread) {
    CHECK_INT(in_child(leaves), 42);
}
