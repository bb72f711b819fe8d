# make demo · head PHOTO=path · test · test-slow · test-blender · extension · format

PYTHON ?= python3.11
PYTHON313 ?= python3.13
PHOTO ?= out/astronaut.png
OUT ?= out/$(basename $(notdir $(PHOTO)))
TESTS ?= tests

BIN := .venv/bin
STAMP := .venv/installed-$(shell cat pyproject.toml core/engine/requirements.txt | cksum | cut -d' ' -f1)
BLENDER_SCRIPTS = $(wildcard .venv/lib/python3.11/site-packages/bpy/5.0/scripts)
BLENDER_EXT = $(BIN)/python $(BLENDER_SCRIPTS)/addons_core/bl_pkg/cli/blender_ext.py
VALID_TAGS = --valid-tags $(BLENDER_SCRIPTS)/modules/_bpy_internal/extensions/tags.py
HAS = $(1) -c 'import sys; sys.exit(sys.version_info[:2] != ($(2)))' >/dev/null 2>&1

.PHONY: demo head test test-slow test-blender check extension format

demo: $(STAMP)
	@mkdir -p out
	$(BIN)/python -c 'import skimage; skimage.io.imsave("out/astronaut.png", skimage.data.astronaut())'
	$(BIN)/likeness head out/astronaut.png --out out/demo --animate demo

head: $(STAMP)
	$(BIN)/likeness head "$(PHOTO)" --out "$(OUT)" --animate demo

# The tests of the engine, the command line and the add-on, in one run; each bpy test has a process of its own.
test: check
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow" $(TESTS)

test-slow: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile -m slow $(TESTS)

check: $(STAMP)
	$(BIN)/pre-commit run --all-files

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

extension: $(STAMP)
	mkdir -p dist
	$(BLENDER_EXT) validate $(VALID_TAGS) .
	$(BLENDER_EXT) build --source-dir . --output-dir dist
	for zip in dist/likeness-*.zip; do $(BLENDER_EXT) validate $(VALID_TAGS) $$zip; done

# The add-on's tests on other Blenders; the engine stays in .venv, whose packages 4.2's Python takes too (5.2's cannot:
# tests that make bodies in bpy's own process are left out there).
test-blender: .venv-bpy42/ready .venv-bpy52/ready
	LIKENESS_ENGINE_PYTHON=$(CURDIR)/$(BIN)/python .venv-bpy42/bin/pytest -m "not slow" tests/blender_addon
	LIKENESS_ENGINE_PYTHON=$(CURDIR)/$(BIN)/python .venv-bpy52/bin/pytest -m "not slow" tests/blender_addon

$(STAMP): pyproject.toml core/engine/requirements.txt
	@$(call HAS,$(PYTHON),3$(comma) 11) || { echo "Likeness needs Python 3.11 for Blender's module bpy: install it (apt install python3.11 python3.11-venv, brew install python@3.11, or uv python install 3.11) or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --progress-bar on -e ".[blender,train,test]"
	mkdir -p .venv/src && ln -sfn ../.. .venv/src/likeness
	@rm -f .venv/installed-*
	@touch $@

.venv-bpy42/ready: | $(STAMP)
	$(PYTHON) -m venv .venv-bpy42
	.venv-bpy42/bin/pip install bpy==4.2.23 "numpy<2" pytest==9.2.0 pytest-timeout==2.4.0
	.venv-bpy42/bin/pip install --no-deps -e .
	echo $(CURDIR)/.venv/lib/python3.11/site-packages > .venv-bpy42/lib/python3.11/site-packages/engine.pth
	@touch $@

.venv-bpy52/ready: | $(STAMP)
	@$(call HAS,$(PYTHON313),3$(comma) 13) || { echo "The tests on Blender 5.2 need Python 3.13: install it or name it: make test-blender PYTHON313=/path/to/python3.13"; exit 1; }
	$(PYTHON313) -m venv .venv-bpy52
	.venv-bpy52/bin/pip install bpy==5.2.3 pytest==9.2.0 pytest-timeout==2.4.0
	.venv-bpy52/bin/pip install --no-deps --ignore-requires-python -e .
	@touch $@

comma := ,
