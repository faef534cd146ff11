# Two commands for a fresh machine: `make run` and `make test`. Python 3.11+ and make are all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NPM := tests/clients/node_modules
ISSUER := tests/clients/issuer/node_modules
FRONT_ENDS := tests/clients/front_ends/node_modules
MCP := tests/clients/.venv-mcp
PHOENIX := tests/clients/.venv-phoenix
KUBERNETES := tests/clients/kubernetes_packages

# Without compiled modules each process would compile litellm's for 7 s (so the installation does); some machines forbid
# Python to keep them
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-again test-clients test-s3 test-phoenix chaos install lint lock bench bench-profile bench-peers clean pictures

run: install
	@$(BIN)/aomi dev

# Three processes, since tests also wait. A file's tests stay together; those of one function come last, to fill gaps.
# Where CI is set, those that take long run as well (chaos, outages, a cluster, published clients). ALL=1 runs all;
# COVERAGE=1 counts the statements covered, which takes a third longer; BUSY=4 keeps four loops busy beside the tests
test: lint $(if $(CI)$(ALL),$(NPM)/installed $(MCP)/installed $(ISSUER)/installed $(FRONT_ENDS)/installed) \
		$(if $(ALL),$(KUBERNETES)/installed)
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(if $(CI),--long) $(if $(ALL),--all) $(if $(BUSY),--busy $(BUSY)) \
		$(if $(COVERAGE),--cov --cov-report=term:skip-covered --cov-fail-under=95)

# Those that failed last, if all others ran: alone, in one process. A test that passes now has a fault, too
test-again: lint
	@$(BIN)/python -m pytest -n 0 --maxfail 1 --again --last-failed --last-failed-no-failures none $(if $(CI),--long) $(if $(ALL),--all) -r pf
	@echo "These tests failed beside others and passed alone. Each is a fault of the test or of the product: mend it"

# Only those against published programs of npm and PyPI: a simulator of eleven model providers, a development chain,
# MCP, front ends in React
test-clients: install $(MCP)/installed $(ISSUER)/installed $(FRONT_ENDS)/installed $(KUBERNETES)/installed
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/clients

# Files in a bucket: s3fs against moto's server of S3, in packages of their own
test-s3: install
	@$(BIN)/python -m pip install -q --no-compile --upgrade --target tests/clients/s3_packages -r tests/clients/s3.txt
	@$(BIN)/python -m pytest -n 0 --all tests/clients/test_s3.py

# Traces as Arize Phoenix reads them; 700 MB in an environment of its own
test-phoenix: install
	@test -x $(PHOENIX)/bin/python || $(PYTHON) -m venv $(PHOENIX)
	@$(BIN)/uv pip install --quiet --python $(PHOENIX)/bin/python -r tests/clients/phoenix.txt
	@$(BIN)/python -m pytest -n 0 tests/clients/test_phoenix.py

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
	@$(BIN)/python -m compileall -q "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/litellm"
	@touch $@

$(NPM)/installed $(ISSUER)/installed: %/node_modules/installed: %/package-lock.json
	@if ! command -v npm >/dev/null; then echo "No npm here: the tests against its programs are skipped"; \
	elif npm --prefix $* ci --silent; then touch $@; \
	else echo "npm could not install $*: the tests against its programs are skipped, or fail on CI"; fi

# Front ends in React. They bring 500 packages: pnpm links them from its store, in a fifth of npm's time
$(FRONT_ENDS)/installed: tests/clients/front_ends/pnpm-lock.yaml $(NPM)/installed
	@if ! test -x $(NPM)/.bin/pnpm; then echo "No npm here: the tests of front ends in React are skipped"; \
	elif $(NPM)/.bin/pnpm --dir tests/clients/front_ends install --frozen-lockfile --prefer-offline --ignore-scripts --silent; \
	then touch $@; \
	else echo "pnpm could not install tests/clients/front_ends: its tests are skipped, or fail on CI"; fi

# MCP servers of PyPI, each set in an environment of its own: they bring versions that are not ours
$(MCP)/installed: tests/clients/mcp-servers.txt tests/clients/mcp-servers-old.txt $(VENV)/installed
	@if for set in mcp-servers mcp-servers-old; do \
		test -x $(MCP)/$$set/bin/python || $(PYTHON) -m venv $(MCP)/$$set || exit 1; \
		$(BIN)/uv pip sync --quiet --python $(MCP)/$$set/bin/python tests/clients/$$set.txt || exit 1; \
	done; then touch $@; \
	else echo "The MCP servers of PyPI could not be installed: the tests with them are skipped, or fail on CI"; fi

# Schemas of Kubernetes, 110 MB: apart from the backend's own packages
$(KUBERNETES)/installed: tests/clients/kubernetes.txt $(VENV)/installed
	@if $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --target $(KUBERNETES) \
		--requirement tests/clients/kubernetes.txt; then touch $@; \
	else echo "kubernetes-validate could not be installed: its tests are skipped, or fail on CI"; fi

bench: .venv-bench/installed  ## all scenarios; ONLY=flow ROUNDS=1 looks at one; benchmarks/README.md has more
	@.venv-bench/bin/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-peers: .venv-bench/installed  ## beside LiteLLM's proxy, Agno, LangGraph and Aegra, each in an environment of its own
	@.venv-bench/bin/python -m benchmarks.peers.install
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

LOCK = $(BIN)/uv pip compile --quiet --universal --no-header --no-emit-index-url

lock:  ## pins every version again, for every platform, with no index's address in the files
	@$(LOCK) --python-version 3.11 --upgrade pyproject.toml -o requirements.lock
	@$(LOCK) --python-version 3.11 --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@$(LOCK) --python-version 3.11 --extra bench -c requirements-dev.lock pyproject.toml -o requirements-bench.lock
	@for peer in litellm agno langgraph aegra; do \
		$(LOCK) --python-version $$(test $$peer = aegra && echo 3.12 || echo 3.11) --upgrade \
			benchmarks/references/$$peer.in -o benchmarks/references/$$peer.txt; \
	done

clean:
	rm -rf $(VENV) $(MCP) .venv-bench .venv-peers .coverage* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .aomi
