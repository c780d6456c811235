/* Programs that are started while signals are received as messages see nothing of it, whoever
   starts them and how. Nor do children that execute nothing: there a signal has the effect that
   it had before. */

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "check.h"

ALL_TESTS(BOTH_POLLERS)

extern char **environ;

static char self[4096];

BEFORE_EACH {
    if(getenv("DILL_TEST_WRAPPER")) SKIP("starts itself anew");
    CHECK(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
}

static const int watched[] = {SIGTERM, SIGUSR1, SIGCHLD, SIGINT, SIGWINCH};
#define WATCHED (sizeof(watched) / sizeof(watched[0]))

/* ------------------------------------------------------ the program started -- */

/* Says with its status what it has inherited, or waits to be killed. */
static int started(int wait) {
    sigset_t blocked;
    if(sigprocmask(SIG_BLOCK, NULL, &blocked) < 0) return 3;
    for(int signo = 1; signo <= SIGRTMAX; ++signo) {
        struct sigaction action;
        if(sigismember(&blocked, signo) == 1) return 4;
        if(sigaction(signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN &&
            signo != SIGWINCH && signo != SIGPIPE) return 5;
    }
    if(!wait) return 42;
    if(write(1, "x", 1) != 1) return 6;
    while(1) pause();
}

PROGRAM(look) {
    _exit(started(0));
}

PROGRAM(wait_for_a_signal) {
    _exit(started(1));
}

/* ------------------------------------------------------------ ways to start -- */

static int by_fork(int vforked, char *program) {
    char *args[] = {self, "--program", program, NULL};
    pid_t pid = vforked ? vfork() : fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        execv(self, args);
        _exit(9);
    }
    return pid;
}

static int by_spawn(char *program, const posix_spawn_file_actions_t *actions) {
    char *args[] = {self, "--program", program, NULL};
    pid_t pid;
    CHECK_OK(posix_spawn(&pid, self, actions, NULL, args, environ));
    return pid;
}

static void ends_with(pid_t pid, int result) {
    int status;
    pid_t got;
    do got = waitpid(pid, &status, 0); while(got < 0 && errno == EINTR);
    CHECK_INT(got, pid);
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), result);
}

static void starts_all(void) {
    char command[5000];
    snprintf(command, sizeof(command), "exec '%s' --program look", self);
    ends_with(by_fork(0, "look"), 42);
    ends_with(by_fork(1, "look"), 42);
    ends_with(by_spawn("look", NULL), 42);
    int status = system(command);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 42);
    FILE *file = popen(command, "r");
    CHECK(file);
    status = pclose(file);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 42);
    /* SIGTERM ends it. */
    int fds[2];
    char c;
    CHECK_OK(pipe(fds));
    posix_spawn_file_actions_t actions;
    CHECK_OK(posix_spawn_file_actions_init(&actions));
    CHECK_OK(posix_spawn_file_actions_adddup2(&actions, fds[1], 1));
    pid_t pid = by_spawn("wait_for_a_signal", &actions);
    CHECK_INT(read(fds[0], &c, 1), 1);
    CHECK_OK(kill(pid, SIGTERM));
    ends_with(pid, -SIGTERM);
    CHECK_OK(posix_spawn_file_actions_destroy(&actions));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static coroutine void starts_in_coroutine(void) {
    starts_all();
}

static void *starts_in_thread(void *arg) {
    starts_all();
    int b = bundle();
    CHECK_HANDLE(b);
    CHECK_OK(bundle_go(b, starts_in_coroutine()));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    return arg;
}

static int receives(void) {
    sigset_t set;
    sigemptyset(&set);
    for(size_t i = 0; i != WATCHED; ++i) CHECK_OK(sigaddset(&set, watched[i]));
    int ch = sigchan(&set);
    CHECK_HANDLE(ch);
    return ch;
}

static void *receives_in_thread(void *arg) {
    int ch = receives();
    starts_in_thread(NULL);
    CHECK_OK(hclose(ch));
    return arg;
}

