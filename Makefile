# `make` or `make help` shows the menu.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON311 ?= python3.11
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
CLOUD_INSTALLED := .venv-localcloud/.installed
CHECKS_INSTALLED := .venv-checks/.installed
SPARK_CLASSES := build/spark-classes.jsa
WITH_JAVA = JAVA_HOME="$$($(PYTHON) -m tools.java_home)"
PYTEST = $(WITH_JAVA) $(PYTHON) -m pytest -m "not matrix"
TERRAFORM = terraform="$$($(PYTHON) -m tools.terraform_binary)"; "$$terraform"

OUT ?= build/demo
MEMBERS ?= 20000
SEED ?= 7
ENV ?= local
SNAPSHOT_DATE ?=
DAYS ?= 1
DATALAKE ?=
PLAN ?=
PACKAGES ?=
PIPELINE ?=
MODEL ?=
ALL ?=
BUILD_TRAINING_DATA ?=
SERVE_ANYWAY ?=
TO ?=
ACCEPT_INPUT ?=
DAY ?=
A ?=
B ?=

snapshot_date = $(if $(SNAPSHOT_DATE),--snapshot-date $(SNAPSHOT_DATE))
DEMO = $(WITH_JAVA) $(PYTHON) -m localcloud.demo --out "$(OUT)" --members $(MEMBERS) --seed $(SEED) \
	$(snapshot_date) --days $(DAYS) $(if $(DATALAKE),--datalake "$(DATALAKE)")

saved_plan = $(if $(PLAN),--plan "$(PLAN)")

# A plan does not need a running local cloud: it starts its own.
point_at_running_cloud = $(if $(wildcard build/localcloud/running.json),$(point_at_local_cloud))
point_at_local_cloud = $(if $(filter local,$(ENV)),exports="$$($(PYTHON) -m localcloud.cloud environment)"; eval "$$exports";)

.PHONY: help
help:
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)
	@echo
	@echo 'ENV= is local (the default), dev, qa or prod. Other arguments stand in brackets.'

##@ Try it on this machine

.PHONY: demo
demo: setup terraform $(SPARK_CLASSES) ## Run the whole pipeline, from generated data to the table [MEMBERS= SEED= SNAPSHOT_DATE= DAYS= DATALAKE= OUT=]
	$(DEMO)

.PHONY: demo-up
demo-up: setup terraform $(SPARK_CLASSES) ## Run the demo and leave the local cloud running
	$(DEMO) --keep-running

# Whatever fails after these lines are printed, a shell that evaluates them can no longer call AWS.
define without_aws
for name in $$(env | sed -n 's/^\(AWS_[A-Z0-9_]*\)=.*/\1/p'); do unset "$$name"; done
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
export AWS_ENDPOINT_URL=http://127.0.0.1:9 AWS_ACCESS_KEY_ID=NO-LOCAL-CLOUD AWS_SECRET_ACCESS_KEY=NO-LOCAL-CLOUD
endef
export without_aws

.PHONY: demo-env
demo-env: ## Print the variables that point the AWS CLI at the running local cloud
	@printf '%s\n' "$$without_aws"
	@$(PYTHON) -m localcloud.cloud environment

.PHONY: demo-down
demo-down: setup ## Stop the local cloud that demo-up left running
	$(PYTHON) -m localcloud.cloud down

.PHONY: features
features: $(INSTALLED) ## Run only the Spark steps, on local folders [DATALAKE= SNAPSHOT_DATE= OUT=]
	$(if $(and $(DATALAKE),$(SNAPSHOT_DATE)),,$(error set DATALAKE=<folder> and SNAPSHOT_DATE=YYYYMMDD))
	$(WITH_JAVA) $(PYTHON) -m tools.features --datalake "$(DATALAKE)" --snapshot-date $(SNAPSHOT_DATE) \
		--out "$(if $(filter file,$(origin OUT)),build/features,$(OUT))"

.PHONY: benchmark
benchmark: $(INSTALLED) ## Compare the candidate models on unseen members
	$(PYTHON) -m benchmarks.model_quality

.PHONY: benchmark-etl
benchmark-etl: $(INSTALLED) .venv-benchmark/.installed ## Compare the ETL with other engines [MEMBERS=]
	$(WITH_JAVA) $(PYTHON) -m benchmarks.etl $(if $(filter file,$(origin MEMBERS)),,--members $(MEMBERS))

.PHONY: benchmark-scale
benchmark-scale: $(INSTALLED) .venv-benchmark/.installed ## Do the same with 0.2, 1, 4 and 10 million members
	$(WITH_JAVA) $(PYTHON) -m benchmarks.etl --members 200000 1000000 4000000 10000000 --repeat 1

