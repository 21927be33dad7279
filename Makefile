# make help lists the targets.
#
# TORCH_INDEX=URL   where torch comes from, for a CPU or another CUDA build (docs/install.md)

.DELETE_ON_ERROR:
.PHONY: help run test lint mutants bench install install-audiocraft clean chaos
.DEFAULT_GOAL := run

PYTHON := $(or $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3))
BIN := .venv/bin
READY := .venv/.ready
TEST_READY := .venv/.test-ready
CPU_INDEX := https://download.pytorch.org/whl/cpu

# Without an NVIDIA driver on Linux, PyPI's torch would bring gigabytes of CUDA for nothing. Not where pip's own
# settings already say where packages come from. Is the index out of reach, PyPI's build is taken.
CPU_TORCH = test "$$(uname -s)" = Linux && ! command -v nvidia-smi >/dev/null \
  && ! $(BIN)/python -m pip config list | grep -Eq '(find-links|index-url)='
PIP = $(BIN)/python -m pip install --progress-bar on -c constraints.txt

run: $(READY) ## set everything up and run the bot; without a Discord token: the sandbox, in your browser
	@$(BIN)/python -m bot start

test: lint ## set everything up, lint, and run all tests
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations=20

lint: $(TEST_READY) ## ruff and mypy alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

mutants: $(TEST_READY) ## break each guard of tests/mutations.toml in a copy and expect its test to fail (an hour or two)
	$(BIN)/python -m tests.mutants

chaos: $(TEST_READY) ## kill the bot or a worker 200 times under faults; nothing may be lost or doubled
	$(BIN)/python -m tests.chaos --kills 200

bench: $(TEST_READY) ## measure what the README and docs/ claim
	$(BIN)/python -m benchmarks

install: $(READY) ## set up .venv without running anything

$(READY): pyproject.toml constraints.txt Makefile
	@test -n "$(PYTHON)" || { echo "Install Python 3.11, 3.12 or 3.13 first."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "Python 3.11, 3.12 or 3.13 is needed; $(PYTHON) is another."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Setting up in .venv, once: about 0.5 GB to download, 1.8 GB on disk, 3 to 10 min; with CUDA several GB more."
	@if [ -n "$(TORCH_INDEX)" ]; then $(PIP) --no-deps --index-url "$(TORCH_INDEX)" torch; \
	elif $(CPU_TORCH); then echo "No NVIDIA driver found: taking the CPU build of torch."; \
	  $(PIP) --retries 2 --no-deps --index-url $(CPU_INDEX) torch || echo "$(CPU_INDEX) can't be reached: taking PyPI's build of torch."; fi
	$(PIP) -e .
	@echo "Compiling the decoder for this processor …"
	@$(BIN)/python -m bot.engines.musicgen.cpu.compile
	@touch $(READY)

install-audiocraft: $(READY) ## add the optional engine AR_ENGINE=audiocraft
	$(PIP) -e '.[audiocraft]'
	$(PIP) --no-deps audiocraft

$(TEST_READY): $(READY)
	$(PIP) -e '.[dev,audiocraft]'
	$(PIP) --no-deps audiocraft
	@touch $(TEST_READY)

clean: ## remove .venv and build files; data/ and .env stay
	rm -rf .venv build *.egg-info

help: ## list these targets
	@awk -F ':.* ## ' '/^[a-z-]+:.* ## / {printf "make %-19s %s\n", $$1, $$2}' Makefile
