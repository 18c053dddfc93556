/* SPDX-License-Identifier: MIT */
/*
 * main: mcp-execd-launcher, which starts the guards of runs.
 *
 * A small process with the executor's privileges and none of its parsers: the
 * executor, which deals with the frontend, hands it plans and orders, and it
 * deals with the kernel.  Started by mcp-execd alone.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

#include "common/log.h"
#include "common/sigreset.h"
#include "executor/launcher/holdstore.h"
#include "executor/launcher/keeper_serve.h"
#include "executor/launcher/launchmsg.h"
#include "executor/launcher/serve.h"

static const char help[] =
    "usage: mcp-execd-launcher [-h | -k | -p | -V | --hold MS DIR]\n\n"
    "Started by mcp-execd, over a socket pair, to start the commands of runs.\n"
    "See mcp-execd-launcher(8).\n\n"
    "  -h, --help     print this help\n"
    "  -k, --keeper   be the keeper, which starts and ends mcp-execd's processes\n"
    "  -p, --plans    believe its caller about plans: for mcp-execctl alone\n"
    "      --hold     keep jobs of an mcp-execd that is gone so many ms, and tell\n"
    "                 the next one by a socket in DIR\n"
    "  -V, --version  print the version\n";

static bool
is_word(const char *arg, const char *brief, const char *full)
{
	return strcmp(arg, brief) == 0 || strcmp(arg, full) == 0;
}

/* Is it what the executor gives us? */
static bool
is_pair(int fd)
{
	int type = 0, domain = 0;
	socklen_t a = sizeof(type), b = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &a) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &b) == 0 &&
	       type == SOCK_SEQPACKET && domain == AF_UNIX;
}

/*
 * rseq(2), which glibc 2.35 registers: the kernel would write to its area each
 * time that a guard or a command goes on, and each fork copy the page for that.
 * Where it cannot be left it stays.
 */
static void
leave_rseq(void)
{
#if defined(RSEQ_SIG) && defined(SYS_rseq)
	enum { REGISTERED = 32, UNREGISTER = 1 };

	(void)syscall(SYS_rseq,
	    (char *)__builtin_thread_pointer() + __rseq_offset, REGISTERED,
	    UNREGISTER, RSEQ_SIG);
#endif
}

int
main(int argc, char **argv)
{
	bool keeper, plans, holds;

	log_set_name("launcher");
	if (argc == 2 && is_word(argv[1], "-h", "--help"))
		return fputs(help, stdout) == EOF;
	if (argc == 2 && is_word(argv[1], "-V", "--version"))
		return puts("mcp-execd-launcher " MCP_EXECD_VERSION) == EOF;
	keeper = argc == 2 && is_word(argv[1], "-k", "--keeper");
	plans = argc == 2 && is_word(argv[1], "-p", "--plans");
	holds = argc == 4 && strcmp(argv[1], "--hold") == 0;
	if (argc > 1 + (keeper || plans) + 3 * holds ||
	    !is_pair(LAUNCHMSG_FD) ||
	    (!keeper && !plans && !is_pair(LAUNCHMSG_PLANS_FD))) {
		(void)fputs(
		    "mcp-execd-launcher: it is started by mcp-execd, see --help\n",
		    stderr);
		return 2;
	}
	/* As the executor: no process of its own user looks into it. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)sigreset_all();
	leave_rseq();
	(void)setsid(); /* a terminal's ^C is not for us */
	if (keeper)
		return keeper_serve();
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (holds)
		holdstore_init(argv[3], (uint32_t)strtoul(argv[2], NULL, 10));
	return serve(LAUNCHMSG_FD, plans ? -1 : LAUNCHMSG_PLANS_FD);
}