/* The channel still gets everything: that its children have ended, for instance. */
TEST(programs_that_are_started) {
    pthread_t thread;
    int signo = 0, ch = receives();
    starts_in_thread(NULL);
    CHECK_OK(pthread_create(&thread, NULL, starts_in_thread, NULL));
    CHECK_OK(pthread_join(thread, NULL));
    CHECK_OK(chrecv(ch, &signo, sizeof(signo), now() + 10000));
    CHECK_INT(signo, SIGCHLD);
    while(chrecv(ch, &signo, sizeof(signo), 0) == 0) CHECK_INT(signo, SIGCHLD);
    CHECK_OK(raise(SIGTERM));
    CHECK_OK(chrecv(ch, &signo, sizeof(signo), now() + 10000));
    CHECK_INT(signo, SIGTERM);
    CHECK_OK(hclose(ch));
    CHECK_OK(pthread_create(&thread, NULL, receives_in_thread, NULL));
    CHECK_OK(pthread_join(thread, NULL));
}

/* -------------------------------------------- children that execute nothing -- */

static volatile sig_atomic_t handled;

static void handler(int signo) {
    handled = signo;
}

/* Forks, sends the signal to the child, and says what became of it. */
static int effect_in_child(int signo, int by_itself) {
    int ready[2], go_on[2], status;
    char c;
    CHECK_OK(pipe(ready));
    CHECK_OK(pipe(go_on));
    handled = 0;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        if(by_itself) raise(signo);
        if(write(ready[1], "x", 1) != 1) _exit(99);
        close(go_on[1]);
        while(read(go_on[0], &c, 1) < 0) {}
        _exit(handled ? 50 : 40);
    }
    close(ready[1]);
    ssize_t n;
    do n = read(ready[0], &c, 1); while(n < 0 && errno == EINTR);
    if(n == 1 && !by_itself) CHECK_OK(kill(pid, signo));
    close(go_on[1]);
    do n = waitpid(pid, &status, 0); while(n < 0 && errno == EINTR);
    CHECK_INT(n, pid);
    close(ready[0]);
    close(go_on[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(signals_of_children) {
    sigset_t set, blocked;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGHUP);
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGHUP);
    CHECK_OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
    int signo = 0, ch = sigchan(&set);
    CHECK_HANDLE(ch);
    for(int by_itself = 0; by_itself != 2; ++by_itself) {
        CHECK_INT(effect_in_child(SIGTERM, by_itself), -SIGTERM);
        CHECK_INT(effect_in_child(SIGUSR1, by_itself), 50);
        CHECK_INT(effect_in_child(SIGUSR2, by_itself), 40);
        CHECK_INT(effect_in_child(SIGHUP, by_itself), 40);
    }
    CHECK_ERR(chrecv(ch, &signo, sizeof(signo), 0), ETIMEDOUT);
    CHECK_OK(raise(SIGHUP));
    CHECK_OK(chrecv(ch, &signo, sizeof(signo), now() + 10000));
    CHECK_INT(signo, SIGHUP);
    CHECK_OK(hclose(ch));
    CHECK(signal(SIGUSR1, SIG_DFL) == handler);
    CHECK(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &blocked, NULL));
}

/* What the parent has not received yet is the parent's, also when the child closes its copy. */
TEST(not_received_by_the_parent) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    int signo = 0, ch = sigchan(&set);
    CHECK_HANDLE(ch);
    CHECK_OK(raise(SIGTERM));
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        struct sigaction action;
        CHECK_OK(sigaction(SIGTERM, NULL, &action));
        CHECK(action.sa_handler == SIG_DFL);
        CHECK_OK(hclose(ch));
        CHECK_OK(sigaction(SIGTERM, NULL, &action));
        CHECK(action.sa_handler == SIG_DFL);
        _exit(7);
    }
    ends_with(pid, 7);
    CHECK_OK(chrecv(ch, &signo, sizeof(signo), now() + 10000));
    CHECK_INT(signo, SIGTERM);
    CHECK_OK(hclose(ch));
}

/* A child that shares the memory is none of the process's threads. */
TEST(child_of_vfork) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    int signo = 0, ch = sigchan(&set);
    CHECK_HANDLE(ch);
    pid_t pid = vfork();
    if(pid == 0) {
        kill(getpid(), SIGTERM);
        _exit(8);
    }
    ends_with(pid, -SIGTERM);
    CHECK_ERR(chrecv(ch, &signo, sizeof(signo), 0), ETIMEDOUT);
    CHECK_OK(raise(SIGTERM));
    CHECK_OK(chrecv(ch, &signo, sizeof(signo), now() + 10000));
    CHECK_INT(signo, SIGTERM);
    CHECK_OK(hclose(ch));
}
