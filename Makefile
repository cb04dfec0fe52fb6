# Gnatter. One Makefile, no recursion, no configure step. `make help` lists what it can do.
#
#   make                  gnatter.so, gnatterd, gnatterctl; gnatter, libgnatter: all into build/
#   make CC=clang         the same with clang, into build/clang/
#   make SANITIZE=1       the same with AddressSanitizer and UndefinedBehaviorSanitizer, into build/sanitize/
#   make SANITIZE=thread  the same with ThreadSanitizer in the SDK and the tests, into build/thread/

B := build$(if $(findstring clang,$(CC)),/clang)$(if $(filter thread,$(SANITIZE)),/thread,$(if $(SANITIZE),/sanitize))

CFLAGS ?= -O2 -g
WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
          -Wwrite-strings -Wvla -Wundef -Wformat=2 -Werror
OUR    := -std=c11 -D_GNU_SOURCE $(WARN) -I. -fPIC -pthread -fvisibility=hidden
ifeq ($(SANITIZE),thread)
# Only the SDK and the tests: a stock broker could not load a plugin that is built with it.
$(B)/obj/clients/sdk/%.o $(B)/obj/tests/%.o $(B)/tests/% $(B)/gnatter $(B)/libgnatter.so: private OUR += -fsanitize=thread
else ifdef SANITIZE
OUR    += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

sources = $(filter-out %_test.c,$(wildcard $(1)/*.c $(1)/*/*.c))
objects = $(patsubst %.c,$(B)/obj/%.o,$(call sources,$(1)))

WIRE    := $(B)/obj/libwire.a
PERSIST := $(B)/obj/libpersist.a
ENGINE  := $(B)/obj/libengine.a
PUSH    := $(B)/obj/libpush.a
BRIDGE  := $(B)/obj/libbridge.a
PLUGIN  := $(B)/obj/libplugin.a

DAEMON_LIBS := -lmosquitto -lleveldb -llmdb -lcjson -lsodium -lcrypto

PROGRAMS := gnatter.so gnatterd gnatterctl gnatter libgnatter.so libgnatter.a

all: packages $(addprefix $(B)/,$(PROGRAMS)) ## server, gnatter and libgnatter into build/ (the default)

# Every package that building needs, installed if it is missing; silent when nothing is.
packages:
	@scripts/packages build

$(WIRE): $(call objects,wire)
$(PERSIST): $(call objects,persist)
# What a device registers is checked by the engine, too, which has no network.
PUSH_PURE := $(patsubst %,$(B)/obj/bridge/push/%.o,check endpoint offer prefs)
$(ENGINE): $(call objects,bridge/engine) $(PUSH_PURE)
$(PUSH): $(filter-out $(PUSH_PURE),$(call objects,bridge/push))
$(BRIDGE): $(patsubst %.c,$(B)/obj/%.o,$(filter-out bridge/main.c,$(wildcard bridge/*.c)))
$(PLUGIN): $(call objects,plugin)
%.a:
	@mkdir -p $(@D)
	@echo "  AR    $@"
	@rm -f $@
	@$(AR) rcs $@ $^

$(B)/gnatter.so: $(call objects,plugin) $(PERSIST) $(WIRE)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) -shared -Wl,--version-script=plugin/exports.map $^ \
		-llmdb -lsodium -lcjson -o $@

$(B)/gnatterd: $(B)/obj/bridge/main.o $(BRIDGE) $(PUSH) $(ENGINE) $(PERSIST) $(WIRE)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ $(DAEMON_LIBS) -o $@

$(B)/gnatterctl: $(call objects,clients/gnatterctl) $(B)/obj/clients/tty.o $(WIRE)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ -lmosquitto -lcjson -lsodium -o $@

include clients/clients.mk

$(B)/obj/%.o: %.c | packages
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(OUR) $(CFLAGS) -MMD -MP -c $< -o $@

# --- tests: every tests/unit/**/x_test.c is one program ---------------------------------------------
UNIT := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/*_test.c))

# Those of push talk to real servers, which they start as the system tests do; those of the support try
# what they try with.
support = $(if $(filter push/ support/,$(dir $(1))),$(SUPPORT))

# The SDK knows nothing of the server: its tests have it alone, and names in the server may be the same.
is_sdk    = $(filter sdk/ sdk_%,$(dir $(1)) $(1))
tested    = $(if $(call is_sdk,$(1)),$(LIBSDK) $(WIRE),$(2))
test_libs = $(if $(call is_sdk,$(1)),-lcmocka $(SDK_LIBS),$(TEST_LIBS) $(DAEMON_LIBS))

# Beside the tests of a folder stand files that all of them share.
beside = $(patsubst %.c,$(B)/obj/%.o,$(filter-out %_test.c,$(wildcard tests/unit/$(dir $(1))*.c)))

.SECONDEXPANSION:
$(UNIT): $(B)/tests/unit/%: $(B)/obj/tests/unit/%.o \
		$$(call beside,$$*) $$(call support,$$*) \
		$$(call tested,$$*,$(PLUGIN) $(BRIDGE) $(PUSH) $(ENGINE) $(PERSIST) $(WIRE))
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ $(call test_libs,$*) -o $@

include tests/tests.mk
include bench/bench.mk
include conf/run.mk

clean: ## remove everything that was built
	rm -rf build

.PHONY: all packages clean
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
