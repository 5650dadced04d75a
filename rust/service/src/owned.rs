//! Objects of a project, and the only way to get at them: looking them up together with the project.
//!
//! Invariant: an [`Owned`] value was found in the project it was asked for in. Objects never change their project, so what
//! was found once stays owned. Use cases take `Owned` values for what the path names and call [`Services::find`] for every id
//! in a body; an id of another project is answered exactly like one that does not exist.

use std::{future::Future, ops::Deref};

use semaphore_model::{
    AccessKey, AccessKeyId, Environment, EnvironmentId, Integration, IntegrationId, Inventory, InventoryId, ProjectId,
    ProjectInvite, ProjectInviteId, Repository, RepositoryId, Runner, RunnerId, Schedule, ScheduleId, SecretStorage,
    SecretStorageId, Template, TemplateId, View, ViewId,
};
use semaphore_store::{Store, StoreError};

use crate::{
    error::{Error, Result},
    services::Services,
};

/// An object that was found in its project.
#[derive(Clone, Debug)]
pub struct Owned<T>(T);

impl<T> Owned<T> {
    /// The object itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A kind of object that belongs to a project.
pub trait ProjectObject: Sized + Send {
    /// Its id.
    type Id: Copy + Send;
    /// What it is called in messages.
    const NAME: &'static str;

    /// Reads the object if it belongs to the project.
    fn read(store: &Store, project: ProjectId, id: Self::Id) -> impl Future<Output = Result<Self, StoreError>> + Send;
}

macro_rules! project_objects {
    ($($object:ty, $id:ty, $name:literal, $get:ident;)*) => {$(
        impl ProjectObject for $object {
            type Id = $id;
            const NAME: &'static str = $name;

            async fn read(store: &Store, project: ProjectId, id: $id) -> Result<Self, StoreError> {
                store.$get(project, id).await
            }
        }
    )*};
}

project_objects! {
    AccessKey, AccessKeyId, "key", get_access_key;
    Repository, RepositoryId, "repository", get_repository;
    Inventory, InventoryId, "inventory", get_inventory;
    Environment, EnvironmentId, "environment", get_environment;
    View, ViewId, "view", get_view;
    Template, TemplateId, "template", get_template;
    Schedule, ScheduleId, "schedule", get_schedule;
    Integration, IntegrationId, "integration", get_integration;
    SecretStorage, SecretStorageId, "secret storage", get_secret_storage;
    ProjectInvite, ProjectInviteId, "invitation", get_project_invite;
    Runner, RunnerId, "runner", get_project_runner;
}

impl Services {
    /// The object of the project; 404 with an empty body if the project has none with this id.
    pub async fn find<T: ProjectObject>(&self, project: ProjectId, id: T::Id) -> Result<Owned<T>> {
        match T::read(&self.store, project, id).await {
            Ok(object) => Ok(Owned(object)),
            Err(StoreError::NotFound) => Err(Error::not_found(T::NAME)),
            Err(error) => Err(error.into()),
        }
    }

    /// Checks an optional id of a body; 404 with an empty body if the project has no such object.
    pub(crate) async fn check<T: ProjectObject>(&self, project: ProjectId, id: Option<T::Id>) -> Result<()> {
        match id {
            Some(id) => self.find::<T>(project, id).await.map(drop),
            None => Ok(()),
        }
    }

    /// The same, answered with 400. Reference: ids that only the database checked.
    pub(crate) async fn check_reference<T: ProjectObject>(&self, project: ProjectId, id: Option<T::Id>) -> Result<()> {
        self.check::<T>(project, id).await.map_err(|error| {
            if error.is_not_found() {
                Error::invalid(format!("there is no such {} in this project", T::NAME)).bare()
            } else {
                error
            }
        })
    }
}

/// The refusal of a body that names another project than the path.
pub(crate) fn other_project() -> Error {
    Error::invalid("Project ID in body and URL must be the same")
}

/// What a failed delete means to the client. Reference: an object that is still used answers 400 without a text.
pub(crate) fn in_use(error: StoreError, what: &str) -> Error {
    match error {
        StoreError::Referenced { .. } => {
            Error::invalid(format!("the {what} is still used by another object of the project"))
                .bare()
                .with_source(error)
        }
        StoreError::NotFound => Error::not_found(what),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests;
