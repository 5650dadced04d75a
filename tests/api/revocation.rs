//! What somebody loses is lost at once: on the next request of this server, and within two seconds on another server of the
//! same database or when another program changed the row; while all of it is asked for all the time.
//!
//! A request that is sent more than two seconds after the loss must be refused, however slow the machine is: not how long an
//! answer takes is looked at, but what the server knew when it was asked.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::{Client, Options, PASSWORD, Project, Server};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(2);

/// Two servers on one database.
struct Pair {
    here: Server,
    elsewhere: Server,
    database: Option<Database>,
    admin: Client,
    project: Project,
}

/// Somebody who can do something now.
struct Person {
    name: &'static str,
    id: i64,
    /// What proves who asks.
    header: (&'static str, String),
    /// What is asked, and the statuses before and after the loss.
    path: String,
    before: u16,
    after: u16,
}

impl Person {
    fn ask(&self, client: &Client) -> u16 {
        client.send_with("GET", &self.path, None, &[(self.header.0, &self.header.1)]).status
    }
}

impl Pair {
    fn start(kind: Option<Kind>) -> Option<Self> {
        let database = match kind {
            Some(kind) => Some(Database::start(kind)?),
            None => None,
        };
        let mut config = database.as_ref().map_or(json!({}), |database| {
            let dialect = if database.kind() == Kind::Postgres { "postgres" } else { "mysql" };
            json!({"dialect": dialect, dialect: {"host": database.address(), "user": database.user(), "name": "pair"}})
        });
        // They are one installation to the outside: short-lived tokens name its address.
        config["web_host"] = json!("http://semaphore.example.test");
        let mut here = Server::prepared(Options { config: config.clone(), ..Options::default() });
        if database.is_some() {
            let account = ["--login", "admin", "--name", "Admin", "--email", "a@example.com", "--password", PASSWORD];
            let mut command = here.command(&["user", "add", "--admin", "--config"]);
            let made = command.arg(here.config_path()).args(account).output().unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        here.start_again();
        if database.is_none() {
            config["sqlite"] = json!({"host": here.database()});
        }
        let elsewhere = Server::with_config(config);
        let admin = here.admin();
        let project = Project::create(&admin, "/nowhere");
        Some(Self { here, elsewhere, database, admin, project })
    }

    fn user(&self, name: &'static str, role: &str) -> i64 {
        let body =
            json!({"name": name, "username": name, "email": format!("{name}@example.com"), "password": PASSWORD});
        let id = self.admin.post("/api/users", &body).expect(201).id();
        let member = json!({"user_id": id, "role": role});
        self.admin.post(&format!("/api/project/{}/users", self.project.id), &member).expect(204);
        id
    }

    /// A member who asks for this with the cookie of a session.
    fn person(&self, name: &'static str, path: &str, after: u16) -> Person {
        let id = self.user(name, "manager");
        let cookie = self.here.client(name, PASSWORD).cookie().unwrap();
        let path = path.replace("{project}", &self.project.id.to_string());
        Person { name, id, header: ("Cookie", cookie), path, before: 200, after }
    }

    /// The same with an API token or a short-lived token of that session.
    fn with_bearer(&self, name: &'static str, kind: &str) -> Person {
        let person = self.person(name, "/api/user", 401);
        let client = self.here.anonymous();
        let (path, field) = if kind == "api" { ("/api/user/tokens", "id") } else { ("/api/auth/token", "token") };
        let made = client.send_with("POST", path, Some("{}"), &[("Cookie", &person.header.1)]);
        assert!(made.status < 300, "{}: {}", made.status, made.body);
        let made: Value = made.json();
        let token = made[field].as_str().expect("a token");
        Person { header: ("Authorization", format!("Bearer {token}")), ..person }
    }

    /// Writes as another program.
    fn execute(&self, statements: &[String]) {
        const WRITE: &str = "import sqlite3, sys\n\
            database = sqlite3.connect(sys.argv[1], timeout=30)\n\
            database.executescript(sys.argv[2])";
        let all = statements.join("; ");
        let Some(database) = &self.database else {
            let done =
                Command::new("python3").args(["-c", WRITE]).arg(self.here.database()).arg(&all).output().unwrap();
            assert!(done.status.success(), "{all}: {}", String::from_utf8_lossy(&done.stderr));
            return;
        };
        database.execute("pair", &all);
    }
}

/// Ends the threads that ask, also when an assertion fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks for everything all the time while `work` runs, at both servers, so that nothing has to be looked up.
fn under_load(pair: &Pair, people: &[Person], work: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for server in [&pair.here, &pair.elsewhere] {
            scope.spawn(|| {
                let client = server.anonymous();
                while !is_over.load(Ordering::Relaxed) {
                    for person in people {
                        person.ask(&client);
                    }
                }
            });
        }
        let _end = End(&is_over);
        work();
    });
}

