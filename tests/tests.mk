# tests.mk — how everything is tested. Included by the Makefile.
#
#   make test                 unit tests, the fuzz targets over their corpus, system tests
#   make test T=promises      only the programs whose path holds that word
#   make test SANITIZE=1      all of it with AddressSanitizer and UndefinedBehaviorSanitizer
#   make test SANITIZE=thread T=sdk    with ThreadSanitizer in the SDK
#   JOBS=n                    so many programs at a time (default: one per core)
#   ONLY='test_p1*'           within a program, only the tests whose name matches

JOBS ?= $(shell nproc)

SUPPORT := $(B)/obj/libsupport.a
SYSTEM  := $(patsubst %.c,$(B)/%,$(wildcard tests/system/*_test.c))
FUZZ    := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%_replay,$(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))
PRELOAD := $(patsubst %,$(B)/tests/%.so,clock keep slowsync)

TEST_LIBS := -lcmocka -lpaho-mqtt3c -lmicrohttpd

$(SUPPORT): $(filter-out $(B)/obj/tests/support/preload_%,$(call objects,tests/support))

# Those of the SDK have it as an app has it: its one library, in which names may be what others are called
# here, and Paho's other variant, of which a program can have only one.
sdk_lib     = $(if $(filter sdk_%,$(1)),$(B)/libgnatter.a)
system_libs = $(if $(filter sdk_%,$(1)),$(filter-out -lpaho-mqtt3c,$(TEST_LIBS)) $(SDK_LIBS),$(TEST_LIBS))

$(SYSTEM): $(B)/tests/system/%: $(B)/obj/tests/system/%.o $(SUPPORT) $(PERSIST) $(WIRE) $$(call sdk_lib,$$*)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ $(call system_libs,$*) -lmosquitto -lleveldb -llmdb -lcjson -lsodium -lcrypto -o $@

# An app as a program of its own: to be killed, and to see what memory it takes.
$(B)/tests/sdk_app: $(B)/obj/tests/system/sdk_app.o $(B)/libgnatter.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ $(SDK_LIBS) -o $@
$(patsubst %,$(B)/tests/system/%_test,sdk sdk_chaos): | $(B)/tests/sdk_app

# What Web Push messages are decrypted with, and a client for browsers: nobody here wrote them, and they
# are of exactly that version.
NPM := build/npm/node_modules/.package-lock.json

$(patsubst %,$(B)/tests/system/%_test,push_kinds_webpush clients_mqttjs sdk_chaos sdk_send ui): | $(NPM)
$(NPM): tests/npm/package.json tests/npm/package-lock.json
	@for p in node npm; do \
		command -v $$p >/dev/null || { echo "tests: $$p is missing, which foreign libraries are run with" >&2; exit 1; }; \
	done
	@mkdir -p build/npm
	@echo "  NPM   build/npm"
	@cp $^ build/npm
	@cd build/npm && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >log 2>&1 || { cat log >&2; exit 1; }
	@touch $@

# Loaded into stock programs, before any sanitizer: never built with one.
$(B)/tests/%.so: tests/support/preload_%.c
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -fPIC -O2 -shared $< -ldl -o $@

$(FUZZ): $(B)/tests/fuzz/%_replay: $(B)/obj/tests/fuzz/%.o $(B)/obj/tests/fuzz/replay.o \
		$$(call tested,$$*,$(PUSH) $(ENGINE) $(PERSIST) $(WIRE))
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ $(call test_libs,$*) -o $@

# The longest first, so that two jobs end at about the same time.
TESTS_ALL := $(SYSTEM) $(UNIT) $(FUZZ)
TESTS_RUN := $(if $(T),$(foreach t,$(TESTS_ALL),$(if $(findstring $(T),$(t:$(B)/tests/%=%)),$(t))),$(TESTS_ALL))

test: test-packages all arm $(PRELOAD) $(TESTS_RUN) ## every test; T=word: only those; SANITIZE=1: with sanitizers
	@tests/run $(JOBS) $(TESTS_RUN)

test-packages:
	@scripts/packages test

.PHONY: test test-packages
