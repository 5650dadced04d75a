"""A server with one object of each kind, twice: the first ones stay, the second ones may be removed.

For the program of others that walks the described API (fuzz.py). Not for tests of what the server does.
"""
import json
import os
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(ROOT, "..", "conformance", "http"))
import replay  # noqa: E402

# Which of the two objects of a kind.
STAYS, GOES = 0, 1


def target(program):
    program = os.path.abspath(program)
    return replay.Target(program + " user add --config {config} {args}", program + " server --config {config}")


class World:
    """The objects of a running server by the names that their ids have in paths."""

    def __init__(self, instance):
        self.instance, self.client = instance, replay.Client(instance)
        self.ids = {}
        self.fill()
        jar = self.client.jar("admin")
        self.cookie = "; ".join("%s=%s" % pair for pair in jar.items())

    def send(self, method, path, body=None):
        headers = {"Content-Type": "application/json"}
        jar = self.client.jar("admin")
        headers["Cookie"] = "; ".join("%s=%s" % pair for pair in jar.items())
        status, _, text = self.client.raw(method, path, headers, None if body is None else json.dumps(body).encode())
        if status not in (200, 201, 204):
            raise RuntimeError("%s %s answered %s: %s" % (method, path, status, text[:300]))
        return json.loads(text) if text else None

    def make(self, name, path, body):
        """Two objects of this body; the names that must be unique are the caller's care."""
        made = [self.send("POST", path, dict(body, name="%s %s" % (name, place), **self.project())) for place in ("stays", "goes")]
        self.ids[name] = [one["id"] for one in made]

    def project(self):
        return {"project_id": self.ids["project_id"][STAYS]} if "project_id" in self.ids else {}

    def fill(self):
        self.make("project_id", "/api/projects", {"name": ""})
        base = "/api/project/%d" % self.ids["project_id"][STAYS]
        below = lambda rest: base + rest
        self.make("key_id", below("/keys"), {"type": "none"})
        key = self.ids["key_id"][STAYS]
        directory = self.instance.dir + "/repos/main"
        self.make("repository_id", below("/repositories"), {"git_url": directory, "git_branch": "main", "ssh_key_id": key})
        self.make("inventory_id", below("/inventory"), {"type": "static", "inventory": "localhost", "ssh_key_id": key})
        self.make("environment_id", below("/environment"), {"json": "{}", "env": "{}"})
        self.ids["view_id"] = [self.send("POST", below("/views"), dict(self.project(), title=t, position=1))["id"] for t in ("a", "b")]
        self.make("template_id", below("/templates"), {
            "app": "bash", "playbook": "hello.sh", "repository_id": self.ids["repository_id"][STAYS],
            "inventory_id": self.ids["inventory_id"][STAYS], "environment_id": self.ids["environment_id"][STAYS]})
        template = self.ids["template_id"][STAYS]
        self.make("schedule_id", below("/schedules"), {"template_id": template, "cron_format": "0 0 1 1 *", "active": False})
        self.make("integration_id", below("/integrations"), {"template_id": template})
        rules = below("/integrations/%d" % self.ids["integration_id"][STAYS])
        self.make("matcher_id", rules + "/matchers", {"integration_id": self.ids["integration_id"][STAYS], "match_type": "header", "method": "equals", "key": "X-A", "value": "a"})
        self.make("value_id", rules + "/values", {"integration_id": self.ids["integration_id"][STAYS], "value_source": "header", "key": "X-A", "variable": "a", "variable_type": "environment"})
        self.ids["alias_id"] = [self.send("POST", rules + "/aliases")["id"] for _ in range(2)]
        self.ids["runner_id"] = [self.send("POST", "/api/runners", {"name": n})["id"] for n in ("stays", "goes")]
        self.ids["user_id"] = [
            self.send("POST", "/api/users", {"name": n, "username": n, "email": n + "@example.com", "password": "a password"})["id"]
            for n in ("stays", "goes")]
        for user in self.ids["user_id"]:
            self.send("POST", below("/users"), {"user_id": user, "role": "manager"})
        self.ids["task_id"] = [self.send("POST", below("/tasks"), dict(self.project(), template_id=template))["id"] for _ in range(2)]
        role = lambda slug: {"slug": slug, "name": slug, "permissions": 1}
        for slug in ("stays", "goes"):
            self.send("POST", below("/roles"), role(slug))
            self.send("POST", "/api/roles", role("every-" + slug))
        self.ids["role_slug"] = ["stays", "goes"]
        self.ids["app_id"] = ["ansible", "ansible"]
