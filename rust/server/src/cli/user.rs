//! `users`: add, list, show, change, delete.
//!
//! Reference: a mistake such as an unknown user ended in a panic with exit code 2; here it is an error with exit code 1.

use anyhow::Context;
use semaphore_model::{NewUser, User};
use semaphore_service::{Services, user::UserList};

use super::{
    arguments::{AddUser, ChangeUser, NamedUser, ShowUser, UserCommand},
    output::say,
    password,
    start::{self, ConfigSource},
};

/// A command that lacks arguments or names nobody; the text goes to stdout, the exit code is 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(pub(super) String);

pub(super) fn run(source: &ConfigSource, mut command: UserCommand) -> anyhow::Result<()> {
    take_password(&mut command)?;
    check(&command)?;
    start::with_services(source, async |_config, services| match &command {
        UserCommand::Add(arguments) => add(&services, arguments).await,
        UserCommand::List(arguments) => list(&services, arguments.json).await,
        UserCommand::Get(arguments) => show(&services, arguments).await,
        UserCommand::ChangeByLogin(arguments) => {
            let user = find(&services, &arguments.login, "").await?;
            change(&services, &user, arguments).await
        }
        UserCommand::ChangeByEmail(arguments) => {
            let user = find(&services, "", &arguments.email).await?;
            change(&services, &user, arguments).await
        }
        UserCommand::Delete(arguments) => delete(&services, arguments).await,
    })
}

/// Puts the password of the standard input where `--password` would have put it.
fn take_password(command: &mut UserCommand) -> anyhow::Result<()> {
    let (UserCommand::Add(AddUser { stdin_password: true, password, .. })
    | UserCommand::ChangeByLogin(ChangeUser { stdin_password: true, password, .. })
    | UserCommand::ChangeByEmail(ChangeUser { stdin_password: true, password, .. })) = command
    else {
        return Ok(());
    };
    if !password.0.is_empty() {
        return Err(Refusal("Arguments --password and --stdin-password cannot be used together".to_owned()).into());
    }
    password.0 = password::read().context("cannot read the password from the standard input")?;
    if password.0.is_empty() {
        return Err(Refusal("No password on the standard input".to_owned()).into());
    }
    Ok(())
}

/// Refuses what lacks arguments, before configuration and database are touched. Texts of the reference.
fn check(command: &UserCommand) -> Result<(), Refusal> {
    let (name, complaints) = match command {
        UserCommand::Add(arguments) => ("add", complaints_about_add(arguments)),
        UserCommand::List(_) => return Ok(()),
        UserCommand::Get(arguments) => ("get", complaints_about_name(&arguments.user)),
        UserCommand::Delete(arguments) => ("delete", complaints_about_name(arguments)),
        UserCommand::ChangeByLogin(arguments) => ("change-by-login", required("login", &arguments.login)),
        UserCommand::ChangeByEmail(arguments) => ("change-by-email", required("email", &arguments.email)),
    };
    if complaints.is_empty() {
        return Ok(());
    }
    let complaints = complaints.join("\n");
    Err(Refusal(format!("{complaints}\nUse command `semaphore user {name} --help` for details.")))
}

fn required(argument: &str, value: &str) -> Vec<String> {
    if value.is_empty() { vec![format!("Argument --{argument} required")] } else { Vec::new() }
}

fn complaints_about_add(arguments: &AddUser) -> Vec<String> {
    let mut complaints = required("name", &arguments.name);
    complaints.extend(required("login", &arguments.login));
    complaints.extend(required("email", &arguments.email));
    let password = arguments.password.0.expose();
    if !arguments.external {
        complaints.extend(required("password", password));
    } else if !password.is_empty() {
        complaints.push("Argument --password not allowed for external users".to_owned());
    }
    complaints
}

fn complaints_about_name(arguments: &NamedUser) -> Vec<String> {
    if arguments.login.is_empty() && arguments.email.is_empty() {
        return vec!["Argument --email or --login required".to_owned()];
    }
    Vec::new()
}

async fn add(services: &Services, arguments: &AddUser) -> anyhow::Result<()> {
    let body = NewUser {
        username: arguments.login.clone(),
        name: arguments.name.clone(),
        email: arguments.email.clone(),
        password: arguments.password.0.clone(),
        admin: arguments.admin,
        external: arguments.external,
        ..NewUser::default()
    };
    services.insert_user(&body).await.with_context(|| format!("cannot add the user {}", arguments.login))?;
    say(&format!("User {} <{}> added!", arguments.login, arguments.email))?;
    Ok(())
}

async fn list(services: &Services, json: bool) -> anyhow::Result<()> {
    let everybody = User { admin: true, ..User::default() };
    let UserList::Full(users) = services.list_users(&everybody, "").await? else { return Ok(()) };
    if json {
        return Ok(say(&serde_json::to_string_pretty(&users)?)?);
    }
    for user in users {
        say(&user.username)?;
    }
    Ok(())
}

pub(super) async fn find(services: &Services, login: &str, email: &str) -> anyhow::Result<User> {
    let missing = || Refusal(format!("User with login {login} or email {email} not found"));
    match services.find_user(login, email).await {
        Err(error) if error.is_not_found() => Err(missing().into()),
        found => Ok(found?),
    }
}

async fn show(services: &Services, arguments: &ShowUser) -> anyhow::Result<()> {
    let user = find(services, &arguments.user.login, &arguments.user.email).await?;
    if arguments.json {
        let everybody = User { admin: true, ..User::default() };
        // As the API shows it: without the secret of the second factor.
        let shown = services.get_user(&everybody, user.id).await?;
        return Ok(say(&serde_json::to_string_pretty(&shown)?)?);
    }
    say(&format!("ID: {}", user.id))?;
    say(&format!("Created: {} +0000 UTC", user.created.format("%Y-%m-%d %H:%M:%S")))?;
    say(&format!("Login: {}", user.username))?;
    say(&format!("Name: {}", user.name))?;
    say(&format!("Email: {}", user.email))?;
    say(&format!("Admin: {}", user.admin))?;
    Ok(())
}

async fn change(services: &Services, user: &User, arguments: &ChangeUser) -> anyhow::Result<()> {
    let or_old = |new: &str, old: &str| if new.is_empty() { old.to_owned() } else { new.to_owned() };
    let body = NewUser {
        id: user.id,
        username: or_old(&arguments.login, &user.username),
        name: or_old(&arguments.name, &user.name),
        email: or_old(&arguments.email, &user.email),
        password: arguments.password.0.clone(),
        // Reference: the flag only ever raises.
        admin: user.admin || arguments.admin,
        external: user.external,
        alert: user.alert,
        pro: user.pro,
    };
    services.store_user(user, &body).await.with_context(|| format!("cannot change the user {}", user.username))?;
    say(&format!("User {} <{}> changed!", body.username, body.email))?;
    Ok(())
}

async fn delete(services: &Services, arguments: &NamedUser) -> anyhow::Result<()> {
    let user = find(services, &arguments.login, &arguments.email).await?;
    services.delete_user(&user).await.with_context(|| format!("cannot delete the user {}", user.username))?;
    say(&format!("User {} <{}> deleted!", user.username, user.email))?;
    Ok(())
}
