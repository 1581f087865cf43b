#!/bin/sh
# Fails when a Go file is not as gofmt writes it, and names the file.
set -eu
bad=$(find . -name '*.go' -not -path './out/*' -exec gofmt -l {} +)
[ -z "$bad" ] || { echo "not formatted, run gofmt -w:"; echo "$bad"; exit 1; }
