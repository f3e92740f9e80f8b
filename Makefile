# make check   a fresh machine to a judged matrix: creates .venv, installs, runs the main job
# make test    the same with every check of the source and every test
# make driver  what WEBGPU needs, with a Vulkan driver in software (Debian and Ubuntu, as root)
# Needs Python 3.11 or newer with venv, and make. The C compiler is used where there is one; where
# there is none, one is installed from a wheel.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

# Empty where the machine has a C compiler.
ZIG := $(if $(shell command -v cc || command -v gcc || command -v clang),,zig)

# One stamp for each set of extras: what is up to date is not installed again.
CHECK_STAMP := $(VENV)/.installed-check$(addprefix -,$(ZIG))
TEST_STAMP  := $(VENV)/.installed-test$(addprefix -,$(ZIG))
SOURCES     := pyproject.toml constraints.txt

comma   := ,
empty   :=
space   := $(empty) $(empty)
# $(call extras,a b) is [a,b], and nothing for nothing.
extras   = $(if $(strip $(1)),[$(subst $(space),$(comma),$(strip $(1)))])
install  = $(BIN)/python -m pip install -q --disable-pip-version-check --prefer-binary \
	-c constraints.txt -e '.$(call extras,$(1))'

.PHONY: help check test driver clean
.NOTPARALLEL:

help:
	@echo 'make check  creates $(VENV), installs, runs "lockstep check" (options: ARGS="--device LLVM")'
	@echo 'make test   creates $(VENV), installs, runs ruff, mypy, import-linter and every test'
	@echo 'make driver creates $(VENV), installs wgpu and a Vulkan driver (Debian, Ubuntu, as root)'
	@echo 'make clean  removes what these made, $(VENV) included'

check: $(CHECK_STAMP)
	$(BIN)/lockstep check $(ARGS)

test: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

driver: $(TEST_STAMP)
	@$(call install,dev webgpu $(ZIG))
	$(BIN)/lockstep devices --install-vulkan

$(CHECK_STAMP): $(SOURCES)
	@$(venv)
	@echo 'installing what "lockstep check" needs into $(VENV)'
	@$(call install,$(ZIG))
	@touch $@

$(TEST_STAMP): $(SOURCES)
	@$(venv)
	@echo 'installing what the tests need into $(VENV)'
	@$(call install,dev $(ZIG))
	@touch $@ $(CHECK_STAMP)

# An environment without a working pip (an interrupted run, a Python that is gone) is made anew.
define venv
$(BIN)/python -m pip --version >/dev/null 2>&1 && exit 0; \
command -v $(PYTHON) >/dev/null 2>&1 || { \
  echo 'error: $(PYTHON) not found. On Debian or Ubuntu: apt-get install python3 python3-venv' >&2; \
  exit 1; }; \
version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "error: Lockstep needs Python 3.11 or newer and $(PYTHON) is $$version." \
    'Name another: make PYTHON=python3.12 ...' >&2; \
  exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
  echo "error: $(PYTHON) cannot make environments." \
    "On Debian or Ubuntu: apt-get install python$$version-venv" >&2; \
  exit 1; }; \
echo 'creating $(VENV)'; \
rm -rf $(VENV); \
$(PYTHON) -m venv $(VENV)
endef

clean:
	rm -rf $(VENV) build dist *.egg-info lockstep-report
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
