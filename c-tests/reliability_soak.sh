#!/bin/sh
# A short soak; `make soak` runs a long one.
# time limit: 120
exec "$(dirname "$0")/soak/run" 12
