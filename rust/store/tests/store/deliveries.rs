//! The log of what came to integrations: found by those it came to, bounded for each address, gone with what it is about.

use crate::fixture::{Database, stories};
use crate::story::Project;
use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{DeliveryId, DeliveryOutcome, Integration, IntegrationId, ProjectId};
use semaphore_store::{DeliveryVerdict, NewDelivery, Store, StoreError};

stories! { deliveries_are_found_and_forgotten, each_address_keeps_its_newest, the_log_comes_back_without_its_tables }

async fn integration(store: &Store, project: &Project, name: &str) -> IntegrationId {
    let integration = Integration {
        name: name.into(),
        project_id: project.id,
        template_id: project.template.id,
        ..Integration::default()
    };
    store.insert_integration(integration).await.unwrap().id
}

fn came(project: &Project, at: Option<IntegrationId>, received: DateTime<Utc>) -> NewDelivery<'static> {
    NewDelivery {
        project_id: project.id,
        integration_id: at,
        is_proven: true,
        alias: "0123456789abcdef",
        received,
        address: "2001:db8::1",
        method: "POST",
        status: Some(204),
        milliseconds: 7,
        body_bytes: 5,
        replay_of: None,
        user_id: None,
        sealed: "sealed".into(),
    }
}

fn verdict(id: IntegrationId, outcome: DeliveryOutcome) -> DeliveryVerdict {
    DeliveryVerdict { integration_id: id, outcome, message: "why".to_owned(), task_id: None }
}

async fn ids(store: &Store, project: &Project, id: IntegrationId) -> Vec<DeliveryId> {
    store.list_deliveries(project.id, id, None, 2000).await.unwrap().iter().map(|delivery| delivery.id).collect()
}

async fn deliveries_are_found_and_forgotten(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let (one, two) = (integration(&store, &project, "one").await, integration(&store, &project, "two").await);
    let now = semaphore_model::time::truncate_to_second(Utc::now());
    let old = came(&project, Some(one), now - TimeDelta::days(40));
    let old = store.insert_delivery(&old, &[verdict(one, DeliveryOutcome::NoMatch)]).await.unwrap().unwrap();
    let both = [verdict(one, DeliveryOutcome::Started), verdict(two, DeliveryOutcome::Refused)];
    let new = store.insert_delivery(&came(&project, None, now), &both).await.unwrap().unwrap();
    let replay = NewDelivery {
        replay_of: Some(new),
        user_id: Some(project.owner.id),
        status: None,
        ..came(&project, None, now)
    };
    let replay = store.insert_delivery(&replay, &both[..1]).await.unwrap().unwrap();
    assert_eq!(
        (ids(&store, &project, one).await, ids(&store, &project, two).await),
        (vec![replay, new, old], vec![new])
    );
    let page = store.list_deliveries(project.id, one, Some(replay), 1).await.unwrap();
    assert_eq!((page.len(), page[0].id), (1, new));
    let (found, sealed) = store.get_delivery(project.id, two, new).await.unwrap();
    assert_eq!((found.verdict, found.received, found.status), (both[1].clone(), now, Some(204)));
    assert_eq!((found.address.as_str(), found.milliseconds, found.body_bytes), ("2001:db8::1", 7, 5));
    assert_eq!((sealed.expose(), found.integration_id), ("sealed", None));
    let (found, _) = store.get_delivery(project.id, one, replay).await.unwrap();
    assert_eq!((found.replay_of, found.user_id, found.status), (Some(new), Some(project.owner.id), None));
    assert!(store.get_delivery(project.id, two, replay).await.unwrap_err().is_not_found());
    assert!(store.get_delivery(ProjectId(99), one, new).await.unwrap_err().is_not_found());
    assert!(store.list_deliveries(ProjectId(99), one, None, 10).await.unwrap().is_empty());

    assert_eq!(store.remove_old_deliveries(now - TimeDelta::days(30)).await.unwrap(), 1);
    assert_eq!(ids(&store, &project, one).await, [replay, new]);
    store.delete_integration(project.id, one).await.unwrap();
    assert_eq!(ids(&store, &project, two).await, [new]);
    assert_eq!(store.remove_old_deliveries(now + TimeDelta::days(1)).await.unwrap(), 2);
    assert_eq!(store.remove_old_deliveries(now + TimeDelta::days(1)).await.unwrap(), 0);
}

async fn each_address_keeps_its_newest(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let (one, two) = (integration(&store, &project, "one").await, integration(&store, &project, "two").await);
    let start = Utc::now() - TimeDelta::days(1);
    let mut unproven = 0;
    // Two in a second, for two minutes: half of them are too many.
    for number in 0..240 {
        let at = start + TimeDelta::milliseconds(number * 500);
        let delivery = NewDelivery { is_proven: false, ..came(&project, Some(one), at) };
        let written = store.insert_delivery(&delivery, &[verdict(one, DeliveryOutcome::Refused)]).await.unwrap();
        unproven += i64::from(written.is_some());
    }
    assert!((119..=122).contains(&unproven), "{unproven}");
    assert_eq!(ids(&store, &project, one).await.len(), 100);
    // Others have places of their own; what is proven is not counted by the minute.
    let newest = if database == Database::Sqlite { 1005 } else { 105 };
    for id in [one, two] {
        for _ in 0..newest {
            let delivery = came(&project, Some(id), start);
            store.insert_delivery(&delivery, &[verdict(id, DeliveryOutcome::Started)]).await.unwrap().unwrap();
        }
    }
    let kept = newest.min(1000);
    assert_eq!((ids(&store, &project, one).await.len(), ids(&store, &project, two).await.len()), (kept + 100, kept));
}

async fn the_log_comes_back_without_its_tables(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let id = integration(&store, &project, "one").await;
    let delivery = came(&project, Some(id), Utc::now());
    let verdicts = [verdict(id, DeliveryOutcome::Started)];
    store.insert_delivery(&delivery, &verdicts).await.unwrap().unwrap();
    kept.execute("drop table rs_delivery").await;
    assert!(ids(&store, &project, id).await.is_empty());
    assert_eq!(store.remove_old_deliveries(Utc::now()).await.unwrap(), 0);
    let refused = store.insert_delivery(&delivery, &verdicts).await;
    assert!(matches!(refused, Err(StoreError::OwnTableMissing { .. })), "{refused:?}");
    store.make_own_tables().await.unwrap();
    // Its numbers begin again, where what became of the first one still lies.
    store.insert_delivery(&delivery, &verdicts).await.unwrap().unwrap();
    assert_eq!(ids(&store, &project, id).await.len(), 1);
    // An integration that is gone meanwhile is no reason to lose what the others did.
    let gone = [verdict(IntegrationId(99), DeliveryOutcome::Started), verdicts[0].clone()];
    store.insert_delivery(&delivery, &gone).await.unwrap().unwrap();
    assert_eq!(ids(&store, &project, id).await.len(), 2);
}
