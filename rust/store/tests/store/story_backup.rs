//! What a copy of a whole project is made of: everything of its own, nothing of another's.

use crate::fixture::{Database, stories};
use crate::story::Project;
use semaphore_model::{
    Integration, IntegrationAlias, IntegrationExtractValue, IntegrationMatchMethod, IntegrationMatcher,
    IntegrationSource, Permissions, ProjectId, Role, Template, TemplateRole, TemplateVault, TemplateVaultType,
};

/// Nothing of it belongs to this one.
const OTHER: ProjectId = ProjectId(99);

async fn whole_projects(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let vault = TemplateVault {
        name: Some("v".into()),
        r#type: TemplateVaultType::Script,
        script: Some("echo".into()),
        ..TemplateVault::default()
    };
    let template = Template { name: "A first".into(), autorun: true, vaults: vec![vault], ..project.template.clone() };
    let template = store.insert_template(template).await.unwrap();
    let role = Role { slug: "reader".into(), name: "Reader".into(), project_id: Some(project.id), ..Role::default() };
    store.insert_role(&role).await.unwrap();
    let added = TemplateRole {
        role_slug: role.slug,
        template_id: template.id,
        project_id: project.id,
        permissions: Permissions::RUN_TASKS,
        ..TemplateRole::default()
    };
    store.insert_template_role(added).await.unwrap();
    let integration =
        Integration { name: "Hook".into(), project_id: project.id, template_id: template.id, ..Integration::default() };
    let integration = store.insert_integration(integration).await.unwrap();
    let matcher = IntegrationMatcher {
        integration_id: integration.id,
        name: "m".into(),
        match_type: IntegrationSource::Header,
        method: IntegrationMatchMethod::Equals,
        key: "X".into(),
        value: "1".into(),
        ..IntegrationMatcher::default()
    };
    store.insert_integration_matcher(project.id, matcher).await.unwrap();
    for name in ["b", "a"] {
        let value = IntegrationExtractValue {
            integration_id: integration.id,
            name: name.into(),
            value_source: IntegrationSource::Header,
            key: "X".into(),
            ..IntegrationExtractValue::default()
        };
        store.insert_integration_value(project.id, value).await.unwrap();
    }
    for (alias, owner) in [("own", Some(integration.id)), ("all", None)] {
        let alias = IntegrationAlias {
            alias: alias.into(),
            project_id: project.id,
            integration_id: owner,
            ..IntegrationAlias::default()
        };
        store.insert_integration_alias(alias).await.unwrap();
    }

    let templates = store.list_whole_templates(project.id).await.unwrap();
    let shown: Vec<_> = templates.iter().map(|item| (item.name.as_str(), item.vaults.len(), item.autorun)).collect();
    assert_eq!(shown[0], ("A first", 1, true));
    assert_eq!(shown.len(), 2);
    assert_eq!(store.list_all_template_roles(project.id).await.unwrap().len(), 1);
    assert_eq!(store.list_all_integration_matchers(project.id).await.unwrap().len(), 1);
    let values = store.list_all_integration_values(project.id).await.unwrap();
    assert_eq!(values.iter().map(|value| value.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(store.list_all_integration_aliases(project.id).await.unwrap().len(), 2);

    assert!(store.list_all_template_roles(OTHER).await.unwrap().is_empty());
    assert!(store.list_all_integration_matchers(OTHER).await.unwrap().is_empty());
    assert!(store.list_all_integration_values(OTHER).await.unwrap().is_empty());
    assert!(store.list_all_integration_aliases(OTHER).await.unwrap().is_empty());

    let mut transaction = store.begin().await.unwrap();
    let name = store.get_project(project.id).await.unwrap().name;
    assert!(transaction.has_project_named(&name).await.unwrap());
    assert!(!transaction.has_project_named(&name.to_uppercase()).await.unwrap());
    assert!(transaction.has_integration_alias("own").await.unwrap());
    assert!(!transaction.has_integration_alias("none").await.unwrap());
    transaction.set_inventory_template(project.id, project.inventory.id, template.id).await.unwrap();
    assert!(transaction.set_inventory_template(OTHER, project.inventory.id, template.id).await.is_err());
    transaction.commit().await.unwrap();
    assert_eq!(store.get_inventory(project.id, project.inventory.id).await.unwrap().template_id, Some(template.id));
}

stories! {
    whole_projects,
}
