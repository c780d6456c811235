/* A server under churn, for as long as one likes.

       soak [seconds] [seed]

   Clients connect, ask, half-close, reset, read and write slowly, send garbage, and do the
   same over TLS, or cut a handshake in the middle. Again and again the server is told to
   stop by SIGTERM while requests are in flight, and the next one takes over its listening
   sockets. A request that the server has acknowledged is answered, once, whatever happens;
   and when a server ends, it holds no descriptor and no memory any more.

   A request is a number, the size of the answer wanted and a time to take for it. The
   server acknowledges it with a byte, works, and answers with the number, the size and so
   many bytes. Server and clients are processes of their own. */

#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "../net.h"
#include "../random.h"

#define CERT(name) "c-tests/certs/" name
#define CLIENTS 48
#define IDLE 1500           /* ms that a server waits for a client */
#define GRACE 10000         /* ms that it gives those that are at work */
#define LINGER 8000         /* ms for a client to take the rest of its answer */
#define PATIENCE 30000      /* ms after which a client takes an answer for lost */
#define IDS (1u << 26)
#define LARGE (1 << 20)
#define KEPT 16384          /* bytes that an ended server may keep: what is made once */
#define ACK 0x06

struct request {
    uint32_t id, size, ms;
};

/* What server and clients have in common; one writer each, or atomic. */
static struct shared {
    uint64_t connections, requests, acknowledged, answered, unanswered, servers, cut;
    uint64_t kinds[16];
    long most_blocks, most_descriptors, most_rss;
    long early_rss, late_rss; /* of the last server */
    volatile int over;
} *shared;

static unsigned char *executed; /* how often, by id */

static long resident_kb(void) {
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f);
    CHECK_INT(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ------------------------------------------------------------------ server -- */

static unsigned char pattern[LARGE];

static int answer(int s, const struct request *rq) {
    unsigned char ack = ACK;
    struct iolist data = {pattern, rq->size, NULL, 0};
    struct iolist head = {(void*)rq, sizeof(*rq), rq->size ? &data : NULL, 0};
    if(__atomic_add_fetch(&executed[rq->id], 1, __ATOMIC_RELAXED) == 255) return -1;
    /* From here on the client counts on us. */
    if(bsend(s, &ack, 1, now() + IDLE) < 0) return -1;
    if(rq->ms && msleep(now() + rq->ms) < 0) return -1;
    return bsendl(s, &head, rq->size ? &data : &head, now() + PATIENCE);
}

static coroutine void connection(int s, int tls, int stop) {
    if(tls) {
        int t = tls_attach_server(s, CERT("chain.pem"), CERT("server.key"), now() + IDLE);
        if(t < 0) return; /* the socket is closed */
        s = t;
    }
    int64_t slowest = now() + 20000; /* nobody may hold a connection for ever */
    while(now() < slowest) {
        struct chclause clauses[] = {{CHSOCK, s, NULL, 0}, {CHRECV, stop, NULL, 0}};
        if(choose(clauses, 2, now() + IDLE) != 0) break;
        struct request rq;
        if(brecv(s, &rq, sizeof(rq), now() + IDLE) < 0) break;
        if(rq.id >= IDS || rq.size > LARGE || rq.ms > 1000) break; /* garbage */
        if(answer(s, &rq) < 0) break;
    }
    if(tls) {
        s = tls_detach(s, now() + LINGER);
        if(s < 0) return;
    }
    (void)tcp_close(s, now() + LINGER);
}

static coroutine void accepts(int ls, int tls, int bndl, int stop) {
    struct chclause clauses[] = {{CHRECV, stop, NULL, 0}, {CHSOCK, ls, NULL, 0}};
    while(choose(clauses, 2, -1) == 1) {
        int s = tcp_accept(ls, NULL, 0);
        if(s < 0) {
            CHECK(errno == ETIMEDOUT || errno == ECONNABORTED || errno == ECONNRESET);
            continue;
        }
        __atomic_add_fetch(&shared->connections, 1, __ATOMIC_RELAXED);
        CHECK_OK(bundle_go(bndl, connection(s, tls, stop)));
    }
    CHECK_OK(hclose(ls));
}

static long early_rss, late_rss;

static coroutine void samples(int64_t period) {
    for(int64_t start = now(); msleep(now() + 200) == 0;) {
        long rss = resident_kb();
        if(rss > shared->most_rss) shared->most_rss = rss;
        int64_t age = now() - start;
        if(age < period / 2 && rss > early_rss) early_rss = rss;
        if(age >= period / 2 && rss > late_rss) late_rss = rss;
    }
}

struct job {
    int fds[2];
    int64_t period;
};

static void *serve(void *arg) {
    const struct job *job = arg;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    int signals = sigchan(&set), signo, stop[2];
    CHECK_HANDLE(signals);
    CHECK_OK(chmake(stop));
    int b = bundle(), sampling = go(samples(job->period));
    CHECK_HANDLE(b);
    CHECK_OK(bundle_notify(b, stop[1]));
    for(int i = 0; i != 2; i++) {
        /* A copy: the descriptor itself stays for the next server. */
        int ls = tcp_listener_fromfd(dup(job->fds[i]));
        CHECK_HANDLE(ls);
        CHECK_OK(bundle_go(b, accepts(ls, i, b, stop[0])));
    }
    CHECK_OK(chrecv(signals, &signo, sizeof(signo), -1));
    if(bundle_cancel(b, GRACE) < 0) {
        CHECK_INT(errno, ETIMEDOUT);
        shared->cut++;
    }
    CHECK_OK(hclose(sampling));
    CHECK_OK(hclose(stop[0]));
    CHECK_OK(hclose(stop[1]));
    CHECK_OK(hclose(signals));
    return NULL;
}

static int descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir);
    int n = 0;
    while(readdir(dir)) n++;
    closedir(dir);
    return n;
}

