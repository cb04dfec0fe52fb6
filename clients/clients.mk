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

# A program that was built with it finds it as SDK_SONAME; another number is another interface.
SDK_SONAME  := libgnatter.so.0
SDK_VERSION := $(shell sed -n 's/^\#define GNATTER_VERSION "\(.*\)"/\1/p' clients/sdk/gnatter.h)

$(B)/libgnatter.so: $(SDK) $(SDK_WIRE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SDK_SONAME) $(if $(SANITIZE),,-Wl,-z,defs) $^ \
		$(SDK_LIBS) -o $@

# The program takes the library as any other does, and what it needs of wire/ besides.
$(B)/gnatter: $(call objects,clients/gnatter) $(B)/obj/clients/tty.o $(B)/libgnatter.a $(WIRE)
	@echo "  LINK  $@"
	@$(CC) $(OUR) $(CFLAGS) $(LDFLAGS) $^ $(SDK_LIBS) -lncursesw -o $@

# --- the library on 32 bits, and small: that it compiles without a warning is the test --------------
#
# The libraries it stands on have the same headers everywhere; they are reached one by one, so that
# nothing else of this machine's is.
ARM      ?= arm-linux-gnueabihf-
ARM_B    := build/arm
ARM_OBJS := $(patsubst $(B)/obj/%,$(ARM_B)/obj/%,$(SDK) $(SDK_WIRE))

arm: arm-packages $(ARM_B)/libgnatter.a ## the SDK for 32-bit ARM, as small as it gets, into build/arm/
	@$(ARM)size -t $(ARM_B)/libgnatter.a

arm-packages:
	@scripts/packages build arm

$(ARM_B)/include/made:
	@mkdir -p $(@D)
	@ln -sf /usr/include/MQTT*.h /usr/include/sqlite3.h $(@D)
	@ln -sfn /usr/include/cjson $(@D)/cjson
	@touch $@

$(ARM_B)/obj/%.o: %.c $(ARM_B)/include/made | arm-packages
	@mkdir -p $(@D)
	@echo "  ARM   $<"
	@$(ARM)gcc -std=c11 -D_GNU_SOURCE $(WARN) -I. -isystem $(ARM_B)/include -fPIC -pthread \
		-fvisibility=hidden -Os -MMD -MP -c $< -o $@

$(ARM_B)/libgnatter.a: $(ARM_OBJS)
	@echo "  AR    $@"
	@$(ARM)ld -r $^ -o $(ARM_B)/obj/gnatter.o
	@$(ARM)objcopy --localize-hidden $(ARM_B)/obj/gnatter.o
	@rm -f $@
	@$(ARM)ar rcs $@ $(ARM_B)/obj/gnatter.o

.PHONY: arm arm-packages
