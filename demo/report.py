#!/usr/bin/env python3
"""Prints a small table, one row at a time; an optional argument NAME=... is who it is for."""
import platform
import sys
import time

arguments = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
print(f"Report for {arguments.get('NAME', 'everybody')}")
rows = [
    ("Python", platform.python_version()),
    ("Machine", platform.machine()),
    ("System", platform.system()),
]
for name, value in rows:
    print(f"  {name:<10}{value}", flush=True)
    time.sleep(0.5)
print(f"{len(rows)} rows")
