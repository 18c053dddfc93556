# SPDX-License-Identifier: MIT
#
# `make install`, for administrators and for both packages; included by the
# Makefile.  DESTDIR is where a package is gathered; PREFIX is prefix.
#
# Files below sysconfdir are the administrator's: what is there stays.

unitdir ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
completiondir ?= $(datarootdir)/bash-completion/completions
exampledir ?= $(docdir)/examples
schemadir ?= $(datarootdir)/mcp-execd/schema
clientsdir := $(datarootdir)/mcp-execd/clients.d
etcdir := $(sysconfdir)/mcp-execd
logdir := $(localstatedir)/log/mcp-execd
statedir := $(localstatedir)/lib/mcp-execd

INSTALL_DATA ?= $(INSTALL) -m 0644
INSTALL_PROGRAM ?= $(INSTALL) -m 0755

# Paths in what is installed are those of this build.
filled = sed -e 's,@sbindir@,$(sbindir),g' -e 's,@docdir@,$(docdir),g' \
	-e 's,@statedir@,$(statedir),g' -e 's,@logdir@,$(logdir),g' \
	-e 's,@localstatedir@,$(localstatedir),g' \
	-e 's,@sysconfdir@,$(sysconfdir),g' \
	packaging/$(1) >$(B)/$(notdir $(1)) && \
	$(INSTALL_DATA) $(B)/$(notdir $(1)) $(DESTDIR)$(2)

EXAMPLES := packaging/examples
# Packs of tools, and the programs of their definitions.
PACKS := system restart
packdir := $(datarootdir)/mcp-execd
tooldir := $(libexecdir)/mcp-execd/tools
COMPLETED := mcp-execctl mcp-execd

.PHONY: install install-programs install-manuals install-data install-tools \
	install-etc install-systemd
install: all			##i install (DESTDIR, PREFIX, sbindir, ...)
install: install-programs install-manuals install-data install-tools \
	    install-etc install-systemd

install-programs: all
	$(INSTALL) -d $(DESTDIR)$(sbindir) $(DESTDIR)$(libexecdir)/mcp-execd
	$(INSTALL_PROGRAM) $(B)/mcp-execd $(B)/mcp-execctl \
	    $(DESTDIR)$(sbindir)
	$(INSTALL_PROGRAM) $(B)/mcp-execd-frontend $(B)/mcp-execd-launcher \
	    $(DESTDIR)$(libexecdir)/mcp-execd

install-manuals:
	$(INSTALL) -d $(DESTDIR)$(mandir)/man5 \
	    $(DESTDIR)$(mandir)/man7 $(DESTDIR)$(mandir)/man8
	$(INSTALL_DATA) $(filter %.5,$(MANUALS)) $(DESTDIR)$(mandir)/man5
	$(INSTALL_DATA) $(filter %.7,$(MANUALS)) $(DESTDIR)$(mandir)/man7
	$(INSTALL_DATA) $(filter %.8,$(MANUALS)) $(DESTDIR)$(mandir)/man8

