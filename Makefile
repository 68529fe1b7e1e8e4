# SPDX-License-Identifier: Apache-2.0
#
# make            build/localemu-ecsd, build/localemu-ecs-shim, build/localemu-ecs-init
# make run        install what is missing, build, make sure that an Engine answers, start the daemon
# make check      install what the tests need, build, run every test
# make lint       include rules, formatting, clang-tidy, cppcheck
# make bench      measure, side by side with docker
# make check-package  builds the package and tries it on a machine of its own, with systemd and an Engine inside
# make deb        the Debian package, in build/deb/
# make install    DESTDIR=, PREFIX=/usr; make uninstall takes it away again
# SAN=address,undefined, CC=clang, WERROR=1: each builds into a directory of its own

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
PROTOC_C ?= protoc-c
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr
LIBEXECDIR ?= $(PREFIX)/libexec/localemu-ecs

comma := ,
VARIANT := $(patsubst -%,%,$(if $(SAN),-san-$(subst $(comma),-,$(SAN)))$(if $(COV),-cov)$(if $(findstring clang,$(CC)),-clang))
OUT := build$(if $(VARIANT),/$(VARIANT))
OBJ := $(OUT)/obj

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
	-Wwrite-strings -Wvla -Wformat=2 -Wimplicit-fallthrough -Wundef -Wnull-dereference -Wconversion \
	-Wno-sign-conversion -fno-common
ifeq ($(findstring clang,$(CC)),)
WARNINGS += -Wlogical-op -Wduplicated-cond
endif
ifneq ($(WERROR)$(CI),)
WARNINGS += -Werror
endif

CFLAGS ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -I. -I$(OUT)/gen
BASE_CFLAGS := -std=gnu11 $(CFLAGS)
ifneq ($(SAN),)
BASE_CFLAGS += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
endif
ifneq ($(COV),)
BASE_CFLAGS += --coverage -O0
LDFLAGS += --coverage
endif
PACKAGE_CFLAGS := $(shell $(PKG_CONFIG) --cflags json-c libevent libprotobuf-c libnl-route-3.0 2>/dev/null)
BASE_CFLAGS += $(PACKAGE_CFLAGS)

# One short line per file; V=1 shows the commands.
ifeq ($(V),)
Q := @
say = @echo '  $(1) $(2)'
endif

COMMON_LIBS := -lprotobuf-c -ljson-c -levent_core -lm
DAEMON_LIBS := -levent_extra $(COMMON_LIBS) -lsqlite3 -lsystemd -lcrypto -lpcre2-8 -lexpat -lpthread
SHIM_LIBS := -levent_extra $(COMMON_LIBS) -lcurl -lpcre2-8 -lnl-route-3 -lnl-3 -lpthread

