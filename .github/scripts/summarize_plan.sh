#!/usr/bin/env bash
# Print a plan as Markdown, truncated to GitHub's limit: summarize_plan.sh FILE [MAXIMUM_BYTES]
set -euo pipefail
file="$1"
maximum="${2:-900000}" # The summary of a step is limited to 1 MB.
shown="$(head -c "$maximum" "$file" | iconv -c -f utf-8 -t utf-8)"
fence='~~~~'
while grep -qF "$fence" <<< "$shown"; do fence="$fence$fence"; done # Longer than any in the plan, which cannot end it.
printf '%s\n%s\n%s\n' "$fence" "$shown" "$fence"
if [ "$(wc -c < "$file")" -gt "$maximum" ]; then
  echo "Truncated after $maximum bytes. The log of the job has the full plan."
fi
