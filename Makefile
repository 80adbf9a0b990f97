# Everything a person or the CI does here. `make` alone lists it.

VENV ?= .venv
BIN := $(VENV)/bin
REQUIREMENTS := requirements.txt requirements-embedded.txt requirements-dev.txt
INSTALLED := $(VENV)/.installed
N ?= 2
TO_INSTALL := -c requirements.lock $(addprefix -r ,$(REQUIREMENTS))
START := $(BIN)/python startup_scripts/start_local.py \
	$(if $(PORT),--port $(PORT)) $(if $(DATA_DIR),--data-dir $(DATA_DIR)) $(if $(WORKERS),--workers $(WORKERS))

# No settings of this machine: what is written depends on the code alone
GENERATE := env -i FLASK_SKIP_DOTENV=1 DATA_DIR=$(VENV)/generated $(BIN)/python -m flask --app main
CODE := assembly commands config integrations routes services startup_scripts utils \
	connection_monitor.py gunicorn.conf.py main.py models.py
DRAFT := $(VENV)/generated.draft

.DEFAULT_GOAL := help
.PHONY: help install run serve worker cli test nemesis load fuzz mutants check lint unsafe audit types imports spelling format \
	openapi problems ledger lock clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo '  Variables: PORT, DATA_DIR, WORKERS for run and serve; ARGS for cli, worker and test; N processes for test'

install: $(INSTALLED) ## Make .venv with the pinned packages, where they have changed

run: $(INSTALLED) ## Start everything on this machine and import the sample roster; Ctrl-C stops all
	@$(START)

serve: $(INSTALLED) ## The same without the sample
	@$(START) --no-sample

worker: $(INSTALLED) ## Start a process that only runs jobs, for the server of this machine
	@$(BIN)/python startup_scripts/start_worker.py $(if $(DATA_DIR),--data-dir $(DATA_DIR)) $(ARGS)

cli: $(INSTALLED) ## Show the address and the superadmin; with ARGS="…" run a command, such as ARGS="--help"
	@$(if $(DATA_DIR),DATA_DIR=$(DATA_DIR)) $(BIN)/python -m startup_scripts.local_cli $(ARGS)

test: $(INSTALLED) ## Run all tests on a real MongoDB and Redis of their own
	@$(BIN)/python -m pytest -n $(N) --dist loadgroup $(ARGS)

nemesis: $(INSTALLED) ## Kill processes in the middle of everything, and write docs/nemesis.json and nemesis_exam.json
	@KILLS=$${KILLS:-100} $(BIN)/python -m tests.faults.nemesis
	@KILLS=$${EXAM_KILLS:-300} WRITES=$${EXAM_WRITES:-100000} $(BIN)/python -m tests.faults.exam_nemesis
	@FAULTS_EXAMPLES=$${EXAMPLES:-150} $(BIN)/python -m pytest -q tests/faults/test_job_model.py
	@$(BIN)/python -m pytest -q -m nemesis

load: $(INSTALLED) ## Measure an exam under load (L1, L3, L4, L5; ONLY=L3 for one), and write benchmarks/results/exam.json
	@$(BIN)/python -m benchmarks.exam

fuzz: $(INSTALLED) ## Send CASES requests (20000) made of the interface's description, and write docs/fuzz.json
	@FUZZ_CASES=$${CASES:-20000} FUZZ_REPORT=docs/fuzz.json $(BIN)/python -m pytest -q tests/authz/test_fuzz.py

mutants: $(INSTALLED) ## Put every mutant of authorisation into the app, tell which survive, write docs/mutants.json
	@MUTANTS=all $(BIN)/python -m pytest -q -p no:cacheprovider tests/authz/test_generated_mutants.py

check: lint unsafe types imports spelling test ## Everything that CI checks

lint: $(INSTALLED) ## Formatting and lint
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .

unsafe: $(INSTALLED) ## Calls that are known to be unsafe (bandit); what is left is explained where it stands
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive $(CODE)

audit: $(INSTALLED) ## Known vulnerabilities of our packages (pip-audit); needs the advisories of the package index
	@$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off $(addprefix -r ,$(REQUIREMENTS) requirements.lock) \
		|| { echo 'Not proved: a package is vulnerable, or the advisories could not be had (see above).'; exit 1; }

types: $(INSTALLED) ## Types, strictly
	@$(BIN)/mypy .

imports: $(INSTALLED) ## Which module may import which
	@$(BIN)/lint-imports

spelling: $(INSTALLED) ## Common misspellings
	@$(BIN)/codespell -L nin,refreshin,ines,cros --skip './$(VENV),./data,./tests/data,*.lock,*.xlsx,*.min.js,*.min.css'

format: $(INSTALLED) ## Format the code and mend what lint can mend
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

openapi: $(INSTALLED) ## Write docs/openapi.json from the declarations of the routes
	@$(GENERATE) openapi > $(DRAFT) && mv $(DRAFT) docs/openapi.json

problems: $(INSTALLED) ## Write docs/problems.md from the docstrings of the problem types
	@$(GENERATE) problems > $(DRAFT) && mv $(DRAFT) docs/problems.md

ledger: $(INSTALLED) ## Count the ledger of OWASP ASVS 5.0 and the abuse cases, as docs/security.md has them
	@$(BIN)/python -m tests.docs.ledger

lock: ## Pin anew what our packages need in turn (requirements.lock), from what is newest
	@rm -rf $(VENV).lock && $(MAKE) --no-print-directory VENV=$(VENV).lock TO_INSTALL='$(addprefix -r ,$(REQUIREMENTS))' install
	@head -2 requirements.lock > requirements.lock.new
	@$(VENV).lock/bin/python -m pip freeze | awk ' \
		{ name = tolower($$0); sub(/[=<>;[ ].*/, "", name); gsub(/[-_.]+/, "-", name) } \
		FILENAME != "-" { direct[name]; next } !(name in direct)' $(REQUIREMENTS) - >> requirements.lock.new
	@mv requirements.lock.new requirements.lock && rm -rf $(VENV).lock

clean: ## Remove .venv and all caches; ./data stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

# The first Python that is new enough, also where it is not called python3
$(INSTALLED): $(REQUIREMENTS) requirements.lock
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo 'Python 3.11 or newer is needed. On Debian 12: apt-get install python3 python3-venv'; exit 1; fi; \
	test -x $(BIN)/pip || { rm -rf $(VENV); $$found -m venv $(VENV); } || \
		{ rm -rf $(VENV); echo "$$found cannot make $(VENV). On Debian: apt-get install python3-venv"; exit 1; }
	@echo 'installing the packages into $(VENV) …'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check $(TO_INSTALL)
	@touch $@
