/* Host names: modes, order, failures, deadlines, cancellation, helper threads, fork. */

#include "net.h"
#include "process.h"
#include "scripted_names.h"

ALL_TESTS(BOTH_POLLERS)

static sem_t gate;

static const struct scripted lines[] = {
    {"both", "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2", 0, 0, NULL, 0},
    {"four", "192.0.2.4", 0, 0, NULL, 0},
    {"six", "2001:db8::6", 0, 0, NULL, 0},
    {"again", "", EAI_AGAIN, 0, NULL, 0},
    {"fail", "", EAI_FAIL, 0, NULL, 0},
    {"memory", "", EAI_MEMORY, 0, NULL, 0},
    {"descriptors", "", EAI_SYSTEM, EMFILE, NULL, 0},
    {"refused", "", EAI_SYSTEM, ECONNREFUSED, NULL, 0},
    {"slow", "192.0.2.9", 0, 0, &gate, AF_UNSPEC},
    {NULL, NULL, 0, 0, NULL, 0},
};

/* All addresses as one text. */
static void resolves(const char *name, int mode, int room, const char *expected) {
    struct ipaddr addrs[8];
    char all[512] = "", text[IPADDR_MAXSTRLEN];
    int n = ipaddr_remotes(addrs, room, name, 80, mode, -1);
    CHECK_BETWEEN(n, 0, room);
    for(int i = 0; i != n; ++i) {
        CHECK_INT(ipaddr_port(&addrs[i]), 80);
        if(i) strcat(all, " ");
        strcat(all, ipaddr_str(&addrs[i], text));
    }
    CHECK_STR(all, expected);
    struct ipaddr addr;
    if(!n) {
        CHECK_ERR(ipaddr_remote(&addr, name, 80, mode, -1), EADDRNOTAVAIL);
        CHECK_INT(ipaddr_family(&addr), AF_UNSPEC);
        return;
    }
    CHECK_OK(ipaddr_remote(&addr, name, 80, mode, -1));
    CHECK_INT(ipaddr_equal(&addr, &addrs[0], 0), 1);
}

BEFORE_EACH {
    script = lines;
    CHECK_OK(sem_init(&gate, 0, 0));
}

TEST(modes) {
    resolves("both", 0, 8, "192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2");
    resolves("both", IPADDR_PREF_IPV4, 8,
        "192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2");
    resolves("both", IPADDR_PREF_IPV6, 8,
        "2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2");
    resolves("both", IPADDR_IPV4, 8, "192.0.2.1 192.0.2.2");
    resolves("both", IPADDR_IPV6, 8, "2001:db8::1 2001:db8::2");
    resolves("both", IPADDR_PREF_IPV6, 3, "2001:db8::1 2001:db8::2 192.0.2.1");
    resolves("both", IPADDR_IPV4, 1, "192.0.2.1");
    resolves("four", IPADDR_PREF_IPV6, 8, "192.0.2.4");
    resolves("four", IPADDR_IPV6, 8, "");
    resolves("six", 0, 8, "2001:db8::6");
    resolves("six", IPADDR_IPV4, 8, "");
}

