/* What a process has, after fork(): the child's descriptors, threads and memory are not its
   parent's, and it goes on with its own. */

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fork.h"
#include "scripted_names.h"

ALL_TESTS(BOTH_POLLERS)

/* --------------------------------------------------------------------- names -- */

static sem_t gate;

static const struct scripted names[] = {
    {"quick", "10.1.1.1", 0, 0, NULL, AF_UNSPEC},
    {"slow", "10.1.1.2", 0, 0, &gate, AF_UNSPEC},
    {NULL, NULL, 0, 0, NULL, AF_UNSPEC}
};

BEFORE_EACH_KEEPING_FDS {
    CHECK_OK(sem_init(&gate, 0, 0));
    script = names;
}

static int resolved;

static coroutine void resolves(const char *name) {
    struct ipaddr addr;
    CHECK_OK(ipaddr_remote(&addr, name, 80, 0, -1));
    resolved++;
}

/* The threads that look names up are the parent's: the child's copy of a call that was under
   way asks again. */
TEST(names_are_found_in_both) {
    int b = go(resolves("slow"));
    CHECK_HANDLE(b);
    while(scripted_count(&scripted_running) == 0) CHECK_OK(msleep(now() + 1));
    pid_t pid;
    if(child(&pid)) {
        int c = go(resolves("quick"));
        CHECK_HANDLE(c);
        CHECK_OK(bundle_wait(c, now() + 10000));
        CHECK_INT(resolved, 1);
        CHECK_OK(sem_post(&gate));
        CHECK_OK(sem_post(&gate));
        CHECK_OK(bundle_wait(b, now() + 10000));
        CHECK_INT(resolved, 2);
        /* And one that nobody will answer any more. */
        int d = go(resolves("slow"));
        CHECK_HANDLE(d);
        CHECK_OK(msleep(now() + 2));
        pid_t grandchild;
        if(child(&grandchild)) _exit(0);
        reap(grandchild, 0);
        _exit(0);
    }
    reap(pid, 0);
    CHECK_INT(resolved, 0);
    CHECK_OK(sem_post(&gate));
    CHECK_OK(sem_post(&gate));
    CHECK_OK(bundle_wait(b, now() + 10000));
    CHECK_OK(hclose(b));
    CHECK_INT(resolved, 1);
}

static coroutine void is_cancelled(void) {
    struct ipaddr addr;
    CHECK_ERR(ipaddr_remote(&addr, "slow", 80, 0, -1), ECANCELED);
}

TEST(a_lookup_is_cancelled_in_the_child) {
    while(sem_trywait(&gate) == 0);
    int b = go(is_cancelled());
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 2));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        CHECK_OK(hclose(b));
        _exit(0);
    }
    reap(pid, 0);
    CHECK_OK(hclose(b));
    CHECK_OK(sem_post(&gate));
    CHECK_OK(sem_post(&gate));
    while(scripted_count(&scripted_running) != 0) CHECK_OK(msleep(now() + 1));
}

/* ------------------------------------------------------- descriptors run out -- */

/* As daemons do. */
TEST(the_child_closes_everything) {
    woken_timer = 0;
    int b = go(waits_for_time(now() + 20));
    CHECK_HANDLE(b);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        for(int fd = 3; fd != MOST_FDS; ++fd) close(fd);
        int file = open("/dev/null", O_RDONLY);
        CHECK_INT(file, 3);
        CHECK_OK(pipe(pipes));
        CHECK_INT(write(pipes[1], "x", 1), 1);
        CHECK_OK(fdin(pipes[0], -1));
        CHECK_OK(bundle_wait(b, -1));
        CHECK_INT(woken_timer, 1);
        /* What was opened meanwhile was not mistaken for anything of the library's. */
        struct stat st, null;
        CHECK_OK(fstat(file, &st));
        CHECK_OK(stat("/dev/null", &null));
        CHECK_INT(st.st_rdev, null.st_rdev);
        _exit(0);
    }
    CHECK_OK(hclose(b));
    reap(pid, 0);
}

TEST(without_a_free_descriptor) {
    CHECK_OK(pipe(pipes));
    woken_pipe = 0;
    int b = go(waits_for_pipe());
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 1));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        struct rlimit limit;
        CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
        rlim_t usual = limit.rlim_cur;
        limit.rlim_cur = 3;
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
        CHECK_ERR(fdin(pipes[1], -1), EMFILE);
        CHECK_INT(write(pipes[1], "x", 1), 1);
        CHECK_OK(msleep(now() + 30));
        CHECK_INT(woken_pipe, 0);
        limit.rlim_cur = usual;
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
        CHECK_OK(bundle_wait(b, now() + 10000));
        CHECK_INT(woken_pipe, 1);
        _exit(0);
    }
    reap(pid, 0);
    CHECK_OK(hclose(b));
    CHECK_OK(close(pipes[0]));
    CHECK_OK(close(pipes[1]));
}

/* ---------------------------------------------------------------- io_uring -- */

