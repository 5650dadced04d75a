#!/usr/bin/env python3
"""Whether a long queue stays as quick as a short one, and whether anybody starves behind it.

    queue_bench.py --bin target/release/semaphore [--tasks 2500 10000]

For each number a server on SQLite in a fresh directory gets so many trivial tasks of one project, and right behind them ten of
another project, while ten tasks keep all places (max_parallel_tasks is 10); then these end. Printed are the waits for the answers to the first and the last thousand starts, the lists
while all of them wait, the tasks per second until the first and the second half has ended, and after how many seconds the ten of the
other project had ended. Both are linear if the lines are alike. Needs: git, bash.
"""
import argparse, sqlite3, time
from bench_project import make_project
from server_bench import Server

PLACES = OTHERS = 10


def measure(binary, count):
    s = Server(binary, 1)
    try:
        s.cli("user", "add", "--admin", "--login", "admin", "--name", "Admin", "--email", "admin@example.com", "--password", "changeme")
        s.start()
        s.api("POST", "/auth/login", dict(auth="admin", password="changeme"))
        projects = [make_project(s, name) for name in ("greedy", "modest")]
        (greedy, greedy_template), (modest, modest_template) = [(p, template("hello", "hello.sh", True)) for p, template in projects]

        def timed(call):
            t = time.perf_counter()
            call()
            return (time.perf_counter() - t) * 1000

        start = lambda p, template: s.api("POST", f"/project/{p}/tasks", dict(template_id=template, project_id=p))
        gate = s.dir / "gate"
        (s.repo / "gate.sh").write_text(f"until [ -e {gate} ]; do sleep 0.1; done\n")
        keeper = projects[0][1]("gate", "gate.sh", True)
        for _ in range(PLACES):
            start(greedy, keeper)
        waits = [timed(lambda: start(greedy, greedy_template)) for _ in range(count)]
        for _ in range(OTHERS):
            start(modest, modest_template)
        lists = {path: timed(lambda: s.api("GET", path)) for path in ("/tasks", f"/project/{greedy}/tasks/last", f"/project/{greedy}/tasks")}
        # Past the server: it is not to be measured while it answers how far it is.
        database = sqlite3.connect(f"file:{s.dir / 'db.sqlite'}?mode=ro", uri=True)
        ended = lambda p: database.execute("select count(*) from task where project_id = ? and status = 'success'", (p,)).fetchone()[0]
        half, modest_done = None, None
        gate.touch()
        begin = time.perf_counter()
        while (done := ended(greedy)) < count + PLACES:
            now = time.perf_counter()
            if modest_done is None and ended(modest) == OTHERS:
                modest_done = now - begin
            if half is None and done >= count / 2:
                half = (now, done)
            time.sleep(0.2)
        end = time.perf_counter()
    finally:
        s.stop()
    at = lambda some, share: sorted(some)[int(len(some) * share)]
    print(f"{count} tasks, all ended in {end - begin:.1f} s")
    for name, part in (("first", waits[:1000]), ("last", waits[-1000:])):
        print(f"  {name:5} 1000 starts  p50={at(part, .5):6.1f} p99={at(part, .99):6.1f} max={max(part):6.1f} ms")
    print("  lists", ", ".join(f"{path} {took:.0f} ms" for path, took in lists.items()))
    print(f"  tasks/s of the first half {half[1] / (half[0] - begin):.0f}, of the second {(count + PLACES - half[1]) / (end - half[0]):.0f}")
    print(f"  the {OTHERS} tasks of the other project had ended after {modest_done:.1f} s")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--bin", required=True)
    ap.add_argument("--tasks", type=int, nargs="+", default=[2_500, 10_000])
    a = ap.parse_args()
    for count in a.tasks:
        measure(a.bin, count)


if __name__ == "__main__":
    main()
