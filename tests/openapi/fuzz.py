#!/usr/bin/env python3
"""Schemathesis against a running server: whatever a request is, the answer is a documented one.

  fuzz.py --bin PATH [--examples N] [--phases coverage,fuzzing] [--only REGEX]   the last line is "N passed, M failed" (operations)

Checked for every answer: no status of 500 and above, its status and media type are documented, its body has the described
schema, which is closed. Runs in the environment that scripts/openapi-tools makes; same seed, same requests.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from world import GOES, STAYS, World, replay, target

ROOT = pathlib.Path(__file__).resolve().parent
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
SEED = 7
# Calls that end the session they are made with, or need a partner of their own. Each has tests of its own.
LEFT_OUT = [
    ("post", "/api/auth/logout"),
    # Failed log-ins make everybody behind the address wait.
    ("post", "/api/auth/login"),
    ("post", "/api/internal/runners"),
    # An upgrade, not an answer.
    ("get", "/api/ws"),
    # The caller is the only member who could let himself in again.
    ("delete", "/api/project/{project_id}/me"),
]


def quoted(value):
    return json.dumps(value)


def configuration(world, document):
    """Ids in paths name real objects; what changes or removes them gets those that may go."""
    lines = ["hooks = %s" % quoted(str(ROOT / "hooks.py")), "[parameters]"]
    lines += ["%s = %s" % (quoted("path." + name), quoted(ids[STAYS])) for name, ids in world.ids.items()]
    for path, item in document["paths"].items():
        for method in item:
            if (method, path) in LEFT_OUT:
                continue
            # The object that the route is about; those before it only say where it is.
            name = path.rstrip("}").rsplit("{", 1)[-1] if path.endswith("}") else None
            if path.endswith("/password"):
                name = "user_id"
            if method == "delete" and name in world.ids:
                lines += ["[[operations]]", "include-name = %s" % quoted("%s %s" % (method.upper(), path)),
                          "parameters = { %s = %s }" % (quoted("path." + name), quoted(world.ids[name][GOES]))]
    return "\n".join(lines) + "\n"


def run(world, options):
    address = "http://127.0.0.1:%d" % world.instance.port
    document = world.send("GET", "/api/openapi.json")
    with tempfile.TemporaryDirectory(prefix="openapi-") as directory:
        file = pathlib.Path(directory, "schemathesis.toml")
        file.write_text(configuration(world, document))
        command = [
            str(pathlib.Path(sys.executable).with_name("schemathesis")), "--config-file", str(file), "run",
            address + "/api/openapi.json", "--url", address, "--header", "Cookie: " + world.cookie,
            "--checks", CHECKS, "--phases", options.phases, "--max-examples", str(options.examples),
            "--seed", str(SEED), "--workers", "1", "--request-timeout", "30", "--suppress-health-check", "all",
            "--generation-database", "none", "--continue-on-failure", "--no-color",
        ]
        for method, path in LEFT_OUT:
            command += ["--exclude-name", "%s %s" % (method.upper(), path)]
        if options.only:
            command += ["--include-path-regex", options.only]
        return subprocess.run(command, cwd=directory).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--examples", type=int, default=3)
    # `coverage,fuzzing` also sends every kind of wrong value: minutes, for a run by hand.
    parser.add_argument("--phases", default="fuzzing")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    servers = target(options.bin)
    try:
        instance = replay.Instance(servers, {})
        try:
            world = World(instance)
            code = run(world, options)
            operations = sum(len(item) for item in world.send("GET", "/api/openapi.json")["paths"].values())
            if code:
                print(pathlib.Path(instance.dir, "server.log").read_text(errors="replace")[-3000:])
        finally:
            instance.stop()
    finally:
        servers.close()
    print("%d passed, %d failed" % ((operations, 0) if code == 0 else (0, 1)))
    return 1 if code else 0


if __name__ == "__main__":
    sys.exit(main())
