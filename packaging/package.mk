# SPDX-License-Identifier: MIT
#
# Packages for Debian and for Fedora and Enterprise Linux; included by the
# Makefile.

.PHONY: dist deb
dist:				## source archive in build/dist
	packaging/dist build/dist/mcp-execd-$(VERSION).tar.gz
deb:				## Debian packages in build/deb
	@tests/deps --package
	packaging/deb $(DEBFLAGS)
.PHONY: rpm
rpm:				## RPM packages in build/rpm
	@tests/deps --package
	packaging/rpm/build $(RPMFLAGS)
