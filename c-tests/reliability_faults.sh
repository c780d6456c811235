#!/bin/sh
# A sample of the faults that `make faults` injects.
exec "$(dirname "$0")/faults/run" --short
