#!/usr/bin/env bash
# Prints a plan's text as Markdown, cut where GitHub would refuse it: summarize_plan.sh FILE [MAXIMUM_BYTES]
set -euo pipefail
file="$1"
maximum="${2:-900000}" # A step's summary may have a megabyte.
echo '~~~~'
head -c "$maximum" "$file" | iconv -c -f utf-8 -t utf-8
echo
echo '~~~~'
if [ "$(wc -c < "$file")" -gt "$maximum" ]; then
  echo "Cut after $maximum bytes; the job's log has all of it."
fi
