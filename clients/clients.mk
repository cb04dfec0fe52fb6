# clients.mk — the SDK, libgnatter, and what is built on it. Included by the Makefile.
#
# libgnatter holds what it needs of wire/, too. The shared library exports what gnatter.h declares, and
# the static one is a single object in which everything else is local: neither can clash with an app.

SDK_LIBS := -lpaho-mqtt3as -lsqlite3 -lcjson -lssl -lcrypto
SDK      := $(patsubst %.c,$(B)/obj/%.o,$(wildcard clients/sdk/*.c))
SDK_WIRE := $(patsubst %,$(B)/obj/wire/%.o,buf err json json_text name utf8)

# The same objects, nothing hidden, for its tests.
LIBSDK   := $(B)/obj/libsdk.a
$(LIBSDK): $(SDK)

$(B)/libgnatter.a: $(SDK) $(SDK_WIRE)
	@mkdir -p $(@D)
	@echo "  AR    $@"
	@$(LD) -r $^ -o $(B)/obj/gnatter.o
	@objcopy --localize-hidden $(B)/obj/gnatter.o
	@rm -f $@
	@$(AR) rcs $@ $(B)/obj/gnatter.o

# The library's functions, and what of wire/ the program itself needs: the two do not clash.
$(B)/gnatter: $(call objects,clients/gnatter) $(B)/libgnatter.a $(WIRE)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ $(SDK_LIBS) -lncursesw -o $@
