"""Runs a program as on a kernel, or in a container, that refuses some system calls.

Usage: lesser_kernel.py NUMBER,NUMBER:ERRNO PROGRAM ARGUMENT...
"""

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


def main():
    numbers, errno = sys.argv[1].split(":")
    numbers = [int(number) for number in numbers.split(",")]
    program = struct.pack("HBBI", LOAD, 0, 0, 0)
    for number in numbers:
        program += struct.pack("HBBI", EQUAL, 0, 1, number)
        program += struct.pack("HBBI", RETURN, 0, 0, ERRNO | int(errno))
    program += struct.pack("HBBI", RETURN, 0, 0, ALLOW)
    buffer = ctypes.create_string_buffer(program)

    class Filter(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    made = Filter(len(program) // 8, ctypes.addressof(buffer))
    for arguments in [
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(made), 0, 0),
    ]:
        if libc.prctl(*arguments) != 0:
            sys.exit(os.strerror(ctypes.get_errno()))
    os.execv(sys.argv[2], sys.argv[2:])


main()
