//! `auth explain`: what groups give to somebody, and why. Changes nothing.

use semaphore_service::group_mapping::{Plan, Source};

use super::{
    arguments::{AuthCommand, ExplainUser},
    output::say,
    start::{self, ConfigSource},
};

pub(super) fn run(source: &ConfigSource, command: &AuthCommand) -> anyhow::Result<()> {
    let AuthCommand::Explain(arguments) = command;
    start::with_services(source, async |_config, services| explain(&services, arguments).await)
}

async fn explain(services: &semaphore_service::Services, arguments: &ExplainUser) -> anyhow::Result<()> {
    let user = services.find_user(&arguments.user, &arguments.user).await?;
    let kind = if user.external { "signs in elsewhere" } else { "has a password here" };
    let admin = if user.admin { ", administrator" } else { "" };
    say(&format!("{} <{}>: {kind}{admin}", user.username, user.email))?;
    let (from, groups) = match &arguments.provider {
        Some(provider) => (Source::Oidc(provider.clone()), arguments.group.clone()),
        None if arguments.group.is_empty() => {
            let Some(person) = services.directory_person(&user).await? else {
                say(
                    "Not in the LDAP directory. Groups of an OpenID Connect provider are known at a log-in only: name them with --provider and --group.",
                )?;
                return Ok(());
            };
            (Source::Ldap, person.groups)
        }
        None => (Source::Ldap, arguments.group.clone()),
    };
    say(&format!(
        "Groups by {}: {}",
        from.name(),
        if groups.is_empty() { "none".to_owned() } else { groups.join("; ") }
    ))?;
    let plan: Plan = services.plan_group_mapping(&user, &from, &groups).await?;
    for reason in &plan.reasons {
        say(&format!("- {reason}"))?;
    }
    say(if plan.is_empty() {
        "The next log-in changes nothing."
    } else {
        "The next log-in changes this; nothing was changed now."
    })?;
    Ok(())
}
