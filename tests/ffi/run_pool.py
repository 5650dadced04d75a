#!/usr/bin/env python3
"""Runs every script of a directory as a job of a pool through the C library, at most so many at once.

    python3 run_pool.py LIBRARY DIRECTORY PARALLEL

LIBRARY is libsemaphore_ffi.so.1. Every line is printed with the name of its script; at the end stands the largest number of jobs that
the pool's snapshots showed as running. The exit code is 0 if all jobs succeeded.
"""
import ctypes
import json
import os
import sys
import tempfile
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_uint64

from run_job import FRAME_LOG, FRAME_OP_DONE, FRAME_RT_CLOSED, Buffer, Error, Library, frames, records

FRAME_READY, FRAME_DRAINED, DRAIN_ALL = 15, 16, 0


class PoolLibrary(Library):
    def __init__(self, path):
        super().__init__(path)
        declare = {
            "pool_open": [c_uint64, c_char_p, c_size_t, POINTER(c_uint64), POINTER(Error)],
            "pool_submit": [c_uint64, c_char_p, c_size_t, POINTER(c_uint64), c_size_t, POINTER(c_size_t), POINTER(Error)],
            "pool_start": [c_uint64, c_char_p, c_size_t, c_char_p, c_size_t, c_uint64, POINTER(Error)],
            "pool_snapshot": [c_uint64, POINTER(Buffer)],
            "pool_drain": [c_uint64, c_int32],
        }
        for name, arguments in declare.items():
            function = getattr(self.library, "semaphore_" + name)
            function.argtypes, function.restype = arguments, c_int32
            setattr(self, name, function)

    def check(self, function, *arguments):
        """Calls a function whose last parameter is the error."""
        error = Error(size=ctypes.sizeof(Error))
        if function(*arguments, byref(error)) != 0:
            raise RuntimeError(self.text(error.json)["msg"])


class Pool:
    """The jobs of a directory's scripts."""

    def __init__(self, library, directory, parallel, tmp):
        self.library, self.directory, self.tmp = library, directory, tmp
        self.scripts = sorted(name for name in os.listdir(directory) if name.endswith(".sh"))
        self.runtime = library.open(library.rt_open, None, 0)
        limits = json.dumps({"max_parallel": parallel}).encode()
        self.pool = library.open(library.pool_open, self.runtime, limits, len(limits))
        self.names, self.logs, self.failed, self.most = {}, {}, [], 0

    def submit(self):
        jobs = [{"id": number, "project_id": 1, "template_id": 1, "allow_parallel": True} for number in range(len(self.scripts))]
        document, operations, number = json.dumps({"jobs": jobs}).encode(), (c_uint64 * len(jobs))(), c_size_t()
        self.library.check(self.library.pool_submit, self.pool, document, len(document), operations, len(jobs), byref(number))
        self.names = dict(zip(operations, self.scripts))
        self.library.pool_drain(self.pool, DRAIN_ALL)

    def start(self, operation, number):
        """It is this job's turn: what it does is asked for only now."""
        log = self.library.open(self.library.log_open, self.runtime, None, 0)
        self.logs[log] = self.names[operation]
        job = json.dumps({
            "config": {"tmp_path": self.tmp, "path": os.environ["PATH"], "home": self.tmp},
            "job": {
                "task_id": number, "project_id": 1, "template_id": 1, "app": "bash", "playbook": self.names[operation], "details": {},
                "repository": {"id": 1, "name": "directory", "url": self.directory, "branch": "", "key": {"id": 1, "kind": {"type": "none"}}},
            },
        }).encode()
        self.library.check(self.library.pool_start, operation, job, len(job), None, 0, log)
        snapshot = Buffer()
        self.library.pool_snapshot(self.pool, byref(snapshot))
        self.most = max(self.most, len(self.library.text(snapshot)["running"]))

    def end(self, operation):
        result, error = Buffer(), Error(size=ctypes.sizeof(Error))
        self.library.op_result(operation, byref(result), byref(error))
        self.library.buf_free(byref(error.json))
        outcome = self.library.text(result)
        print(f"{self.names[operation]}: {outcome['outcome']} {outcome.get('text', '')}".rstrip(), flush=True)
        if outcome["outcome"] != "success":
            self.failed.append(operation)

    def run(self):
        self.submit()
        buffer = ctypes.create_string_buffer(1_114_112)
        while True:
            used = self.library.rt_wait(self.runtime, buffer, len(buffer), -1)
            if used < 0:
                raise RuntimeError(f"events cannot be read: {used}")
            for kind, source, payload, size in frames(buffer.raw[:used]):
                if kind == FRAME_LOG:
                    for line in records(payload):
                        print(f"{self.logs[source]} | {line}", flush=True)
                if source in self.logs:
                    self.library.log_credit(source, size)
                elif kind == FRAME_READY:
                    self.start(source, int.from_bytes(payload, "little"))
                elif kind == FRAME_OP_DONE:
                    self.end(source)
                elif kind == FRAME_DRAINED:
                    self.library.rt_close(self.runtime, 1000)
                elif kind == FRAME_RT_CLOSED:
                    for handle in (*self.logs, self.pool, self.runtime):
                        self.library.handle_close(handle)
                    return


def main():
    path, directory, parallel = sys.argv[1:]
    with tempfile.TemporaryDirectory() as tmp:
        pool = Pool(PoolLibrary(path), os.path.abspath(directory), int(parallel), tmp)
        pool.run()
    print("most at once", pool.most)
    return 1 if pool.failed else 0


if __name__ == "__main__":
    sys.exit(main())
