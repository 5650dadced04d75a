//! What every request can reach. Cheap to clone.

use std::sync::Arc;

use semaphore_service::{Services, TaskPorts};

use super::{assets::Assets, edge::EdgeSettings, hub::Hub, metrics::Metrics};

/// Shared state of the HTTP layer.
#[derive(Clone, Debug)]
pub struct AppState(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    services: Arc<Services>,
    tasks: Arc<TaskPorts>,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    assets: Assets,
    edge: EdgeSettings,
    web_path: String,
}

impl AppState {
    /// The state over these use cases; `assets` is the web page, `web_path` the path below which everything is served;
    /// `edge` says what happens around every request.
    pub fn new(
        services: Arc<Services>,
        tasks: Arc<TaskPorts>,
        hub: Arc<Hub>,
        metrics: Arc<Metrics>,
        assets: Assets,
        web_path: &str,
        edge: EdgeSettings,
    ) -> Self {
        let web_path = web_path.to_owned();
        Self(Arc::new(Inner { services, tasks, hub, metrics, assets, edge, web_path }))
    }

    /// The numbers about this server.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// `web_host` of the configuration.
    pub(crate) fn web_host(&self) -> &str {
        &self.0.services.settings.web_host
    }

    /// What happens around every request.
    pub(crate) fn edge(&self) -> &EdgeSettings {
        &self.0.edge
    }

    /// The path below which everything is served: empty or `/semaphore`.
    pub(crate) fn web_path(&self) -> &str {
        &self.0.web_path
    }

    /// The way to the task pool.
    pub fn tasks(&self) -> &TaskPorts {
        &self.0.tasks
    }

    /// The clients that watch tasks.
    pub(crate) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// The use cases.
    pub fn services(&self) -> &Arc<Services> {
        &self.0.services
    }

    /// The web page.
    pub(crate) fn assets(&self) -> &Assets {
        &self.0.assets
    }
}
