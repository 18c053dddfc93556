/* SPDX-License-Identifier: MIT */
/*
 * bare: a program without libc or loader, which makes no call to set itself
 * up: it writes its tag, see ways.c, and ends.
 */
#include <asm/unistd.h>

enum { WITNESS_FD = 77 };

static long
call(long nr, long a, long b, long c)
{
#if defined(__x86_64__)
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr, x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b, x2 __asm__("x2") = c;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2)
			 : "memory");
	return x0;
#elif defined(__riscv)
	register long a7 __asm__("a7") = nr, a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b, a2 __asm__("a2") = c;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2)
			 : "memory");
	return a0;
#else
#error "how does one call the kernel here?"
#endif
}

static char line[200];

__attribute__((used)) _Noreturn void
bare_main(long *stack)
{
	static const char name[] = "MARK_TAG=", rest[] = " 0 0 0 -\n";
	char **env = (char **)(stack + stack[0] + 2), *p;
	long n = 0;

	for (; *env != 0; env++) {
		const char *want = name;

		for (p = *env; *want != '\0' && *p == *want; p++)
			want++;
		if (*want == '\0')
			while (*p != '\0' && n < 150)
				line[n++] = *p++;
	}
	for (const char *r = rest; *r != '\0'; r++)
		line[n++] = *r;
	call(__NR_write, WITNESS_FD, (long)line, n);
	call(__NR_exit_group, 0, 0, 0);
	__builtin_unreachable();
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: mov %rsp, %rdi\nand $-16, %rsp\n"
	"call bare_main\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x0, sp\nbl bare_main\n");
#elif defined(__riscv)
__asm__(".globl _start\n_start: mv a0, sp\ncall bare_main\n");
#endif
