# SPDX-License-Identifier: MIT
#
# mcp-execd: one non-recursive GNU Makefile.  `make help` lists the targets.
#
# V=release|asan|valgrind|cov|profile|fuzz|tidy picks the variant, built in build/$(V).
# CPPFLAGS, CFLAGS and LDFLAGS of the caller come last and are never replaced.

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

V ?= release
ifneq ($(filter 0 1,$(V)),)	# other projects' word for silence
override V := release
endif
VERSION := 0.1.0
B := build/$(V)
O := $(B)/obj

PKG_CONFIG ?= pkg-config
INSTALL ?= install
PYTHON ?= python3
ifneq ($(filter $(V)$(origin CC),fuzzdefault profiledefault),)
CC := clang
endif
ifeq ($(origin AR),default)
AR := ar
endif

# --- where things go (GNU names; packages set prefix=/usr) -----------------
PREFIX ?= /usr/local
prefix ?= $(PREFIX)
exec_prefix ?= $(prefix)
sbindir ?= $(exec_prefix)/sbin
libexecdir ?= $(exec_prefix)/libexec
sysconfdir ?= /etc
localstatedir ?= /var
runstatedir ?= /run
datarootdir ?= $(prefix)/share
mandir ?= $(datarootdir)/man
docdir ?= $(datarootdir)/doc/mcp-execd

# --- sources ---------------------------------------------------------------
# By name, so that nothing ships by accident; `make lint` compares.
in = $(patsubst %,$(1)/%.c,$(2))
COMMON := $(call in,common, \
	aead alphabet base64 bearer beneath budget bytes caps cidr clock closest cmdline decimal dfa \
	digest err fdio fdpass filter filter_fold filter_load hashindex json landlock log log_limit loop match match_compile notify \
	param path patterns rest shares sigreset sort told turns utf8 wipe)
PROTO := $(call in,proto, \
	chan note proto)
FRONTEND := $(call in,frontend, \
	main) \
	$(call in,frontend/http, \
	conn cors endpoint http refusal scan wire wrongport) \
	$(call in,frontend/session, \
	event_store events post session sse ticket) \
	$(call in,frontend/mcp, \
	answer jsonrpc mcp message methods notification progress resource_request stateless \
	subscribe tasks taskwatch toolcall) \
	$(call in,frontend/content, \
	blocks cleantext level media resource result revision task typed_output) \
	$(call in,frontend/gate, \
	auth backoff forwarded penalty validate waits) \
	$(call in,frontend/link, \
	calls capture catalog defined fetcher ipc settings transfer) \
	$(call in,frontend/tls, \
	tls tlsadvice tlscheck tlshook) \
	$(call in,frontend/process, \
	allowed inplace lockdown options screen selftest)
EXECUTOR := $(call in,executor, \
	main options) \
	$(call in,executor/control, \
	control control_request control_socket control_status peer) \
	$(call in,executor/service, \
	listen_health activation listen listen_unix service_rlimits watchdog recover relay reload \
	launcher loader orphans plans power programs supervise survivors) \
	$(call in,executor/channel, \
	config_frames crash describe fetch instructions monitor push sessionkey viewtext) \
	$(call in,executor/jobs, \
	jobargs jobcall jobcalls jobkey jobtext rejoin scan screen taskcalls) \
	$(call in,executor/run, \
	admit adopt clientwait detach edited ending explain held hints input job keynames lasting lateword launch launchblob \
	notes outcome output pace pathwords plan plansend pump quota record refuse reports request runstate \
	shelltest spawn toolcall treelist tty unseen wordsplit) \
	$(call in,executor/view, \
	brief failure fold lines picks sieve view viewspec) \
	$(call in,executor/policy, \
	capability elevation facts policy policydiff policydir programnames store token tokendir tokenwatch toolargv tooldef toolparam \
	envname) \
	$(call in,executor/confine, \
	aliases cgroup confine confine_load filtercache mounts ownpaths places \
	probe profiles syscall_group withheld) \
	$(call in,executor/conf, \
	account accountdb certificate conf conf_audit conf_fixed conf_listen conf_redact conf_report hostnet \
	instance keys pemfile servername) \
	$(call in,executor/recording, \
	asciicast asciicast_read jobfile keybook ledger pastruns recordings \
	recorder spool spooldir spoolhead) \
	$(call in,executor/audit, \
	audit logfile loginuid logline logread log_budget receiver redact \
	reserve resume \
	runset seal spelling summary to_journal to_kernel to_syslog) \
	$(call in,executor/power, \
	keeper needed ownchild renounce stall)
