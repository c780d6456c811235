/* A program to be looked at by gdb, with coroutines in every state. */

#include <libdill.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static int channel[2];

__attribute__((noinline)) static void at_work(int *number) {
    __asm__ __volatile__("" : : "r"(number) : "memory");
}

__attribute__((noinline)) static int take(int number) {
    int value = number;
    at_work(&value);
    chrecv(channel[0], &value, sizeof(value), -1);
    return value + number;
}

static coroutine void receiver(int number) {
    int sum = take(number) + take(number + 1);
    at_work(&sum);
}

static coroutine void reader(int s) {
    char byte;
    at_work(&s);
    brecv(s, &byte, 1, -1);
    at_work(&s);
}

__attribute__((noinline)) static int launch_receivers(int b) {
    int failed = 0;
    for(int i = 0; i != 2; ++i) failed |= bundle_go(b, receiver(100 + i));
    at_work(&failed);
    return failed;
}

static coroutine void manager(void) {
    int b = bundle();
    if(launch_receivers(b) < 0) abort();
    msleep(-1);
    at_work(&b);
    hclose(b);
}

__attribute__((noinline)) void all_wait(void) {
    __asm__ __volatile__("" : : : "memory");
}

static void *other_thread(void *arg) {
    int s[2], b = bundle();
    if(ipc_pair(s) < 0) abort();
    bundle_go(b, reader(s[0]));
    all_wait();
    hclose(b);
    return arg;
}

int main(int argc, char **argv) {
    int s[2], b = bundle();
    (void)argv;
    if(chmake(channel) < 0 || ipc_pair(s) < 0) return 1;
    bundle_go(b, manager());
    bundle_go(b, reader(s[0]));
    if(argc > 1) {
        pthread_t thread;
        pthread_create(&thread, NULL, other_thread, NULL);
        pthread_join(thread, NULL);
    }
    /* Until the manager is blocked, too. */
    for(int i = 0; i != 5; ++i) yield();
    all_wait();
    hclose(b);
    return 0;
}
