#!/usr/bin/env python3
"""Many WebSockets while one task prints a lot: is every line there, every status, and how much memory does it take?

    ws_bench.py --bin target/release/semaphore [--sockets 2000] [--v2 50] [--plain 20] [--rate 10000] [--seconds 20]

A server on SQLite in a fresh directory. --v2 clients with ?v=2 and --plain clients without belong to the project of a task
that prints --rate lines/s for --seconds; all other sockets are of a user who is no member. It fails (exit 1) unless every v2
client got every line once and in order and every plain client every status, the others got nothing, nobody was cut off and the
server's memory (VmHWM) stayed under --memory MB. The clients are --processes processes; each needs a part of a core. The limit
of open files is raised to its hard limit, which must be above --sockets plus a hundred. Needs: git, bash.
"""
import argparse, asyncio, base64, json, multiprocessing, os, pathlib, re, resource, subprocess, sys, time
from server_bench import Server

STATUSES = ["waiting", "starting", "running", "success"]


class Socket(asyncio.Protocol):
    """One client: `kind` is v2, plain or other."""

    def __init__(self, kind, request, cache):
        self.kind, self.request, self.cache = kind, request, cache
        self.data, self.is_open, self.ended, self.wrong = bytearray(), False, False, None
        self.line, self.printed, self.statuses, self.frames = 0, 0, [], 0

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def connection_lost(self, error):
        if not self.ended:
            self.wrong = self.wrong or f"cut off ({error})"

    def data_received(self, data):
        self.data += data
        if not self.is_open:
            end = self.data.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self.data.startswith(b"HTTP/1.1 101"):
                self.wrong = bytes(self.data[:60])
            self.is_open = True
            del self.data[:end + 4]
        at = 0
        while len(self.data) >= at + 2:
            head, length = at + 2, self.data[at + 1] & 127
            if length == 126:
                head, length = at + 4, int.from_bytes(self.data[at + 2:at + 4], "big")
            elif length == 127:
                head, length = at + 10, int.from_bytes(self.data[at + 2:at + 10], "big")
            if len(self.data) < head or len(self.data) < head + length:
                break
            self.frame(self.data[at] & 15, self.data[head:head + length])
            at = head + length
        del self.data[:at]

    def frame(self, kind, body):
        if kind == 9:
            # A pong, masked with zeros.
            self.transport.write(bytes([0x8a, 0x80 | len(body), 0, 0, 0, 0]) + bytes(body))
        if kind != 1:
            return
        self.frames += 1
        if self.kind == "other":
            self.wrong = "got a frame of a project that is not theirs"
        elif self.kind == "plain":
            # Most frames are lines: only the few others are read.
            if b'"type":"update"' in body:
                self.update(json.loads(body))
        else:
            # The clients get the same frames: each process reads a frame once.
            body = bytes(body)
            frame = self.cache.get(body)
            if frame is None:
                frame = json.loads(body)
                if frame["type"] == "lines":
                    frame["outputs"] = [line["output"] for line in frame.pop("lines")]
                if len(self.cache) > 500:
                    self.cache.clear()
                self.cache[body] = frame
            if frame["type"] == "update":
                self.update(frame)
            elif frame["type"] == "lines":
                if frame["first"] != self.line + 1:
                    self.wrong = self.wrong or f"line {frame['first']} after line {self.line}"
                self.line = frame["last"]
                for output in frame["outputs"]:
                    if output.startswith("line "):
                        if int(output.split(" ", 2)[1]) != self.printed + 1:
                            self.wrong = self.wrong or f"{output!r} after {self.printed} printed lines"
                        self.printed += 1

    def update(self, frame):
        self.statuses.append(frame["status"])
        self.ended = self.ended or frame["end"] is not None