# The launcher: also what the executor tries out before a policy is in force.
LAUNCHER := $(call in,executor/launcher, \
	aside asborn child confine_enter connector denial dynloader execlog filehash findings guard holdpeer holdstore image keeper_serve keptroot \
	launchmsg launchplan loginuid_set main modules mountattr mounts_enter mounts_ready ownid \
	plannames planstore procdir proctree remask rights serve sockowner stallwatch template terminal unotify)
# By name: common/wipe has a malloc of its own, and the rest is not for it.
LAUNCHER_COMMON := $(call in,common, \
	beneath bytes clock decimal digest err fdpass filter_load landlock log path sigreset)
CTL := $(call in,executor/ctl, \
	become ctl hand_over left_jobs main qr reload_preview remote runs terminal status service_verbs wrapped_text) \
	$(call in,executor/ctl/audit, \
	audit_replay audit_report audit_seal_init audit_search audit_show \
	audit_stats audit_verify auditarg auditcast audithtml auditlog \
	auditrec auditrow auditrun auditsum auditwhy read_audit verify) \
	$(call in,executor/ctl/doctor, \
	check doctor doctor_kernel doctor_recordings doctor_running doctor_service \
	doctor_survive portowner report) \
	$(call in,executor/ctl/policy, \
	dry_run policy_explain policy_try posture filter_eval sandbox_path startable) \
	$(call in,executor/ctl/setup, changes pack setup setup_ask tools) \
	$(call in,executor/ctl/token, \
	client_config client_file lastuse token_add token_force token_list token_revoke)

MANUALS := executor/mcp-execd.8 executor/mcp-execd.json.5 \
	executor/mcp-execd-policy.5 executor/mcp-execd-token.5 \
	executor/mcp-execd-audit.5 executor/mcp-execd-tool.5 \
	executor/ctl/mcp-execctl.8 executor/launcher/mcp-execd-launcher.8 \
	frontend/mcp-execd-frontend.8 \
	frontend/mcp-execd-protocol.7

UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

PROGRAMS := $(B)/mcp-execd $(B)/mcp-execd-launcher $(B)/mcp-execd-frontend \
	$(B)/mcp-execctl

# --- flags: what this compiler takes of these is kept (STYLE 5.4) ----------
WARN_TRY := -Wall -Wextra -Wformat=2 -Wconversion -Wshadow -Wvla -Wundef \
	-Wcast-qual -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wnull-dereference \
	-Wimplicit-fallthrough -Werror=format-security -Wduplicated-cond \
	-Wduplicated-branches -Wlogical-op -Wtrampolines -Wbidi-chars=any
HARDEN_TRY := -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection=full -mbranch-protection=standard \
	-ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr \
	-fstrict-flex-arrays=3
ALWAYS_TRY := -fno-delete-null-pointer-checks -fno-strict-overflow \
	-fno-strict-aliasing
LINK_TRY := -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodlopen \
	-Wl,-z,separate-code -Wl,--as-needed

# No initialising of locals and no FORTIFY where a tool is to find the bug.
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
opt_release := -O2 -g
opt_asan := -O1 -g $(SAN)
opt_valgrind := -O1 -g -DUNLOCKED
opt_cov := -O0 -g --coverage
# Counters are in a shared mapping of a file: nothing is written at the end, so
# that processes behind a filter, and those that are killed, count too.
opt_profile := -O1 -g -Wno-unused-command-line-argument -fcoverage-mapping -mllvm -runtime-counter-relocation \
	-fprofile-instr-generate=$(CURDIR)/build/profile/raw/%m%c.profraw
