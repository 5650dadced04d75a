#!/usr/bin/env python3
"""Makes the demo project through the REST API, as a client would. Standard library only.

  seed.py --url http://127.0.0.1:3000 --login admin --password-file F --sources demo --repository DIR

A second run adds only what is missing (objects are found by their names), so a run that broke off can be repeated.
"""
import argparse
import http.cookiejar
import json
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

PROJECT_NAME = "Demo"


class Api:
    """The API with the session cookie that the login gave."""

    def __init__(self, url):
        self.url = url.rstrip("/") + "/api"
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method, headers={"Accept": "application/json"})
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with self.opener.open(request, timeout=60) as answer:
                data = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")[:300]
            raise SystemExit(f"error: {method} {path} was answered with {error.code}: {text}") from None
        except urllib.error.URLError as error:
            raise SystemExit(f"error: {self.url} does not answer: {error.reason}") from None
        return json.loads(data) if data else None

    def ensure(self, collection, name, body):
        """The id of the object with this name; it is created if it is not there."""
        for row in self.call("GET", collection) or []:
            if row["name"] == name:
                return row["id"]
        print(f"    {collection.rsplit('/', 1)[-1]}: {name}", flush=True)
        return self.call("POST", collection, {"name": name, **body})["id"]


def make_repository(sources, repository):
    """A git repository with one commit of the sources; one that is there is left as it is."""
    if (repository / ".git").is_dir():
        return
    fresh = repository.with_name(repository.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(sources, fresh)
    for script in ("disk.sh", "report.py"):
        (fresh / script).chmod(0o755)
    # The caller's git settings (signing, hooks, templates) must not take part.
    environment = {"PATH": os.environ["PATH"], "HOME": str(fresh), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    identity = ["-c", "user.name=Semaphore demo", "-c", "user.email=demo@localhost"]
    for arguments in (["init", "--quiet", "--initial-branch=main"], ["add", "."], [*identity, "commit", "--quiet", "--message=Demo project"]):
        subprocess.run(["git", *arguments], cwd=fresh, env=environment, check=True)
    fresh.rename(repository)
    print(f"    git repository: {repository}", flush=True)


def seed(api, repository):
    project = next((row["id"] for row in api.call("GET", "/projects") or [] if row["name"] == PROJECT_NAME), None)
    if project is None:
        print(f"    project: {PROJECT_NAME}", flush=True)
        project = api.call("POST", "/projects", {"name": PROJECT_NAME, "alert": False, "max_parallel_tasks": 0})["id"]
    base = f"/project/{project}"
    own = {"project_id": project}
    key = api.ensure(f"{base}/keys", "None", {**own, "type": "none"})
    repository_id = api.ensure(f"{base}/repositories", "Demo repository",
                               {**own, "git_url": repository.as_uri(), "git_branch": "main", "ssh_key_id": key})
    # ansible_playbook_python: the very Python that runs Ansible; what else is called python on PATH may be a shim.
    inventory = api.ensure(f"{base}/inventory", "This machine", {
        **own, "type": "static", "ssh_key_id": key,
        "inventory": 'localhost ansible_connection=local ansible_python_interpreter="{{ ansible_playbook_python }}"\n'})
    environment = api.ensure(f"{base}/environment", "Demo variables", {**own, "json": "{}", "env": "{}"})
    for name, app, playbook, description in (
            ("Look at this machine", "ansible", "site.yml", "An Ansible playbook against localhost"),
            ("Disks", "bash", "disk.sh", "A Bash script with colours"),
            ("Report", "python", "report.py", "A Python script, one line at a time")):
        api.ensure(f"{base}/templates", name, {
            **own, "repository_id": repository_id, "inventory_id": inventory, "environment_id": environment, "app": app,
            "playbook": playbook, "description": description, "type": "", "arguments": "[]"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--login", required=True)
    parser.add_argument("--password-file", required=True, type=pathlib.Path)
    parser.add_argument("--sources", required=True, type=pathlib.Path)
    parser.add_argument("--repository", required=True, type=pathlib.Path)
    options = parser.parse_args()
    make_repository(options.sources.resolve(), options.repository.resolve())
    api = Api(options.url)
    api.call("POST", "/auth/login", {"auth": options.login, "password": options.password_file.read_text().strip()})
    seed(api, options.repository.resolve())


if __name__ == "__main__":
    sys.exit(main())
