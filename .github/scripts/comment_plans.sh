#!/usr/bin/env bash
# Write the plans of dev and qa into one comment on a pull request: comment_plans.sh FOLDER_OF_PLAN_TEXTS
# Later runs replace the comment. Needs gh, GH_TOKEN, GITHUB_REPOSITORY and PULL_REQUEST.
set -euo pipefail
here="$(dirname "$0")"
marker='<!-- terraform plans -->'
maximum_bytes=20000 # A comment is limited to 65,536 characters for both plans.
comment="$(mktemp)"
trap 'rm -f "$comment"' EXIT

{
  echo "$marker"
  for environment in dev qa; do
    text="$1/$environment.txt"
    echo
    if [ -f "$text" ]; then
      outcome="$(grep -m 1 -oE '^(Plan: [0-9a-z, ]+|No changes)\.' "$text" || echo 'changes to outputs')"
      echo "<details><summary><b>$environment</b>: $outcome</summary>"
      echo
      "$here/summarize_plan.sh" "$text" "$maximum_bytes"
      echo '</details>'
    else
      echo "<b>$environment</b>: the plan failed. See the log of its job."
    fi
  done
} > "$comment"

comments="repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments"
own_comments=".[] | select(.user.login == \"github-actions[bot]\" and (.body | startswith(\"$marker\"))) | .id"
found="$(gh api --paginate "$comments" --jq "$own_comments")"
if [ -n "$found" ]; then
  gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/${found%%$'\n'*}" --field "body=@$comment"
else
  gh api --silent --method POST "$comments" --field "body=@$comment"
fi
