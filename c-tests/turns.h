/* For tests that other coroutines get their turn: a ticker whose timer must not stand still while
   a loop makes calls that need no wait. */

#ifndef TURNS_H_INCLUDED
#define TURNS_H_INCLUDED

#include <stdint.h>
#include <time.h>

#include "check.h"

/* So much time passes at most until the ticker has run. Generous, to hold on a busy machine. */
#define SECONDS 10

static volatile long ticks;

__attribute__((unused)) static coroutine void ticker(void) {
    while(msleep(now() + 1) == 0) ticks++;
}

/* Each time that others run, it does. */
static volatile long turns;

__attribute__((unused)) static coroutine void spinner(void) {
    while(yield() == 0) turns++;
}

static int64_t ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* Lets time pass without a call. */
__attribute__((unused)) static void compute_for_ms(int64_t ms) {
    for(int64_t end = ns() + ms * 1000000; ns() < end;) continue;
}

static long first_tick;
static int64_t give_up;

__attribute__((unused)) static void begin_loop(void) {
    first_tick = ticks;
    give_up = ns() + SECONDS * INT64_C(1000000000);
}

/* The condition of the loop that is called `name`: the ticker has not run. */
__attribute__((unused)) static int must_go_on(const char *name) {
    if(ns() > give_up) check_fail(__FILE__, __LINE__, "%s: no other coroutine ran", name);
    return ticks < first_tick + 2;
}

/* Calls until the ticker has run. */
#define LOOP(name, ...) do {\
    begin_loop();\
    while(must_go_on(name)) __VA_ARGS__;\
} while(0)

#endif