/* A server's life. It runs on a thread, whose end frees all that the library keeps. */
static void server(const struct job *job) {
    pthread_t thread;
    /* The signal is for the other thread. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    int before = descriptors();
    size_t blocks = mallinfo2().uordblks;
    CHECK_OK(pthread_create(&thread, NULL, serve, (void*)job));
    CHECK_OK(pthread_join(thread, NULL));
    long open = descriptors() - before;
    /* All arenas count, so the thread's does, too. */
    long left = (long)(mallinfo2().uordblks - blocks);
    if(open > shared->most_descriptors) shared->most_descriptors = open;
    if(left > shared->most_blocks) shared->most_blocks = left;
    shared->early_rss = early_rss;
    shared->late_rss = late_rss;
    CHECK_INT(open, 0);
    CHECK_BETWEEN(left, -KEPT, KEPT);
    CHECK_BETWEEN(early_rss, 1, LONG_MAX);
    CHECK_BETWEEN(late_rss, 1, early_rss + early_rss / 4 + 4096);
    exit(0);
}

/* ----------------------------------------------------------------- clients -- */

static struct ipaddr addrs[2];
static uint32_t next_id;

static struct request request(uint32_t most, uint32_t ms) {
    struct request rq = {next_id++, rnd(most + 1), ms ? rnd(ms) : 0};
    CHECK(rq.id < IDS);
    shared->requests++;
    return rq;
}

/* Gets the answer to a request that has been sent. 1: it came; 0: it was not acknowledged,
   and the connection is over; it is an error if it was acknowledged and doesn't come. */
static int get_answer(int s, const struct request *rq, int slowly) {
    unsigned char ack;
    struct request got;
    unsigned char buf[100];
    if(brecv(s, &ack, 1, now() + PATIENCE) < 0) {
        CHECK(errno != ETIMEDOUT);
        shared->unanswered++;
        return 0;
    }
    CHECK_INT(ack, ACK);
    shared->acknowledged++;
    CHECK_OK(brecv(s, &got, sizeof(got), now() + PATIENCE));
    CHECK_INT(got.id, rq->id);
    CHECK_INT(got.size, rq->size);
    for(size_t left = rq->size; left;) {
        size_t piece = slowly ? 1 + rnd(65536) : left;
        if(piece > left) piece = left;
        CHECK_OK(brecv(s, NULL, piece > 100 ? piece - 100 : 0, now() + PATIENCE));
        size_t end = piece > 100 ? 100 : piece;
        size_t at = rq->size - left + piece - end;
        CHECK_OK(brecv(s, buf, end, now() + PATIENCE));
        CHECK_OK(memcmp(buf, pattern + at, end));
        left -= piece;
        if(slowly) CHECK_OK(msleep(now() + rnd(15)));
    }
    CHECK_INT(__atomic_load_n(&executed[rq->id], __ATOMIC_RELAXED), 1);
    shared->answered++;
    return 1;
}

