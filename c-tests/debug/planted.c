/* Mistakes in coroutines, for tools that find them: the argument says which one is made. With
   another argument two threads make it, each in a coroutine of its own. */

#include <libdill.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static char *volatile escaped;
static __thread volatile int sink;

/* Some frames between a mistake and the launch. */
__attribute__((noinline)) static int deep(int depth, int (*mistake)(void)) {
    volatile char frame[64];
    frame[depth % 64] = 1;
    int result = depth ? deep(depth - 1, mistake) : mistake();
    return result + frame[depth % 64];
}

__attribute__((noinline)) static int heap_overflow(void) {
    char *block = malloc(10);
    yield();
    ((volatile char*)block)[10 + sink] = 1;
    free(block);
    return 0;
}

__attribute__((noinline)) static int use_after_free(void) {
    char *block = malloc(10);
    escaped = block;
    free(block);
    yield();
    return escaped[3];
}

__attribute__((noinline)) static int stack_overflow(void) {
    char block[10];
    memset(block, 0, sizeof(block));
    escaped = block;
    yield();
    escaped[10 + sink] = 1;
    return block[0];
}

__attribute__((noinline)) static char *gone(void) {
    char local[20];
    memset(local, 1, sizeof(local));
    escaped = local;
    yield();
    return escaped;
}

__attribute__((noinline)) static int use_after_return(void) {
    gone();
    yield();
    return escaped[5];
}

__attribute__((noinline)) static int use_after_scope(void) {
    {
        char inner[20];
        memset(inner, 1, sizeof(inner));
        escaped = inner;
        yield();
    }
    return escaped[5];
}

__attribute__((noinline)) static int leak(void) {
    escaped = malloc(12345);
    escaped[0] = 1;
    yield();
    escaped = NULL;
    return 0;
}

__attribute__((noinline)) static int uninitialised(void) {
    int *block = malloc(10 * sizeof(int));
    yield();
    if(block[3] == 7) puts("seven");
    free(block);
    return 0;
}

__attribute__((noinline)) static int undefined(void) {
    volatile int shift = 33;
    yield();
    return 1 << shift;
}

__attribute__((noinline)) static int endless(void) {
    volatile char frame[100];
    frame[sink % 100] = 1;
    return sink == 77 ? 0 : endless() + frame[sink % 100];
}

static int counter;

/* With two threads this is a data race. */
__attribute__((noinline)) static int race(void) {
    for(int i = 0; i != 10; ++i) {
        counter++;
        yield();
    }
    return 0;
}

/* And this isn't, nor is what coroutines of one thread share. */
__attribute__((noinline)) static int take_turns(void) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    for(int i = 0; i != 10; ++i) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
        yield();
    }
    return 0;
}

/* No mistake: the program ends while a coroutine still holds memory. */
static int held(void) {
    char *block = malloc(54321);
    block[0] = 1;
    msleep(-1);
    free(block);
    return 0;
}

__attribute__((noinline)) static int nothing(void) {
    yield();
    return 0;
}

static coroutine void lends(void) {
    char local[20];
    memset(local, 1, sizeof(local));
    escaped = local;
    yield();
}

static coroutine void wait_until(int64_t deadline) {
    volatile char frame[500];
    frame[sink] = 1;
    msleep(deadline);
}

/* Locals of a coroutine that has finished are gone, whoever was launched meanwhile. */
__attribute__((noinline)) static int use_finished(int launches) {
    int b = bundle();
    bundle_go(b, lends());
    bundle_wait(b, -1);
    while(launches--) bundle_go(b, wait_until(-1));
    int result = escaped[5];
    hclose(b);
    return result;
}

static long resident_kilobytes(void) {
    long kilobytes = 0;
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while(fgets(line, sizeof(line), file)) sscanf(line, "VmRSS: %ld", &kilobytes);
    fclose(file);
    return kilobytes;
}

static void launch_many(int times) {
    int b = bundle();
    for(int i = 0; i != times; ++i) {
        for(int k = 0; k != 100; ++k) bundle_go(b, wait_until(0));
        bundle_wait(b, -1);
    }
    hclose(b);
}

/* No mistake: what is kept of those that have finished is limited. */
static void many(void) {
    launch_many(5);
    long before = resident_kilobytes();
    launch_many(20);
    long grown = resident_kilobytes() - before;
    if(grown > 8 * 1024) printf("WARNING: grown by %ld KB\n", grown);
}

static void *short_life(void *arg) {
    launch_many(1);
    return arg;
}

/* No mistake: what was a stack in a thread that has ended may be other memory now. */
static void stacks_gone(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, short_life, NULL);
    pthread_join(thread, NULL);
    for(int i = 0; i != 32; ++i) {
        void *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if(block != MAP_FAILED) memset(block, 1, 1 << 20);
    }
}

static const struct mistake {
    const char *name;
    int (*make)(void);
} mistakes[] = {
    {"heap_overflow", heap_overflow}, {"use_after_free", use_after_free},
    {"stack_overflow", stack_overflow}, {"use_after_return", use_after_return},
    {"use_after_scope", use_after_scope}, {"leak", leak}, {"uninitialised", uninitialised},
    {"undefined", undefined}, {"endless", endless}, {"nothing", nothing},
    {"held", held}, {"race", race}, {"take_turns", take_turns},
};

static coroutine void worker(int (*mistake)(void)) {
    sink = deep(20, mistake) * 0;
}

static coroutine void turn(int n, int *turns) {
    while(n-- && yield() == 0) ++*turns;
}

__attribute__((noinline)) static int launch(int b, int (*mistake)(void)) {
    return bundle_go(b, worker(mistake));
}

static void *life(void *name) {
    int b = bundle(), turns = 0;
    for(int i = 0; i != 5; ++i) bundle_go(b, turn(20, &turns));
    for(size_t i = 0; i != sizeof(mistakes) / sizeof(mistakes[0]); ++i)
        if(name && strcmp(name, mistakes[i].name) == 0) launch(b, mistakes[i].make);
    if(name && strcmp(name, "finished") == 0) sink = use_finished(0);
    if(name && strcmp(name, "finished_replaced") == 0) sink = use_finished(10);
    if(name && strcmp(name, "many") == 0) many();
    if(name && strcmp(name, "stacks_gone") == 0) stacks_gone();
    bundle_wait(b, now() + 200);
    if(!name || strcmp(name, "held") != 0) hclose(b);
    return NULL;
}

int main(int argc, char **argv) {
    char *name = argc > 1 ? argv[1] : NULL;
    pthread_t other;
    if(argc > 2) pthread_create(&other, NULL, life, name);
    life(name);
    if(argc > 2) pthread_join(other, NULL);
    puts("the end");
    return 0;
}