.PHONY: benchmark-footers
benchmark-footers: $(INSTALLED) ## Check 2,000 files on a slow file system
	$(WITH_JAVA) $(PYTHON) -m benchmarks.footers

.PHONY: benchmark-push
benchmark-push: $(INSTALLED) ## Compare the push with awswrangler [MEMBERS=]
	$(WITH_JAVA) $(PYTHON) -m benchmarks.push $(if $(filter file,$(origin MEMBERS)),,--members $(MEMBERS))

.PHONY: benchmark-lookup
benchmark-lookup: setup terraform ## Measure what a lookup and its start cost, and its latency on a local cloud
	$(PYTHON) -m benchmarks.lookup

.PHONY: benchmark-autogluon
benchmark-autogluon: .venv-autogluon/.installed
	.venv-autogluon/bin/python -m benchmarks.model_quality

##@ Change it

.PHONY: unit
unit: $(INSTALLED) ## Run the fast tests: no Spark, no local cloud, no training
	$(PYTEST) -n auto tests/unit tests/contract

.PHONY: training-test
training-test: $(INSTALLED) ## Run the tests that train models
	$(PYTEST) tests/training

.PHONY: spark-test
spark-test: $(INSTALLED) ## Run the tests that need Spark
	$(PYTEST) tests/spark

.PHONY: e2e
e2e: setup terraform $(SPARK_CLASSES) ## Run the state machines on a local cloud
	$(PYTEST) tests/e2e

.PHONY: infra-test
infra-test: setup terraform $(SPARK_CLASSES) ## Check Terraform, packages, policies, workflows and documents; apply and destroy locally
	$(PYTEST) tests/infra

.PHONY: browser-test
browser-test: $(INSTALLED) ## Look at the pages in a headless browser
	$(PYTEST) tests/browser

.PHONY: test-notebooks
test-notebooks: setup terraform $(SPARK_CLASSES) ## Run every notebook on a local cloud
	$(PYTEST) tests/notebooks

# Package -> percent of its lines. What tests start as a process of its own (functions, steps, commands) does not count.
COVERAGE_FLOORS := buyer_stage/domain=98 buyer_stage/quality=98 buyer_stage/receipts=98 buyer_stage/spark=93 buyer_stage/training=97 emr_steps=95 \
	glue=93 lambdas=98 localcloud=20 sample_data=98 tools=78

