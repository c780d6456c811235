# make install, make uninstall: to PREFIX, LIBDIR and so on; below DESTDIR, if that is
# set, for those who make packages. They build nothing, as they may run as another user.

PREFIX ?= /usr/local
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR ?= $(PREFIX)/lib
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
CMAKEDIR ?= $(LIBDIR)/cmake/libdill

INSTALL ?= install
INSTALL_DATA = $(INSTALL) -m 644

# The header has the version of the binary interface, in libtool's terms.
dill_version = $(shell sed -n 's/^.define DILL_VERSION_$(1) //p' include/libdill.h)
CURRENT := $(call dill_version,CURRENT)
REVISION := $(call dill_version,REVISION)
AGE := $(call dill_version,AGE)
SO_MAJOR := $(shell expr $(CURRENT) - $(AGE))
SO_VERSION := $(SO_MAJOR).$(AGE).$(REVISION)
SO_FILE := libdill.so.$(SO_VERSION)

# What a static libdill needs besides the C library's own part.
STATIC_LIBS = -lpthread -lm -ldl

HEADERS = include/libdill.h include/libdillimpl.h
# Most names in section 3 are links to pages.
MAN_PAGES = $(shell cd $(MAN) 2> /dev/null && find man? -type f)
MAN_LINKS = $(shell cd $(MAN) 2> /dev/null && find man? -type l)
# The commands for gdb: where it loads them by itself with the library, and where a user
# finds them.
GDB_SCRIPT = share/libdill-gdb.py
GDB_FILES = $(DATADIR)/gdb/auto-load$(LIBDIR)/$(SO_FILE)-gdb.py $(DATADIR)/libdill/libdill-gdb.py

INSTALLED = $(HEADERS:include/%=$(INCLUDEDIR)/%) \
    $(LIBDIR)/libdill.a $(LIBDIR)/libdill.so $(LIBDIR)/libdill.so.$(SO_MAJOR) $(LIBDIR)/$(SO_FILE) \
    $(PKGCONFIGDIR)/libdill.pc $(CMAKEDIR)/libdillConfig.cmake $(CMAKEDIR)/libdillConfigVersion.cmake \
    $(addprefix $(MANDIR)/,$(MAN_PAGES) $(MAN_LINKS)) $(GDB_FILES)
# Those that nobody else puts anything into.
OWN_DIRECTORIES = $(CMAKEDIR) $(DATADIR)/libdill

# Fills a template in: $(1) without its .in, in the directory $(2).
define fill
@echo '$(1) for $(PREFIX) > $(DESTDIR)$(2)/$(1)'
@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(CURRENT).$(REVISION).$(AGE)|' \
    -e 's|@LIBDIR@|$(LIBDIR:$(PREFIX)/%=$${prefix}/%)|' \
    -e 's|@INCLUDEDIR@|$(INCLUDEDIR:$(PREFIX)/%=$${prefix}/%)|' \
    -e "s|@LIBDIR_TO_INCLUDEDIR@|$$(realpath -m --relative-to='$(LIBDIR)' '$(INCLUDEDIR)')|" \
    -e 's|@SO_VERSION@|$(SO_VERSION)|' -e 's|@SO_MAJOR@|$(SO_MAJOR)|' \
    -e 's|@STATIC_LIBS@|$(STATIC_LIBS)|' -e 's|@LIBDILL_VERSION@|2.14|' \
    packaging/$(1).in > $(DESTDIR)$(2)/$(1)
@chmod 644 $(DESTDIR)$(2)/$(1)
endef

# $(1) must have been built.
define need
@for file in $(1); do \
    test -e $$file || { echo "$$file is missing: run 'make' first" >&2; exit 1; }; \
done
endef

.PHONY: install uninstall

install:
	$(call need,$(RELEASE)/libdill.a $(RELEASE)/libdill.so $(MAN)/man7/libdill.7)
	$(INSTALL) -d $(addprefix $(DESTDIR),$(INCLUDEDIR) $(LIBDIR) $(PKGCONFIGDIR) $(CMAKEDIR) \
	    $(MANDIR)/man3 $(MANDIR)/man7)
	$(INSTALL_DATA) $(HEADERS) $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL_DATA) $(RELEASE)/libdill.a $(DESTDIR)$(LIBDIR)
	$(INSTALL) -m 755 $(RELEASE)/libdill.so $(DESTDIR)$(LIBDIR)/$(SO_FILE)
	ln -sf $(SO_FILE) $(DESTDIR)$(LIBDIR)/libdill.so.$(SO_MAJOR)
	ln -sf libdill.so.$(SO_MAJOR) $(DESTDIR)$(LIBDIR)/libdill.so
	$(call fill,libdill.pc,$(PKGCONFIGDIR))
	$(call fill,libdillConfig.cmake,$(CMAKEDIR))
	$(call fill,libdillConfigVersion.cmake,$(CMAKEDIR))
	@echo "installing $(words $(MAN_PAGES)) manual pages in $(DESTDIR)$(MANDIR)"
	@for page in $(MAN_PAGES); do \
	    $(INSTALL_DATA) $(MAN)/$$page $(DESTDIR)$(MANDIR)/$$page || exit 1; \
	done
	@for link in $(MAN_LINKS); do \
	    ln -sf "$$(readlink $(MAN)/$$link)" $(DESTDIR)$(MANDIR)/$$link || exit 1; \
	done
	for file in $(addprefix $(DESTDIR),$(GDB_FILES)); do \
	    $(INSTALL) -d $$(dirname $$file) && $(INSTALL_DATA) $(GDB_SCRIPT) $$file || exit 1; \
	done

uninstall:
	$(call need,$(MAN)/man7/libdill.7)
	@echo "removing $(words $(INSTALLED)) files"
	@rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	@for directory in $(addprefix $(DESTDIR),$(OWN_DIRECTORIES)); do \
	    if test -d $$directory; then rmdir $$directory; fi; \
	done
	@cd $(DESTDIR)$(DATADIR) 2> /dev/null && \
	    rmdir -p --ignore-fail-on-non-empty gdb/auto-load$(LIBDIR) 2> /dev/null || true
