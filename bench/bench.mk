# bench.mk — the load generator and `make bench`; included by the Makefile.

BENCH := $(B)/obj/libbench.a

$(BENCH): $(patsubst %.c,$(B)/obj/%.o,$(filter-out $(patsubst %,bench/%.c,load provider sdk screen),$(wildcard bench/*.c)))

$(B)/bench/load: $(B)/obj/bench/load.o $(BENCH) $(WIRE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ -lcjson -lsodium -lm -o $@

$(B)/bench/provider: $(B)/obj/bench/provider.o
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ -lmicrohttpd -o $@

$(B)/bench/sdk: $(B)/obj/bench/sdk.o $(B)/libgnatter.a $(BENCH)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ $(SDK_LIBS) -o $@

$(B)/bench/screen: $(B)/obj/bench/screen.o
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ -o $@

bench-packages:
	@scripts/packages bench

# The numbers of bench/README.md, under 10 minutes; QUICK=1: about one and a half, a rough picture.
bench: bench-packages all $(patsubst %,$(B)/bench/%,load provider sdk screen) ## raw Mosquitto and Gnatter in turn, with ratios; QUICK=1: a rough picture
	@B=$(B) QUICK=$(QUICK) bench/run

# The unit tests of its pure parts.
$(patsubst %.c,$(B)/%,$(wildcard tests/unit/bench/*_test.c)): $(BENCH)

.PHONY: bench bench-packages
