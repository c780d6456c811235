/* Signals that arrive during blocking calls run their handlers and show nowhere
   else: no call fails with EINTR. */

#include <signal.h>
#include <sys/time.h>

#include "coroutines.h"
#include "net.h"

ALL_TESTS(BOTH_POLLERS)

static volatile sig_atomic_t count;

static void handler(int signo) {
    (void)signo;
    count++;
}

/* A signal every half millisecond, without SA_RESTART; under Memcheck, where a handler may take
   longer than that, every ten. */
static void start_signals(void) {
    struct sigaction sa;
    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = handler;
    CHECK_OK(sigaction(SIGALRM, &sa, NULL));
    long period = under_memcheck() ? 10000 : 500;
    struct itimerval it = {{0, period}, {0, period}};
    CHECK_OK(setitimer(ITIMER_REAL, &it, NULL));
}

static void stop_signals(void) {
    struct itimerval it = {{0, 0}, {0, 0}};
    CHECK_OK(setitimer(ITIMER_REAL, &it, NULL));
}

/* Waits until some signals have arrived, without any call of the library. */
static void let_signals_come(void) {
    sig_atomic_t before = count;
    while(count - before < 3);
}

static sig_atomic_t count_before;

BEFORE_EACH {
    start_signals();
    let_signals_come();
    count_before = count;
}

AFTER_EACH {
    stop_signals();
    CHECK(count > count_before);
}

TEST(timers) {
    int64_t start = now();
    CHECK_WAITED(msleep(start + 20));
    CHECK(now() - start >= 20);
    int ch[2], val;
    CHECK_OK(chmake(ch));
    CHECK_ERR(chrecv(ch[0], &val, sizeof(val), now() + 10), ETIMEDOUT);
    CHECK_ERR(chsend(ch[0], &val, sizeof(val), now() + 10), ETIMEDOUT);
    CHECK_ERR(choose(NULL, 0, now() + 10), ETIMEDOUT);
    int b = go(sleeps(20, NULL));
    CHECK_HANDLE(b);
    CHECK_WAITED(bundle_wait(b, -1));
    CHECK_OK(bundle_go(b, sleeps(20, NULL)));
    CHECK_WAITED(bundle_cancel(b, 10000));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void writes_later(int fd) {
    CHECK_OK(msleep(now() + 10));
    CHECK_INT(write(fd, "x", 1), 1);
}

TEST(descriptors) {
    int fds[2];
    CHECK_OK(pipe(fds));
    CHECK_ERR(fdin(fds[0], now() + 10), ETIMEDOUT);
    int b = go(writes_later(fds[1]));
    CHECK_HANDLE(b);
    CHECK_WAITED(fdin(fds[0], -1));
    CHECK_WAITED(fdout(fds[1], -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(fdclean(fds[0]));
    CHECK_OK(fdclean(fds[1]));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static coroutine void connects_later(struct ipaddr addr) {
    CHECK_OK(msleep(now() + 10));
    int s = tcp_connect(&addr, -1);
    CHECK_HANDLE(s);
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(bsend(s, "hello", 5, -1));
    CHECK_OK(brecv(s, NULL, 8 << 20, -1));
    CHECK_OK(msleep(now() + 10));
    CHECK_OK(tcp_close(s, -1));
}

TEST(sockets) {
    struct ipaddr addr;
    char buf[5];
    static char much[8 << 20];
    int ls = loopback_listener(&addr);
    CHECK_ERR(tcp_accept(ls, NULL, now() + 10), ETIMEDOUT);
    int b = go(connects_later(addr));
    CHECK_HANDLE(b);
    int s = tcp_accept(ls, NULL, -1);
    CHECK_HANDLE(s);
    CHECK_OK(brecv(s, buf, 5, -1));
    CHECK_OK(memcmp(buf, "hello", 5));
    CHECK_OK(bsend(s, much, sizeof(much), -1));
    CHECK_OK(tcp_close(s, -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ls));
}

/* A handler on an alternate stack, while a coroutine runs on its small one. */
static coroutine void spins_on_small_stack(volatile int *stop) {
    while(!*stop) if(yield() < 0) break;
}

TEST(alternate_stack) {
    static char altstack[65536], stack[4096];
    stack_t ss = {.ss_sp = altstack, .ss_size = sizeof(altstack)};
    CHECK_OK(sigaltstack(&ss, NULL));
    struct sigaction sa;
    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = handler;
    sa.sa_flags = SA_ONSTACK;
    CHECK_OK(sigaction(SIGALRM, &sa, NULL));
    volatile int stop = 0;
    int b = go_mem(spins_on_small_stack(&stop), stack, sizeof(stack));
    CHECK_HANDLE(b);
    sig_atomic_t before = count;
    while(count - before < 20) CHECK_OK(yield());
    stop = 1;
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}
