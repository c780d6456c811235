/* Programs compiled against libdill's own header keep running: they launch their
   coroutines with dill_prologue and dill_epilogue directly. The parent's registers
   go to *ctx, the stack pointer moves to *ptr, the function runs, dill_epilogue never
   returns; and whoever resumes the parent loads the registers. On x86-64 they are eight
   words (rbx rbp r12 r13 r14 r15 rsp rip), with 1 in rax and *ctx in rdx afterwards;
   elsewhere a sigjmp_buf. What such programs do in a macro is done here in three
   ways: in one function, in assembly that looks at every register, and by compilers,
   in a macro. */

#include "check.h"

#include <pthread.h>

#if defined __x86_64__
#include "libdill_binary/launches_x86_64.h"
#elif defined __aarch64__
#include "libdill_binary/launches_aarch64.h"
#endif

#if defined LAUNCHES_H_INCLUDED

struct job {
    int ch;
    int val;
};

static void sends(void *arg) {
    struct job *job = (struct job*)arg;
    note("child%d", job->val);
    CHECK_OK(chsend(job->ch, &job->val, sizeof(int), -1));
    note("sent%d", job->val);
}

static void blocks(void *arg) {
    (void)arg;
    CHECK_ERR(msleep(-1), ECANCELED);
    note("cancelled");
}

static void launches(void *arg) {
    /* An old-style parent that is itself a coroutine. */
    int b = old_go(-1, NULL, 0, sends, arg);
    CHECK_HANDLE(b);
    note("parent");
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
}

static void own_bundles(void) {
    int ch[2], val;
    CHECK_OK(chmake(ch));
    struct job job = {ch[0], 1};
    int b = old_go(-1, NULL, 0, sends, &job);
    CHECK_HANDLE(b);
    note("main");
    CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
    CHECK_INT(val, 1);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("child1 main sent1");
    CHECK_OK(hclose(b));
    job.val = 2;
    b = old_go(-1, NULL, 0, launches, &job);
    CHECK_HANDLE(b);
    note("main");
    CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("child2 main parent sent2");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

static coroutine void new_style(void) {
    note("new");
    CHECK_ERR(msleep(-1), ECANCELED);
}

static void given_bundles(void) {
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_INT(old_go(b, NULL, 0, blocks, NULL), 0);
    /* Both ways of launching side by side. */
    CHECK_OK(bundle_go(b, new_style()));
    CHECK_INT(old_go(b, NULL, 0, blocks, NULL), 0);
    CHECK_OK(hclose(b));
    CHECK_NOTES("new cancelled cancelled");
    CHECK_ERR(old_go(b, NULL, 0, blocks, NULL), EBADF);
}

static void given_stacks(void) {
    static char stack[2][16384 + 3];
    for(int i = 0; i != 3; ++i) {
        int b = old_go(-1, stack[0] + i, 16384, blocks, NULL);
        CHECK_HANDLE(b);
        CHECK_INT(old_go(b, stack[1] + i, 16384, blocks, NULL), 0);
        CHECK_OK(hclose(b));
        CHECK_NOTES("cancelled cancelled");
    }
    CHECK_ERR(old_go(-1, stack[0], 100, blocks, NULL), ENOMEM);
}

static void many(void) {
    int ch[2], val, sum = 0;
    struct job job[100];
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != 100; ++i) {
        job[i].ch = ch[0];
        job[i].val = i;
        CHECK_INT(old_go(b, NULL, 0, sends, &job[i]), 0);
    }
    for(int i = 0; i != 100; ++i) {
        CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
        sum += val;
    }
    CHECK_INT(sum, 4950);
    CHECK_OK(bundle_wait(b, -1));
    check_notes_[0] = 0;
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
}

/* Uses all registers and leaves other values in them. */
static void scrambles(void *arg) {
    int *done = (int*)arg;
    CHECK_OK(yield());
    ++*done;
}

static void finishes(void *arg) {
    ++*(int*)arg;
}

static void every_register(void) {
    struct registers regs;
    int done = 0;
    /* The child blocks, or finishes at once. */
    int b = old_registers(-1, scrambles, &done, &regs);
    CHECK_HANDLE(b);
    check_registers(&regs);
    CHECK_INT(done, 0);
    memset(&regs, 0, sizeof(regs));
    CHECK_INT(old_registers(b, finishes, &done, &regs), 0);
    check_registers(&regs);
    CHECK_OK(bundle_wait(b, -1));
    CHECK_INT(done, 2);
    CHECK_OK(hclose(b));
    CHECK_ERR(old_registers(b, finishes, &done, &regs), EBADF);
    CHECK_INT(done, 2);
}

__attribute__((noinline))
static void squares(int ch, int i, double weight) {
    CHECK_OK(yield());
    long val = (long)(i * i * weight);
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
}

