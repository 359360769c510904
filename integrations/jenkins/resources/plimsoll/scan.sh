#!/bin/sh
# What plimsollScan runs; its settings are variables.
set -eu
set -- --format "$SCAN_FORMAT" --output "$SCAN_OUTPUT"
if [ -n "$SCAN_SERVER" ]; then set -- "$@" --report-to "$SCAN_SERVER"; fi
if [ -n "$SCAN_SERVER" ] && [ -n "$SCAN_NAME" ]; then set -- "$@" --report-name "$SCAN_NAME"; fi
if [ -n "$SCAN_FAIL_ON" ]; then set -- "$@" --fail-on "$SCAN_FAIL_ON"; fi
plimsoll scan "$@" -- "$SCAN_IMAGE"
