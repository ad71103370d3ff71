# `make` alone explains the targets. Everything runs in .venv; the system's Python is left alone.
PYTHON ?=
PORT ?= 8888
IP ?= localhost
PY := .venv/bin/python
export JUPYTER_PREFER_ENV_PATH = 1
# Threads that wait should sleep, not spin: on two busy cores (a browser draws beside the kernel) a step is then up to
# ten times as fast, on two idle ones it is slower (30 ms against 18). OMP_WAIT_POLICY=ACTIVE make ... chooses the other.
export OMP_WAIT_POLICY ?= PASSIVE
export PYTHON

.PHONY: help env lab test notebooks figures site fronts lint bench links clean

help:
	@echo "ganlib: Generative Adversarial Nets (Goodfellow et al. 2014), in notebooks you can play with"
	@echo
	@echo "  make lab         open JupyterLab on the walkthrough (PORT=8888 IP=localhost)"
	@echo "  make test        run every test: the core, the notebooks, the widgets in a browser (ARGS=\"-k parzen\")"
	@echo
	@echo "  make env         build or update .venv (PYTHON=/path/to/python3.12); lab, test and the rest do it when needed"
	@echo "  make notebooks   execute the notebooks in place, from a fresh kernel (NB=notebooks/06_mnist.ipynb for one,"
	@echo "                   GANLIB_PROFILE=smoke|quick|paper; quick unless said otherwise)"
	@echo "  make figures     make every figure in figures/ again"
	@echo "  make site        build the walkthrough as a site in _site/, with demos that play without a kernel, and check it"
	@echo "  make fronts      run notebooks and a demo under other versions, in an environment of their own"
	@echo "                   (SET=oldest|colab|kernel6|newest PYTHON=python3.11; FRONTENDS.md has what came out)"
	@echo "  make lint        check code and notebooks with ruff"
	@echo "  make bench       measure the speed, as ratios"
	@echo "  make links       write the Binder and Colab links (REPO=owner/name to change the repository they lead to)"
	@echo "  make clean       remove .venv, .venv-*, _site and caches; never runs/, which holds what was trained"

env:
	@tools/make_env.sh

# Without a display no browser is tried: the address, token included, is in the log.
lab: env
	@exec $(PY) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
	    --ServerApp.port=$(PORT) --ServerApp.ip=$(IP) \
	    $$([ "$$(id -u)" != 0 ] || echo --allow-root) \
	    $$([ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname -s)" = Darwin ] || echo --no-browser) $(ARGS)

test: env
	@$(PY) tools/run_tests.py $(ARGS)

notebooks: env
	@$(PY) tools/run_notebooks.py $(NB)

figures: env
	@$(PY) tools/make_figures.py $(ARGS)

site: env
	@$(PY) -m tools.pages $(ARGS)

# Not in .venv, and with no package of it.
fronts:
	@$(or $(PYTHON),python3) -m tools.fronts $(or $(SET),newest) $(ARGS)

lint: env
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

bench: env
	@env -u OMP_WAIT_POLICY $(PY) -m benchmarks $(ARGS)

links: env
	@$(PY) tools/links.py $(REPO)

clean:
	rm -rf .venv .venv-* .pytest_cache .ruff_cache _site build dist *.egg-info
	find . -name .git -prune -o -path ./runs -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -exec rm -rf {} +
	@echo "runs/ is kept: it holds what was trained. Remove it by hand if you mean to."
