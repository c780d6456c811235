#!/bin/sh
# A short soak; `make soak` runs a long one.
exec "$(dirname "$0")/soak/run" 12
