# The menu. `make help` reads it out.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON311 ?= python3.11
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
CLOUD_INSTALLED := .venv-localcloud/.installed
CHECKS_INSTALLED := .venv-checks/.installed
WITH_JAVA = JAVA_HOME="$$($(PYTHON) -m tools.java_home)"

OUT ?= build/demo
MEMBERS ?= 20000
SEED ?= 7
ENV ?= local
SNAPSHOT_DATE ?=
DATALAKE ?=
PLAN ?=
PIPELINE ?=
MODEL ?=
ALL ?=
BUILD_TRAINING_DATA ?=

snapshot_date = $(if $(SNAPSHOT_DATE),--snapshot-date $(SNAPSHOT_DATE))
DEMO = $(WITH_JAVA) $(PYTHON) -m localcloud.demo --out "$(OUT)" --members $(MEMBERS) --seed $(SEED) \
	$(snapshot_date) $(if $(DATALAKE),--datalake "$(DATALAKE)")

saved_plan = $(if $(PLAN),--plan "$(PLAN)")

# A plan needs no running local cloud: it starts one for itself.
point_at_running_cloud = $(if $(wildcard build/localcloud/running.json),$(point_at_local_cloud))
point_at_local_cloud = $(if $(filter local,$(ENV)),exports="$$($(PYTHON) -m localcloud.cloud environment)"; eval "$$exports";)

.PHONY: help
help: ## Show this menu
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-20s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(INSTALLED) $(CLOUD_INSTALLED) $(CHECKS_INSTALLED) ## Make the three Python environments

