//! `server`: starts everything, waits for a signal, ends everything in order.
//!
//! The order of the end: no new connections, requests under way finish, tasks are told, the last use of sessions is written,
//! the database is closed. A second signal cuts the waiting short.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use futures_util::future::OptionFuture;
use semaphore_service::{Services, TaskPorts, schedule::Scheduler, task::Ownership};
use semaphore_task::{Pool, PoolLimits};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    arguments::Server,
    logs::Logs,
    output::say,
    rehearse::{self, Rehearsal},
    start::{self, ConfigSource},
    task_processes,
};
use crate::{
    config::Config,
    http::{
        App, AppState, Assets,
        hub::Hub,
        metrics::{Metrics, Watchers},
        serve::{self, Responder},
        tls::{Certificates, Redirect},
    },
    signal::{BlockedSignals, StopSignals},
    survival::Survival,
    version::version,
};

/// Threads that serve requests. Work that takes long has threads of its own.
const WORKER_THREADS: usize = 2;

/// Upper bound of threads for password hashing, name look-ups and the like.
const MAX_BLOCKING_THREADS: usize = 32;

/// Time that requests under way have to finish after a signal.
const REQUEST_GRACE: Duration = Duration::from_secs(10);

/// Time that running tasks have to stop after a signal.
const TASK_GRACE: Duration = Duration::from_secs(15);

/// Time that an alert which is being sent has to be taken after a signal.
const ALERT_GRACE: Duration = Duration::from_secs(5);

/// Time that an audit record which is being posted has to be taken after a signal.
const AUDIT_GRACE: Duration = Duration::from_secs(3);

/// How often the last use of sessions is written.
const SESSION_FLUSH: Duration = Duration::from_mins(1);

/// How often groups of the LDAP directory are read again.
const DIRECTORY_REFRESH: Duration = Duration::from_mins(30);

