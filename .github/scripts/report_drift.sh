#!/usr/bin/env bash
# Keeps one issue open for an environment while it differs from main: report_drift.sh true|false PLAN_TEXT
# Needs gh, and GH_TOKEN, GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_SERVER_URL and ENVIRONMENT.
set -euo pipefail
drift="$1"
text="$2"
here="$(dirname "$0")"
title="Drift in $ENVIRONMENT"
run="$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"
body="$(mktemp)"
trap 'rm -f "$body"' EXIT

found="$(gh issue list --repo "$GITHUB_REPOSITORY" --state open --limit 1000 --json number,title \
  --jq ".[] | select(.title == \"$title\") | .number")"
issue="${found%%$'\n'*}"

case "$drift" in
  true)
    {
      echo "The environment $ENVIRONMENT differs from main ([plan]($run)). Either a deployment is waiting for approval or was"
      echo "rolled back, or someone changed a resource by hand: revert the change with the workflow \`pipeline\`, action"
      echo '`apply`, or add it to the repository.'
      echo
      "$here/summarize_plan.sh" "$text" 60000
    } > "$body"
    if [ -n "$issue" ]; then
      gh issue edit "$issue" --repo "$GITHUB_REPOSITORY" --body-file "$body"
    else
      gh issue create --repo "$GITHUB_REPOSITORY" --title "$title" --body-file "$body"
    fi
    ;;
  false)
    if [ -n "$issue" ]; then
      gh issue close "$issue" --repo "$GITHUB_REPOSITORY" --comment "No more differences ([plan]($run))."
    fi
    ;;
  *)
    echo "report_drift.sh: the first argument is true or false, not '$drift'" >&2
    exit 1
    ;;
esac
