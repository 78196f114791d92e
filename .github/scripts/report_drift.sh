#!/usr/bin/env bash
# Keep one open issue for an environment while it differs from main: report_drift.sh true|false PLAN_TEXT
# Needs gh, GH_TOKEN, GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_SERVER_URL and ENVIRONMENT.
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
      echo "The deployment in $ENVIRONMENT differs from main ([plan]($run)). Possible causes: a deployment waits for its"
      echo 'approval, a deployment was rolled back, or a person changed resources by hand. To fix it, run the workflow'
      echo '`pipeline` with the action `apply`, or commit the change to the repository.'
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
      gh issue close "$issue" --repo "$GITHUB_REPOSITORY" --comment "The environment matches main again ([plan]($run))."
    fi
    ;;
  *)
    echo "report_drift.sh: the first argument must be true or false, not '$drift'" >&2
    exit 1
    ;;
esac
