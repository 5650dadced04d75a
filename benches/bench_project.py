"""A project with what a template needs, for the benchmarks that make their own load."""


def make_project(server, name):
    """Its number, and a function from name, script and whether its tasks run in parallel to the number of a new template."""
    p = server.api("POST", "/projects", dict(name=name))["id"]
    keys = server.api("GET", f"/project/{p}/keys")
    key = keys[0]["id"] if keys else server.api("POST", f"/project/{p}/keys", dict(name="none", type="none", project_id=p))["id"]
    repo = server.api("POST", f"/project/{p}/repositories", dict(name="r", project_id=p, git_url=str(server.repo), git_branch="main", ssh_key_id=key))["id"]
    inv = server.api("POST", f"/project/{p}/inventory", dict(name="i", project_id=p, type="static", inventory="localhost", ssh_key_id=key))["id"]
    env = server.api("POST", f"/project/{p}/environment", dict(name="e", project_id=p, json="{}", env="{}"))["id"]
    template = lambda name, script, parallel: server.api("POST", f"/project/{p}/templates", dict(
        name=name, project_id=p, repository_id=repo, inventory_id=inv, environment_id=env, app="bash", playbook=script,
        type="", allow_parallel_tasks=parallel, arguments="[]"))["id"]
    return p, template
