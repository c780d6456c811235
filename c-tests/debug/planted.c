/* Mistakes in coroutines, for tools that find them: the argument says which one is made. */

#include <libdill.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *volatile escaped;
static volatile int sink;

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
    block[10 + sink] = 1;
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

static const struct mistake {
    const char *name;
    int (*make)(void);
} mistakes[] = {
    {"heap_overflow", heap_overflow}, {"use_after_free", use_after_free},
    {"stack_overflow", stack_overflow}, {"use_after_return", use_after_return},
    {"use_after_scope", use_after_scope}, {"leak", leak}, {"uninitialised", uninitialised},
    {"undefined", undefined}, {"nothing", nothing},
    {"held", held},
};

static coroutine void worker(int (*mistake)(void)) {
    sink = deep(20, mistake) * 0;
}

static coroutine void turn(int n) {
    while(n-- && yield() == 0) continue;
}

__attribute__((noinline)) static int launch(int b, int (*mistake)(void)) {
    return bundle_go(b, worker(mistake));
}

int main(int argc, char **argv) {
    int b = bundle();
    for(int i = 0; i != 5; ++i) bundle_go(b, turn(20));
    for(size_t i = 0; i != sizeof(mistakes) / sizeof(mistakes[0]); ++i)
        if(argc > 1 && strcmp(argv[1], mistakes[i].name) == 0) launch(b, mistakes[i].make);
    bundle_wait(b, now() + 200);
    if(argc > 1 && strcmp(argv[1], "held") == 0) return 0;
    hclose(b);
    puts("the end");
    return 0;
}
