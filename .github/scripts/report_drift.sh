#!/usr/bin/env bash
# Keeps one open issue for an environment as long as it differs from main: report_drift.sh true|false PLAN_TEXT
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
      echo "What is deployed in $ENVIRONMENT is not what main says ([plan]($run)). Either a deployment waits for its"
      echo "approval or was rolled back, or somebody changed something by hand: put it back with the workflow \`pipeline\`,"
      echo 'action `apply`, or bring the change into the repository.'
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
