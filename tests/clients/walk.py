#!/usr/bin/env python3
"""What client libraries of others get from a server: the same calls as against the Go server, the same outcomes.

  walk.py --bin PATH            compare with expected.txt; the last line is "N passed, M failed"
  walk.py --bin PATH --record   write expected.txt: PATH is the Go server

Every line of expected.txt is one call of one client and what came of it: the result, or the error that the client made
of the answer. Some clients were written for older servers and fail in places; then they have to fail here as well.
Runs in the environment that scripts/clients-venv makes (requirements.txt beside this file).
"""
import argparse, asyncio, json, os, re, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(ROOT, "..", "conformance", "http"))
import replay  # noqa: E402

EXPECTED = os.path.join(ROOT, "expected.txt")
KEY = {"name": "none", "type": "none"}
# What differs from run to run, and what is the server's own name for its version.
VOLATILE = [
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d| UTC)?"), "<time>"),
    (re.compile(r"datetime\.datetime\([^)]*(\([^)]*\))?[^)]*\)"), "<time>"),
    (re.compile(r"/[^\s\"',]*/(conf|clients)-[a-z0-9_]+"), "<dir>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<server>"),
    (re.compile(r"0x[0-9a-f]+"), "<address>"),
    (re.compile(r"2\.1\d\.\d+[-+.\w]*"), "<version>"),
    (re.compile(r"(\"|')?(duration|elapsed|time_ago)(\"|')?: [^,}]+"), "<duration>"),
]
TOKEN = re.compile(r"[a-z0-9_\-]{43}=")


class Walk:
    """The calls of one client, in order; `say` notes what came of one."""

    def __init__(self, client, instance, token):
        self.client, self.instance, self.token, self.lines = client, instance, token, []
        self.url = "http://127.0.0.1:%d" % instance.port
        self.repository = instance.dir + "/repos/main"

    def say(self, call, function, show=True):
        try:
            value = function()
            text = "ok" + (" " + self.text(value) if show else "")
        except Exception as error:  # the client's own error is the outcome
            value, text = None, "%s %s" % (type(error).__name__, str(error))
        self.lines.append("%s %s: %s" % (self.client, call, self.plain(text)))
        return value

    @staticmethod
    def text(value):
        if hasattr(value, "to_dict"):
            value = value.to_dict()
        if isinstance(value, list) and value and hasattr(value[0], "to_dict"):
            value = [v.to_dict() for v in value]
        if isinstance(value, (dict, list)):
            try:
                return json.dumps(value, sort_keys=True, default=str)
            except TypeError:
                pass
        return str(value)

    @staticmethod
    def plain(text):
        text = TOKEN.sub("<token>", " ".join(text.split()))
        for pattern, name in VOLATILE:
            text = pattern.sub(name, text)
        # Headers of an answer are in the errors of the generated client; most of them are free.
        return re.sub(r"HTTP response headers: HTTPHeaderDict\(\{.*?\}\) ?", "", text)[:700]