COMMON_SRC := $(wildcard common/*.c)
DAEMON_SRC := $(filter-out daemon/main.c,$(wildcard daemon/*.c daemon/*/*.c))
SHIM_SRC := $(filter-out shim/main.c shim/init.c,$(wildcard shim/*.c))
UNIT_SRC := $(wildcard tests/unit/test_*.c)

COMMON_OBJ := $(COMMON_SRC:%.c=$(OBJ)/%.o) $(OBJ)/gen/proto/shim.pb-c.o
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(OBJ)/%.o)
SHIM_OBJ := $(SHIM_SRC:%.c=$(OBJ)/%.o)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(OUT)/tests/%)
GEN_H := $(OUT)/gen/proto/shim.pb-c.h

PROGRAMS := $(OUT)/localemu-ecsd $(OUT)/localemu-ecs-shim $(OUT)/localemu-ecs-init

.PHONY: all
all: $(PROGRAMS)

$(OUT)/localemu-ecsd: $(OBJ)/daemon/main.o $(OBJ)/libdaemon.a $(OBJ)/libcommon.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS)

$(OUT)/localemu-ecs-shim: $(OBJ)/shim/main.o $(OBJ)/libshim.a $(OBJ)/libcommon.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(SHIM_LIBS)

# Runs inside the user's containers: static, small, never instrumented.
$(OUT)/localemu-ecs-init: shim/init.c common/gate.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -Os -g0 $(WARNINGS) -D_GNU_SOURCE -I. -static -s -o $@ $<

$(OBJ)/libcommon.a: $(COMMON_OBJ)
$(OBJ)/libdaemon.a: $(DAEMON_OBJ)
$(OBJ)/libshim.a: $(SHIM_OBJ)
# A library is made anew when a source file has gone, too: its list of members differs then.
$(OBJ)/%.list: FORCE
	@mkdir -p $(@D)
	@echo '$(MEMBERS)' | cmp -s - $@ || echo '$(MEMBERS)' > $@
$(OBJ)/libcommon.list: MEMBERS = $(COMMON_OBJ)
$(OBJ)/libdaemon.list: MEMBERS = $(DAEMON_OBJ)
$(OBJ)/libshim.list: MEMBERS = $(SHIM_OBJ)
.PHONY: FORCE
%.a: %.list
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

$(OUT)/gen/proto/shim.pb-c.c $(OUT)/gen/proto/shim.pb-c.h &: proto/shim.proto
	@mkdir -p $(OUT)/gen
	$(call say,PROTOC,$<)
	$(Q)$(PROTOC_C) --c_out=$(OUT)/gen $<

$(OBJ)/gen/%.o: $(OUT)/gen/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(BASE_CFLAGS) -c -o $@ $<

$(OBJ)/%.o: %.c | $(GEN_H)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(BASE_CFLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<

$(OUT)/tests/%: $(OBJ)/tests/unit/%.o $(OBJ)/libdaemon.a $(OBJ)/libshim.a $(OBJ)/libcommon.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS) $(SHIM_LIBS) -lcmocka

.PHONY: unit
unit: $(UNIT_BIN)

# -- what people type

PARALLEL := $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

# The Engine's socket and the containers' namespaces are root's.
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo --preserve-env=CI$(comma)PYTEST_ARGS$(comma)LINT_FAILED$(comma)DOCKER_HOST )

.PHONY: run
run:
	+@MAKE="$(MAKE) $(PARALLEL)" LOCALEMU_BUILD=$(OUT) packaging/run

.PHONY: check
check:
	@packaging/dependencies build check
	+@$(MAKE) --no-print-directory $(PARALLEL) all unit
	@$(SUDO)env LOCALEMU_BUILD=$(OUT) tests/check

# Prints one table with what design.md section 9 asks for beside what was measured.
.PHONY: bench
bench:
	@packaging/dependencies build check
	+@$(MAKE) --no-print-directory $(PARALLEL) all $(OUT)/bench/load
	@$(SUDO)env LOCALEMU_BUILD=$(OUT) PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/bench.py

$(OUT)/bench/load: tests/bench/load.c $(OBJ)/libcommon.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(BASE_CFLAGS) $(WARNINGS) $(LDFLAGS) -o $@ $^ $(COMMON_LIBS)

.PHONY: lint
lint: $(GEN_H)
	@packaging/dependencies build lint
	@LINT_FLAGS='$(CPPFLAGS) $(PACKAGE_CFLAGS) -std=gnu11' tests/lint/lint

# -- installation; DESTDIR for packages

INSTALL ?= install
MAN1 := packaging/man/localemu.1 packaging/man/awsemu.1
MAN7 := packaging/man/localemu-ecs.7
MAN8 := packaging/man/localemu-ecsd.8

.PHONY: install
install: $(PROGRAMS)
	$(INSTALL) -d $(addprefix $(DESTDIR)$(PREFIX)/,bin sbin share/man/man1 share/man/man7 share/man/man8) $(DESTDIR)$(LIBEXECDIR)
	$(INSTALL) -m 755 packaging/bin/localemu packaging/bin/awsemu $(DESTDIR)$(PREFIX)/bin
	$(INSTALL) -m 755 $(OUT)/localemu-ecsd $(DESTDIR)$(PREFIX)/sbin
	$(INSTALL) -m 755 $(OUT)/localemu-ecs-shim packaging/bin/localemu-view $(DESTDIR)$(LIBEXECDIR)
	# Its name says that it is static on purpose, as Debian's policy checker wants to see.
	$(INSTALL) -m 755 $(OUT)/localemu-ecs-init $(DESTDIR)$(LIBEXECDIR)/localemu-ecs-init.static
	ln -sf localemu-ecs-init.static $(DESTDIR)$(LIBEXECDIR)/localemu-ecs-init
	$(INSTALL) -m 644 $(MAN1) $(DESTDIR)$(PREFIX)/share/man/man1
	$(INSTALL) -m 644 $(MAN7) $(DESTDIR)$(PREFIX)/share/man/man7
	$(INSTALL) -m 644 $(MAN8) $(DESTDIR)$(PREFIX)/share/man/man8

.PHONY: deb
deb:
	@packaging/deb

.PHONY: check-package
check-package:
	@packaging/dependencies build check deb check-package
	@$(SUDO)tests/package/check

.PHONY: uninstall
uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,localemu awsemu) $(DESTDIR)$(PREFIX)/sbin/localemu-ecsd
	rm -f $(addprefix $(DESTDIR)$(LIBEXECDIR)/,localemu-ecs-shim localemu-ecs-init localemu-ecs-init.static localemu-view)
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/man/man1/,$(notdir $(MAN1)))
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/man/man7/,$(notdir $(MAN7)))
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/man/man8/,$(notdir $(MAN8)))
	[ ! -d $(DESTDIR)$(LIBEXECDIR) ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(LIBEXECDIR)

.PHONY: clean
clean:
	rm -rf build

.SECONDARY:
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
