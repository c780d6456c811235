/* Numbers by chance, the same ones for the same seed: splitmix64. */

#ifndef RANDOM_H_INCLUDED
#define RANDOM_H_INCLUDED

#include <stdint.h>

static uint64_t random_state;

/* From 0 up, less than n. */
static uint32_t rnd(uint32_t n) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (uint32_t)(z >> 16) % n;
}

#endif