pub(super) fn run(source: &ConfigSource, arguments: &Server, signals: BlockedSignals) -> anyhow::Result<()> {
    let mut config = start::config(source)?;
    start::warn_about(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(async {
        if !arguments.rehearse {
            return run_until_signal(source, config, signals, None).await;
        }
        let rehearsal = rehearse::prepare(&mut config, arguments).await?;
        let done = run_until_signal(source, config, signals, Some(&rehearsal)).await;
        rehearsal.close();
        done
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn run_until_signal(
    source: &ConfigSource,
    config: Config,
    signals: BlockedSignals,
    rehearsal: Option<&Rehearsal>,
) -> anyhow::Result<()> {
    let mut signals = signals.listen().context("cannot wait for signals")?;
    // The import of a Bolt file can take long: a signal ends it, and the next start goes on with it.
    let store = tokio::select! {
        store = start::store(&config) => store?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped before the database was ready");
            return Ok(());
        }
    };
    if let Some(rehearsal) = rehearsal {
        rehearsal.announce(source, &config, &store).await?;
    }
    let config = start::with_options(source, config, &store).await?;
    let notice = rehearsal.map(|rehearsal| rehearsal.notice.clone());
    let assets = Assets::new(&config.web_path, notice.as_deref(), config.web_directory.as_deref())
        .context("configuration key web_directory")?;
    let services = Arc::new(start::services(&config, store.clone(), notice).await?);
    let metrics = Arc::new(Metrics::default());
    let logs = Logs::start(&config, &metrics, &services, rehearsal.is_some())?;
    let certificates = certificates(&config)?;
    let listener = serve::listen(&config.interface, config.port).await?;
    // A rehearsal leaves that port to the server it is a copy of.
    let redirecting = if rehearsal.is_none() { redirect_listener(&config, &listener).await? } else { None };
    announce(&config, &listener)?;

    let stop = CancellationToken::new();
    let hub = Arc::new(Hub::default());
    let watchers = Arc::new(Watchers::new(Arc::clone(&hub), Arc::clone(&metrics)));
    let tasks = TaskPorts::new(Arc::clone(&services));
    let seconds = config.max_task_duration_seconds;
    let limits = PoolLimits {
        max_parallel_tasks: config.max_parallel_tasks,
        max_task_duration: (seconds > 0).then(|| Duration::from_secs(seconds)),
    };
    let survival = Survival::of_this_process();
    let mut hosts = task_processes::hosts(&config, &services.engine.tmp_path)?;
    if rehearsal.is_none() {
        hosts = task_processes::prepared(hosts, &config, &survival);
    }
    let engine = Arc::clone(&services.engine);
    let pool = Pool::start_with_hosts(tasks.clone(), watchers, engine, limits, hosts);
    tasks.set_pool(pool.clone());
    logs.note_tasks(&tasks);
    let tasks_ended = CancellationToken::new();
    let mut owning = None;
    // A rehearsal starts nothing by itself.
    let scheduling = if rehearsal.is_none() {
        let ownership = Ownership::begin(&tasks).await.context("cannot take up the tasks of an earlier run")?;
        let (ports, ended) = (Arc::clone(&tasks), tasks_ended.clone());
        owning = Some(tokio::spawn(async move { ownership.keep(&ports, ended.cancelled()).await }));
        let scheduler = Scheduler::new(Arc::clone(&services), Arc::clone(&tasks));
        let scheduler = scheduler.context("configuration key schedule.timezone")?;
        Some(tokio::spawn(scheduler.run(stop.clone().cancelled_owned())))
    } else {
        None
    };
    let edge = config.edge.clone();
    let state = AppState::new(Arc::clone(&services), tasks, hub.clone(), metrics, assets, &config.web_path, edge);
    let app = Responder::App(App::new(state, &config.web_path));
    let mut serving = tokio::spawn(serve::serve(listener, app, certificates.clone(), stop.clone(), REQUEST_GRACE));
    let redirecting = redirecting
        .map(|(listener, redirect)| tokio::spawn(serve::serve(listener, redirect, None, stop.clone(), REQUEST_GRACE)));
    let flushing = tokio::spawn(flush_sessions(Arc::clone(&services), stop.clone()));
    let tidying = rehearsal.is_none().then(|| tokio::spawn(keep_house(Arc::clone(&services), stop.clone())));

    let (alerts_stop, alerts_stopped) = watch::channel(false);
    let alerting = rehearsal.is_none().then(|| tokio::spawn(Arc::clone(&services).deliver_alerts(alerts_stopped)));

    let refreshing =
        rehearsal.is_none().then(|| tokio::spawn(refresh_directory_rights(Arc::clone(&services), stop.clone())));

    let (audit_stop, audit_stopped) = watch::channel(false);
    let auditing = rehearsal.is_none().then(|| tokio::spawn(Arc::clone(&services).deliver_audit(audit_stopped)));

    let signal = stop_signal(&mut signals, certificates.as_deref(), &logs).await;
    tracing::info!(signal, "stopping");
    stop.cancel();
    hub.close();
    let stop_timeout = Duration::from_secs(config.terraform_stop_timeout_seconds);
    // Who sits at the terminal and presses Ctrl-C will not start it again.
    let hands_over = signal != "SIGINT" && config.task_processes.are_handed_over(&survival);
    let closing = async {
        if pool.close(TASK_GRACE).await {
            return true;
        }
        // A state that stays locked, or resources that are in no state, are worse than a slow end.
        let slow = services.terraform_tasks(pool.active()).await;
        if slow.is_empty() {
            return false;
        }
        let seconds = stop_timeout.as_secs();
        tracing::info!(tasks = ?slow, seconds, "waiting for tasks of the Terraform family to end in order");
        pool.close(stop_timeout).await
    };
    let ending = async {
        if !hands_over {
            return tokio::join!(&mut serving, closing);
        }
        // Until then a second signal can still stop them.
        let served = (&mut serving).await;
        tracing::info!("running tasks go on; they are taken up at the next start");
        (served, pool.hand_over(TASK_GRACE).await)
    };
    tokio::select! {
        (_, ended) = ending => {
            if !ended {
                tracing::warn!("tasks did not end in time; their status is set at the next start");
            }
        }
        _ = signals.next() => {
            tracing::warn!("a second signal: requests and tasks under way are cut off");
            serving.abort();
            if hands_over {
                pool.close(TASK_GRACE).await;
            }
        }
    }
    tasks_ended.cancel();
    if let Some(Ok(Err(error))) = OptionFuture::from(owning).await {
        tracing::warn!(%error, "other servers have the waiting tasks of this one only when its lease ran out");
    }
    let _ = flushing.await;
    // Tasks that just ended are told of, as far as it goes quickly; the rest is told after the next start.
    let _ = alerts_stop.send(true);
    if let Some(alerting) = alerting
        && tokio::time::timeout(ALERT_GRACE, alerting).await.is_err()
    {
        tracing::warn!("an alert that is being sent is cut off; it is not sent again");
    }
    let _ = audit_stop.send(true);
    if let Some(auditing) = auditing
        && tokio::time::timeout(AUDIT_GRACE, auditing).await.is_err()
    {
        tracing::warn!("an audit record that is being posted is cut off; it is posted again after the next start");
    }
    for ending in [tidying, scheduling].into_iter().flatten() {
        let _ = ending.await;
    }
    for ending in [refreshing, redirecting].into_iter().flatten() {
        ending.abort();
    }
    if let Err(error) = services.flush_sessions().await {
        tracing::error!(%error, "the last use of sessions could not be written");
    }
    store.close().await;
    tracing::info!("stopped");
    logs.close().await;
    Ok(())
}

/// The certificate to speak HTTPS with, if the configuration names one.
fn certificates(config: &Config) -> anyhow::Result<Option<Arc<Certificates>>> {
    let Some(tls) = &config.tls else { return Ok(None) };
    Ok(Some(Arc::new(Certificates::load(&tls.cert_file, &tls.key_file)?)))
}

/// The port on which HTTP is answered with the address to use instead, and who answers there.
async fn redirect_listener(
    config: &Config,
    listener: &tokio::net::TcpListener,
) -> anyhow::Result<Option<(tokio::net::TcpListener, Responder)>> {
    let Some(port) = config.tls.as_ref().and_then(|tls| tls.http_redirect_port) else { return Ok(None) };
    let own = listener.local_addr().context("cannot read the address the server listens on")?.port();
    let redirect = Responder::Redirect(Redirect::new(&config.web_host, own));
    let listener = serve::listen(&config.interface, port).await.context("configuration key tls.http_redirect_port")?;
    Ok(Some((listener, redirect)))
}

/// Waits for a signal that ends the server. With HTTPS a SIGHUP reads the certificate again, and with log files it opens them anew;
/// with neither it ends the server as it does the reference.
async fn stop_signal(signals: &mut StopSignals, certificates: Option<&Certificates>, logs: &Logs) -> &'static str {
    loop {
        let signal = signals.next().await;
        if signal != "SIGHUP" || !logs.reopen() && certificates.is_none() {
            return signal;
        }
        let Some(certificates) = certificates else { continue };
        match certificates.reload() {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(error) => {
                let error = semaphore_model::error_chain(&error);
                tracing::error!(%error, "the certificate cannot be read again; the old one goes on being used");
            }
        }
    }
}

/// The reference's lines at start, on stdout.
fn announce(config: &Config, listener: &tokio::net::TcpListener) -> anyhow::Result<()> {
    let address = listener.local_addr().context("cannot read the address the server listens on")?;
    say(&config.database_line)?;
    say(&format!("Tmp Path (projects home) {}", config.tmp_path.display()))?;
    say(&format!("Semaphore {}", version()))?;
    say(&format!("Interface {}", config.interface))?;
    say(&format!("Port {}", config.port_text))?;
    say("Server is running")?;
    tracing::info!(%address, "listening");
    Ok(())
}

/// Groups of the LDAP directory are read again while people are signed in.
async fn refresh_directory_rights(services: Arc<Services>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(DIRECTORY_REFRESH) => {}
        }
        if let Err(error) = services.refresh_directory_rights().await {
            tracing::warn!(%error, "the groups of the LDAP directory could not be read again; rights stay as they are");
        }
    }
}

async fn flush_sessions(services: Arc<Services>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SESSION_FLUSH) => {}
        }
        if let Err(error) = services.flush_sessions().await {
            tracing::warn!(%error, "the last use of sessions could not be written");
        }
    }
}

/// Removes and archives what is due. Cutting it off is safe at any moment: what is under way is taken back or gone on with.
async fn keep_house(services: Arc<Services>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = services.keep_house() => {}
    }
}
