#!/usr/bin/env python3
"""How long others wait while one task stores a million lines.

    busy_bench.py --bin target/release/semaphore [--lines 1000000]

A server on SQLite in a fresh directory runs a task that prints --lines lines without pause. Until it has ended, one client logs
in, starts a task and stops it (a change of status), again and again. Printed are the waits in milliseconds, and those of twenty
rounds before the task (a login costs its password hash also on a server that does nothing else). Needs: git, bash.
"""
import argparse, time
from bench_project import make_project
from server_bench import Server


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--bin", required=True)
    ap.add_argument("--lines", type=int, default=1_000_000)
    a = ap.parse_args()
    s = Server(a.bin, a.lines)
    quiet, busy = ({"login": [], "post_task": [], "stop_task": []} for _ in range(2))
    try:
        s.cli("user", "add", "--admin", "--login", "admin", "--name", "Admin", "--email", "admin@example.com", "--password", "changeme")
        s.start()
        login = lambda: s.api("POST", "/auth/login", dict(auth="admin", password="changeme"))
        login()
        p, tpl = make_project(s, "bench")
        s.project = p
        many, hello = tpl("lines", "lines.sh", True), tpl("hello", "hello.sh", True)

        def timed(waits, name, call):
            t = time.perf_counter()
            answer = call()
            waits[name].append((time.perf_counter() - t) * 1000)
            return answer

        def round_of(waits):
            timed(waits, "login", login)
            other = timed(waits, "post_task", lambda: s.api("POST", f"/project/{p}/tasks", dict(template_id=hello, project_id=p)))["id"]
            timed(waits, "stop_task", lambda: s.api("POST", f"/project/{p}/tasks/{other}/stop", dict(force=True)))

        for _ in range(20):
            round_of(quiet)
        begin = time.perf_counter()
        task = s.api("POST", f"/project/{p}/tasks", dict(template_id=many, project_id=p))["id"]
        while not s.finished(task):
            round_of(busy)
        took = time.perf_counter() - begin
        raw = s.api("GET", f"/project/{p}/tasks/{task}/raw_output").decode().splitlines()
        stored = sum(line.startswith("line ") for line in raw)
    finally:
        s.stop()
    print(f"{stored} of {a.lines} lines stored in {took:.1f} s")
    for state, waits in (("before", quiet), ("during", busy)):
        for name, all_of_them in waits.items():
            w = sorted(all_of_them)
            at = lambda share: w[min(len(w) - 1, int(len(w) * share))]
            print(f"{state} {name:10} n={len(w):5} p50={at(.5):7.1f} p99={at(.99):7.1f} max={w[-1]:7.1f} ms")


if __name__ == "__main__":
    main()