static int ask(int s, uint32_t most, uint32_t ms, int slowly) {
    struct request rq = request(most, ms);
    if(bsend(s, &rq, sizeof(rq), now() + PATIENCE) < 0) return 0;
    return get_answer(s, &rq, slowly);
}

static void asks(int s, uint32_t times) {
    while(times-- && ask(s, rnd(20) == 0 ? LARGE : 2000, 30, 0)) {}
}

static int talk_tls(int s) {
    return tls_attach_client_verify(s, "localhost", CERT("ca.pem"), now() + PATIENCE);
}

/* One visit of a client; what it does is for chance to decide. */
static void visit(void) {
    uint32_t kind = rnd(12);
    int tls = kind >= 8, s = tcp_connect(&addrs[tls], now() + PATIENCE);
    CHECK_HANDLE(s); /* the listening sockets stay open through it all */
    shared->kinds[kind]++;
    struct request rq;
    char junk[500];
    switch(kind) {
    case 0: /* asks and goes in order */
        asks(s, 1 + rnd(20));
        (void)tcp_close(s, now() + 1000);
        return;
    case 1: /* half-closes behind the last request */
        rq = request(5000, 50);
            if(bsend(s, &rq, sizeof(rq), now() + PATIENCE) == 0
                && tcp_done(s, now() + PATIENCE) == 0) (void)get_answer(s, &rq, 0);
        break;
    case 2: /* resets with a request in flight */
        rq = request(100000, 50);
        (void)bsend(s, &rq, sizeof(rq), now() + PATIENCE);
        if(rnd(2)) (void)msleep(now() + rnd(10));
        break;
    case 3: /* reads slowly */
        (void)ask(s, LARGE, 0, 1);
        break;
    case 4: /* writes slowly, perhaps not to the end */
        rq = request(500, 0);
        for(size_t i = 0; i != sizeof(rq); i++) {
            if(bsend(s, (char*)&rq + i, 1, now() + PATIENCE) < 0) break;
            (void)msleep(now() + rnd(20));
            if(rnd(60) == 0) break;
            if(i + 1 == sizeof(rq)) (void)get_answer(s, &rq, 0);
        }
        break;
    case 5: /* garbage */
        for(size_t i = 0; i != sizeof(junk); i++) junk[i] = (char)(128 + rnd(128));
        (void)bsend(s, junk, 1 + rnd(sizeof(junk)), now() + PATIENCE);
        (void)brecv(s, junk, 1, now() + rnd(50));
        break;
    case 6: /* says nothing, for a while or until the server has had enough */
        (void)brecv(s, junk, 1, now() + rnd(2 * IDLE));
        break;
    case 7: /* pipelines */
        {
            struct request rqs[5];
            size_t n = 1 + rnd(5);
            for(size_t i = 0; i != n; i++) rqs[i] = request(1000, 5);
            if(bsend(s, rqs, n * sizeof(rq), now() + PATIENCE) == 0)
                for(size_t i = 0; i != n && get_answer(s, &rqs[i], 0); i++) {}
        }
        break;
    case 8: case 9: /* the same over TLS, in order to the end, or not */
        s = talk_tls(s);
        if(s < 0) return; /* the server may be stopping */
        asks(s, 1 + rnd(5));
        if(kind == 9) break;
        s = tls_detach(s, now() + 1000);
        if(s >= 0) (void)tcp_close(s, now() + 1000);
        return;
    case 10: /* a handshake cut at any place */
        {
            static const unsigned char hello[] = {0x16, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3, 3};
            (void)bsend(s, hello, 1 + rnd(sizeof(hello)), now() + PATIENCE);
            (void)msleep(now() + rnd(30));
        }
        break;
    default: /* one that is cut by its deadline */
        s = tls_attach_client_verify(s, "localhost", CERT("ca.pem"), now() + rnd(6));
        if(s < 0) return;
        break;
    }
    (void)hclose(s);
}