# Tests that share a local cloud or a Spark session run in one process, next to the others: see tests/conftest.py. Many wait
# for a local cloud, so three processes keep two cores busy.
.PHONY: test
test: setup terraform $(SPARK_CLASSES) ## Run all of these in parallel and report the coverage per package
	$(PYTEST) -n 3 --dist loadgroup --no-loadscope-reorder --cov --cov-report=
	@failed=; for floor in $(COVERAGE_FLOORS); do \
		package="$${floor%=*}"; least="$${floor#*=}"; \
		covered="$$($(PYTHON) -m coverage report --include="$$package/*" --format=total --fail-under=$$least)" || failed="$$failed $$package"; \
		printf '%-22s %3s %% of lines covered, at least %s %%\n' "$$package" "$$covered" "$$least"; \
	done; \
	[ -z "$$failed" ] || { echo "too little coverage; add tests for:$$failed" >&2; exit 1; }

.PHONY: test-matrix
test-matrix: setup terraform $(SPARK_CLASSES) ## Run the exhaustive matrices, which test leaves out
	$(PYTEST) -m matrix || [ $$? -eq 5 ] # 5: there is no such test

.PHONY: lint
lint: setup terraform ## Check style, types, imports and Terraform; change nothing
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports --no-logo
	$(TERRAFORM) fmt -check -recursive terraform examples

.PHONY: format
format: $(INSTALLED) terraform ## Fix what lint finds, where a tool can
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
	$(TERRAFORM) fmt -recursive terraform examples

.PHONY: diagrams
diagrams: setup terraform $(SPARK_CLASSES) ## Regenerate docs/diagrams, docs/security.md and docs/recorded_calls.json
	$(PYTHON) -m tools.diagrams
	$(WITH_JAVA) $(PYTHON) -m tests.infra.write_documents

.PHONY: contracts
contracts: $(INSTALLED) ## Regenerate contracts/
	$(PYTHON) -m tools.contracts

.PHONY: screenshots
screenshots: $(INSTALLED) ## Take the pictures of pages in docs/images/
	$(PYTHON) -m tests.browser.screenshots

.PHONY: notebooks
notebooks: setup terraform $(SPARK_CLASSES) ## Run every notebook on a local cloud and keep its outputs
	$(WITH_JAVA) $(PYTHON) -m localcloud.demo --out build/notebooks --members 2000 --seed 7 --keep-running
	trap '$(PYTHON) -m localcloud.cloud down' EXIT; \
		exports="$$($(PYTHON) -m localcloud.cloud environment)"; eval "$$exports"; $(PYTHON) -m tools.notebooks

.PHONY: audit
audit: $(INSTALLED) .venv-audit/.installed ## Look for known vulnerabilities in the pinned packages
	$(PYTHON) -m tools.audit

##@ Deploy it

.PHONY: preflight
preflight: $(INSTALLED) terraform ## Check what a first run needs from the AWS account [ENV=]
	@$(point_at_local_cloud) $(PYTHON) -m tools.preflight --environment $(ENV)

# Workflows run this before they take a role, so that no package that is being installed can use the role.
.PHONY: setup-deploy
setup-deploy: $(INSTALLED) $(CLOUD_INSTALLED) terraform

.PHONY: plan
plan: setup-deploy package ## Show what apply would change; without credentials, on an empty local cloud [ENV= PLAN= PACKAGES= DESTROY=1 NO_LOCK=1]
	$(point_at_running_cloud) $(PYTHON) -m localcloud.plan --environment $(ENV) $(saved_plan) \
		$(if $(DESTROY),--destroy) $(if $(NO_LOCK),--no-lock) $(if $(DETAILED_EXITCODE),--detailed-exitcode)

.PHONY: apply
apply: terraform publish ## Create or update an environment [ENV= PLAN= PACKAGES=]
	$(point_at_local_cloud) $(PYTHON) -m tools.terraform apply --environment $(ENV) $(saved_plan)

.PHONY: update-lambdas
update-lambdas: terraform publish ## Update the functions and the state machines that call them [ENV=]
	$(point_at_local_cloud) $(PYTHON) -m tools.terraform apply --environment $(ENV) --functions-only

.PHONY: rollback
rollback: $(INSTALLED) ## Return to the previous version of a pipeline, or of both [ENV= PIPELINE=etl|ml]
	$(point_at_local_cloud) $(PYTHON) -m tools.rollback --environment $(ENV) $(if $(PIPELINE),--pipeline $(PIPELINE))

.PHONY: destroy
destroy: terraform package ## Delete an environment, and stop what runs in it [ENV= PLAN= PACKAGES=]
	$(point_at_local_cloud) $(PYTHON) -m tools.destroy --environment $(ENV) $(saved_plan)

.PHONY: package
package: $(INSTALLED) ## Build the packages into build/packages, or take those that exist in a folder [PACKAGES=]
	$(PYTHON) -m tools.package --out build/packages $(if $(PACKAGES),--from "$(PACKAGES)")

.PHONY: publish
publish: package ## Upload the packages to the environment's code bucket [ENV= PACKAGES=]
	$(point_at_local_cloud) $(PYTHON) -m tools.publish --environment $(ENV)

.PHONY: github-environments
github-environments: $(INSTALLED) terraform ## Create or check the GitHub environments of .github/environments.json [CHECK=1]
	$(PYTHON) -m tools.github_environments $(if $(CHECK),--check)

.PHONY: rehearse-deploy
rehearse-deploy: setup terraform $(SPARK_CLASSES) ## Run the deployment workflows of the present commit on a local cloud
	$(WITH_JAVA) $(PYTHON) -m localcloud.rehearsal --out build/rehearsal

##@ Operate it

.PHONY: start-etl
start-etl: $(INSTALLED) ## Run the ETL [ENV= SNAPSHOT_DATE= BUILD_TRAINING_DATA=1 ACCEPT_INPUT=<reason>]
	$(point_at_local_cloud) $(PYTHON) -m tools.execution etl --environment $(ENV) $(snapshot_date) \
		$(if $(BUILD_TRAINING_DATA),--build-training-data) $(if $(ACCEPT_INPUT),--accept-input "$(ACCEPT_INPUT)")

.PHONY: start-ml
start-ml: $(INSTALLED) ## Run the ML pipeline [ENV= SNAPSHOT_DATE= RETRAIN=1 SERVE_ANYWAY="<reason>"]
	$(point_at_local_cloud) $(PYTHON) -m tools.execution ml --environment $(ENV) $(snapshot_date) $(if $(RETRAIN),--retrain) \
		$(if $(SERVE_ANYWAY),--serve-anyway "$(SERVE_ANYWAY)")

.PHONY: receipt
receipt: $(INSTALLED) ## Open the page of an execution, by default of the newest one [ENV= DAY=YYYYMMDD]
	$(point_at_local_cloud) $(PYTHON) -m tools.receipt page --environment $(ENV) $(if $(DAY),--day $(DAY))

.PHONY: summary
summary: $(INSTALLED) ## Print the same in the terminal [ENV= DAY=YYYYMMDD]
	@$(point_at_local_cloud) $(PYTHON) -m tools.receipt summary --environment $(ENV) $(if $(DAY),--day $(DAY))

.PHONY: receipt-diff
receipt-diff: $(INSTALLED) ## Print what differs between two days or executions; exit with 0 if nothing does [ENV= A= B=]
	$(if $(and $(A),$(B)),,$(error set A= and B= to days as YYYYMMDD, or to names of executions))
	@$(point_at_local_cloud) $(PYTHON) -m tools.receipt diff --environment $(ENV) $(A) $(B)

.PHONY: scores
scores: $(INSTALLED) ## List the states of the table that are kept: which one is live, and what a rollback can bring back [ENV=]
	$(point_at_local_cloud) $(PYTHON) -m tools.scores list --environment $(ENV)

.PHONY: rollback-scores
rollback-scores: $(INSTALLED) ## Bring back the stages before the live ones, or those of a snapshot [ENV= TO=YYYYMMDD]
	$(point_at_local_cloud) $(PYTHON) -m tools.scores rollback --environment $(ENV) $(if $(TO),--to $(TO))

.PHONY: models
models: $(INSTALLED) ## List the registered models: which one is in use, which ones wait for approval [ENV=]
	$(point_at_local_cloud) $(PYTHON) -m tools.models list --environment $(ENV)

.PHONY: approve-model
approve-model: $(INSTALLED) ## Approve a model for scoring, by default the newest [ENV= MODEL=]
	$(point_at_local_cloud) $(PYTHON) -m tools.models approve --environment $(ENV) $(if $(MODEL),--model $(MODEL))

.PHONY: delete-model
delete-model: $(INSTALLED) ## Delete a model, by default the one in use [ENV= MODEL= ALL=1]
	$(point_at_local_cloud) $(PYTHON) -m tools.models delete --environment $(ENV) $(if $(MODEL),--model $(MODEL)) $(if $(ALL),--all)

# Without a default: the demo's MEMBERS is a number.
members = $(if $(filter file,$(origin MEMBERS)),$(error set MEMBERS=<file with one member id per line>),--members "$(MEMBERS)")

.PHONY: find-members
find-members: $(INSTALLED) ## Show where members are, and change nothing [ENV= MEMBERS=<file>]
	$(point_at_local_cloud) $(PYTHON) -m tools.members find --environment $(ENV) $(members)

.PHONY: forget-members
forget-members: $(INSTALLED) ## Remove members everywhere; there is no way back: see docs/privacy.md [ENV= MEMBERS=<file>]
	$(point_at_local_cloud) $(PYTHON) -m tools.members forget --environment $(ENV) $(members)

.PHONY: labeled-set
labeled-set: $(INSTALLED) ## Create an Athena table of the labeled set [ENV=]
	$(point_at_local_cloud) $(PYTHON) -m tools.labeled_set --environment $(ENV)

##@ Set up and clean up

.PHONY: setup
setup: $(INSTALLED) $(CLOUD_INSTALLED) $(CHECKS_INSTALLED) ## Create the Python environments; the other targets do this when needed

# Editable, with the whole repository on the path: notebooks import tools and benchmarks too.
install = $(PYTHON311) -m venv $(1) \
	&& $(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $< \
	&& $(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings editable_mode=compat --editable . \
	&& touch $@

$(INSTALLED): requirements/dev.txt
	$(call install,$(VENV))

.venv-%/.installed: requirements/%.txt
	$(call install,.venv-$*)

# Made once: the Spark programs of the local cloud start with it in two thirds of the time.
$(SPARK_CLASSES): $(INSTALLED)
	PYTHONPATH=. PYSPARK_PYTHON="$$PWD/$(PYTHON)" $(WITH_JAVA) $(PYTHON) -m tools.local_spark

# Finds Terraform before a long command needs it, and downloads it when there is none.
.PHONY: terraform
terraform: $(INSTALLED)
	@$(PYTHON) -m tools.terraform_binary > /dev/null

.PHONY: lock
lock: $(INSTALLED) ## Pin requirements/*.in with hashes
	for name in dev layer localcloud checks autogluon audit benchmark; do \
		$(VENV)/bin/uv pip compile --quiet --native-tls --python-version 3.11 --generate-hashes --no-header --no-strip-extras \
			--output-file requirements/$$name.txt requirements/$$name.in; \
	done

.PHONY: clean
clean: ## Stop the local cloud and delete everything that was built
	if [ -e build/localcloud/running.json ]; then $(MAKE) --no-print-directory demo-down; fi
	rm -rf build .venv .venv-localcloud .venv-checks .venv-autogluon .venv-audit .venv-benchmark .mypy_cache .ruff_cache \
		.pytest_cache .hypothesis \
		.coverage spark-warehouse artifacts
