//! What every request can reach. Cheap to clone.

use std::sync::Arc;

use semaphore_service::{Services, TaskPorts};

use super::{assets::Assets, client_address::AddressRange, hub::Hub, metrics::Metrics};

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
    trusted_proxies: Vec<AddressRange>,
}

impl AppState {
    /// The state over these use cases; `assets` is the web page; `trusted_proxies` may name the address of a client.
    pub fn new(
        services: Arc<Services>,
        tasks: Arc<TaskPorts>,
        hub: Arc<Hub>,
        metrics: Arc<Metrics>,
        assets: Assets,
        trusted_proxies: Vec<AddressRange>,
    ) -> Self {
        Self(Arc::new(Inner { services, tasks, hub, metrics, assets, trusted_proxies }))
    }

    /// The numbers about this server.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// `web_host` of the configuration.
    pub(crate) fn web_host(&self) -> &str {
        &self.0.services.settings.web_host
    }

    /// Proxies whose word about the address of a client counts.
    pub(crate) fn trusted_proxies(&self) -> &[AddressRange] {
        &self.0.trusted_proxies
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
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// The web page.
    pub(crate) fn assets(&self) -> &Assets {
        &self.0.assets
    }
}
