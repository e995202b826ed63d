# One command for each thing a person does with the sources.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= data/demo
PORT ?= 8501
PARTS := riskmap tests benchmarks docs/tools app.py

# Where bytecode is not kept, each of the programs that the tests start compiles a hundred modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test quick attack setup lint style bundle check-bundle sbom bench golden screenshots clean

setup: $(VENV)/.ready-test

# Running needs less than testing: no compiler for terrain flow, no browser driver, no cluster.
$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "需要 Python 3.11 或更高 / needs Python 3.11 or newer; try: make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

$(VENV)/.ready-bundle: $(VENV)/.ready
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[bundle]'
	@touch $@

$(DEMO)/workspace.toml: | $(VENV)/.ready
	$(BIN)/riskmap init $(DEMO) --demo
	$(BIN)/riskmap assess --workspace $(DEMO)

run: $(VENV)/.ready $(DEMO)/workspace.toml
	$(BIN)/riskmap serve --workspace $(DEMO) --port $(PORT)

style: $(VENV)/.ready-test
	$(BIN)/ruff check $(PARTS)
	$(BIN)/ruff format --check $(PARTS)
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/codespell

lint: style
	$(BIN)/basedpyright

# The types take a minute or two on one core, so they are checked beside the tests; what was found comes at
# the end, and either may fail the whole.
test: style
	@found=$$(mktemp); trap 'rm -f "$$found"' EXIT; \
	$(BIN)/basedpyright >"$$found" 2>&1 & types=$$!; \
	trap 'kill $$types; exit 130' INT TERM; \
	$(BIN)/python -m pytest -n 2 --dist worksteal; tests=$$?; \
	wait $$types; types=$$?; \
	echo "basedpyright: $$(cat "$$found")"; \
	exit $$((tests + types))

# Before each commit: style, the types of what has changed since the last one, and the tests of units.
quick: $(VENV)/.ready-test
	$(BIN)/ruff check $(PARTS)
	$(BIN)/ruff format --check $(PARTS)
	$(BIN)/lint-imports
	@changed=$$( (git diff --name-only --diff-filter=d HEAD; git ls-files --others --exclude-standard) \
		| grep -E '^(riskmap/.*|app)\.py$$'); \
	found=$$(mktemp); trap 'rm -f "$$found"' EXIT; \
	if [ "$$changed" ]; then $(BIN)/basedpyright $$changed; else echo "no module has changed"; fi >"$$found" 2>&1 & types=$$!; \
	trap 'kill $$types; exit 130' INT TERM; \
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" tests/unit; tests=$$?; \
	wait $$types; types=$$?; \
	echo "basedpyright: $$(cat "$$found")"; \
	exit $$((tests + types))

# Kills, edits by several processes, a full disk, hostile requests and files, altered caches, mutants: a table
# of what the program survived. The same each time; SEED="…" draws others.
attack: $(VENV)/.ready-test
	$(BIN)/python -m tests.attack $(if $(SEED),--seed $(SEED))

bench: $(VENV)/.ready-test
	$(BIN)/python -m benchmarks

# Rewrites the documents that the tests compare with; WHY="…" states the reason of what changed.
golden: $(VENV)/.ready-test
	$(BIN)/python -m tests.golden --why "$(WHY)"

screenshots: $(VENV)/.ready-test
	$(BIN)/python docs/tools/screenshots.py

# Installers that need no network, into dist/; both, or TARGET=windows, TARGET=linux.
bundle: $(VENV)/.ready-bundle
	$(BIN)/python -m docs.tools.bundle $(TARGET)

# Both, and whether they hold: each requirement on its target, Linux installed and upgraded without a network.
check-bundle: bundle $(VENV)/.ready-test
	$(BIN)/python -m pytest tests/whole_bundles.py

# The bill of materials (CycloneDX) of what the bundles carry, into dist/.
sbom: $(VENV)/.ready-bundle
	$(BIN)/python -m docs.tools.bundle --sbom $(TARGET)

clean:
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