# Editable, and the whole repository with it: notebooks import tools and benchmarks too.
install = $(PYTHON311) -m venv $(1) \
	&& $(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $< \
	&& $(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings editable_mode=compat --editable . \
	&& touch $@

$(INSTALLED): requirements/dev.txt
	$(call install,$(VENV))

.venv-%/.installed: requirements/%.txt
	$(call install,.venv-$*)

.PHONY: terraform-on-path
terraform-on-path:
	@command -v terraform >/dev/null || { echo "terraform is not on PATH: install Terraform 1.10 or newer, then try again" >&2; exit 1; }

.PHONY: demo
demo: setup terraform-on-path ## The whole pipeline on this machine [MEMBERS= SNAPSHOT_DATE= SEED= DATALAKE= OUT=]
	$(DEMO)

.PHONY: demo-up
demo-up: setup terraform-on-path ## As demo, and leave the local cloud running
	$(DEMO) --keep-running

.PHONY: demo-down
demo-down: setup ## Stop the local cloud that demo-up left running
	$(PYTHON) -m localcloud.cloud down

.PHONY: demo-env
demo-env: setup ## Print the variables that point the AWS CLI at the running local cloud
	@$(PYTHON) -m localcloud.cloud environment

.PHONY: start-etl
start-etl: setup ## Run the ETL state machine [ENV=local|dev|qa|prod SNAPSHOT_DATE= BUILD_TRAINING_DATA=1]
	$(point_at_local_cloud) $(PYTHON) -m tools.execution etl --environment $(ENV) $(snapshot_date) $(if $(BUILD_TRAINING_DATA),--build-training-data)

.PHONY: start-ml
start-ml: setup ## Run the ML state machine [ENV=local|dev|qa|prod SNAPSHOT_DATE=]
	$(point_at_local_cloud) $(PYTHON) -m tools.execution ml --environment $(ENV) $(snapshot_date)

.PHONY: package
package: $(INSTALLED) ## Build what is deployed, into build/packages; same sources, same bytes
	$(PYTHON) -m tools.package --out build/packages

.PHONY: publish
publish: package ## Put the packages into the environment's code bucket [ENV=]
	$(point_at_local_cloud) $(PYTHON) -m tools.publish --environment $(ENV)

.PHONY: plan
plan: $(CLOUD_INSTALLED) terraform-on-path package ## What apply would do; without credentials against an empty local cloud [ENV= PLAN=]
	$(point_at_running_cloud) $(PYTHON) -m localcloud.plan --environment $(ENV) $(saved_plan) $(if $(DETAILED_EXITCODE),--detailed-exitcode)

.PHONY: apply
apply: terraform-on-path publish ## Create or update an environment [ENV= PLAN=]
	$(point_at_local_cloud) $(PYTHON) -m tools.terraform apply --environment $(ENV) $(saved_plan)

.PHONY: update-lambdas
update-lambdas: terraform-on-path publish ## New code of the functions, and the state machines that call them [ENV=]
	$(point_at_local_cloud) $(PYTHON) -m tools.terraform apply --environment $(ENV) --functions-only

.PHONY: rollback
rollback: $(INSTALLED) ## The state machines' previous version, with the functions and code that it names [ENV= PIPELINE=etl|ml]
	$(point_at_local_cloud) $(PYTHON) -m tools.rollback --environment $(ENV) $(if $(PIPELINE),--pipeline $(PIPELINE))

.PHONY: labeled-set
labeled-set: $(INSTALLED) ## The labeled set as an Athena table, to look into [ENV=]
	$(point_at_local_cloud) $(PYTHON) -m tools.labeled_set --environment $(ENV)

.PHONY: models
models: $(INSTALLED) ## The registered models: which is in use, which waits for approval [ENV=]
	$(point_at_local_cloud) $(PYTHON) -m tools.models list --environment $(ENV)

.PHONY: approve-model
approve-model: $(INSTALLED) ## Let a model score members; the newest when MODEL is left out [ENV= MODEL=]
	$(point_at_local_cloud) $(PYTHON) -m tools.models approve --environment $(ENV) $(if $(MODEL),--model $(MODEL))

.PHONY: delete-model
delete-model: $(INSTALLED) ## Take a model away; the one in use when MODEL is left out [ENV= MODEL= ALL=1]
	$(point_at_local_cloud) $(PYTHON) -m tools.models delete --environment $(ENV) $(if $(MODEL),--model $(MODEL)) $(if $(ALL),--all)

.PHONY: destroy
destroy: terraform-on-path package ## Destroy an environment [ENV=]
	$(point_at_local_cloud) $(PYTHON) -m tools.terraform destroy --environment $(ENV)

.PHONY: features
features: $(INSTALLED) ## The two Spark steps alone on local folders: DATALAKE= SNAPSHOT_DATE= OUT=
	$(if $(and $(DATALAKE),$(SNAPSHOT_DATE)),,$(error name DATALAKE=<folder> and SNAPSHOT_DATE=YYYYMMDD))
	$(WITH_JAVA) $(PYTHON) -m tools.features --datalake "$(DATALAKE)" --snapshot-date $(SNAPSHOT_DATE) \
		--out "$(if $(filter file,$(origin OUT)),build/features,$(OUT))"

.PHONY: test
test: setup terraform-on-path ## All tests, the end-to-end ones on a local cloud included
	$(WITH_JAVA) $(PYTHON) -m pytest

.PHONY: benchmark
benchmark: $(INSTALLED) ## What each candidate model is worth on unseen members, and what a leak would claim
	$(PYTHON) -m benchmarks.model_quality

.PHONY: benchmark-autogluon
benchmark-autogluon: .venv-autogluon/.installed ## The same beside AutoGluon, which the product does without
	.venv-autogluon/bin/python -m benchmarks.model_quality

.PHONY: test-notebooks
test-notebooks: setup terraform-on-path ## Run every notebook from top to bottom on a local cloud
	$(WITH_JAVA) $(PYTHON) -m pytest tests/notebooks

.PHONY: notebooks
notebooks: setup terraform-on-path ## Run every notebook on a local cloud and keep its outputs
	$(WITH_JAVA) $(PYTHON) -m localcloud.demo --out build/notebooks --members 2000 --seed 7 --keep-running
	trap '$(PYTHON) -m localcloud.cloud down' EXIT; \
		exports="$$($(PYTHON) -m localcloud.cloud environment)"; eval "$$exports"; $(PYTHON) -m tools.notebooks

.PHONY: infra-test
infra-test: setup terraform-on-path ## Terraform: format, own tests, checkov, policies, plans, apply and destroy locally
	$(WITH_JAVA) $(PYTHON) -m pytest tests/infra

.PHONY: diagrams
diagrams: setup terraform-on-path ## Make docs/diagrams and docs/security.md anew, from the definitions
	$(PYTHON) -m tools.diagrams
	$(PYTHON) -m localcloud.deployment $(PYTHON) -m tools.security_docs --environment local

.PHONY: lint
lint: setup terraform-on-path ## Check style, types and Terraform; change nothing
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports --no-logo
	terraform fmt -check -recursive terraform

.PHONY: format
format: setup terraform-on-path ## Mend what lint can mend
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
	terraform fmt -recursive terraform

.PHONY: lock
lock: $(INSTALLED) ## Pin requirements/*.in with hashes
	for name in dev layer localcloud checks autogluon; do \
		$(VENV)/bin/uv pip compile --quiet --native-tls --python-version 3.11 --generate-hashes --no-header \
			--output-file requirements/$$name.txt requirements/$$name.in; \
	done

.PHONY: clean
clean: ## Stop the local cloud and remove everything that was built
	if [ -e build/localcloud/running.json ]; then $(MAKE) --no-print-directory demo-down; fi
	rm -rf build .venv .venv-localcloud .venv-checks .venv-autogluon .mypy_cache .ruff_cache .pytest_cache .hypothesis spark-warehouse artifacts
