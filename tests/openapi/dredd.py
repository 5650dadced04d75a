#!/usr/bin/env python3
"""Dredd against a running server: every described GET has the described answer.

  dredd.py --bin PATH --dredd PATH   the last line is "N passed, M failed"

Dredd knows OpenAPI 3.0 at most: it gets that form of the description (dredd-hooks.js says which requests it makes).
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from world import STAYS, World, replay, target

ROOT = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--dredd", required=True)
    options = parser.parse_args()
    servers = target(options.bin)
    try:
        instance = replay.Instance(servers, {})
        try:
            world = World(instance)
            names = {name: ids[STAYS] for name, ids in world.ids.items() if isinstance(ids[STAYS], str)}
            environment = dict(os.environ, OPENAPI_WORLD=json.dumps({"cookie": world.cookie, "names": names}))
            with tempfile.TemporaryDirectory(prefix="openapi-") as directory:
                description = pathlib.Path(directory, "openapi.json")
                description.write_text(json.dumps(world.send("GET", "/api/openapi.json?version=3.0")))
                run = subprocess.run(
                    [os.path.abspath(options.dredd), str(description), "http://127.0.0.1:%d" % instance.port,
                     "--hookfiles", str(ROOT / "dredd-hooks.js"), "--loglevel", "error"],
                    cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        finally:
            instance.stop()
    finally:
        servers.close()
    shown = "\n".join(line for line in run.stdout.splitlines() if not line.startswith("skip:"))
    print(shown)
    counts = re.search(r"(\d+) passing, (\d+) failing, (\d+) errors", run.stdout)
    if not counts:
        print("0 passed, 1 failed")
        return 1
    passed, failed = int(counts[1]), int(counts[2]) + int(counts[3])
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
