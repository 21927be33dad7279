# make run     sets everything up and runs the bot (without a Discord token: the sandbox, in a browser)
# make test    sets everything up and runs the linters and all tests
# make chaos   kills the bot 200 times under random faults of Discord, and checks that nothing is lost or doubled
# make bench   measures what the README claims
# make mutants breaks each guard of tests/mutations.toml in a copy, and expects its test to fail (half an hour)
# make install-audiocraft   adds the optional engine AR_ENGINE=audiocraft
#
# TORCH_INDEX=URL   where torch comes from, for a CPU or another CUDA build (see the README)

.DELETE_ON_ERROR:
.PHONY: run test lint mutants bench install install-audiocraft clean chaos

PYTHON := $(or $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3))
BIN := .venv/bin
READY := .venv/.ready
TEST_READY := .venv/.test-ready

run: $(READY)
	@$(BIN)/python -m bot start

test: lint
	$(BIN)/python -m pytest -n 2 --durations=20

lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

mutants: $(TEST_READY)
	$(BIN)/python -m tests.mutants

chaos: $(TEST_READY)
	$(BIN)/python -m tests.chaos --kills 200

bench: $(TEST_READY)
	$(BIN)/python -m benchmarks

install: $(READY)

$(READY): pyproject.toml constraints.txt Makefile
	@test -n "$(PYTHON)" || { echo "Install Python 3.11, 3.12 or 3.13 first."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "Python 3.11, 3.12 or 3.13 is needed; $(PYTHON) is another."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),$(BIN)/python -m pip install --quiet -c constraints.txt --index-url $(TORCH_INDEX) torch)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	$(BIN)/python -m bot.engines.musicgen.cpu.compile
	@touch $(READY)

install-audiocraft: $(READY)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[audiocraft]'
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt audiocraft

$(TEST_READY): $(READY)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,audiocraft]'
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt audiocraft
	@touch $(TEST_READY)

clean:
	rm -rf .venv build *.egg-info