install-data:
	$(INSTALL) -d $(DESTDIR)$(docdir) $(DESTDIR)$(schemadir) \
	    $(DESTDIR)$(clientsdir) \
	    $(DESTDIR)$(exampledir)/policies.d \
	    $(DESTDIR)$(exampledir)/tools.d \
	    $(DESTDIR)$(exampledir)/systemd $(DESTDIR)$(exampledir)/auditd \
	    $(DESTDIR)$(exampledir)/instance/policies.d \
	    $(DESTDIR)$(completiondir)
	$(INSTALL_DATA) README.md SECURITY.md NEWS.md LICENSE \
	    $(DESTDIR)$(docdir)
	$(INSTALL_DATA) $(EXAMPLES)/mcp-execd.json $(DESTDIR)$(exampledir)
	$(INSTALL_DATA) $(EXAMPLES)/policies.d/*.json \
	    $(DESTDIR)$(exampledir)/policies.d
	$(INSTALL_DATA) $(EXAMPLES)/tools.d/*.json \
	    $(DESTDIR)$(exampledir)/tools.d
	$(INSTALL_DATA) $(EXAMPLES)/instance/mcp-execd.json \
	    $(DESTDIR)$(exampledir)/instance
	$(INSTALL_DATA) $(EXAMPLES)/instance/policies.d/*.json \
	    $(DESTDIR)$(exampledir)/instance/policies.d
	$(INSTALL_DATA) $(EXAMPLES)/systemd/*.conf \
	    $(DESTDIR)$(exampledir)/systemd
	$(INSTALL_DATA) packaging/auditd/mcp-execd.rules \
	    $(DESTDIR)$(exampledir)/auditd
	$(INSTALL_DATA) packaging/schema/*.schema.json $(DESTDIR)$(schemadir)
	$(INSTALL_DATA) packaging/clients.d/* $(DESTDIR)$(clientsdir)
	$(INSTALL_DATA) $(COMPLETED:%=packaging/completion/%) \
	    $(DESTDIR)$(completiondir)

# What `mcp-execctl tools` and `setup` copy from.  Definitions name the place of
# their programs.
install-tools:
	$(INSTALL) -d $(DESTDIR)$(tooldir) $(DESTDIR)$(packdir)/policies.d
	$(INSTALL_PROGRAM) packaging/tools.d/bin/* $(DESTDIR)$(tooldir)
	$(INSTALL_DATA) $(EXAMPLES)/mcp-execd.json $(DESTDIR)$(packdir)
	$(INSTALL_DATA) $(EXAMPLES)/policies.d/*.json \
	    $(DESTDIR)$(packdir)/policies.d
	for pack in $(PACKS); do \
	    to=$(DESTDIR)$(packdir)/tools.d/$$pack && \
	    $(INSTALL) -d $$to/tools.d $$to/policies.d && \
	    $(INSTALL_DATA) packaging/tools.d/$$pack/tools.d/*.json \
		$$to/tools.d && \
	    $(INSTALL_DATA) packaging/tools.d/$$pack/policies.d/*.json \
		$$to/policies.d && \
	    sed -i 's,/usr/libexec/mcp-execd/tools,$(tooldir),' \
		$$to/tools.d/*.json || exit; \
	done

# All defaults, and one policy that changes nothing, for the first token.
etc_file = test -e $(DESTDIR)$(etcdir)/$(1) || \
	$(INSTALL_DATA) $(EXAMPLES)/$(1) $(DESTDIR)$(etcdir)/$(1)
install-etc:
	$(INSTALL) -d $(DESTDIR)$(etcdir)
	$(INSTALL) -d -m 0700 $(DESTDIR)$(etcdir)/policies.d \
	    $(DESTDIR)$(etcdir)/tokens.d $(DESTDIR)$(etcdir)/tools.d
	$(call etc_file,mcp-execd.json)
	$(call etc_file,policies.d/diagnose.json)

# Directories below localstatedir are made here too, for machines without
# systemd-tmpfiles.
install-systemd: all
	$(INSTALL) -d $(DESTDIR)$(unitdir) $(DESTDIR)$(sysusersdir) \
	    $(DESTDIR)$(tmpfilesdir) $(DESTDIR)$(localstatedir)/lib/mcp-diagnose
	$(INSTALL) -d -m 0700 $(DESTDIR)$(statedir) $(DESTDIR)$(logdir)
	$(call filled,systemd/mcp-execd.service,$(unitdir))
	$(call filled,systemd/mcp-execd.socket,$(unitdir))
	$(call filled,systemd/mcp-execd@.service,$(unitdir))
	$(call filled,systemd/mcp-execd@.socket,$(unitdir))
	$(call filled,tmpfiles.d/mcp-execd.conf,$(tmpfilesdir))
	$(INSTALL_DATA) packaging/sysusers.d/mcp-execd.conf \
	    $(DESTDIR)$(sysusersdir)
