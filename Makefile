# Two commands for a fresh machine: `make run` and `make test`. Python 3.11+ and make are all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NPM := tests/clients/node_modules

# Without compiled modules each process would compile litellm's for 7 s; some machines forbid Python to keep them
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-clients chaos install lint lock bench bench-profile bench-peers clean pictures

run: install
	@$(BIN)/aomi dev

# Three processes, since tests also wait. A file's tests stay together; those of one function come last, to fill gaps.
# ALL=1 adds the tests that take long (chaos, the benchmark, generated requests, other engines) and is what CI runs;
# COVERAGE=1 counts the statements covered, which takes a third longer; BUSY=4 keeps four loops busy beside the tests
test: lint $(NPM)/installed
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(if $(ALL),--all) $(if $(BUSY),--busy $(BUSY)) \
		$(if $(COVERAGE),--cov --cov-report=term:skip-covered --cov-fail-under=95)

# Only those against published programs of npm: a simulator of eleven model providers, a development chain
test-clients: install
	@npm --prefix tests/clients ci --silent
	@touch $(NPM)/installed
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/clients

# The screenshots of the README, out of the page as it is
pictures: install
	@$(BIN)/python -m tests.support.pictures

# Breaks parts while people chat; prints what broke and what held: make chaos SEED=7 TURNS=2000. FAILOVER=1 has Sentinels
chaos: install
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(TURNS),--turns $(TURNS)) $(if $(FAILOVER),--failover)

lint: install
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

install: $(VENV)/installed

$(VENV)/installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "aomi-backend needs Python 3.11 or newer; say which with: make PYTHON=python3.12"; exit 1; }
	@echo "Installing the pinned dependencies into $(VENV) (once; a minute where nothing is cached) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -o '^uv==[^ ;]*' requirements-dev.lock)"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(NPM)/installed: tests/clients/package-lock.json
	@if ! command -v npm >/dev/null; then echo "No npm here: the tests against its programs are skipped"; \
	elif npm --prefix tests/clients ci --silent; then touch $@; \
	else echo "npm could not install tests/clients: the tests against its programs are skipped, or fail on CI"; fi

bench: .venv-bench/installed  ## all scenarios; ONLY=flow ROUNDS=1 looks at one; benchmarks/README.md has more
	@.venv-bench/bin/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-peers: .venv-bench/installed  ## also LiteLLM's proxy and Agno's AgentOS, each in an environment of its own
	@for peer in litellm agno; do \
		test -x .venv-peers/$$peer/bin/python || $(PYTHON) -m venv .venv-peers/$$peer; \
		.venv-bench/bin/uv pip install --quiet --python .venv-peers/$$peer/bin/python \
			--requirement benchmarks/references/$$peer.txt; \
	done
	@.venv-bench/bin/python -m benchmarks --peers --only $${ONLY:-first,burst,flow} $(if $(ROUNDS),--rounds $(ROUNDS))

bench-profile: .venv-bench/installed  ## where web and worker spend their CPU
	@.venv-bench/bin/python -m benchmarks.profile

.venv-bench/installed: requirements-bench.lock pyproject.toml
	@echo "Installing what the benchmark needs into .venv-bench (once) ..."
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check \
		"$$(grep -o '^uv==[^ ;]*' requirements-bench.lock)"
	@.venv-bench/bin/uv pip sync --quiet --python .venv-bench/bin/python requirements-bench.lock
	@.venv-bench/bin/uv pip install --quiet --python .venv-bench/bin/python --no-deps --editable .
	@touch $@

lock:  ## pins every version again, for every platform, with no index's address in the files
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--upgrade pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--extra bench -c requirements-dev.lock pyproject.toml -o requirements-bench.lock

clean:
	rm -rf $(VENV) .venv-bench .venv-peers .coverage* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .aomi
