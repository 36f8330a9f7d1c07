#!/bin/sh
# conformance.check.sh - a fixed part of Go's own test tree (tests/conformance/quick.txt); all of it is
# `make conformance`. Sanitizer and stress builds leave it out: it is about the language.
case ${SAN:-}$BUILD in
build) exec sh tests/conformance/run.sh "$GOL" -j2 -quick ;;
*) echo "conformance: only in the plain build" ;;
esac
