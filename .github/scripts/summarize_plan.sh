#!/usr/bin/env bash
# Prints a plan's text as Markdown, shortened to what GitHub accepts: summarize_plan.sh FILE [MAXIMUM_BYTES]
set -euo pipefail
file="$1"
maximum="${2:-900000}" # GitHub accepts 1 MB per step summary.
echo '~~~~'
head -c "$maximum" "$file" | iconv -c -f utf-8 -t utf-8
echo
echo '~~~~'
if [ "$(wc -c < "$file")" -gt "$maximum" ]; then
  echo "Shortened to $maximum bytes; the job's log has the whole plan."
fi