def wait_for(function, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = function()
        if value:
            return value
        time.sleep(0.1)
    raise TimeoutError("not reached in %d s" % seconds)


def is_final(status):
    return status in ("success", "error", "stopped")


# ------------------------------------------------------------------ semaphoreui-client
def semaphoreui_client(walk):
    from semaphoreui_client.client import SemaphoreUIClient

    client = SemaphoreUIClient(walk.url)
    fields = lambda items: [{k: v for k, v in vars(i).items() if k != "client"} for i in items]
    walk.say("login with a wrong password", lambda: client.login("admin", "wrong"))
    walk.say("login", lambda: client.login("admin", replay.PASSWORD % "admin"))
    walk.say("whoami", client.whoami)
    walk.say("create_token", client.create_token, show=False)
    walk.say("projects", lambda: fields(client.projects()))
    walk.say("create_project", lambda: fields([client.create_project("Walk", True, "general", 2)]))
    project = walk.say("get_project", lambda: client.get_project(1), show=False)
    walk.say("role", lambda: vars(project.role()))
    walk.say("create_key", lambda: fields([project.create_key("login", "login_password", login_password=("a", "b"))]))
    walk.say("keys", lambda: fields(project.keys()))
    walk.say("create_repository", lambda: fields([project.create_repository("main", walk.repository, "main", 1)]))
    walk.say("repositories", lambda: fields(project.repositories()))
    walk.say("create_environment", lambda: fields([project.create_environment("env", "", "{}", "{}", [])]))
    walk.say("environments", lambda: fields(project.environments()))
    walk.say("create_view", lambda: fields([project.create_view("All", 0)]))
    walk.say("views", lambda: fields(project.views()))
    walk.say("create_inventory", lambda: fields([project.create_inventory("inv", "localhost", 1, None, "static", None)]))
    walk.say("inventories", lambda: fields(project.inventories()))
    arguments = dict(repository_id=1, inventory_id=1, environment_id=1, view_id=1, vault_id=None, arguments="[]",
                     description="", allow_override_args_in_task=False, limit="", suppress_success_alerts=False,
                     git_branch="", survey_vars=[], type="", start_version="", autorun=False)
    walk.say("create_template", lambda: fields([project.create_template(name="t", playbook="hello.sh", app="bash", **arguments)]))
    walk.say("templates", lambda: fields(project.templates()))
    walk.say("create_schedule", lambda: fields([project.create_schedule(1, "nightly", "0 3 * * *")]))
    walk.say("schedules", lambda: fields(project.schedules()))
    walk.say("create_integration", lambda: fields([project.create_integration("hook", 1)]))
    walk.say("integrations", lambda: fields(project.integrations()))
    walk.say("users", lambda: fields(project.users()))
    walk.say("backup", project.backup)
    walk.say("save", project.save)
    walk.say("events", lambda: len(project.events()) > 3)
    walk.say("tasks", lambda: fields(project.tasks()))
    walk.say("delete", project.delete)
    walk.say("logout", client.logout)


# ------------------------------------------------------------------ semaphore-api, generated from an older description
def semaphore_api(walk):
    import semaphore_api as library

    configuration = library.Configuration(host=walk.url + "/api")
    configuration.api_key["bearer"] = "Bearer " + walk.token
    client = library.ApiClient(configuration)
    general, projects, project, schedule, user = (
        library.DefaultApi(client), library.ProjectsApi(client), library.ProjectApi(client),
        library.ScheduleApi(client), library.UserApi(client))
    walk.say("ping", general.ping_get)
    walk.say("user", user.user_get)
    walk.say("users", user.users_get)
    walk.say("projects_post", lambda: projects.projects_post({"name": "Walk", "alert": False, "max_parallel_tasks": 0}))
    walk.say("projects", projects.projects_get)
    walk.say("project", lambda: project.project_project_id_get(1))
    walk.say("role", lambda: project.project_project_id_role_get(1))
    walk.say("keys_post", lambda: project.project_project_id_keys_post(1, dict(KEY, project_id=1)))
    walk.say("keys", lambda: project.project_project_id_keys_get(1, "", "name", "asc"))
    walk.say("repositories_post", lambda: project.project_project_id_repositories_post(
        1, {"name": "main", "project_id": 1, "git_url": walk.repository, "git_branch": "main", "ssh_key_id": 1}))
    walk.say("repositories", lambda: project.project_project_id_repositories_get(1, "name", "asc"))
    walk.say("inventory_post", lambda: project.project_project_id_inventory_post(
        1, {"name": "inv", "project_id": 1, "inventory": "localhost", "ssh_key_id": 1, "type": "static"}))
    walk.say("inventory", lambda: project.project_project_id_inventory_get(1, "name", "asc"))
    walk.say("environment_post", lambda: project.project_project_id_environment_post(
        1, {"name": "env", "project_id": 1, "json": "{}", "env": "{}"}))
    walk.say("environment", lambda: project.project_project_id_environment_get(1, "name", "asc"))
    walk.say("views_post", lambda: project.project_project_id_views_post(1, {"title": "All", "project_id": 1, "position": 1}))
    walk.say("views", lambda: project.project_project_id_views_get(1))
    # The client knows no apps, so this template is not its own.
    client.call_api("POST", walk.url + "/api/project/1/templates", {"Authorization": "Bearer " + walk.token, "Content-Type": "application/json"}, {
        "name": "hello", "project_id": 1, "inventory_id": 1, "repository_id": 1, "environment_id": 1, "playbook": "a.yml", "app": "ansible"})
    walk.say("templates", lambda: project.project_project_id_templates_get(1, "name", "asc"))
    walk.say("template", lambda: project.project_project_id_templates_template_id_get(1, 1))
    walk.say("schedules_post", lambda: schedule.project_project_id_schedules_post(
        1, {"name": "nightly", "project_id": 1, "template_id": 1, "cron_format": "0 3 * * *", "active": False}))
    walk.say("schedule", lambda: schedule.project_project_id_schedules_schedule_id_get(1, 1))
    walk.say("integrations_post", lambda: project.project_project_id_integrations_post(
        1, {"name": "hook", "project_id": 1, "template_id": 1}))
    walk.say("integrations", lambda: project.project_project_id_integrations_get(1))
    walk.say("users of the project", lambda: project.project_project_id_users_get(1, "name", "asc"))
    walk.say("tasks", lambda: project.project_project_id_tasks_get(1))
    walk.say("backup", lambda: project.project_project_id_backup_get(1), show=False)
    walk.say("tokens", user.user_tokens_get, show=False)
    walk.say("templates_post", lambda: project.project_project_id_templates_post(
        1, {"name": "t", "project_id": 1, "inventory_id": 1, "repository_id": 1, "environment_id": 1, "playbook": "playbook.yml"}))
    walk.say("delete", lambda: project.project_project_id_delete(1))


# ------------------------------------------------------------------ semacli, a command line
def semacli(walk):
    with tempfile.TemporaryDirectory(prefix="clients-") as directory:
        semacli_in(walk, directory)


def semacli_in(walk, directory):
    configuration = os.path.join(directory, "semacli.ini")
    with open(configuration, "w") as file:
        file.write("[semaphore]\nurl = %s\nproject = 1\n[auth]\nmethod = bearer_token\nbearer_token = %s\n"
                   "[settings]\nallow_http = true\n" % (walk.url, walk.token))
    os.chmod(configuration, 0o600)
    environment = {"PATH": os.environ["PATH"], "HOME": directory, "LANG": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "200"}

    def run(*words, json_output=False):
        group, rest = words[0], list(words[1:])
        command = [os.path.join(os.path.dirname(sys.executable), "sem"), group] + (["--json"] if json_output else []) + rest

        def call():
            done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120)
            errors = [l for l in done.stderr.splitlines() if not l.startswith("WARNING: connecting over plain HTTP")]
            return "exit %d %s %s" % (done.returncode, done.stdout.strip(), " ".join(errors))

        walk.say(" ".join(w for w in words if w != walk.repository), call)

    run("ping")
    run("user")
    run("project", "create", "--name", "Walk")
    run("project", json_output=True)
    run("key", "create", "--name", "none", "--type", "none", "--password", "secret")
    run("key", json_output=True)
    run("repo", "create", "--name", "main", "--git-url", walk.repository, "--branch", "main", "--ssh-key-id", "1")
    run("repo", json_output=True)
    run("inv", "create", "--name", "inv", "--type", "static", "--inventory", "localhost")
    run("inv", json_output=True)
    run("env", "create", "--name", "env", "--vars", '{"a":"b"}')
    run("env", json_output=True)
    run("template", "create", "--name", "hello", "--playbook", "hello.sh", "--repository", "main", "--inventory", "inv",
        "--environment", "env", "--app", "bash")
    run("template", json_output=True)
    run("template", "show", "hello")
    run("view", "create", "--title", "All", "--position", "0")
    run("view", json_output=True)
    run("sched", "create", "--template", "hello", "--cron", "0 3 * * *", "--name", "nightly", "--inactive")
    run("sched", json_output=True)
    run("integration", "create", "--name", "hook", "--template", "1")
    run("integration", json_output=True)
    run("run", "hello", "--no-watch")
    run("task", "watch", "1")
    run("task", "raw-output", "1")
    run("project", "backup")
    run("project", "members")


