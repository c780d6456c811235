/* A getaddrinfo of the program's own, which takes the C library's place: the names below, and
   nothing of what is configured on the machine. Include it once in a program. */

#ifndef SCRIPTED_NAMES_H_INCLUDED
#define SCRIPTED_NAMES_H_INCLUDED

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>

#include "check.h"

/* One line of the script. */
struct scripted {
    const char *name;
    /* Separated by spaces; those of another family than asked for are left out. */
    const char *addrs;
    /* What getaddrinfo returns, and the errno with EAI_SYSTEM. */
    int code;
    int err;
    /* Do not answer queries for this family (AF_UNSPEC: all) before it is posted. */
    sem_t *gate;
    int gate_family;
};

static const struct scripted *script;
static pthread_mutex_t scripted_lock = PTHREAD_MUTEX_INITIALIZER;
/* Calls so far, calls that run now, and the most of these. */
static int scripted_calls, scripted_running, scripted_most;

__attribute__((unused))
static int scripted_count(const int *what) {
    CHECK_OK(pthread_mutex_lock(&scripted_lock));
    int n = *what;
    CHECK_OK(pthread_mutex_unlock(&scripted_lock));
    return n;
}

static struct addrinfo *scripted_entry(const char *text, int wanted) {
    struct sockaddr_in6 in6;
    struct sockaddr_in in4;
    memset(&in6, 0, sizeof(in6));
    memset(&in4, 0, sizeof(in4));
    int is6 = inet_pton(AF_INET6, text, &in6.sin6_addr) == 1;
    if(!is6) CHECK_INT(inet_pton(AF_INET, text, &in4.sin_addr), 1);
    in6.sin6_family = AF_INET6;
    in4.sin_family = AF_INET;
    int family = is6 ? AF_INET6 : AF_INET;
    if(wanted != AF_UNSPEC && wanted != family) return NULL;
    socklen_t len = is6 ? sizeof(in6) : sizeof(in4);
    struct addrinfo *entry = (struct addrinfo*)calloc(1, sizeof(*entry));
    CHECK(entry);
    entry->ai_family = family;
    entry->ai_addrlen = len;
    entry->ai_addr = (struct sockaddr*)malloc(len);
    CHECK(entry->ai_addr);
    memcpy(entry->ai_addr, is6 ? (void*)&in6 : (void*)&in4, len);
    return entry;
}

int getaddrinfo(const char *node, const char *service,
        const struct addrinfo *hints, struct addrinfo **res) {
    const struct scripted *line = script;
    while(line->name && strcmp(line->name, node) != 0) line++;
    CHECK(!service);
    /* Each address once. */
    CHECK_INT(hints->ai_socktype, SOCK_STREAM);
    /* Signals are for the program's own threads. */
    sigset_t mask;
    CHECK_OK(pthread_sigmask(SIG_BLOCK, NULL, &mask));
    CHECK_INT(sigismember(&mask, SIGTERM), 1);
    CHECK_OK(pthread_mutex_lock(&scripted_lock));
    scripted_calls++;
    if(++scripted_running > scripted_most) scripted_most = scripted_running;
    CHECK_OK(pthread_mutex_unlock(&scripted_lock));
    if(line->gate && (line->gate_family == AF_UNSPEC ||
            line->gate_family == hints->ai_family))
        while(sem_wait(line->gate) != 0) CHECK_INT(errno, EINTR);
    CHECK_OK(pthread_mutex_lock(&scripted_lock));
    scripted_running--;
    CHECK_OK(pthread_mutex_unlock(&scripted_lock));
    if(!line->name) return EAI_NONAME;
    if(line->code) {
        errno = line->err;
        return line->code;
    }
    struct addrinfo *first = NULL, **next = &first;
    char text[256];
    CHECK(strlen(line->addrs) < sizeof(text));
    strcpy(text, line->addrs);
    char *rest = NULL;
    for(char *word = strtok_r(text, " ", &rest); word;
            word = strtok_r(NULL, " ", &rest)) {
        *next = scripted_entry(word, hints->ai_family);
        if(*next) next = &(*next)->ai_next;
    }
    *res = first;
    return first ? 0 : EAI_ADDRFAMILY;
}

void freeaddrinfo(struct addrinfo *res) {
    while(res) {
        struct addrinfo *next = res->ai_next;
        free(res->ai_addr);
        free(res);
        res = next;
    }
}

#endif
