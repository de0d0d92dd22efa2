# Everything a newcomer needs: `make run` to use it, `make test` to trust it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PY := $(BIN)/python
INSTALLED := .venv/.installed
BROWSER_TOOLS := tests/e2e/node_modules/.installed

.PHONY: help run test test-fast test-split test-nats test-faults check check-code format demo bench bench-handover lock train clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

$(INSTALLED): requirements.lock pyproject.toml shared/pyproject.toml deploy/setup/python
	@deploy/setup/python "$(PYTHON)"
	@touch $@

$(BROWSER_TOOLS): tests/e2e/package-lock.json deploy/setup/browser
	@deploy/setup/browser
	@touch $@

run: $(INSTALLED) ## Serve everything on :8080 with a demo case service on :8090
	@$(PY) -m deploy.demo.run

# What failed beside others on a busy machine is tried once more by itself; what fails again has failed. Both are printed.
ALONE := --last-failed --last-failed-no-failures none

test: $(INSTALLED) $(BROWSER_TOOLS) check-code ## Run every check and every test
	@deploy/setup/alerts
	@deploy/setup/mailserver
	@deploy/setup/scanner
	$(PY) -m pytest -q -n 2 --dist loadfile --ignore tests/split tests || $(PY) -m pytest -q $(ALONE) --ignore tests/split tests

test-split: $(INSTALLED) ## Run the channels on two processes of each service behind nginx, and restart everything under load
	@deploy/setup/proxy
	$(PY) -m pytest -q --split --timeout 900 -s tests/split tests/integration/test_privacy.py tests/integration/test_form.py \
	    tests/integration/test_mail.py tests/integration/test_chat.py tests/integration/test_desk.py tests/integration/test_case_service.py

test-nats: $(INSTALLED) ## Run the tests on NATS, with 2,000 events while the leader of a cluster dies
	JETSTREAM_CONTACTS=400 $(PY) -m pytest -q tests/contract/test_bus.py tests/contract/test_presence.py tests/contract/test_jetstream.py \
		tests/integration/test_chat_relays.py tests/integration/test_jetstream_cluster.py tests/integration/test_jetstream_receiver.py

.PHONY: test-chat
test-chat: export EXAMPLES ?= 200
test-chat: export SEED ?= 1
test-chat: $(INSTALLED) $(BROWSER_TOOLS) ## Try EXAMPLES=200 interleavings of chats from SEED=1, and full-length trouble in browsers
	TROUBLE=full $(PY) -m pytest -q -s tests/integration/test_chat_interleavings.py tests/e2e/test_chat_trouble_e2e.py

test-fast: $(INSTALLED) ## Run the tests that start no server and no browser
	$(PY) -m pytest -q tests/unit

check-code: $(INSTALLED) $(BROWSER_TOOLS)
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd tests/e2e && node_modules/.bin/tsc -p .

check: check-code test-fast ## Format, lint, types, import contracts, fast tests

format: $(INSTALLED) ## Format and mend what can be mended
	$(BIN)/ruff format -q .
	$(BIN)/ruff check -q --fix .

demo: $(INSTALLED) ## Replay the five published months and compare the figures
	@$(PY) -m deploy.demo.demo

bench: $(INSTALLED) ## Measure the hot paths beside a floor, in one run
	@deploy/setup/bench
	@deploy/setup/mailserver
	@$(PY) -m tests.bench

bench-handover: $(INSTALLED) ## Measure draining a backlog beside bare loops
	@$(PY) -m tests.bench.drain

.PHONY: bench-mail
bench-mail: $(INSTALLED) ## Measure mail, end to end into the database, beside the standard library's parser
	@deploy/setup/mailserver
	@$(PY) -m tests.bench.mail

.PHONY: bench-tagging
bench-tagging: $(INSTALLED) ## Measure how long the model takes, and how long it keeps others waiting
	@$(PY) -m tests.bench.tagging

.PHONY: bench-chat
bench-chat: $(INSTALLED) ## Measure turns of the chat beside a bare relay and a bare commit, and what an open connection costs
	@$(PY) -m tests.bench.chat

.PHONY: bench-past
bench-past: $(INSTALLED) ## Measure whether 1,000,000 past events and 10,000 dead letters slow delivery or the feed
	@$(PY) -m tests.bench.past

test-faults: $(INSTALLED) ## Kill, cut, fill and confuse everything while clients are at work, and count what is lost
	@deploy/setup/compiler
	@$(PY) -m tests.faults

.PHONY: fuzz
fuzz: $(INSTALLED) ## Read CASES=200000 mails that nobody wrote, from SEED=1 on
	@$(PY) -m tests.fuzz

.PHONY: test-mailbox
test-mailbox: $(INSTALLED) ## Kill the mailbox reader 30 times while 2,000 mails come in, and count (MAILS, KILLS, SEED, NODES)
	@deploy/setup/mailserver
	@$(PY) -m tests.mailbox

train: $(INSTALLED) ## Train the model again from the data in the repository
	$(BIN)/onthaal tagging train

lock: ## Write requirements.lock again, with hashes and no address of an index
	$(BIN)/uv pip compile pyproject.toml shared/pyproject.toml --all-extras --group dev --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -q -o requirements.lock

clean: ## Forget what was installed and what was kept
	rm -rf .venv var tests/e2e/node_modules
