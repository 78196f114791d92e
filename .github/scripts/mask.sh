#!/usr/bin/env bash
# Replace account ids and email addresses in a file that a comment or an issue will show: mask.sh FILE
set -euo pipefail
perl -i -pe 's/(?<!\d)\d{12}(?!\d)/(account)/g; s/[\w.%+-]+@[\w-]+(?:\.[\w-]+)+/(email)/g' "$1"