TEST(failures) {
    struct ipaddr addr;
    char name[256];
    resolves("nobody", 0, 8, "");
    resolves("again", 0, 8, "");
    resolves("fail", 0, 8, "");
    resolves("refused", 0, 8, "");
    CHECK_ERR(ipaddr_remote(&addr, "memory", 80, 0, -1), ENOMEM);
    CHECK_ERR(ipaddr_remote(&addr, "descriptors", 80, 0, -1), EMFILE);
    CHECK_ERR(ipaddr_remotes(&addr, 1, "descriptors", 80, 0, -1), EMFILE);
    /* These nobody is asked about. */
    int calls = scripted_count(&scripted_calls);
    resolves("", 0, 8, "");
    CHECK_ERR(ipaddr_remote(&addr, "both", -1, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_remote(&addr, "both", 65536, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_remote(&addr, "both", 80, 5, -1), EINVAL);
    CHECK_ERR(ipaddr_remote(&addr, NULL, 80, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_remote(NULL, "both", 80, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_remotes(&addr, 0, "both", 80, 0, -1), EINVAL);
    CHECK_ERR(ipaddr_remote(&addr, "both", 80, 0, 0), ETIMEDOUT);
    memset(name, 'a', sizeof(name));
    name[255] = 0;
    CHECK_ERR(ipaddr_remote(&addr, name, 80, 0, -1), ENAMETOOLONG);
    CHECK_INT(scripted_count(&scripted_calls), calls);
    name[254] = 0;
    CHECK_ERR(ipaddr_remote(&addr, name, 80, 0, -1), EADDRNOTAVAIL);
    CHECK_INT(scripted_count(&scripted_calls), calls + 1);
}

/* Until so many calls run in helpers. */
static void await_helpers(int n) {
    while(scripted_count(&scripted_running) != n) CHECK_OK(msleep(now() + 1));
}

/* Until no call runs in a helper any more. */
static void open_gate(void) {
    while(scripted_count(&scripted_running)) {
        CHECK_OK(sem_post(&gate));
        CHECK_OK(msleep(now() + 1));
    }
    while(sem_trywait(&gate) == 0) {}
}

TEST(deadline_does_not_wait_for_the_helper) {
    struct ipaddr addr;
    int fds = count_fds();
    /* On a busy machine the first helper may not have come to its call by then. */
    do {
        int64_t start = now();
        CHECK_ERR(ipaddr_remote(&addr, "slow", 80, 0, start + 20), ETIMEDOUT);
        CHECK(now() - start >= 20);
        CHECK_INT(ipaddr_family(&addr), AF_UNSPEC);
        /* Nothing is left of it but the call in the helper, which holds up no other. */
        CHECK_INT(count_fds(), fds);
    } while(scripted_count(&scripted_running) == 0);
    resolves("four", 0, 8, "192.0.2.4");
    open_gate();
    resolves("four", 0, 8, "192.0.2.4");
}

static coroutine void is_cancelled(const char *name) {
    struct ipaddr addr;
    CHECK_ERR(ipaddr_remote(&addr, name, 80, 0, -1), ECANCELED);
    CHECK_ERR(ipaddr_remote(&addr, "four", 80, 0, -1), ECANCELED);
    CHECK_OK(ipaddr_remote(&addr, "192.0.2.1", 80, 0, -1));
    note("cancelled");
}

TEST(cancellation_does_not_wait_for_the_helper) {
    int fds = count_fds();
    int b = go(is_cancelled("slow"));
    CHECK_HANDLE(b);
    await_helpers(1);
    CHECK_OK(hclose(b));
    CHECK_NOTES("cancelled");
    CHECK_INT(count_fds(), fds);
    open_gate();
}

static coroutine void is_interrupted(int ch) {
    struct cancel_scope scope;
    struct ipaddr addr;
    CHECK_OK(cancel_enter(&scope, ch, -1));
    CHECK_ERR(ipaddr_remote(&addr, "slow", 80, 0, -1), ECANCELED);
    CHECK_ERR(cancel_leave(&scope), ECANCELED);
    CHECK_OK(ipaddr_remote(&addr, "four", 80, 0, -1));
    note("interrupted");
}

TEST(cancel_scopes_interrupt) {
    int ch[2];
    CHECK_OK(chmake(ch));
    int b = go(is_interrupted(ch[0]));
    CHECK_HANDLE(b);
    await_helpers(1);
    CHECK_OK(chdone(ch[1]));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_NOTES("interrupted");
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(ch[0]));
    CHECK_OK(hclose(ch[1]));
    open_gate();
}

static coroutine void waits(volatile int *answered) {
    struct ipaddr addr;
    if(ipaddr_remote(&addr, "slow", 80, 0, -1) == 0) ++*answered;
}

TEST(helpers_are_few) {
    volatile int answered = 0;
    int calls = scripted_count(&scripted_calls);
    int b = bundle();
    for(int i = 0; i != 40; ++i) CHECK_OK(bundle_go(b, waits(&answered)));
    await_helpers(16);
    /* The others come to it one by one. */
    for(int i = 0; i != 20; ++i) CHECK_OK(sem_post(&gate));
    while(answered < 20) CHECK_OK(msleep(now() + 1));
    await_helpers(16);
    CHECK_INT(scripted_count(&scripted_calls), calls + 36);
    /* Four are still in the queue, and nobody is asked for them any more. */
    CHECK_OK(hclose(b));
    CHECK_INT(answered, 20);
    open_gate();
    resolves("four", 0, 8, "192.0.2.4");
    CHECK_INT(scripted_count(&scripted_calls), calls + 36 + 2);
    CHECK_INT(scripted_count(&scripted_most), 16);
}

static void *thread_main(void *arg) {
    for(int i = 0; i != 50; ++i) resolves("both", IPADDR_IPV4, 1, "192.0.2.1");
    return arg;
}

TEST(threads_share_the_helpers) {
    pthread_t threads[2];
    for(int i = 0; i != 2; ++i)
        CHECK_OK(pthread_create(&threads[i], NULL, thread_main, NULL));
    thread_main(NULL);
    for(int i = 0; i != 2; ++i) CHECK_OK(pthread_join(threads[i], NULL));
}

TEST(a_child_process_has_its_own_helpers) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(!pid) {
        /* In a new thread, as the child must leave its parent's scheduler alone. */
        pthread_t thread;
        CHECK_OK(pthread_create(&thread, NULL, thread_main, NULL));
        CHECK_OK(pthread_join(thread, NULL));
        _exit(0);
    }
    CHECK_OK(result_of(pid));
    resolves("four", 0, 8, "192.0.2.4");
}

static void *posts_late(void *arg) {
    usleep(30000);
    CHECK_OK(sem_post(&gate));
    return arg;
}

static void *in_virtual_time(void *arg) {
    struct ipaddr addr;
    pthread_t thread;
    /* Time does not run while a helper is at work. */
    int64_t start = now();
    CHECK_OK(pthread_create(&thread, NULL, posts_late, NULL));
    CHECK_OK(ipaddr_remote(&addr, "slow", 80, 0, start + 5));
    CHECK_INT(now(), start);
    CHECK_OK(pthread_join(thread, NULL));
    CHECK_OK(msleep(start + 100000));
    CHECK_INT(now(), start + 100000);
    return arg;
}

TEST(virtual_time_stands_still) {
    use_virtual_time();
    pthread_t thread;
    CHECK_OK(pthread_create(&thread, NULL, in_virtual_time, NULL));
    CHECK_OK(pthread_join(thread, NULL));
}
