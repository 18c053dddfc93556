# SPDX-License-Identifier: MIT
"""Run a program under the system call filter that mcp-execd@.service puts
around it: unit_filter.py PROGRAM...

RestrictSUIDSGID= answers openat2(2) with ENOSYS, as it cannot look at the mode
behind the pointer, and refuses modes with set-user-ID or set-group-ID;
~@resources refuses priorities and processors, ~@clock the clock.
"""
import ctypes
import errno
import os
import stat
import sys

ALLOW, ERRNO = 0x7fff0000, 0x00050000
MASKED_EQ = 7
REFUSED = ("clock_settime", "settimeofday", "ioprio_set", "mbind", "migrate_pages", "move_pages",
           "sched_setaffinity", "sched_setattr", "sched_setparam",
           "sched_setscheduler", "set_mempolicy", "setpriority", "setrlimit")
MODES = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "mkdir": 1, "mkdirat": 2,
         "mknod": 1, "mknodat": 2, "creat": 1}


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int),
                ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def main():
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.seccomp_init(ALLOW))

    def refuse(name, error, *compare):
        number = lib.seccomp_syscall_resolve_name(name.encode())
        rows = (Compare * max(len(compare), 1))(*compare)
        if number >= 0 and lib.seccomp_rule_add_array(
                context, ctypes.c_uint32(ERRNO | error), number, len(compare),
                rows) != 0:
            sys.exit(f"unit_filter: {name}")

    refuse("openat2", errno.ENOSYS)
    for name in REFUSED:
        refuse(name, errno.EPERM)
    for name, place in MODES.items():
        for bit in stat.S_ISUID, stat.S_ISGID:
            refuse(name, errno.EPERM, Compare(place, MASKED_EQ, bit, bit))
    if lib.seccomp_load(context) != 0:
        sys.exit("unit_filter: seccomp_load")
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
