# SPDX-License-Identifier: MIT
#
# Packages for Debian and for Fedora and Enterprise Linux; included by the
# Makefile.

.PHONY: dist deb rpm package-test
dist:				##i source archive in build/dist
	packaging/dist build/dist/mcp-execd-$(VERSION).tar.gz
deb:				##i Debian packages in build/deb
	@tests/deps --package
	packaging/deb $(DEBFLAGS)
rpm:				##i RPM packages in build/rpm
	@tests/deps --package
	packaging/rpm/build $(RPMFLAGS)
package-test:			##s packages built twice, installed and run, also in Debian 13 (root)
	@tests/deps --roots
	@$(MAKE) --no-print-directory all
	$(PYTHON) tests/package/run --long