/// Each of them is refused by this server when asked `LIMIT` after the loss, and soon before that.
#[track_caller]
fn are_refused_within_the_limit(server: &Server, people: &[&Person], lost: Instant, place: &str) {
    let client = server.anonymous();
    let mut left: Vec<&&Person> = people.iter().collect();
    while !left.is_empty() {
        left.retain(|person| {
            let sent = lost.elapsed();
            let status = person.ask(&client);
            if status == person.after {
                return false;
            }
            assert_eq!(status, person.before, "{} at {place}", person.name);
            assert!(sent < LIMIT, "{} still gets in at {place}, asked {sent:?} after the loss", person.name);
            true
        });
    }
}

fn what_is_taken_away_through_the_api(pair: &Pair) {
    let people = [
        pair.person("logout", "/api/user", 401),
        pair.person("password", "/api/user", 401),
        pair.person("deleted", "/api/user", 401),
        pair.person("removed", "/api/project/{project}", 404),
        pair.person("role", "/api/project/{project}/backup", 403),
        pair.with_bearer("token", "api"),
        pair.with_bearer("short", "jwt"),
    ];
    let client = pair.here.anonymous();
    for server in [&pair.here, &pair.elsewhere] {
        for person in &people {
            assert_eq!(person.ask(&server.anonymous()), person.before, "{} at first", person.name);
        }
    }
    under_load(pair, &people, || {
        let member = |person: &Person| format!("/api/project/{}/users/{}", pair.project.id, person.id);
        let own = |person: &Person, method: &str, path: &str| {
            client.send_with(method, path, None, &[(person.header.0, &person.header.1)]).expect(204);
        };
        for person in &people {
            match person.name {
                "logout" => own(person, "POST", "/api/auth/logout"),
                // A short-lived token ends with the session that it was made in.
                "password" | "short" => {
                    let body = json!({"password": "another password"});
                    pair.admin.post(&format!("/api/users/{}/password", person.id), &body).expect(204);
                }
                "deleted" => drop(pair.admin.delete(&format!("/api/users/{}", person.id)).expect(204)),
                "removed" => drop(pair.admin.delete(&member(person)).expect(204)),
                "role" => drop(pair.admin.put(&member(person), &json!({"role": "guest"})).expect(204)),
                "token" => {
                    let prefix = person.header.1.trim_start_matches("Bearer ").get(..12).unwrap();
                    own(person, "DELETE", &format!("/api/user/tokens/{prefix}"));
                }
                other => panic!("nothing is taken from {other}"),
            }
            assert_eq!(person.ask(&client), person.after, "{}: the next request", person.name);
        }
        are_refused_within_the_limit(&pair.elsewhere, &people.each_ref(), Instant::now(), "the other server");
    });
}

