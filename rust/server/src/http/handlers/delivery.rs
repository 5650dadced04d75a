//! The log of what came to integrations, for those who may change them. Ours.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{DeliveryId, Integration};
use semaphore_service::{
    Error,
    integration::{DeliveryContent, PublicDelivery},
};

use super::output::number;
use crate::http::{
    access::{ManageResources, ProjectAccess, ReadDeliveries},
    client_address::ClientAddress,
    error::Result,
    extract::{PathId, QueryTexts},
    object::Object,
    run_access::RunAccess,
    state::AppState,
};

/// Deliveries in a list without a limit.
const USUAL_LIMIT: u32 = 50;

/// `GET /api/project/{project_id}/integrations/{integration_id}/deliveries`: the newest first.
pub(crate) async fn get_deliveries(
    _: ProjectAccess<ReadDeliveries>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    query: QueryTexts,
) -> Result<Json<Vec<PublicDelivery>>> {
    let before = number(&query, "before")?.map(DeliveryId);
    let limit = number(&query, "limit")?.unwrap_or(USUAL_LIMIT);
    Ok(Json(state.services().deliveries(&integration, before, limit).await?))
}

/// `GET /api/project/{project_id}/integrations/{integration_id}/deliveries/{delivery_id}`: with headers and body.
pub(crate) async fn get_delivery(
    _: ProjectAccess<ReadDeliveries>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    PathId(delivery): PathId<DeliveryId>,
) -> Result<Json<DeliveryContent>> {
    Ok(Json(state.services().delivery(&integration, delivery).await?))
}

/// `POST /api/project/{project_id}/integrations/{integration_id}/deliveries/{delivery_id}/replay`: the same request once more,
/// by somebody who may also run the template. The body is not read.
pub(crate) async fn replay_delivery(
    access: ProjectAccess<ManageResources>,
    run: RunAccess,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    PathId(delivery): PathId<DeliveryId>,
    ClientAddress(address): ClientAddress,
) -> Result<(StatusCode, Json<PublicDelivery>)> {
    run.for_template(integration.template_id)?;
    // On its own, so that a caller who does not wait for the answer leaves no task that is in no queue.
    let repeating = tokio::spawn(async move {
        let (services, user) = (state.services(), &access.user);
        services.replay_delivery(state.tasks(), user, &address, &integration, delivery).await
    });
    let made = repeating.await.map_err(|error| Error::internal("repeating a delivery", error))??;
    Ok((StatusCode::CREATED, Json(made)))
}