/* What an io_uring has received for nobody is in this process's memory, and so in the child's. */
TEST(bytes_received_already_are_there) {
    int s[2];
    tcp_pair(s);
    char buf[8];
    /* What a wait has begun that is given up goes on. */
    struct cancel_scope scope;
    CHECK_OK(cancel_enter(&scope, -1, now() + 2));
    CHECK_ERR(brecv(s[0], buf, 5, -1), ECANCELED);
    CHECK_ERR(cancel_leave(&scope), ETIMEDOUT);
    CHECK_OK(bsend(s[1], "hello", 5, -1));
    CHECK_OK(msleep(now() + 5));
    pid_t pid;
    if(child(&pid)) {
        CHECK_OK(brecv(s[0], buf, 5, now() + 10000));
        CHECK_INT(memcmp(buf, "hello", 5), 0);
        CHECK_OK(bsend(s[1], "again", 5, -1));
        CHECK_OK(brecv(s[0], buf, 5, now() + 10000));
        CHECK_INT(memcmp(buf, "again", 5), 0);
        _exit(0);
    }
    reap(pid, 0);
    CHECK_OK(bsend(s[1], "later", 5, -1));
    CHECK_OK(brecv(s[0], buf, 5, now() + 10000));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
}

static coroutine void accepts(int ls, int *accepted) {
    int s = tcp_accept(ls, NULL, -1);
    if(s < 0) {
        CHECK_INT(errno, ECANCELED);
        return;
    }
    __atomic_add_fetch(accepted, 1, __ATOMIC_RELAXED);
    CHECK_OK(hclose(s));
}

static coroutine void forks_before_the_other_runs(int acceptor, pid_t *pid) {
    CHECK_OK(fdin(pipes[0], -1));
    *pid = fork();
    CHECK(*pid >= 0);
    if(*pid == 0) {
        CHECK_OK(msleep(now() + 5));
        CHECK_OK(hclose(acceptor));
        _exit(0);
    }
}

/* Also what an io_uring has accepted for somebody who has not noticed yet: the parent serves it.
   Otherwise it may be either. */
TEST(a_connection_is_served_once) {
    int *accepted = (int*)mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(accepted != MAP_FAILED);
    CHECK_OK(pipe(pipes));
    struct ipaddr addr;
    int ls = loopback_listener(&addr);
    int acceptor = go(accepts(ls, accepted));
    CHECK_HANDLE(acceptor);
    pid_t pid = -1;
    int forking = go(forks_before_the_other_runs(acceptor, &pid));
    CHECK_HANDLE(forking);
    CHECK_OK(msleep(now() + 2));
    /* In this order both become ready in one round of the scheduler. */
    CHECK_INT(write(pipes[1], "x", 1), 1);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(client >= 0);
    CHECK_OK(connect(client, ipaddr_sockaddr(&addr), (socklen_t)ipaddr_len(&addr)));
    CHECK_OK(bundle_wait(forking, -1));
    reap(pid, 0);
    while(__atomic_load_n(accepted, __ATOMIC_RELAXED) == 0) CHECK_OK(msleep(now() + 1));
    CHECK_OK(msleep(now() + 5));
    CHECK_INT(__atomic_load_n(accepted, __ATOMIC_RELAXED), 1);
    CHECK_OK(hclose(acceptor));
    CHECK_OK(hclose(forking));
    CHECK_OK(hclose(ls));
    CHECK_OK(close(client));
    CHECK_OK(fdclean(pipes[0]));
    CHECK_OK(close(pipes[0]));
    CHECK_OK(close(pipes[1]));
    CHECK_OK(munmap(accepted, sizeof(int)));
}

/* ----------------------------------------------------------------- threads -- */

static pthread_barrier_t ready, over;

static void *bystander(void *arg) {
    (void)arg;
    CHECK_OK(pipe(pipes));
    CHECK_ERR(fdin(pipes[0], now() + 2), ETIMEDOUT);
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&over);
    CHECK_INT(write(pipes[1], "x", 1), 1);
    CHECK_OK(fdin(pipes[0], now() + 10000));
    CHECK_OK(fdclean(pipes[0]));
    CHECK_OK(close(pipes[0]));
    CHECK_OK(close(pipes[1]));
    return NULL;
}

static void *first_use(void *arg) {
    (void)arg;
    CHECK_OK(msleep(now() + 2));
    return NULL;
}

static void *forking_thread(void *arg) {
    (void)arg;
    int s[2];
    tcp_pair(s);
    woken_socket = 0;
    int b = go(waits_for_socket(s[0]));
    CHECK_HANDLE(b);
    CHECK_OK(msleep(now() + 1));
    pid_t pid;
    if(child(&pid)) {
        char c = 3;
        CHECK_OK(bsend(s[1], &c, 1, -1));
        CHECK_OK(bundle_wait(b, now() + 10000));
        CHECK_INT(woken_socket, 3);
        /* The pollers of threads that are not here are closed. */
        int last;
        CHECK_INT(of_kind("eventpoll", &last) + of_kind("io_uring", &last), 1);
        pthread_t thread;
        CHECK_OK(pthread_create(&thread, NULL, first_use, NULL));
        CHECK_OK(pthread_join(thread, NULL));
        _exit(0);
    }
    reap(pid, 0);
    CHECK_OK(hclose(b));
    CHECK_OK(hclose(s[0]));
    CHECK_OK(hclose(s[1]));
    return NULL;
}

TEST(of_several_threads) {
    pthread_t thread, forking;
    CHECK_OK(pthread_barrier_init(&ready, NULL, 2));
    CHECK_OK(pthread_barrier_init(&over, NULL, 2));
    CHECK_OK(pthread_create(&thread, NULL, bystander, NULL));
    pthread_barrier_wait(&ready);
    CHECK_OK(pthread_create(&forking, NULL, forking_thread, NULL));
    CHECK_OK(pthread_join(forking, NULL));
    pthread_barrier_wait(&over);
    CHECK_OK(pthread_join(thread, NULL));
}
