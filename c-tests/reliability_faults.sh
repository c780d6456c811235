#!/bin/sh
# A sample of the faults that `make faults` injects.
# time limit: 120
exec "$(dirname "$0")/faults/run" --short
