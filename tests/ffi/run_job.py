"""Runs a script as a whole job through the C library, with nothing but Python's own ctypes, and prints its log live.

    python3 run_job.py LIBRARY DIRECTORY SCRIPT

LIBRARY is libsemaphore_ffi.so.1; the script lies in the directory. The exit code is 0 if the job succeeded.
"""
import ctypes
import json
import os
import struct
import sys
import tempfile
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_ssize_t, c_uint8, c_uint32, c_uint64

FRAME_LOG, FRAME_OP_DONE, FRAME_RT_CLOSED = 1, 4, 9


class Buffer(ctypes.Structure):
    _fields_ = [("ptr", POINTER(c_uint8)), ("len", c_size_t), ("cap", c_size_t)]


class Error(ctypes.Structure):
    _fields_ = [("size", c_uint32), ("code", c_int32), ("os_errno", c_int32), ("flags", c_int32), ("json", Buffer)]


class Library:
    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        declare = {
            "rt_open": [c_char_p, c_size_t, POINTER(c_uint64), POINTER(Error)],
            "rt_close": [c_uint64, c_uint32],
            "rt_wait": [c_uint64, c_char_p, c_size_t, c_int32],
            "log_open": [c_uint64, c_char_p, c_size_t, POINTER(c_uint64), POINTER(Error)],
            "log_credit": [c_uint64, c_uint32],
            "job_start": [c_uint64, c_char_p, c_size_t, c_char_p, c_size_t, c_uint64, POINTER(c_uint64), POINTER(Error)],
            "op_result": [c_uint64, POINTER(Buffer), POINTER(Error)],
            "handle_close": [c_uint64],
            "buf_free": [POINTER(Buffer)],
        }
        for name, arguments in declare.items():
            function = getattr(self.library, "semaphore_" + name)
            function.argtypes = arguments
            function.restype = {"rt_wait": c_ssize_t, "buf_free": None}.get(name, c_int32)
            setattr(self, name, function)

    def text(self, buffer):
        """The text of a buffer, which is given back."""
        value = ctypes.string_at(buffer.ptr, buffer.len) if buffer.len else b"null"
        self.buf_free(byref(buffer))
        return json.loads(value)

    def open(self, function, *arguments):
        """The handle that a function makes, or its reason as an exception."""
        handle, error = c_uint64(), Error(size=ctypes.sizeof(Error))
        if function(*arguments, byref(handle), byref(error)) != 0:
            raise RuntimeError(self.text(error.json)["msg"])
        return handle.value


def frames(buffer):
    while buffer:
        length, kind, _, source, _, _ = struct.unpack_from("<IHHQQq", buffer)
        yield kind, source, buffer[32:length], -(-length // 8) * 8
        buffer = buffer[-(-length // 8) * 8:]


def records(payload):
    while payload:
        (length,) = struct.unpack_from("<I", payload)
        yield payload[4:4 + length].decode(errors="replace")
        payload = payload[4 + length:]


def run(library, directory, script, tmp):
    runtime = library.open(library.rt_open, None, 0)
    log = library.open(library.log_open, runtime, None, 0)
    job = json.dumps({
        "version": 1,
        "config": {"tmp_path": tmp, "path": os.environ["PATH"], "home": tmp},
        "job": {
            "task_id": 1, "project_id": 1, "template_id": 1, "app": "bash", "playbook": script, "details": {},
            "repository": {"id": 1, "name": "directory", "url": directory, "branch": "", "key": {"id": 1, "kind": {"type": "none"}}},
        },
    }).encode()
    operation = library.open(library.job_start, runtime, job, len(job), None, 0, log)
    buffer, outcome = ctypes.create_string_buffer(1_114_112), None
    while True:
        used = library.rt_wait(runtime, buffer, len(buffer), -1)
        if used < 0:
            raise RuntimeError(f"events cannot be read: {used}")
        for kind, source, payload, size in frames(buffer.raw[:used]):
            if kind == FRAME_LOG:
                for line in records(payload):
                    print(line, flush=True)
            if source == log:
                library.log_credit(log, size)
            elif kind == FRAME_OP_DONE and source == operation:
                result, error = Buffer(), Error(size=ctypes.sizeof(Error))
                library.op_result(operation, byref(result), byref(error))
                outcome = library.text(result)
                library.buf_free(byref(error.json))
                library.rt_close(runtime, 1000)
            elif kind == FRAME_RT_CLOSED:
                for handle in (log, runtime):
                    library.handle_close(handle)
                return outcome


def main():
    path, directory, script = sys.argv[1:]
    with tempfile.TemporaryDirectory() as tmp:
        outcome = run(Library(path), os.path.abspath(directory), script, tmp)
    print("outcome", outcome["outcome"], outcome.get("text", ""))
    return 0 if outcome["outcome"] == "success" else 1


if __name__ == "__main__":
    sys.exit(main())