opt_fuzz := -O1 -g $(SAN) -fsanitize=fuzzer-no-link
opt_tidy := -O1 -g
ifndef opt_$(V)
$(error V=$(V) is not a variant: use release, asan, valgrind, cov, profile, fuzz or tidy)
endif
ifeq ($(V),release)
TRY := $(WARN_TRY) $(ALWAYS_TRY) $(HARDEN_TRY)
# A level that the caller asks for stands, because the caller's flags come last.
ifeq ($(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),)
FORTIFY = $(PROBED_FORTIFY)
endif
else
TRY := $(WARN_TRY) $(ALWAYS_TRY)
endif

BASE_CPPFLAGS = -D_GNU_SOURCE -I. $(FORTIFY) \
	-DMCP_EXECD_VERSION='"$(VERSION)"' \
	-DMCP_EXECD_SYSCONFDIR='"$(sysconfdir)/mcp-execd"' \
	-DMCP_EXECD_CONFIG='"$(sysconfdir)/mcp-execd/mcp-execd.json"' \
	-DMCP_EXECD_LIBEXECDIR='"$(libexecdir)/mcp-execd"' \
	-DMCP_EXECD_DATADIR='"$(datarootdir)/mcp-execd"' \
	-DMCP_EXECD_RUNDIR='"$(runstatedir)/mcp-execd"' \
	-DMCP_EXECD_LOGDIR='"$(localstatedir)/log/mcp-execd"' \
	-DMCP_EXECD_STATEDIR='"$(localstatedir)/lib/mcp-execd"'
BASE_CFLAGS := -std=c17 $(opt_$(V)) -fPIE $(if $(WERROR),-Werror)

# --- targets that need no compiler and no library yet ----------------------
FREE := sources help deps deps-build check demo lint lint-deps clean asan valgrind \
	cov fuzz e2e sandbox interop conformance unit replay tidy analyze man-lint dist inspector-test \
	deb rpm package-test boot-test
GOALS := $(or $(MAKECMDGOALS),all)
NEEDS_CC := $(filter-out $(FREE),$(GOALS))

LIBS := yajl libseccomp libcap-ng nettle
HTTP_LIBS := libmicrohttpd gnutls vterm

# One file per compiler: probed once, seconds; then only read.
empty :=
space := $(empty) $(empty)
PROBE := $(B)/probe-$(subst /,_,$(subst $(space),_,$(CC))).mk
ifneq ($(NEEDS_CC),)
-include $(PROBE)
endif

ALL_CPPFLAGS = $(BASE_CPPFLAGS) $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS = $(BASE_CFLAGS) $(PROBED_CFLAGS) $(CFLAGS)
PIE = -pie
ALL_LDFLAGS = $(opt_$(V)) $(PIE) $(PROBED_LDFLAGS) $(LDFLAGS)

objs = $(patsubst %.c,$(O)/%.o,$(1))
but_main = $(filter-out %/main.c,$(1))
# VERBOSE=1 shows whole commands, as packagers' tools want to read them.
say = @$(if $(VERBOSE),:,printf '  %-6s %s\n' $(1) $@)
quiet := $(if $(VERBOSE),,@)

.PHONY: all
all: $(PROGRAMS) $(B)/frontend $(B)/clients.d	##b build the four programs in build/$(V)

