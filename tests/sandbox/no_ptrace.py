# SPDX-License-Identifier: MIT
"""Run a program under a system call filter without ptrace(2), as some
containers have it: no_ptrace.py PROGRAM..."""
import ctypes
import errno
import os
import sys

ALLOW, ERRNO = 0x7fff0000, 0x00050000
NO_NEW_PRIVS = 3        # SCMP_FLTATR_CTL_NNP


def main():
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    filter = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(ALLOW)))
    call = lib.seccomp_syscall_resolve_name(b"ptrace")
    if os.geteuid() == 0:
        lib.seccomp_attr_set(filter, NO_NEW_PRIVS, 0)
    if (lib.seccomp_rule_add(filter, ctypes.c_uint32(ERRNO | errno.EPERM),
                             call, 0) != 0 or lib.seccomp_load(filter) != 0):
        sys.exit("no_ptrace: the filter cannot be loaded")
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
