# Two commands: `make run` starts wordproxy here, `make test` runs every test.
# Needed for both: python3 (3.11 or newer), python3-venv, make.  Nothing is written outside this
# folder, but `make test` adds missing Debian packages where it may (root, or sudo without a password).

SHELL  := /bin/sh
PYTHON ?= python3
RUN    := .venv
TEST   := .venv-test
SCAN   := .venv-scan
HTML   := html
PIP    := -m pip install --disable-pip-version-check --quiet -c constraints.txt

# Options of the service (`make run RUN_ARGS="-p 9001"`) and of pytest (`make test ARGS="-k echo"`).
RUN_ARGS ?=
ARGS     ?=
JOBS     ?= 4

# What the tests in tests/real/ drive; without one of these its tests are skipped and say so.
PARTS := nginx squid libnginx-mod-http-brotli-filter chromium nodejs curl libnss3-tools microsocks redis-server unicode-data \
         haproxy strace libfaketime logrotate systemd nftables iproute2 jq netcat-openbsd default-jre-headless slowhttptest \
         man-db mandoc zsh fish bash-completion prometheus \
         debian-handbook debian-reference-ja debian-reference-zh-cn debian-reference-de

SOURCE  := $(shell find netsuite twisted -type f ! -name '*.py[cod]' ! -name '*.so' ! -name dropin.cache 2>/dev/null)
PACKAGE := setup.cfg setup.py pyproject.toml constraints.txt README.rst netsuite/words/_plain.c

# What compiles the one part that can be; without it Python does the same, in more time.
COMPILER := gcc libc6-dev python3-dev

.PHONY: help run test nightly endurance parts peers bench conformance manual docs release lint format types clean
help:
	@echo "make run    install netsuite into $(RUN) and start wordproxy in the foreground"
	@echo "make test   install what the tests need, and run them (ARGS=... goes to pytest)"
	@echo "make nightly   the long tests: crowds, 10 GB bodies, a long fuzz, an hour's soak; make endurance: a day's"
	@echo "make bench  install the peers (make peers), measure ours against them, print the tables"
	@echo "make conformance  install the peers, and try ours and them on the wire against RFC 9110 and 9112"
	@echo "make manual   write man pages, reference and completion anew"
	@echo "make docs     make HTML of README, guides, reference and source"
	@echo "make release     sdist and wheel in dist/, checked and tried, and the changelog; RELEASE=--check changes nothing"
	@echo "make lint   make types   make format   make clean"

# -- run ---------------------------------------------------------------------------------------

run: $(RUN)/installed
	@echo "netsuite: starting wordproxy; its first line says where.  Next: open the report's /setup page in"
	@echo "netsuite: a browser, or try  curl -x 127.0.0.1:8001 http://www.example.org/ .  Ctrl-C stops it."
	@exec $(RUN)/bin/twistd -n --pidfile= wordproxy $(RUN_ARGS)

# build/ may hold modules of an older tree, and pip would put them into the wheel it makes.
$(RUN)/installed: $(RUN)/made $(PACKAGE) $(SOURCE)
	@echo "netsuite: installing into $(RUN) (a minute at most with a filled pip cache)"
	@rm -rf build
	@$(RUN)/bin/python $(PIP) .
	@touch $@

# -- test --------------------------------------------------------------------------------------

test: $(TEST)/installed $(SCAN)/installed parts
	@echo "netsuite: running the tests"
	@$(TEST)/bin/python -m pytest tests -n $(JOBS) --dist loadscope $(ARGS)

# Installed in place: a changed module needs no new installation, only changed requirements do.
$(TEST)/installed: $(TEST)/made $(PACKAGE)
	@.ci/parts $(COMPILER)
	@echo "netsuite: installing netsuite and its test tools into $(TEST)"
	@$(TEST)/bin/python $(PIP) -e '.[test,dev]'
	@touch $@

# sslyze wants other versions of libraries than we do.  Where it can't be had its test is skipped and says so.
$(SCAN)/installed: $(SCAN)/made
	@echo "netsuite: installing sslyze into $(SCAN)"
	@$(SCAN)/bin/python -m pip install --disable-pip-version-check --quiet 'sslyze==6.3.1' || \
	    echo "netsuite: no sslyze; its test will be skipped" >&2
	@touch $@

# What is too long for every push: the whole of what `make test` tries a cut of (tests/scale.py), a fuzz with a
# new seed, which it prints, and an hour's soak.  SOAK_MINUTES=5 makes it shorter.
LONG := $(shell grep -rlwE 'NIGHTLY|SCALE' tests --include='test_*.py') \
        tests/real/origin/test_origin.py tests/wordproxy/store/test_contract.py
nightly: SOAK_MINUTES ?= 60
nightly: $(TEST)/installed parts
	@$(TEST)/bin/python -m tests.proxy.fuzz --runs 200000
	@NETSUITE_TEST_SCALE=nightly $(TEST)/bin/python -m pytest -rP $(LONG) $(ARGS)
	@$(TEST)/bin/python bench/soak.py --minutes $(SOAK_MINUTES)
	@$(TEST)/bin/python bench/soak.py --minutes $(SOAK_MINUTES) --service wordproxy
	@$(TEST)/bin/python bench/soak_suite.py --minutes $(SOAK_MINUTES)

