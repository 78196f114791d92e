#!/bin/bash
# Bootstrap action of every EMR node. It installs Python 3.11, because the steps need it (PYSPARK_PYTHON) and EMR 7 comes
# with 3.9, and what the steps import in addition to Spark. Version and hashes are those of requirements/dev.txt.
set -euo pipefail

sudo dnf install --assumeyes python3.11 python3.11-pip

requirements="$(mktemp)"
trap 'rm -f "$requirements"' EXIT
cat >"$requirements" <<'EOF'
sqlglot==30.30.0 \
    --hash=sha256:06c4c212a7868c7dcff0fd0fda348dd3c5cbad40137b3083a70ecdfe22921cf9 \
    --hash=sha256:b8e344042c85d7baa1d0d827127dfe1611ce9ac59bceab6fe370665baeb14ce7
EOF
sudo python3.11 -m pip install --require-hashes --no-deps --requirement "$requirements"