static coroutine void client(void) {
    while(!shared->over) visit();
}

static void clients(void) {
    int b = bundle();
    CHECK_HANDLE(b);
    int before = descriptors();
    for(int i = 0; i != CLIENTS; i++) CHECK_OK(bundle_go(b, client()));
    CHECK_OK(bundle_wait(b, -1));
    CHECK_OK(hclose(b));
    /* The poller's, at most. */
    CHECK_BETWEEN(descriptors() - before, 0, 3);
    exit(0);
}

/* -------------------------------------------------------------------- main -- */

static int listening(struct ipaddr *addr) {
    struct sockaddr_in sin = {0};
    socklen_t len = sizeof(sin);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_OK(bind(fd, (struct sockaddr*)&sin, sizeof(sin)));
    CHECK_OK(listen(fd, 1024));
    CHECK_OK(getsockname(fd, (struct sockaddr*)&sin, &len));
    CHECK_OK(ipaddr_local(addr, "127.0.0.1", ntohs(sin.sin_port), IPADDR_IPV4));
    return fd;
}

static void await(pid_t pid, const char *who) {
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    if(status != 0) {
        printf("%s ended with %s %d\n", who, WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        shared->over = 1;
        exit(1);
    }
}

static pid_t start(const struct job *job) {
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if(pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        server(job);
    }
    shared->servers++;
    return pid;
}

int main(int argc, char *argv[]) {
    int seconds = argc > 1 ? atoi(argv[1]) : 10;
    random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
        -1, 0);
    executed = mmap(NULL, IDS, PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(shared != MAP_FAILED && executed != MAP_FAILED);
    for(size_t i = 0; i != LARGE; i++) pattern[i] = (unsigned char)(i * 7 + i / 251);
    struct job job = {{listening(&addrs[0]), listening(&addrs[1])}, 0};
    /* Some 20 s each, but at least three of them. */
    int servers = seconds / 20 < 3 ? 3 : seconds / 20;
    job.period = (int64_t)seconds * 1000 / servers;
    pid_t old = start(&job), visitors = fork();
    CHECK(visitors >= 0);
    if(visitors == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        clients();
    }
    for(int i = 0; i != servers; i++) {
        usleep((useconds_t)(job.period * 1000));
        int status;
        if(waitpid(visitors, &status, WNOHANG) != 0) {
            printf("the clients have failed\n");
            kill(old, SIGKILL);
            return 1;
        }
        /* The next one first, so that there is always one that accepts. */
        pid_t young = i + 1 < servers ? start(&job) : -1;
        if(young < 0) shared->over = 1;
        if(young < 0) await(visitors, "the clients");
        CHECK_OK(kill(old, SIGTERM));
        await(old, "a server");
        old = young;
    }
    uint64_t doubled = 0;
    for(uint32_t i = 0; i != IDS; i++) {
        if(i % 4096 == 0 && i > shared->requests * 2 + 1000000) break;
        if(executed[i] > 1) doubled++;
    }
    printf("%d s, %llu servers one after the other, %llu connections\n"
        "%llu requests, %llu acknowledged, %llu answered, %llu not taken any more by a server "
        "that stops\n"
        "%lld lost, %llu doubled, %ld descriptors and at most %ld bytes of memory kept by an "
        "ended server\n%ld KiB resident at most, %ld early and %ld late in the life of the "
        "last server\n%llu servers had to cut a client at the end of their grace period\n",
        seconds, (unsigned long long)shared->servers, (unsigned long long)shared->connections,
        (unsigned long long)shared->requests, (unsigned long long)shared->acknowledged,
        (unsigned long long)shared->answered, (unsigned long long)shared->unanswered,
        (long long)(shared->acknowledged - shared->answered), (unsigned long long)doubled,
        shared->most_descriptors, shared->most_blocks, shared->most_rss, shared->early_rss,
        shared->late_rss, (unsigned long long)shared->cut);
    CHECK_INT(doubled, 0);
    CHECK_INT(shared->acknowledged, shared->answered);
    CHECK(shared->answered > 0);
    for(int i = 0; i != 12; i++) CHECK(shared->kinds[i] > 0);
    return 0;
}