# Before a release: ten million fuzzed messages, an hour of fuzz for each reader of bytes, a day's soak of each kind,
# third parties' suites (h1spec, slowhttptest, sslyze, html5lib's and others), and the peers' tables.
endurance: SOAK_MINUTES ?= 1440
endurance: FUZZ_SECONDS ?= 3600
endurance: $(TEST)/installed $(SCAN)/installed parts peers
	@for part in 1 2 3 4 5 6 7 8 9 10; do \
	    $(TEST)/bin/python -m tests.proxy.fuzz --runs 1000000 || exit 1; done
	@$(TEST)/bin/python -m tests.inputs --seconds $(FUZZ_SECONDS)
	@$(TEST)/bin/python bench/soak.py --minutes $(SOAK_MINUTES)
	@$(TEST)/bin/python bench/soak.py --minutes $(SOAK_MINUTES) --service wordproxy
	@$(TEST)/bin/python bench/soak_suite.py --minutes $(SOAK_MINUTES)
	@NETSUITE_TEST_SCALE=nightly $(TEST)/bin/python -m pytest -rP tests/real/wire tests/real/origin \
	    tests/real/test_slow.py tests/real/test_interception_clients.py tests/words $(ARGS)
	@$(TEST)/bin/python -m tests.real.wire
	@$(TEST)/bin/python -m bench.relay

parts:
	@.ci/parts $(PARTS)
	@.ci/vnu

# -- bench -------------------------------------------------------------------------------------

# The proxies that ours is compared with, and the load; BENCH=... goes to bench.relay.
PEERS := .venv-peers
RIVALS := nginx squid tinyproxy privoxy haproxy wrk strace nmap netcat-openbsd ncat socat
BENCH ?=
COUNTING ?=

peers: $(PEERS)/installed
	@.ci/parts $(RIVALS)

$(PEERS)/installed: $(PEERS)/made
	@echo "netsuite: installing mitmproxy and proxy.py into $(PEERS)"
	@$(PEERS)/bin/python -m pip install --disable-pip-version-check --quiet 'mitmproxy==11.0.2' 'proxy.py==2.4.10'
	@touch $@

bench: $(TEST)/installed peers
	@$(TEST)/bin/python -m bench.relay $(BENCH)
	@$(TEST)/bin/python -m bench.counting $(COUNTING)
	@$(TEST)/bin/python -m bench.intercept
	@$(TEST)/bin/python -m bench.portscan
	@$(TEST)/bin/python -m bench.echo
	@$(TEST)/bin/python -m bench.pages_site
	@$(TEST)/bin/python -m bench.formsite
	@$(TEST)/bin/python -m bench.httpecho
	@$(TEST)/bin/python -m bench.download
	@$(TEST)/bin/python -m bench.forward

# WIRE="--write docs/conformance.rst" writes the page.
conformance: $(TEST)/installed peers
	@$(TEST)/bin/python -m tests.real.wire $(WIRE)

# Man pages, reference and completion, from what --help is made from; a test compares them with it.
manual: $(TEST)/installed
	@$(TEST)/bin/python -m netsuite.scripts.manual . "$$(date +%F)"

# HTML of README, guides and reference, and of the source; a warning is a fault.
docs: $(TEST)/installed
	@rm -rf $(HTML)
	@$(TEST)/bin/sphinx-build -W --keep-going -n -q -c docs -d $(HTML)/.doctrees . $(HTML)
	@$(TEST)/bin/pydoctor --html-output=$(HTML)/api
	@echo "netsuite: $(HTML)/docs/index.html"

# -- release -----------------------------------------------------------------------------------

# RELEASE="--check" changes nothing; CONTRIBUTING.rst says what comes before and after.
RELEASE ?=

release: $(TEST)/installed
	@$(TEST)/bin/python .ci/release $(RELEASE)

# -- quality -----------------------------------------------------------------------------------

lint: $(TEST)/installed
	@$(TEST)/bin/ruff check . .ci/smoke .ci/release
	@$(TEST)/bin/ruff format --check . .ci/smoke .ci/release

format: $(TEST)/installed
	@$(TEST)/bin/ruff check --fix . .ci/smoke .ci/release
	@$(TEST)/bin/ruff format . .ci/smoke .ci/release

types: $(TEST)/installed
	@$(TEST)/bin/mypy

# -- both --------------------------------------------------------------------------------------

# A venv ignores itself for git from Python 3.13 on; before that we say so.
%/made:
	@command -v $(PYTHON) >/dev/null || \
	    { echo "netsuite: no python3; run: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "netsuite: needs Python 3.11 or newer; run: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "netsuite: no python3-venv; run: apt-get install python3-venv" >&2; exit 1; }
	@echo "netsuite: making $*"
	@rm -rf $*
	@$(PYTHON) -m venv $*
	@printf '*\n' >$*/.gitignore
	@touch $@

clean:
	rm -rf $(RUN) $(TEST) $(SCAN) $(PEERS) $(HTML) .vnu build dist netsuite.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf _trial_temp*
	find netsuite tests twisted -name __pycache__ -prune -exec rm -rf {} +
	rm -f twisted/plugins/dropin.cache netsuite/words/*.so