fn what_another_program_takes_away(pair: &Pair) {
    let people = [
        pair.person("ended", "/api/user", 401),
        pair.person("expelled", "/api/project/{project}", 404),
        pair.person("lowered", "/api/project/{project}/backup", 403),
        pair.with_bearer("untokened", "api"),
    ];
    let quote =
        if pair.database.as_ref().is_some_and(|database| database.kind() == Kind::MariaDb) { "`" } else { "\"" };
    let administrator = {
        let person = pair.person("unmade", "/api/options", 403);
        let text = format!("update {quote}user{quote} set admin = true where id = {}", person.id);
        pair.execute(&[text]);
        person
    };
    let client = pair.elsewhere.anonymous();
    for person in &people {
        assert_eq!(person.ask(&client), person.before, "{} at first", person.name);
    }
    let made = Instant::now();
    while administrator.ask(&client) != 200 || administrator.ask(&pair.here.anonymous()) != 200 {
        assert!(made.elapsed() < Duration::from_mins(1), "a right that another program gives is not seen");
    }
    let everybody: Vec<&Person> = people.iter().chain([&administrator]).collect();
    under_load(pair, &people, || {
        let [ended, expelled, lowered, untokened] = people.each_ref().map(|person| person.id);
        pair.execute(&[
            format!("update session set expired = true where user_id = {ended}"),
            format!("delete from project__user where user_id = {expelled}"),
            format!("update project__user set role = 'guest' where user_id = {lowered}"),
            format!("delete from user__token where user_id = {untokened}"),
            format!("update {quote}user{quote} set admin = false where id = {}", administrator.id),
        ]);
        let lost = Instant::now();
        are_refused_within_the_limit(&pair.here, &everybody, lost, "one server");
        are_refused_within_the_limit(&pair.elsewhere, &everybody, lost, "the other server");
    });
}

#[test]
fn what_is_lost_is_lost_at_once_on_sqlite() {
    let pair = Pair::start(None).unwrap();
    what_is_taken_away_through_the_api(&pair);
    what_another_program_takes_away(&pair);
}

#[test]
fn what_is_lost_is_lost_at_once_on_postgres() {
    let Some(pair) = Pair::start(Some(Kind::Postgres)) else { return };
    what_is_taken_away_through_the_api(&pair);
    what_another_program_takes_away(&pair);
}

/// A program that holds the database while this server wants to write: the loss that it wrote before counts all the same.
#[test]
fn what_is_lost_counts_while_the_database_is_held() {
    const HOLD: &str = "import sqlite3, sys, time\n\
        database = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)\n\
        database.execute('begin immediate')\n\
        print('held', flush=True)\n\
        sys.stdin.readline()\n\
        database.execute(sys.argv[2])\n\
        database.execute('commit')\n\
        database.execute('begin immediate')\n\
        print('lost', flush=True)\n\
        sys.stdin.readline()";
    let pair = Pair::start(None).unwrap();
    let person = pair.person("ended", "/api/user", 401);
    let client = pair.here.anonymous();
    let statement = format!("update session set expired = true where user_id = {}", person.id);
    let mut command = Command::new("python3");
    command.args(["-c", HOLD]).arg(pair.here.database()).arg(statement);
    let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut tell, mut hear) = (holder.stdin.take().unwrap(), BufReader::new(holder.stdout.take().unwrap()).lines());
    assert_eq!(hear.next().unwrap().unwrap(), "held");
    under_load(&pair, std::slice::from_ref(&person), || {
        // A cookie that nobody has: these writes wait for the database.
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    pair.here.anonymous().post("/api/auth/login", &json!({"auth": "admin", "password": PASSWORD}))
                });
            }
            assert_eq!(person.ask(&client), 200);
            tell.write_all(b"\n").unwrap();
            let said = hear.next();
            let lost = Instant::now();
            assert_eq!(said.unwrap().unwrap(), "lost");
            are_refused_within_the_limit(&pair.here, &[&person], lost, "a server that waits");
            tell.write_all(b"\n").unwrap();
        });
    });
    holder.wait().unwrap();
}