# ------------------------------------------------------------------ semaphore-mcp, over its own protocol
def semaphore_mcp(walk):
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    program = os.path.join(os.path.dirname(sys.executable), "semaphore-mcp")
    environment = {"PATH": os.environ["PATH"], "SEMAPHORE_URL": walk.url, "SEMAPHORE_API_TOKEN": walk.token,
                   "MCP_LOG_LEVEL": "ERROR"}

    async def talk():
        parameters = StdioServerParameters(command=program, args=[], env=environment)
        with open(os.devnull, "w") as nowhere:
            async with stdio_client(parameters, errlog=nowhere) as (reading, writing), ClientSession(reading, writing) as session:
                await session.initialize()
                await calls(session)

    async def calls(session):
        async def call(tool, **arguments):
            answer = await session.call_tool(tool, arguments)
            text = " ".join(c.text for c in answer.content if hasattr(c, "text"))
            walk.say(tool, lambda: ("error " if answer.isError else "") + text)
            return text

        await call("create_project", name="Walk")
        await call("list_projects")
        await call("create_access_key", project_id=1, name="none", key_type="none")
        await call("list_access_keys", project_id=1)
        await call("create_repository", project_id=1, name="main", git_url=walk.repository, git_branch="main", ssh_key_id=1)
        await call("create_inventory", project_id=1, name="inv", inventory_data="localhost")
        await call("create_environment", project_id=1, name="env", env_data={"A": "b"})
        await call("create_template", project_id=1, name="hello", playbook="hello.sh", inventory_id=1, repository_id=1,
                   environment_id=1, app="bash")
        await call("list_templates", project_id=1)
        await call("create_view", project_id=1, title="All", position=1)
        await call("validate_schedule_cron_format", project_id=1, cron_format="0 3 * * *")
        await call("validate_schedule_cron_format", project_id=1, cron_format="never")
        await call("create_schedule", project_id=1, template_id=1, name="nightly", cron_format="0 3 * * *", active=False)
        await call("list_schedules", project_id=1)
        await call("set_schedule_active", project_id=1, schedule_id=1, active=True)
        await call("run_task", project_id=1, template_id=1)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            answer = await session.call_tool("get_task", {"project_id": 1, "task_id": 1})
            if any(is_final(json.loads(c.text).get("status")) for c in answer.content if c.text.startswith("{")):
                break
            await asyncio.sleep(0.1)
        await call("get_task_raw_output", project_id=1, task_id=1)
        await call("get_project_role", project_id=1)
        await call("list_project_users", project_id=1)
        await call("backup_project", project_id=1)
        await call("delete_schedule", project_id=1, schedule_id=1)
        await call("delete_project", project_id=1)

    asyncio.run(talk())


