# The newcomer's and the operator's targets. Included by the Makefile.
#
#   make run                 a chat to try, in ./instance, on port 1883
#   make run PORT=1884       the same on another port
#   make install PREFIX=/usr DESTDIR=/tmp/root

INSTANCE ?= instance
PREFIX   ?= /usr/local
UNITDIR  ?= $(PREFIX)/lib/systemd/system

# The template is taken into the program by the assembler, which leaves no trace for make.
$(B)/obj/clients/gnatterctl/broker_conf.o: conf/mosquitto.conf.in

# `set -m` puts gnatterctl into a process group of its own, so that Ctrl-C ends it and not make: it stops
# broker and daemon and ends well, and so does make. An instance that is there already keeps its port
# unless PORT says otherwise.
run: run-packages all ## build, make ./instance with demo accounts if it is not there, run broker and daemon
	@if [ ! -e $(INSTANCE) ]; then \
		$(B)/gnatterctl init $(INSTANCE) --demo $(if $(PORT),--port $(PORT)); \
	elif [ -n "$(PORT)" ]; then \
		sed -i '0,/^listener [1-9]/s/^listener [1-9][0-9]*/listener $(PORT)/' $(INSTANCE)/mosquitto.conf; \
	fi
	@set -m 2>/dev/null; $(B)/gnatterctl run $(INSTANCE) --hints

# All that is missing in one go.
run-packages:
	@scripts/packages build run

# Below DESTDIR. What is made of a template has the places in it where it will lie.
BINDIR  = $(DESTDIR)$(PREFIX)/bin
LIBDIR  = $(DESTDIR)$(PREFIX)/lib
DATADIR = $(DESTDIR)$(PREFIX)/share

install: all ## install into PREFIX (/usr/local), below DESTDIR if that is set
	install -d $(BINDIR) $(DESTDIR)$(PREFIX)/sbin $(LIBDIR)/gnatter $(DESTDIR)$(UNITDIR)
	install -m 755 $(B)/gnatterctl $(BINDIR)/gnatterctl
	install -m 755 $(B)/gnatterd $(DESTDIR)$(PREFIX)/sbin/gnatterd
	install -m 644 $(B)/gnatter.so $(LIBDIR)/gnatter/gnatter.so
	for unit in gnatter gnatterd; do \
		sed 's|@PREFIX@|$(PREFIX)|g' conf/$$unit.service >$(DESTDIR)$(UNITDIR)/$$unit.service && \
		chmod 644 $(DESTDIR)$(UNITDIR)/$$unit.service || exit 1; \
	done
	install -d $(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include $(DATADIR)/man/man1 \
		$(DATADIR)/bash-completion/completions $(DATADIR)/zsh/site-functions
	install -m 755 $(B)/gnatter $(BINDIR)/gnatter
	install -m 644 clients/gnatter/gnatter.1 $(DATADIR)/man/man1/gnatter.1
	install -m 644 clients/gnatter/completion/gnatter.bash $(DATADIR)/bash-completion/completions/gnatter
	install -m 644 clients/gnatter/completion/_gnatter $(DATADIR)/zsh/site-functions/_gnatter
	install -m 644 clients/sdk/gnatter.h $(DESTDIR)$(PREFIX)/include/gnatter.h
	install -m 644 $(B)/libgnatter.a $(LIBDIR)/libgnatter.a
	install -m 644 $(B)/libgnatter.so $(LIBDIR)/libgnatter.so.$(SDK_VERSION)
	ln -sf libgnatter.so.$(SDK_VERSION) $(LIBDIR)/$(SDK_SONAME)
	ln -sf $(SDK_SONAME) $(LIBDIR)/libgnatter.so
	sed 's|@PREFIX@|$(PREFIX)|g; s|@VERSION@|$(SDK_VERSION)|; s|@LIBS@|$(SDK_LIBS)|' clients/sdk/gnatter.pc.in \
		>$(LIBDIR)/pkgconfig/gnatter.pc
	chmod 644 $(LIBDIR)/pkgconfig/gnatter.pc

uninstall: ## remove what install put there; instances stay
	rm -f $(BINDIR)/gnatterctl $(DESTDIR)$(PREFIX)/sbin/gnatterd $(LIBDIR)/gnatter/gnatter.so \
		$(DESTDIR)$(UNITDIR)/gnatter.service $(DESTDIR)$(UNITDIR)/gnatterd.service
	rm -f $(BINDIR)/gnatter $(DATADIR)/man/man1/gnatter.1 $(DATADIR)/bash-completion/completions/gnatter \
		$(DATADIR)/zsh/site-functions/_gnatter $(DESTDIR)$(PREFIX)/include/gnatter.h \
		$(LIBDIR)/libgnatter.a $(LIBDIR)/libgnatter.so $(LIBDIR)/libgnatter.so.* $(LIBDIR)/pkgconfig/gnatter.pc
	-rmdir $(LIBDIR)/gnatter

# Every target whose line ends in "## what it does".
help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort | \
		while IFS='	' read -r target what; do printf '  make %-11s %s\n' "$$target" "$$what"; done

.PHONY: run run-packages install uninstall help
