#!/bin/sh
# The tests of the report's page: skipped (77) where there is no Node, no Chromium or no playwright-core.
command -v node >/dev/null || {
    echo "skipped: node is missing (apt-get install nodejs)"
    exit 77
}
exec node "$(dirname "$0")/report.mjs"
