/* The scenarios that are walked through with faults. */

#ifndef SCENARIOS_H_INCLUDED
#define SCENARIOS_H_INCLUDED

struct scenario {
    const char *name;
    void (*run)(void);
    int large; /* too many calls for all of them to fail every day */
};

extern const struct scenario scenarios[];
extern const int nscenarios;

#endif