async def clients(part, pipe):
    cache, loop = {}, asyncio.get_running_loop()
    sockets = []
    for kind, cookie, count in part["kinds"]:
        for _ in range(count):
            path = "/api/ws?v=2" if kind == "v2" else "/api/ws"
            key = base64.b64encode(os.urandom(16)).decode()
            request = (f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nCookie: {cookie}\r\n\r\n").encode()
            _, socket = await loop.create_connection(lambda: Socket(kind, request, cache), "127.0.0.1", part["port"])
            sockets.append(socket)
    while not all(s.is_open or s.wrong for s in sockets):
        await asyncio.sleep(0.05)
    pipe.send("open")
    watching = [s for s in sockets if s.kind != "other"]
    # Whoever has nobody of the project waits for the others.
    while not all(s.ended or s.wrong for s in watching) if watching else not pipe.poll():
        await asyncio.sleep(0.05)
    ended = time.time()
    if watching:
        pipe.recv()
    pipe.send([dict(kind=s.kind, wrong=str(s.wrong) if s.wrong else None, line=s.line, printed=s.printed,
                    statuses=s.statuses, frames=s.frames, ended=ended) for s in sockets])
    for s in sockets:
        s.ended = True
        s.transport.abort()


def client_process(part, pipe):
    asyncio.run(clients(part, pipe))


def share(count, parts, index):
    return count // parts + (1 if index < count % parts else 0)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--bin", required=True)
    ap.add_argument("--sockets", type=int, default=2000)
    ap.add_argument("--v2", type=int, default=50)
    ap.add_argument("--plain", type=int, default=20)
    ap.add_argument("--rate", type=int, default=10_000)
    ap.add_argument("--seconds", type=int, default=20)
    ap.add_argument("--memory", type=float, default=200, help="MB")
    ap.add_argument("--processes", type=int, default=2)
    a = ap.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < a.sockets + 100:
        raise SystemExit(f"the hard limit of open files is {hard}: raise it above {a.sockets + 100} (ulimit -Hn)")
    s = Server(a.bin, 1)
    total = a.rate * a.seconds
    tenth = a.rate // 10
    (s.repo / "rate.sh").write_text(
        f"next=$(date +%s%N)\nfor i in $(seq 0 {tenth} {total - tenth}); do\n"
        f"  seq -f 'line %.0f of the log, with some more text to make it realistic' $((i+1)) $((i+{tenth}))\n"
        "  next=$((next+100000000)); left=$((next-$(date +%s%N)))\n"
        "  [ $left -gt 0 ] && sleep $(printf '0.%09d' $left)\ndone\ntrue\n")
    for arguments in (["add", "."], ["commit", "-qm", "rate"]):
        subprocess.run(["git", "-C", str(s.repo), "-c", "user.name=b", "-c", "user.email=b@example.com", *arguments], check=True)
    processes = []
    try:
        for login, admin in (("admin", ["--admin"]), ("outsider", [])):
            s.cli("user", "add", *admin, "--login", login, "--name", login, "--email", f"{login}@example.com", "--password", "changeme")
        s.start()
        cookies = {}
        for login in ("outsider", "admin"):
            s.api("POST", "/auth/login", dict(auth=login, password="changeme"))
            cookies[login] = s.cookie
        p = s.project = s.api("POST", "/projects", dict(name="bench"))["id"]
        keys = s.api("GET", f"/project/{p}/keys")
        key = keys[0]["id"] if keys else s.api("POST", f"/project/{p}/keys", dict(name="none", type="none", project_id=p))["id"]
        repo = s.api("POST", f"/project/{p}/repositories", dict(name="r", project_id=p, git_url=str(s.repo), git_branch="main", ssh_key_id=key))["id"]
        inv = s.api("POST", f"/project/{p}/inventory", dict(name="i", project_id=p, type="static", inventory="localhost", ssh_key_id=key))["id"]
        env = s.api("POST", f"/project/{p}/environment", dict(name="e", project_id=p, json="{}", env="{}"))["id"]
        template = s.api("POST", f"/project/{p}/templates", dict(
            name="rate", project_id=p, repository_id=repo, inventory_id=inv, environment_id=env, app="bash",
            playbook="rate.sh", type="", allow_parallel_tasks=True, arguments="[]"))["id"]
        before = s.rss_mb()
        others = a.sockets - a.v2 - a.plain
        for index in range(a.processes):
            kinds = [("v2", cookies["admin"], share(a.v2, a.processes, index)), ("plain", cookies["admin"], share(a.plain, a.processes, index)),
                     ("other", cookies["outsider"], share(others, a.processes, index))]
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(target=client_process, args=(dict(port=s.port, kinds=kinds), theirs), daemon=True)
            process.start()
            processes.append((process, ours))
        for _, pipe in processes:
            pipe.recv()
        time.sleep(1)
        opened = s.rss_mb()
        print(f"{a.sockets} sockets are open ({a.v2} v2, {a.plain} plain): {before:.1f} MB before, {opened:.1f} MB now", flush=True)
        begin = time.time()
        task = s.api("POST", f"/project/{p}/tasks", dict(template_id=template, project_id=p))["id"]
        while not s.finished(task):
            time.sleep(0.2)
        took = time.time() - begin
        for _, pipe in processes:
            pipe.send("finish")
        results = []
        for _, pipe in processes:
            if not pipe.poll(120):
                raise SystemExit("a client did not get the end of the task within two minutes")
            results += pipe.recv()
        high = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{s.proc.pid}/status").read_text())[1]) / 1024
        stored = len(s.api("GET", f"/project/{p}/tasks/{task}/output"))
    finally:
        for process, _ in processes:
            process.terminate()
        s.stop()
    faults = []
    for r in results:
        if r["wrong"]:
            faults.append(f"{r['kind']}: {r['wrong']}")
        if r["kind"] == "v2" and (r["line"], r["printed"]) != (stored, total):
            faults.append(f"v2: {r['line']} of {stored} lines, {r['printed']} of {total} printed ones")
        if r["kind"] != "other" and [x for i, x in enumerate(r["statuses"]) if x not in r["statuses"][:i]] != STATUSES:
            faults.append(f"{r['kind']}: statuses {r['statuses']}")
    of = lambda kind, field: [r[field] for r in results if r["kind"] == kind] or [0]
    print(f"{stored} lines stored in {took:.1f} s ({stored / took:.0f} lines/s)")
    print(f"v2: {min(of('v2', 'line'))}..{max(of('v2', 'line'))} lines each in {max(of('v2', 'frames'))} frames at most")
    print(f"plain: {min(of('plain', 'frames'))}..{max(of('plain', 'frames'))} frames each")
    print(f"the last client saw the end {max(r['ended'] for r in results) - begin - took:+.1f} s after the task")
    print(f"memory: {high:.1f} MB at most")
    if high > a.memory:
        faults.append(f"{high:.1f} MB of memory, more than {a.memory}")
    for fault in sorted(set(faults)):
        print(f"FAULT {faults.count(fault)}x {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
