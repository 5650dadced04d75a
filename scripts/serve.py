#!/usr/bin/env python3
"""Starts the built server on data of its own, seeds the demo project once, and stops cleanly. Standard library only.

  serve.py               first run: keys, database, admin, demo project; then serve in the foreground until Ctrl-C
  serve.py --check-only  only: is the port free, is no server of ours running already?
  serve.py --stop        stop a server that was started like this

Environment: HOST (127.0.0.1), PORT (3000), RUN_DIR (.run in the project), SERVER_BIN (target/release/semaphore).

Everything lies in RUN_DIR (mode 0700): config.json (0600, holds the keys), database.sqlite, admin-password (0600),
demo (the git repository), tmp (clones of the tasks), server.log, server.pid. The generated password is printed to a
terminal once; it is never an argument of a process, never in the log.
"""
import base64
import json
import os
import pathlib
import secrets
import signal
import socket
import string
import subprocess
import sys
import time
import urllib.error
import urllib.request

PROJECT = pathlib.Path(__file__).resolve().parent.parent
RUN_DIR = pathlib.Path(os.environ.get("RUN_DIR") or PROJECT / ".run").resolve()
HOST = os.environ.get("HOST") or "127.0.0.1"
PORT = os.environ.get("PORT") or "3000"
SERVER = pathlib.Path(os.environ.get("SERVER_BIN") or PROJECT / "target/release/semaphore").resolve()
CONFIG, PASSWORD_FILE, PID_FILE, LOG = (RUN_DIR / n for n in ("config.json", "admin-password", "server.pid", "server.log"))
ADMIN = "admin"
START_SECONDS, STOP_SECONDS = 60, 30


def fail(*lines):
    print("error: " + lines[0], *lines[1:], sep="\n", file=sys.stderr)
    sys.exit(1)


def step(name):
    print(f"==> {name}", flush=True)


# ---------------------------------------------------------------- which process is it?
def identity(pid):
    """What tells a process from a later one with the same number: its start time and its program. None if it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[0] == "Z":
            return None
        return {"pid": pid, "started_ticks": int(fields[19]), "program": os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")}
    except (OSError, IndexError, ValueError):
        return None


def running():
    """The identity of our running server, or None; a pid file whose process is another one by now counts as none."""
    try:
        noted = json.loads(PID_FILE.read_text())
        return noted if identity(noted["pid"]) == noted else None
    except (OSError, ValueError, KeyError):
        return None


def port_owner(port):
    """'name (process 123: command line)' of whoever listens on the port, as far as this user may see it."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = pathlib.Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{columns[9]}]")
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(d) in inodes for d in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                return f"{(process / 'comm').read_text().strip()} (process {process.name}: {command[:80]})"
        except OSError:
            continue
    return "a process of another user"


def check_port():
    if not PORT.isdigit() or not 0 < int(PORT) < 65536:
        fail(f"PORT={PORT} is not a port number", "hint: PORT=3001 make run")
    family = socket.AF_INET6 if ":" in HOST else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(PORT)))
        except PermissionError:
            fail(f"port {PORT} needs root", "hint: choose one from 1024 on: PORT=3000 make run")
        except socket.gaierror:
            fail(f"HOST={HOST} is not an address of this machine", "hint: HOST=127.0.0.1 (this machine) or HOST=0.0.0.0 (everybody)")
        except OSError as error:
            if error.errno == 98:
                fail(f"port {PORT} on {HOST} is taken by {port_owner(int(PORT))}",
                     f"hint: stop it, or choose another port: PORT={int(PORT) + 1} make run")
            fail(f"cannot listen on {HOST}:{PORT}: {error.strerror}")


def check():
    ours = running()
    if ours:
        fail(f"a server is already running on these data (process {ours['pid']}): {web_host_of_config()}",
             "hint: make stop ends it")
    check_port()


# ---------------------------------------------------------------- data of the first run
def write_private(path, text):
    """The whole file or none of it, readable by its owner only."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def address():
    host = {"0.0.0.0": "localhost", "::": "localhost", "127.0.0.1": "localhost", "::1": "localhost"}.get(HOST, HOST)
    return f"http://{'[' + host + ']' if ':' in host else host}:{PORT}"


def web_host_of_config():
    try:
        return json.loads(CONFIG.read_text())["web_host"]
    except (OSError, ValueError, KeyError):
        return address()


def prepare_config():
    """Keys are generated once and kept; where it listens is written anew on every run."""
    RUN_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    RUN_DIR.chmod(0o700)
    try:
        config = json.loads(CONFIG.read_text())
    except FileNotFoundError:
        if (RUN_DIR / "database.sqlite").exists():
            fail(f"{RUN_DIR} has a database but no config.json: without its keys the database cannot be used",
                 "hint: put config.json back, or make reset to start anew")
        key = lambda: base64.b64encode(secrets.token_bytes(32)).decode()
        config = {
            "dialect": "sqlite",
            "sqlite": {"host": str(RUN_DIR / "database.sqlite")},
            "tmp_path": str(RUN_DIR / "tmp"),
            "git_client": "cmd_git",
            "cookie_hash": key(),
            "cookie_encryption": key(),
            "access_key_encryption": key(),
        }
    except ValueError as error:
        fail(f"{CONFIG} is not valid JSON: {error}", "hint: mend it, or make reset to start anew")
    config.update(interface=HOST, port=PORT, web_host=address())
    write_private(CONFIG, json.dumps(config, indent=2) + "\n")


def server_environment():
    """What the server and so its tasks see: the programs of the project's own environment first on PATH."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS") and not k.startswith("SEMAPHORE_")}
    environment["PATH"] = os.pathsep.join([str(PROJECT / ".deps/venv/bin"), str(PROJECT / ".deps/bin"), environment.get("PATH", "/usr/local/bin:/usr/bin:/bin")])
    return environment