# ------------------------------------------------------------------ all of them
def token_of(instance):
    client = replay.Client(instance)
    answer = client.send({"id": "token", "as": "admin", "method": "POST", "path": "/api/user/tokens", "expect": {},
                          "capture": {"token": "id"}})
    assert answer["status"] == 201, answer
    return instance.vars["token"]


def walk_all(target):
    lines = []
    for name, function in [("semaphoreui-client", semaphoreui_client), ("semaphore-api", semaphore_api),
                           ("semacli", semacli), ("semaphore-mcp", semaphore_mcp)]:
        instance = replay.Instance(target, {})
        try:
            walk = Walk(name, instance, token_of(instance))
            function(walk)
            lines += walk.lines
        finally:
            instance.stop()
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.bin)
    target = replay.Target(program + " user add --config {config} {args}", program + " server --config {config}")
    try:
        lines = walk_all(target)
    finally:
        target.close()
    if arguments.record:
        with open(EXPECTED, "w") as file:
            file.write("\n".join(lines) + "\n")
        return 0
    with open(EXPECTED) as file:
        expected = file.read().splitlines()
    failed = 0
    for want, got in zip(expected + [None] * len(lines), lines + [None] * len(expected)):
        if want is None and got is None:
            break
        if want != got:
            failed += 1
            print("DIFFERENT\n  Go server: %s\n  here:      %s" % (want, got))
    print("%d passed, %d failed" % (max(len(lines), len(expected)) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
