# SPDX-License-Identifier: MIT
"""Run a program where no user namespace can be made: no_userns.py PROGRAM...

A user namespace with a limit of none below it, as an administrator's
user.max_user_namespaces=0 would set it for the whole machine.  The program
keeps its user and has no capability.
"""
import ctypes
import os
import pathlib
import signal
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        sys.exit("no_userns: " + os.strerror(ctypes.get_errno()))
    me = pathlib.Path("/proc/self")
    (me / "setgroups").write_text("deny")
    (me / "uid_map").write_text(f"{uid} {uid} 1")
    (me / "gid_map").write_text(f"{gid} {gid} 1")
    pathlib.Path("/proc/sys/user/max_user_namespaces").write_text("0")
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