# Next to the programs, as mcp-execctl looks there first.
$(B)/clients.d: $(wildcard packaging/clients.d/*)
	$(quiet)rm -rf $@ && $(INSTALL) -d -m 0755 $@ && $(INSTALL) -m 0644 $^ $@

# The name that the frontend had until 0.1: for configurations that say it.
$(B)/frontend: $(B)/mcp-execd-frontend
	$(quiet)ln -sf $(<F) $@

$(PROBE): Makefile tests/probe
	@mkdir -p $(@D)
	@CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' tests/probe \
	    --libs '$(LIBS)' --http-libs '$(HTTP_LIBS)' \
	    --cflags '$(TRY)' --ldflags '$(LINK_TRY)' \
	    --fortify '3 2' --static '$(filter release,$(V))' >$@.new && mv $@.new $@

# Objects are rebuilt when the compiler or a flag changes.
FLAGS_NOW = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(B)/flags: $(PROBE) always
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(FLAGS_NOW)) >$@.new; \
	    cmp -s $@.new $@ && rm $@.new || mv $@.new $@
# An archive is made again when its list changes, also if no object is newer.
$(B)/sources: always
	@mkdir -p $(@D)
	@printf '%s\n' '$(COMMON) $(PROTO) $(FRONTEND) $(EXECUTOR) $(LAUNCHER) $(CTL)' >$@.new; \
	    cmp -s $@.new $@ && rm $@.new || mv $@.new $@
quote = '$(subst ','\'',$(1))'
.PHONY: always
always:

$(O)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(quiet)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libcommon.a: $(call objs,$(COMMON)) $(B)/sources
$(B)/libproto.a: $(call objs,$(PROTO)) $(B)/sources
$(B)/libfrontend.a: $(call objs,$(call but_main,$(FRONTEND))) $(B)/sources
$(B)/libexecutor.a: $(call objs,$(call but_main,$(EXECUTOR))) $(B)/sources
$(B)/liblauncher.a: $(call objs,$(call but_main,$(LAUNCHER))) $(B)/sources
$(B)/libctl.a: $(call objs,$(call but_main,$(CTL))) $(B)/sources
$(B)/lib%.a:
	$(call say,AR)
	@rm -f $@
	$(quiet)$(AR) rcs $@ $(filter %.o,$^)

BASE_A := $(B)/libproto.a $(B)/libcommon.a
EXECUTOR_A := $(B)/libexecutor.a $(B)/liblauncher.a $(BASE_A)
# Seen across files, gcc takes what a failed call leaves unset for used: it does
# not know that error codes are never 0.
LTO_QUIET = $(if $(findstring -flto,$(ALL_CFLAGS)),-Wno-maybe-uninitialized)
link = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LTO_QUIET) -o $@

# valgrind does not know every system call that we use.
ifeq ($(V),valgrind)
$(PROGRAMS): $(O)/tests/valgrind.o
$(PROGRAMS): private LDFLAGS += -Wl,--wrap=syscall,--wrap=setrlimit
endif

$(B)/mcp-execd: $(O)/executor/main.o $(EXECUTOR_A)
	$(call say,LINK)
	$(quiet)$(link) $^ $(PKG_LIBS)
$(B)/mcp-execd-frontend: $(O)/frontend/main.o $(B)/libfrontend.a $(BASE_A)
	$(call say,LINK)
	$(quiet)$(link) $^ $(PKG_HTTP_LIBS) $(PKG_LIBS)
# Static where the C library comes so (tests/probe): little to copy for each run.
# clang takes only one of them, and says so.
$(B)/mcp-execd-launcher: private PIE = -pie $(LAUNCHER_STATIC) \
	-Wno-unused-command-line-argument
$(B)/mcp-execd-launcher: $(O)/executor/launcher/main.o $(B)/liblauncher.a \
	    $(call objs,$(LAUNCHER_COMMON))
	$(call say,LINK)
	$(quiet)$(link) $^ $(LAUNCHER_LIBS)
$(B)/mcp-execctl: $(O)/executor/ctl/main.o $(B)/libctl.a $(EXECUTOR_A)
	$(call say,LINK)
	$(quiet)$(link) $^ $(PKG_LIBS)

# --- tests -----------------------------------------------------------------
# A test takes its modules from the archives: only what it names is linked.
TEST_A := $(B)/libctl.a $(B)/libexecutor.a $(B)/liblauncher.a \
	$(B)/libfrontend.a $(BASE_A)
UNIT_BIN := $(addprefix $(B)/,$(UNIT))
UNIT_COMMON := $(foreach t,$(UNIT),$(if $(wildcard \
	common/$(t:test_%=%).[ch] proto/$(t:test_%=%).[ch]),$(t)))
REPLAY_BIN := $(addprefix $(B)/replay_,$(FUZZ))
# Of the frontend's parsers, behind its filter.
LOCKED_BIN := $(addprefix $(B)/locked_,$(filter-out \
	asciicast control plan policy redact tooldef,$(FUZZ)))
FUZZ_BIN := $(addprefix $(B)/fuzz_,$(FUZZ))
SANDBOX_BIN := $(addprefix $(B)/sandbox_,try ways bare)
HOSTILE_BIN := $(B)/hostile_inject
# Answers as another kernel; it reads registers.
KERNEL_BIN := $(if $(filter x86_64,$(shell uname -m)),$(B)/kernel_as)

.SECONDARY:
$(addprefix $(B)/,$(filter-out $(UNIT_COMMON),$(UNIT))): $(TEST_A)
$(UNIT_BIN): $(B)/test_%: $(O)/tests/unit/test_%.o $(BASE_A)
	$(call say,LINK)
	$(quiet)$(link) $< $(filter $^,$(TEST_A)) -lcmocka $(PKG_HTTP_LIBS) $(PKG_LIBS)
# One of these calls after the other fails in these tests, where our objects make it.
NTH_CALLS := malloc calloc realloc reallocarray strdup strndup fstat stat lstat \
	fstatat fstatvfs statvfs mkdirat renameat rename linkat unlink unlinkat \
	fsync fdatasync ftruncate truncate fallocate fchmod pipe2 socket socketpair \
	epoll_create1 timerfd_create memfd_create setsockopt bind listen read pread \
	write pwrite fdopendir opendir open openat mkdtemp rmdir fchdir chroot getrlimit \
	setrlimit sigaction setgroups setresuid setresgid syscall prctl mount umount2 \
	mkdir symlink chdir flock setns
$(addprefix $(B)/,$(filter test_nth%,$(UNIT))): private LDFLAGS += $(NTH_CALLS:%=-Wl,--wrap=%)
$(REPLAY_BIN): $(B)/replay_%: $(O)/tests/fuzz/replay.o \
	    $(O)/tests/fuzz/fuzz_%.o $(TEST_A)
	$(call say,LINK)
	$(quiet)$(link) $^ $(PKG_HTTP_LIBS) $(PKG_LIBS)
$(LOCKED_BIN): $(B)/locked_%: $(O)/tests/fuzz/locked.o \
	    $(O)/tests/fuzz/fuzz_%.o $(TEST_A)
	$(call say,LINK)
	$(quiet)$(link) $^ $(PKG_HTTP_LIBS) $(PKG_LIBS)
$(FUZZ_BIN): $(B)/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(TEST_A)
	$(call say,LINK)
	$(quiet)$(link) -fsanitize=fuzzer $^ $(PKG_HTTP_LIBS) $(PKG_LIBS)

# It tries what is forbidden: no sanitizer and no hardening in its way.
$(B)/kernel_as: tests/kernel/as.c $(B)/flags
	$(call say,CC)
	$(quiet)$(CC) $(ALL_CPPFLAGS) -std=c17 -O1 -g -Wall -Wextra -o $@ $<
$(B)/sandbox_%: tests/sandbox/%.c $(B)/flags
	$(call say,CC)
	$(quiet)$(CC) $(ALL_CPPFLAGS) -std=c17 -O1 -g -Wall -Wextra $(SANDBOX_FLAGS) -o $@ $<
$(B)/sandbox_ways: SANDBOX_FLAGS := -pthread
$(B)/sandbox_bare: SANDBOX_FLAGS := -nostdlib -static -ffreestanding \
	-fno-stack-protector -fno-builtin

$(B)/hostile_%: tests/hostile/%.c $(B)/flags
	$(call say,CC)
	$(quiet)$(CC) $(ALL_CPPFLAGS) -std=c17 -O1 -g -Wall -Wextra -o $@ $<

# The executor's core in a world that is acted out: its own doubles come first.
$(B)/simulate: $(O)/tests/simulate/simulate.o $(O)/tests/simulate/world.o \
	    $(TEST_A)
	$(call say,LINK)
	$(quiet)$(link) $^ $(PKG_HTTP_LIBS) $(PKG_LIBS)

# What the executor's tables hold, for tests/lint/keys.
$(B)/lint_tables: $(O)/tests/lint/tables.o $(EXECUTOR_A)
	$(call say,LINK)
	$(quiet)$(link) $^ $(PKG_LIBS)

# What the layers of a run cost, with the executor's own modules.
$(B)/bench_%: $(O)/tests/bench/%.o $(EXECUTOR_A)
	$(call say,LINK)
	$(quiet)$(link) $^ $(PKG_LIBS)

# What one piece of work takes, with the modules of frontend and executor.
$(B)/bench_instructions: $(O)/tests/bench/instructions.o $(TEST_A)
	$(call say,LINK)
	$(quiet)$(link) $^ $(PKG_HTTP_LIBS) $(PKG_LIBS)

# Loaded into mcp-execd by tests/audit/faults.
FAULTS_SO := $(B)/faults.so
$(FAULTS_SO): tests/audit/faults.c $(B)/flags
	$(call say,CC)
	$(quiet)$(CC) -D_GNU_SOURCE -std=c17 -O1 -g -Wall -Wextra -shared -fPIC \
	    -o $@ $< -ldl

.PHONY: tests tests-unit
tests: tests-unit $(B)/simulate $(B)/bench_instructions $(SANDBOX_BIN) $(HOSTILE_BIN) $(KERNEL_BIN) $(FAULTS_SO) $(B)/lint_tables	##b build unit tests and corpus replay
tests-unit: $(UNIT_BIN) $(REPLAY_BIN) $(LOCKED_BIN)	# what a package's build can run

.PHONY: check asan valgrind unit replay mutants simulate e2e sandbox interop conformance boot-test kernel-test inspector-test \
	clients-test
check:				##s everything: deps, build, all suites (QUICK=1: a few)
	tests/deps
	$(PYTHON) tests/run-check $(if $(QUICK),--quick)
asan:				##b build everything with sanitizers
	$(MAKE) V=asan all tests
valgrind:			##s build for valgrind, run the e2e suite in it
	$(MAKE) V=valgrind all
	$(PYTHON) tests/run-check valgrind
boot-test:			##s the package in a virtual machine (qemu, root; SUITE=trixie)
	@tests/deps
	@$(MAKE) --no-print-directory all $(SANDBOX_BIN)
	$(PYTHON) tests/boot/run --long $(if $(SUITE),--suite $(SUITE))
kernel-test:			##s the package on the kernels of several releases (qemu, root)
	@tests/deps
	@$(MAKE) --no-print-directory all $(SANDBOX_BIN)
	$(PYTHON) tests/boot/kernels --sandbox files --rows build/kernels.json \
	    --table tests/boot/KERNELS.md
inspector-test:			##s the Inspector's web page in headless Chromium
	$(PYTHON) tests/run-check inspector
clients-test: all		##s libraries and programs of clients, and what their models are given
	$(PYTHON) tests/clients/run
unit e2e sandbox interop conformance: ##s this suite alone
	$(PYTHON) tests/run-check $@
replay:				##s the fuzz corpus, in the build with sanitizers
	$(PYTHON) tests/run-check replay-asan
mutants:			##s change code that decides, one place at a time: does a test notice? (N=, SEED=)
	$(PYTHON) tests/mutants/run -n $(or $(N),20) $(if $(SEED),--seed $(SEED))

simulate: tests			##s histories of the executor's core (SEEDS=, MINUTES=, SEED= replays)
	$(PYTHON) tests/simulate/run $(if $(SEEDS),--seeds $(SEEDS)) \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

.PHONY: hostile
hostile: all $(HOSTILE_BIN)	##s a compromised frontend, and floods, at length
	$(PYTHON) tests/hostile/run --long

.PHONY: bench bench-layers bench-figures bench-redact
bench: all $(B)/bench_load	##f calls per second next to mcp-go, the SDKs, ssh and bubblewrap
	$(PYTHON) tests/bench/run
bench-redact: $(B)/bench_redact	##f cost of redaction rules per record
	$(B)/bench_redact
bench-layers: $(B)/bench_layers	##f cost of each layer of confinement per run
	$(B)/bench_layers
bench-figures: all $(B)/bench_layers	##f memory, time to start, round trip
	$(PYTHON) tests/bench/figures

LONG := --streams 2000 --sessions 2000 --clients 64
.PHONY: load soak
load: all			##s 2,000 streams and sessions, 64 clients
	$(PYTHON) tests/load/run $(LONG) --seconds 60 --silent 30
soak: all			##s the same, and 10 minutes of a client that does not read
	$(PYTHON) tests/load/run $(LONG) --seconds 300 --silent 600

.PHONY: bench-audit crash-long jobs-long
bench-audit: all		##f cost of the audit log, in runs per second
	$(PYTHON) tests/bench/audit
crash-long: all $(FAULTS_SO)	##s 1,000 kills, and a fault at each step of the log
	$(PYTHON) tests/run-check audit-crash-long
jobs-long: all			##s jobs: 3-minute builds by the SDKs, 1,000 cut streams, 100 kills, a day, 21 GiB
	$(PYTHON) tests/run-check jobs-long

TIME ?= 60
.PHONY: fuzz
fuzz:				##s libFuzzer: make fuzz T=json TIME=60
	$(if $(T),,$(error T=TARGET is missing, one of: $(FUZZ)))
	$(MAKE) V=fuzz build/fuzz/fuzz_$(T)
	@mkdir -p build/fuzz/corpus/$(T)
	build/fuzz/fuzz_$(T) -max_total_time=$(TIME) -timeout=10 -rss_limit_mb=1024 \
	    -artifact_prefix=build/fuzz/ build/fuzz/corpus/$(T) tests/fuzz/corpus/$(T)

.PHONY: cov
cov:				##s line coverage of the unit tests and replay
	$(MAKE) V=cov all tests
	$(PYTHON) tests/coverage
.PHONY: cov-all
cov-all:			##l lines and branches that all suites reach, by folder (clang; an hour)
	$(MAKE) V=profile all tests
	$(PYTHON) tests/coverage --all $(SUITES)

# --- demo, dependencies, lint ----------------------------------------------
.PHONY: demo deps deps-build
demo:				##t a throwaway server on 127.0.0.1:8001
	@tests/deps --demo
	@$(MAKE) --no-print-directory -j $$(nproc) all
	@exec $(PYTHON) tests/demo.py
deps:				##b install what build and tests need (apt, dnf)
	@tests/deps
deps-build:			##b install what the build needs
	@tests/deps --build

# One stamp a file, so that only what changed is looked at again.
SHIPPED := $(COMMON) $(PROTO) $(FRONTEND) $(EXECUTOR) $(LAUNCHER) $(CTL)
.PHONY: tidied analyzed
tidied: $(patsubst %.c,$(O)/%.tidied,$(SHIPPED))
analyzed: $(patsubst %.c,$(O)/%.analyzed,$(SHIPPED))
$(O)/%.tidied: %.c .clang-tidy $(B)/flags
	@mkdir -p $(@D)
	$(call say,TIDY)
	@clang-tidy --quiet $< -- $(ALL_CPPFLAGS) -std=c17 2>&1 | \
	    grep -Ev 'warnings? generated' >$@.log; \
	    ! grep . $@.log && touch $@
$(O)/%.analyzed: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,ANALYZ)
	$(quiet)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -O2 -fanalyzer -Werror \
	    -c -o /dev/null $< && touch $@

.PHONY: sources
sources:			# for tests/lint/sources
	@printf '%s\n' $(SHIPPED)

.PHONY: lint lint-deps tidy analyze man-lint
lint-deps:			##l install the linters too
	@tests/deps --all
lint:				##l style, layers, analyzers, manuals, scripts
	@$(PYTHON) tests/lint/run
tidy:				##l clang-tidy only
	@$(PYTHON) tests/lint/run tidy
analyze:			##l gcc -fanalyzer and cppcheck only
	@$(PYTHON) tests/lint/run analyzer cppcheck
man-lint:			##l manuals only
	@$(PYTHON) tests/lint/run manuals

# --- install ---------------------------------------------------------------
include packaging/install.mk
include packaging/package.mk

.PHONY: clean help
clean:				##b remove build/
	rm -rf build
help:				##b this list
	@echo 'mcp-execd $(VERSION): make [V=release|asan|valgrind|cov|profile|fuzz] TARGET'
	@for g in 'tTry it' 'bBuild' 'sTest (build first: make all tests)' 'lLint' \
	    'fMeasure' 'iInstall and package'; do printf '\n%s\n' "$${g#?}"; \
	    sed -n "s/^\([a-z][a-z0-9 -]*\):[^#]*##$${g%"$${g#?}"}[[:space:]]*\(.*\)/\1\t\2/p" \
	    Makefile packaging/*.mk | while IFS="$$(printf '\t')" read -r t d; do \
	    printf '  %-38s %s\n' "$$t" "$$d"; done; done

ifneq ($(NEEDS_CC),)
-include $(shell find $(O) -name '*.d' 2>/dev/null)
endif