/* Many variables are alive across the launches. */
__attribute__((noinline))
static long sums(int count, double weight, int depth);

__attribute__((noinline))
static void nests(int ch, int count, double weight, int depth) {
    long val = sums(count, weight, depth);
    CHECK_OK(chsend(ch, &val, sizeof(val), -1));
}

static long sums(int count, double weight, int depth) {
    int ch[2];
    long val, expected = 0, seen = 0;
    double scale = weight / 2;
    CHECK_OK(chmake(ch));
    int b = bundle();
    CHECK_HANDLE(b);
    for(int i = 0; i != count; ++i) {
        int first = i, second = i * 3, third = i * 7;
        CHECK_INT(OLD_GO(squares(ch[0], i, weight), NULL, 0, b), 0);
        CHECK_INT(first * 3, second);
        CHECK_INT(first * 7, third);
        expected += (long)(i * i * weight);
    }
    CHECK(scale * 2 == weight);
    for(int i = 0; i != count; ++i) {
        CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
        seen += val;
    }
    CHECK_INT(seen, expected);
    if(depth != 0) {
        int nested = OLD_GO(nests(ch[0], count, weight, depth - 1), NULL, 0, -1);
        CHECK_HANDLE(nested);
        CHECK_OK(chrecv(ch[1], &val, sizeof(val), -1));
        CHECK_OK(bundle_wait(nested, -1));
        CHECK_OK(hclose(nested));
        seen += val;
    }
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    return seen;
}

__attribute__((noinline))
static void waits(int *cancelled) {
    CHECK_ERR(msleep(-1), ECANCELED);
    ++*cancelled;
}

static void by_macro(void) {
    CHECK_INT(sums(10, 4.0, 0), 285 * 4);
    CHECK_INT(sums(10, 4.0, 5), 285 * 4 * 6);
    /* With a stack of the program's own. */
    char *stack = (char*)malloc(3 * 16384);
    CHECK(stack != NULL);
    int cancelled = 0;
    int b = OLD_GO(waits(&cancelled), stack, 16384, -1);
    CHECK_HANDLE(b);
    for(int i = 1; i != 3; ++i)
        CHECK_INT(OLD_GO(waits(&cancelled), stack + i * 16384, 16384, b), 0);
    CHECK_OK(hclose(b));
    CHECK_INT(cancelled, 3);
    CHECK_ERR(OLD_GO(waits(&cancelled), stack, 100, -1), ENOMEM);
    CHECK_ERR(OLD_GO(waits(&cancelled), NULL, 0, b), EBADF);
    CHECK_INT(cancelled, 3);
    free(stack);
}

static void *in_thread(void *arg) {
    (void)arg;
    for(int i = 0; i != 20; ++i) {
        every_register();
        by_macro();
    }
    return NULL;
}

static void threads(void) {
    pthread_t thread[4];
    for(int i = 0; i != 4; ++i)
        CHECK_OK(pthread_create(&thread[i], NULL, in_thread, NULL));
    for(int i = 0; i != 4; ++i) CHECK_OK(pthread_join(thread[i], NULL));
}

/* The library's data, as libdill's header declares them. */
extern volatile void *dill_unoptimisable;
extern const void *dill_bsock_type;
extern const void *dill_msock_type;

static void data(void) {
    CHECK(dill_bsock_type != NULL && dill_msock_type != NULL);
    CHECK(dill_bsock_type != dill_msock_type);
    dill_unoptimisable = &dill_bsock_type;
    CHECK(dill_unoptimisable == &dill_bsock_type);
}

/* Programs have these structures within their own. */
#define SIZED(name, size, alignment)\
    CHECK_INT(sizeof(struct dill_##name), size);\
    CHECK_INT(__alignof__(struct dill_##name), alignment)

static void structures(void) {
    SIZED(bundle_storage, 64, 1);
    SIZED(chstorage, 144, 1);
    SIZED(chclause, 24, 8);
    SIZED(iolist, 32, 8);
    SIZED(ipaddr, 32, 1);
    SIZED(tcp_storage, 72, 1);
    SIZED(tcp_listener_storage, 56, 1);
    SIZED(ipc_storage, 72, 1);
    SIZED(ipc_listener_storage, 24, 1);
    SIZED(ipc_pair_storage, 144, 1);
    SIZED(prefix_storage, 56, 1);
    SIZED(suffix_storage, 128, 1);
    SIZED(udp_storage, 72, 1);
    SIZED(http_storage, 1296, 1);
    SIZED(tls_storage, 72, 1);
    SIZED(ws_storage, 176, 1);
    SIZED(term_storage, 88, 1);
}

int main(void) {
    own_bundles();
    given_bundles();
    given_stacks();
    many();
    every_register();
    by_macro();
    threads();
    data();
    structures();
    return 0;
}

#else

int main(void) {
    SKIP("libdill's way is not known for this processor");
}

#endif
