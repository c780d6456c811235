/* Coroutines, channels and what they wait for. */

#include "shared.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

/* -------------------------------------------------- bundles and channels -- */

static coroutine void sleeps(int64_t period, int *ended) {
    (void)T(msleep(now() + period));
    ++*ended;
}

static coroutine void has_children(int *ended) {
    int b = H(bundle());
    if(b >= 0) {
        int follows = T(bundle_follow(b)) == 0;
        for(int i = 0; i != 3; i++) (void)T(bundle_go(b, sleeps(5 + i, ended)));
        (void)follows;
        (void)T(bundle_wait(b, soon()));
        (void)T(bundle_cancel(b, 10));
    }
    ++*ended;
}

static coroutine void waits_for_request(void) {
    struct chclause cl = {CHREQUEST, -1, NULL, 0};
    (void)T(choose(&cl, 1, soon()));
}

void bundles(void) {
    int ended = 0, launched = 0;
    char *stack = malloc(64 * 1024);
    CHECK(stack);
    int b = H(bundle());
    int ch[2] = {-1, -1};
    if(b >= 0) {
        if(T(chmake(ch)) == 0) keep(ch[0]), keep(ch[1]);
        (void)T(bundle_notify(b, ch[0]));
        (void)T(bundle_deadline(b, now() + 50));
        (void)T(bundle_go(b, waits_for_request()));
        if(T(bundle_go(b, has_children(&ended))) == 0) launched++;
        if(T(bundle_go_mem(b, sleeps(3, &ended), stack, 64 * 1024)) == 0) launched++;
        struct bundle_storage mem;
        int other = H(bundle_mem(&mem));
        if(other >= 0 && T(bundle_go(other, sleeps(1000000, &ended))) == 0) launched++;
        other = H(hown(other));
        (void)T(bundle_wait(b, soon()));
        (void)T(bundle_cancel(b, 20));
        (void)T(bundle_cancel(other, 0));
        int alone = H(go(sleeps(1, &ended)));
        if(alone >= 0) {
            launched++;
            (void)T(hclose(alone));
        }
    }
    close_all();
    CHECK(ended >= launched);
    free(stack);
}

static coroutine void sends(int ch, int count, int *sent) {
    for(int i = 0; i != count; i++) {
        if(T(chsend(ch, &i, sizeof(i), soon())) < 0) break;
        ++*sent;
    }
    (void)T(chdone(ch));
}

void channels(void) {
    int ch[2], sent = 0, received = 0, b = -1;
    if(T(chmake(ch)) == 0) {
        keep(ch[0]);
        keep(ch[1]);
        b = H(go(sends(ch[1], 20, &sent)));
        for(int val; b >= 0; received++) {
            struct chclause clause = {CHRECV, ch[0], &val, sizeof(val)};
            int rc = received % 2 ? T(choose(&clause, 1, soon())) :
                T(chrecv(ch[0], &val, sizeof(val), soon()));
            if(rc < 0 || errno != 0) break;
            CHECK_INT(val, received);
        }
        /* Nothing that was sent got lost. */
        (void)T(bundle_wait(b, soon()));
        if(b >= 0) CHECK_INT(received, sent);
    }
    struct chstorage mem;
    if(T(chmake_mem(&mem, ch)) == 0) {
        int val = 1;
        keep(ch[0]);
        keep(ch[1]);
        (void)T(chsend(ch[0], &val, sizeof(val), now() + 1));
    }
    close_all();
}

static coroutine void waits_in_scope(int ch) {
    struct cancel_scope sc;
    if(T(cancel_enter(&sc, ch, now() + 30)) < 0) return;
    (void)T(msleep(soon()));
    (void)T(cancel_leave(&sc));
}

void scopes(void) {
    int ch[2];
    if(T(chmake(ch)) == 0) {
        keep(ch[0]);
        keep(ch[1]);
        int b = H(go(waits_in_scope(ch[0])));
        (void)T(bundle_go(b, waits_in_scope(DILL_REQUEST)));
        (void)T(msleep(now() + 1));
        (void)T(chdone(ch[1]));
        (void)T(bundle_cancel(b, 10));
    }
    close_all();
}

/* Enough of everything for all tables to grow. */
void many(void) {
    int ended = 0, launched = 0;
    int b = H(bundle());
    for(int i = 0; b >= 0 && i != 600; i++)
        if(T(bundle_go(b, sleeps(10 + i % 5, &ended))) == 0) launched++;
    for(int i = 0; i != 200; i++) {
        int ch[2];
        if(T(chmake(ch)) == 0) keep(ch[0]), keep(ch[1]);
    }
    int ready = 0, fds[100][2], n = 0;
    for(int i = 0; i != 60; i++) {
        if(pipe(fds[n]) < 0) break;
        if(T(fdout(fds[n][1], now())) == 0) ready++;
        (void)T(fdin(fds[n][0], now()));
        n++;
    }
    (void)ready;
    (void)T(bundle_wait(b, soon()));
    for(int i = 0; i != n; i++) {
        (void)T(fdclean(fds[i][0]));
        (void)T(fdclean(fds[i][1]));
        CHECK_OK(close(fds[i][0]));
        CHECK_OK(close(fds[i][1]));
    }
    close_all();
    CHECK_INT(ended, launched);
}

/* -------------------------------------------- descriptors and signals -- */

static coroutine void writes(int fd) {
    if(T(msleep(now() + 5)) == 0) CHECK_INT(write(fd, "x", 1), 1);
}

void descriptors(void) {
    int fds[2];
    CHECK_OK(pipe(fds));
    int b = H(go(writes(fds[1])));
    char c;
    if(T(fdin(fds[0], soon())) == 0) {
        CHECK_INT(read(fds[0], &c, 1), 1);
        (void)T(bundle_go(b, writes(fds[1])));
        struct chclause clauses[] = {{CHFDIN, fds[0], NULL, 0}, {CHBUNDLE, b, NULL, 0}};
        (void)T(choose(clauses, 2, soon()));
    }
    (void)T(fdout(fds[1], soon()));
    (void)T(fdclean(fds[0]));
    (void)T(fdclean(fds[1]));
    close_all();
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

void signals(void) {
    sigset_t set, before, after;
    CHECK_OK(pthread_sigmask(SIG_BLOCK, NULL, &before));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int ch = H(sigchan(&set)), signo;
    if(ch >= 0) {
        CHECK_OK(pthread_kill(pthread_self(), SIGUSR1));
        /* A signal that arrived is not lost by a failure. */
        int rc = -1;
        for(int i = 0; rc < 0 && i != 9; i++) rc = T(chrecv(ch, &signo, sizeof(signo), soon()));
        CHECK_INT(rc, 0);
        CHECK_INT(signo, SIGUSR1);
        (void)T(chrecv(ch, &signo, sizeof(signo), now() + 1));
    }
    close_all();
    CHECK_OK(pthread_sigmask(SIG_BLOCK, NULL, &after));
    CHECK_INT(sigismember(&after, SIGUSR1), sigismember(&before, SIGUSR1));
}