def has_admin():
    command = [str(SERVER), "user", "get", "--config", str(CONFIG), "--login", ADMIN]
    return subprocess.run(command, env=server_environment(), cwd=RUN_DIR, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def create_admin():
    """True if the admin was made now. The password goes to the program through its standard input."""
    if PASSWORD_FILE.exists():
        return False
    step("database and administrator")
    # Noted before the account exists: a run that breaks off in between goes on with the same password.
    pending = PASSWORD_FILE.with_name(PASSWORD_FILE.name + ".pending")
    resumed = pending.exists()
    if not resumed:
        # Letters and digits only: easy to copy, and never taken for an option.
        write_private(pending, "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(20)) + "\n")
    command = [str(SERVER), "user", "add", "--config", str(CONFIG), "--admin", "--login", ADMIN, "--name", "Administrator",
               "--email", "admin@localhost", "--stdin-password"]
    result = subprocess.run(command, input=pending.read_text(), env=server_environment(), text=True, cwd=RUN_DIR,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # The earlier try may have got as far as the account; any other reason is a failure.
    if result.returncode != 0 and not (resumed and has_admin()):
        if not resumed:
            pending.unlink()
        fail(f"the administrator could not be created (exit status {result.returncode})", result.stdout.strip(),
             f"hint: if {RUN_DIR} holds the remains of an earlier try, make reset starts anew")
    pending.replace(PASSWORD_FILE)
    return True


# ---------------------------------------------------------------- serving
def log_tail():
    try:
        return "\n".join("  | " + line for line in LOG.read_text(errors="replace").splitlines()[-12:])
    except OSError:
        return ""


def wait_until_up(process):
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(HOST, f"[{HOST}]" if ":" in HOST else HOST)
    url = f"http://{host}:{PORT}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            fail(f"the server ended at once (exit status {process.returncode}); the end of {LOG}:", log_tail())
        try:
            with opener.open(url + "/api/ping", timeout=2) as answer:
                if answer.status == 200:
                    return url
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise TimeoutError(f"the server did not answer within {START_SECONDS} s; the end of {LOG}:\n{log_tail()}")


def terminate(process):
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"the server did not stop within {STOP_SECONDS} s: it is killed", file=sys.stderr)
        process.kill()
        process.wait()


def banner(new_password):
    rows = [("Address", address()), ("Login", ADMIN)]
    if new_password and sys.stdout.isatty():
        rows.append(("Password", f"{PASSWORD_FILE.read_text().strip()}   (shown this once; also in {PASSWORD_FILE})"))
    else:
        rows.append(("Password", f"in {PASSWORD_FILE}, unless it was changed"))
    rows += [("Data", str(RUN_DIR)), ("Log", str(LOG)),
             ("New password", f"{SERVER} user change-by-login --config {CONFIG} --login {ADMIN} --stdin-password"),
             ("Stop", "Ctrl-C here, or make stop"), ("Start anew", "make reset")]
    print()
    for name, value in rows:
        print(f"  {name:<13} {value}")
    print(flush=True)


def serve():
    check()
    if not SERVER.is_file():
        fail(f"{SERVER} is not there", "hint: make build")
    started = time.monotonic()
    prepare_config()
    new_password = create_admin()

    # A group of its own: Ctrl-C on the terminal reaches this script only, which then asks the server to stop, once.
    log = open(os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
    process = subprocess.Popen([str(SERVER), "server", "--config", str(CONFIG)], env=server_environment(), cwd=RUN_DIR,
                               stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    stopping = []

    def on_signal(number, _frame):
        if not stopping:
            stopping.append(number)
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    code = 1
    try:
        url = wait_until_up(process)
        write_private(PID_FILE, json.dumps(identity(process.pid)))
        if not (RUN_DIR / "demo-seeded").exists():
            step("demo project")
            subprocess.run([sys.executable, str(PROJECT / "scripts/seed.py"), "--url", url, "--login", ADMIN, "--password-file",
                            str(PASSWORD_FILE), "--sources", str(PROJECT / "demo"), "--repository", str(RUN_DIR / "demo")], check=True)
            (RUN_DIR / "demo-seeded").touch()
        print(f"    ready after {time.monotonic() - started:.1f} s")
        banner(new_password)
        code = process.wait()
        print(f"the server ended by itself (exit status {code}); the end of {LOG}:\n{log_tail()}" if code else "the server was stopped",
              file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopping ...", flush=True)
        terminate(process)
        print("stopped; the data are kept", flush=True)
        code = 0
    except (TimeoutError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
    finally:
        if process.poll() is None:
            terminate(process)
        PID_FILE.unlink(missing_ok=True)
    return code


def stop():
    ours = running()
    if not ours:
        print("no server of make run is running")
        return 0
    # A pid file descriptor: the signal reaches this process or nobody, even if it ends in this very moment.
    try:
        descriptor = os.pidfd_open(ours["pid"])
        if identity(ours["pid"]) != ours:
            raise ProcessLookupError
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
    except ProcessLookupError:
        print("the server has just ended")
        return 0
    deadline = time.monotonic() + STOP_SECONDS
    while identity(ours["pid"]) == ours:
        if time.monotonic() > deadline:
            fail(f"process {ours['pid']} did not end within {STOP_SECONDS} s", f"hint: look into {LOG}")
        time.sleep(0.05)
    print(f"stopped (process {ours['pid']})")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--check-only"]:
        check()
    elif sys.argv[1:] == ["--stop"]:
        sys.exit(stop())
    elif not sys.argv[1:]:
        sys.exit(serve())
    else:
        fail("unknown arguments: " + " ".join(sys.argv[1:]), __doc__)
