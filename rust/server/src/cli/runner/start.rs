//! `runner start`: works until a signal.
//!
//! The first signal ends the taking of tasks. If the processes of tasks live on (as for a server, `process.hand_over`), the runner
//! ends at once and the next one goes on with them; otherwise it waits for their end, and a second signal stops them.

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::DirBuilderExt as _,
    path::{self, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use semaphore_engine::job::OWN_DIRECTORY;
use semaphore_model::{Secret, error_chain};
use semaphore_service::runner_client::{RunnerClient, RunnerClientError, name_of};
use semaphore_task::remote::{RemoteRunner, RemoteSettings};
use tokio_util::sync::CancellationToken;

use super::{
    Start,
    register::{private_key, register_with, token},
};
use crate::{
    cli::{
        output::say,
        start::{self, ConfigSource},
        task_processes::{self, OWN_PROGRAM},
    },
    config::Config,
    signal::{BlockedSignals, StopSignals},
    survival::Survival,
};

/// Time between two attempts to register. Reference: the same.
const REGISTRATION_PAUSE: Duration = Duration::from_secs(5);
/// Time that stopped tasks have to end and to be told of, besides what Terraform may take.
const STOP_GRACE: Duration = Duration::from_secs(15);

pub(super) fn run(source: &ConfigSource, arguments: &Start, signals: &BlockedSignals) -> anyhow::Result<()> {
    let config = start::runner_config(source)?;
    let runtime = start::runtime()?;
    let done = runtime.block_on(async {
        let mut signals = signals.listen().context("cannot wait for signals")?;
        let Some(config) = registered(source, config, arguments.register, &mut signals).await? else { return Ok(()) };
        work(&config, &mut signals).await
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// The configuration of a runner that has a token; `None` if a signal came before.
async fn registered(
    source: &ConfigSource,
    config: Config,
    may_register: bool,
    signals: &mut StopSignals,
) -> anyhow::Result<Option<Config>> {
    if !token(&config)?.is_empty() {
        return Ok(Some(config));
    }
    ensure!(may_register, "can not retrieve runner token: register the runner first, or start it with --register");
    loop {
        let error = match register_with(&config).await {
            Ok(()) => return start::runner_config(source).map(Some),
            Err(error) => error,
        };
        let may_pass = error.chain().find_map(|cause| cause.downcast_ref::<RunnerClientError>()).is_some_and(|error| {
            matches!(error, RunnerClientError::Unreachable { .. } | RunnerClientError::Refused { .. })
        });
        if !may_pass {
            return Err(error.context("runner registration failed"));
        }
        tracing::error!(error = error_chain(error.as_ref()), "the runner is not registered yet; trying again");
        tokio::select! {
            () = tokio::time::sleep(REGISTRATION_PAUSE) => {}
            _ = signals.next() => return Ok(None),
        }
    }
}

async fn work(config: &Config, signals: &mut StopSignals) -> anyhow::Result<()> {
    let token = token(config)?;
    let key = config.runner.private_key_file.as_deref().map(private_key).transpose()?;
    if key.is_none() && config.web_host.starts_with("http://") {
        tracing::warn!("secrets of tasks travel readable: use https, or a private_key_file and register again");
    }
    let mut engine = start::engine(config);
    let own = [&config.runner.token_file, &config.runner.private_key_file].into_iter().flatten();
    engine.private_paths.extend(own.filter_map(|path| path::absolute(path).ok()));
    let client = RunnerClient::new(&config.web_host)?;
    let (directory, _alone) = own_directory(config, &token)?;
    let settings = RemoteSettings {
        server: config.web_host.clone(),
        max_parallel_tasks: config.runner.max_parallel_tasks.map(|most| most as usize),
        one_off: config.runner.one_off,
        engine: engine.clone(),
        program: OWN_PROGRAM.into(),
        directory,
        groups: task_processes::groups(config),
    };
    let link = Arc::new(client.link(&token, key, engine)?);
    let mut runner = RemoteRunner::new(settings, link).await.context("cannot find the tasks of an earlier run")?;
    let connected = runner.connected();
    let (drain, stop) = (CancellationToken::new(), CancellationToken::new());
    let announcing = tokio::spawn(async move {
        connected.cancelled().await;
        say("Runner connected")
    });
    let hands_over = config.task_processes.are_handed_over(&Survival::of_this_process());
    {
        let working = runner.run(&drain, &stop);
        tokio::pin!(working);
        tokio::select! {
            () = &mut working => {}
            signal = signals.next() => {
                tracing::info!(signal, "stopping");
                // Who presses Ctrl-C will not start it again.
                if hands_over && signal != "SIGINT" {
                    tracing::info!("tasks that run go on; the next start of this runner goes on with them");
                } else {
                    drain.cancel();
                    tokio::select! {
                        () = &mut working => {}
                        _ = signals.next() => {
                            tracing::warn!("a second signal: the tasks that run are stopped");
                            stop.cancel();
                            let grace = STOP_GRACE + Duration::from_secs(config.terraform_stop_timeout_seconds);
                            if tokio::time::timeout(grace, &mut working).await.is_err() {
                                tracing::warn!("not everything was told to the server; the next start of this runner tells it");
                            }
                        }
                    }
                }
            }
        }
    }
    announcing.abort();
    tracing::info!("stopped");
    Ok(())
}

/// The directory of this runner's own works, and the lock that says that no other process works there.
fn own_directory(config: &Config, token: &Secret) -> anyhow::Result<(PathBuf, File)> {
    let root = path::absolute(&config.tmp_path).context("configuration key tmp_path")?.join(OWN_DIRECTORY);
    let directory = root.join(name_of(token));
    let cannot = || format!("cannot use {}", directory.display());
    // Whoever tasks run as goes through this one.
    fs::create_dir_all(&config.tmp_path).with_context(|| format!("cannot use {}", config.tmp_path.display()))?;
    fs::DirBuilder::new().mode(0o700).recursive(true).create(&directory).with_context(cannot)?;
    let lock = File::create(directory.join("lock")).with_context(cannot)?;
    match lock.try_lock() {
        Ok(()) => Ok((directory, lock)),
        Err(TryLockError::WouldBlock) => bail!("this runner is at work already, in another process"),
        Err(TryLockError::Error(error)) => Err(error).with_context(cannot),
    }
}
