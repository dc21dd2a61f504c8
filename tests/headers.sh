#!/bin/sh
# headers.sh COMPILER ARGUMENT...: every header of the source tree, in the current folder, compiles by itself.
failed=0
for header in $(find src matching teacher student experiments tests/support -name '*.h' | sort); do
    printf '#include "%s"\n' "$header" | "$@" -fsyntax-only -x c - || {
        echo "error: $header does not compile by itself; it must include what it uses" >&2
        failed=1
    }
done
exit $failed
