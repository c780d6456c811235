// Such sources in C++.

#include "own_launcher.c"
