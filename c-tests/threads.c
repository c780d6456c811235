/* Each thread is a scheduler of its own; threads that come and go leave neither
   memory nor descriptors behind. */

#include <pthread.h>

#include "net.h"
#include "process.h"

ALL_TESTS(BOTH_POLLERS, TIME_LIMIT(60))

static coroutine void sends(int ch, int val) {
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
}

static coroutine void waits(int fd) {
    CHECK_OK(fdin(fd, -1));
}

/* A bit of everything: channels, coroutines, timers, descriptors. */
static void *short_life(void *arg) {
    int ch[2], val, fds[2];
    CHECK_OK(chmake(ch));
    int b = go(sends(ch[0], 42));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, sends(ch[0], 43)));
    CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
    CHECK_INT(val, 42);
    CHECK_OK(chrecv(ch[1], &val, sizeof(val), now() + 60000));
    CHECK_INT(val, 43);
    CHECK_OK(msleep(now() - 1));
    CHECK_OK(pipe(fds));
    CHECK_OK(bundle_go(b, waits(fds[0])));
    CHECK_INT(write(fds[1], "x", 1), 1);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    return arg;
}

/* Doesn't clean up after itself: handles open, a coroutine blocked, one of them
   on a descriptor. The library's own memory goes all the same. */
static void *untidy_life(void *arg) {
    int ch[2];
    CHECK_OK(chmake(ch));
    CHECK_HANDLE(go(sends(ch[0], 1)));
    CHECK_HANDLE(go(waits(*(int*)arg)));
    return arg;
}

/* Leaves through pthread_exit. */
static void *exits(void *arg) {
    short_life(arg);
    pthread_exit(arg);
}

/* Uses only the parts that need no scheduler. */
static void *hardly_uses_it(void *arg) {
    CHECK(now() > 0);
    return arg;
}

/* "count" is a multiple of four. */
static void run(void *(*life)(void *arg), void *arg, int count) {
    for(int i = 0; i != count; i += 4) {
        pthread_t threads[4];
        for(int j = 0; j != 4; ++j)
            CHECK_OK(pthread_create(&threads[j], NULL, life, arg));
        for(int j = 0; j != 4; ++j) {
            void *result;
            CHECK_OK(pthread_join(threads[j], &result));
            CHECK_PTR(result, arg);
        }
    }
}

TEST(leave_nothing_behind) {
    int fds[2], x, times = under_memcheck() ? 80 : 2000;
    CHECK_OK(pipe(fds));
    /* The first ones fill the caches of the C library. */
    run(short_life, &x, times / 20);
    if(!under_memcheck()) run(untidy_life, &fds[0], 20);
    int nfds = count_fds();
    long kb = resident_kb(), nmaps = mappings();
    run(short_life, &x, times);
    run(exits, &x, times / 20);
    run(hardly_uses_it, &x, times / 20);
    CHECK_INT(count_fds(), nfds);
    /* Memcheck's own would count, too; and it sees what is lost, as the handles of the untidy. */
    if(!under_memcheck()) {
        /* 2,200 leaks of one page would be 8,800 KB. */
        CHECK_BETWEEN(resident_kb() - kb, -100000, 4000);
        CHECK_BETWEEN(mappings() - nmaps, -100000, 50);
        run(untidy_life, &fds[0], 100);
        CHECK_INT(count_fds(), nfds);
        CHECK_BETWEEN(mappings() - nmaps, -100000, 50);
    }
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static void *uses_strange_handles(void *arg) {
    int *h = (int*)arg, val = 0;
    struct chclause cl = {CHRECV, h[0], &val, sizeof(val)};
    CHECK_ERR(chsend(h[0], &val, sizeof(val), -1), EBADF);
    CHECK_ERR(chrecv(h[1], &val, sizeof(val), -1), EBADF);
    CHECK_ERR(chdone(h[0]), EBADF);
    CHECK_RESULT(choose(&cl, 1, -1), 0, EBADF);
    CHECK_ERR(bundle_wait(h[2], -1), EBADF);
    CHECK_ERR(bundle_go(h[2], sends(h[0], 1)), EBADF);
    CHECK_ERR(hown(h[2]), EBADF);
    CHECK_ERR(hclose(h[2]), EBADF);
    CHECK_ERR(hclose(h[0]), EBADF);
    return arg;
}

TEST(handles_belong_to_a_thread) {
    int h[3];
    CHECK_OK(chmake(h));
    h[2] = go(sends(h[0], 7));
    CHECK_HANDLE(h[2]);
    run(uses_strange_handles, h, 4);
    /* Nothing has happened to them. */
    int val = 0;
    CHECK_OK(chrecv(h[1], &val, sizeof(val), -1));
    CHECK_INT(val, 7);
    CHECK_OK(bundle_wait(h[2], -1));
    for(int i = 0; i != 3; ++i) CHECK_OK(hclose(h[i]));
}

/* Threads talk through a pipe while both schedulers have other work. */
static coroutine void ticks(int *count) {
    while(msleep(now() + 1) == 0) ++*count;
    CHECK_INT(errno, ECANCELED);
}

static void *echo_thread(void *arg) {
    int *fd = (int*)arg, count = 0;
    int b = go(ticks(&count));
    CHECK_HANDLE(b);
    for(int i = 0; i != 100; ++i) {
        char c;
        CHECK_OK(fdin(fd[0], -1));
        CHECK_INT(read(fd[0], &c, 1), 1);
        CHECK_INT(write(fd[1], &c, 1), 1);
    }
    CHECK_OK(hclose(b));
    CHECK_OK(fdclean(fd[0]));
    return arg;
}

TEST(threads_that_talk) {
    int to[2], from[2], count = 0;
    CHECK_OK(pipe(to));
    CHECK_OK(pipe(from));
    int arg[2] = {to[0], from[1]};
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, echo_thread, arg));
    int b = go(ticks(&count));
    CHECK_HANDLE(b);
    for(int i = 0; i != 100; ++i) {
        char c = (char)i;
        CHECK_INT(write(to[1], &c, 1), 1);
        CHECK_OK(fdin(from[0], -1));
        CHECK_INT(read(from[0], &c, 1), 1);
        CHECK_INT(c, i);
    }
    CHECK_OK(pthread_join(thread, NULL));
    CHECK_OK(hclose(b));
    CHECK_OK(fdclean(from[0]));
    for(int i = 0; i != 2; ++i) {
        CHECK_OK(close(to[i]));
        CHECK_OK(close(from[i]));
    }
}
