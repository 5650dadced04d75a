//! The routing table: every route with its method, path, access level and effect, readable top to bottom.
//!
//! A row is `METHOD "path" Access, reads|writes => handler;`. `GET` answers HEAD as well; `GET_ONLY` does not, as some routes
//! of the reference. The handler's first argument must be of the access type, or the row does not compile. Every row that
//! `writes` needs a case in the effects test of `semaphore-tests`, which reads [`routes`]. `LOCK` and `UNLOCK` are methods
//! of Terraform that the router does not know; their rows stand in routers of their own, as `POST`.

use axum::{Router, handler::Handler, routing::MethodRouter};

use super::{
    access::{
        Access, AccessLevel, Admin, Guarded, ManageResources, ManageUsers, Member, ProjectAccess, Public,
        ReadDeliveries, ReadInvites, Session, UpdateProject,
    },
    error::{method_not_allowed, not_found},
    extension_method::Extension,
    handlers::{
        alert, app, auth, backup, delivery, diagnostics, documentation, environment, event, host_keys, integration,
        integration_rule, inventory, invite, jwt, key, member, metrics, oidc, option, output, project, repository,
        retention, role, runner, runner_protocol, schedule, second_factor, secret_storage, subscription, system, task,
        task_events, template, terraform_backend, terraform_state, token, user, view, webhook,
    },
    machine_access::{RunnerAccess, StateAccess},
    openapi::describe::{Described, Describer},
    run_access::RunAccess,
    state::AppState,
    ws,
};

mod row;

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct RouteInfo {
    /// `GET`, `HEAD`, `OPTIONS`, `POST`, `PUT`, `DELETE`, `LOCK` or `UNLOCK`.
    pub method: &'static str,
    /// Path with parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Whether it changes something.
    pub writes: bool,
    /// Whether HEAD is answered as well.
    pub answers_head: bool,
    /// Module and name of its handler.
    pub handler: &'static str,
    /// Says what the types of the handler tell about the route.
    pub(super) describe: fn(&mut Describer),
}

macro_rules! table {
    ($($method:ident $path:literal $access:ty, $effect:ident => $handler:path;)*) => {
        static ROUTES: &[RouteInfo] = &[$(RouteInfo {
            method: method_name(stringify!($method)),
            path: $path,
            access: <$access as AccessLevel>::LEVEL,
            writes: is_writing(stringify!($effect)),
            answers_head: is_method(stringify!($method), "GET"),
            handler: stringify!($handler),
            describe: row::described_by::<$access, _, _>(&$handler),
        }),*];

        /// A router of the rows with this extension method, or of all others, without fallbacks.
        pub(crate) fn router(extension: Option<Extension>) -> Router<AppState> {
            let router = Router::new();
            $(let router = if Extension::of(stringify!($method)) == extension {
                router.route($path, row::$method::<$access, _, _>($handler))
            } else {
                router
            };)*
            router.route(ANSWERS_405, MethodRouter::new().fallback(method_not_allowed))
        }
    };
}

table! {
    // System
    GET      "/api/ping"                   Public,  reads  => system::ping;
    GET      "/api/info"                   Session, reads  => system::get_info;
    DELETE   "/api/cache"                  Admin,   writes => system::clear_cache;
    HEAD     "/api/cache"                  Admin,   reads  => system::head_cache;
    GET      "/api/options"                Admin,   reads  => option::get_options;
    POST     "/api/options"                Admin,   writes => option::set_option;
    GET      "/api/apps"                   Session, reads  => app::get_apps;
    GET      "/api/apps/{app_id}"          Admin,   reads  => app::get_app;
    PUT      "/api/apps/{app_id}"          Admin,   writes => app::set_app;
    POST     "/api/apps/{app_id}"          Admin,   writes => app::set_app;
    DELETE   "/api/apps/{app_id}"          Admin,   writes => app::delete_app;
    POST     "/api/apps/{app_id}/active"   Admin,   writes => app::set_app_active;

    // This table for programs
    GET      "/api/openapi.json"           Public,  reads  => documentation::get_document;
    GET      "/swagger"                    Public,  reads  => documentation::get_page;
    GET      "/swagger/{file}"             Public,  reads  => documentation::get_page_file;

    // Log-in
    GET_ONLY "/api/auth/login"             Public,  reads  => auth::get_login_metadata;
    POST     "/api/auth/login"             Public,  writes => auth::login;
    POST     "/api/auth/login/email"       Public,  writes => auth::login_by_email;
    POST     "/api/auth/login/email/resend" Public, writes => auth::resend_email_code;
    POST     "/api/auth/logout"            Public,  writes => auth::logout;
    POST     "/api/auth/verify"            Public,  writes => auth::verify_session;
    POST     "/api/auth/recovery"          Public,  writes => auth::recover_session;
    GET_ONLY "/api/auth/oidc/{provider}/login"          Public, reads => oidc::oidc_login;
    GET_ONLY "/api/auth/oidc/{provider}/redirect"       Public, reads => oidc::oidc_redirect;
    GET_ONLY "/api/auth/oidc/{provider}/redirect/{*redirect_path}" Public, reads => oidc::oidc_redirect;
    POST     "/api/auth/token"             Session, writes => jwt::create_token;
    GET      "/.well-known/jwks.json"      Public,  reads  => jwt::get_keys;

    // Users
    GET      "/api/user"                   Session, reads  => user::get_own_user;
    GET      "/api/user/tokens"            Session, reads  => token::get_api_tokens;
    POST     "/api/user/tokens"            Session, writes => token::create_api_token;
    DELETE   "/api/user/tokens/{token_id}" Session, writes => token::delete_api_token;
    GET      "/api/users"                  Session, reads  => user::get_users;
    POST     "/api/users"                  Session, writes => user::create_user;
    GET      "/api/users/{user_id}"        Session, reads  => user::get_user;
    PUT      "/api/users/{user_id}"        Session, writes => user::update_user;
    DELETE   "/api/users/{user_id}"        Session, writes => user::delete_user;
    POST     "/api/users/{user_id}/password" Session, writes => user::set_user_password;

    // Second factors
    POST     "/api/users/{user_id}/2fas/totp"              Session, writes => second_factor::enable_totp;
    GET_ONLY "/api/users/{user_id}/2fas/totp/{totp_id}/qr" Session, reads  => second_factor::get_totp_qr;
    DELETE   "/api/users/{user_id}/2fas/totp/{totp_id}"    Session, writes => second_factor::disable_totp;

    // Tasks of all projects
    GET      "/api/ws"                     Session, reads  => ws::connect;
    GET      "/api/tasks"                  Admin,   reads  => task::get_active_tasks;
    GET      "/api/tasks/{task_id}"        Admin,   reads  => task::get_active_tasks;
    DELETE   "/api/tasks/{task_id}"        Admin,   writes => task::stop_active_task;

    // Projects and events
    GET      "/api/projects"                                Session,                        reads  => project::get_projects;
    POST     "/api/projects"                                Session,                        writes => project::create_project;
    GET      "/api/events"                                  Session,                        reads  => event::get_events;
    GET      "/api/events/last"                             Session,                        reads  => event::get_last_events;
    GET      "/api/project/{project_id}"                    ProjectAccess<Member>,          reads  => project::get_project;
    PUT      "/api/project/{project_id}"                    ProjectAccess<UpdateProject>,   writes => project::update_project;
    DELETE   "/api/project/{project_id}"                    ProjectAccess<UpdateProject>,   writes => project::delete_project;
    GET      "/api/project/{project_id}/role"               ProjectAccess<Member>,          reads  => project::get_own_role;
    GET      "/api/project/{project_id}/events"             ProjectAccess<Member>,          reads  => event::get_project_events;
    GET      "/api/project/{project_id}/events/last"        ProjectAccess<Member>,          reads  => event::get_last_project_events;
    DELETE   "/api/project/{project_id}/cache"              ProjectAccess<ManageResources>, writes => project::clear_project_cache;
    GET      "/api/project/{project_id}/host_keys"          ProjectAccess<Member>,          reads  => host_keys::get_host_keys;
    PUT      "/api/project/{project_id}/host_keys"          ProjectAccess<ManageResources>, writes => host_keys::set_host_keys;
    POST     "/api/project/{project_id}/notifications/test" ProjectAccess<ManageResources>, reads  => project::send_test_notification;

    // Members
    GET      "/api/project/{project_id}/users"           ProjectAccess<Member>,      reads  => member::get_project_users;
    POST     "/api/project/{project_id}/users"           ProjectAccess<ManageUsers>, writes => member::add_project_user;
    GET      "/api/project/{project_id}/users/{user_id}" ProjectAccess<Member>,      reads  => member::get_project_user;
    PUT      "/api/project/{project_id}/users/{user_id}" ProjectAccess<ManageUsers>, writes => member::update_project_user;
    DELETE   "/api/project/{project_id}/users/{user_id}" ProjectAccess<ManageUsers>, writes => member::remove_project_user;
    DELETE   "/api/project/{project_id}/me"              ProjectAccess<Member>,      writes => member::leave_project;

    // Keys
    GET      "/api/project/{project_id}/keys"               ProjectAccess<Member>,          reads  => key::get_keys;
    POST     "/api/project/{project_id}/keys"               ProjectAccess<ManageResources>, writes => key::create_key;
    GET      "/api/project/{project_id}/keys/{key_id}"      ProjectAccess<Member>,          reads  => key::get_key;
    PUT      "/api/project/{project_id}/keys/{key_id}"      ProjectAccess<ManageResources>, writes => key::update_key;
    DELETE   "/api/project/{project_id}/keys/{key_id}"      ProjectAccess<ManageResources>, writes => key::delete_key;
    GET      "/api/project/{project_id}/keys/{key_id}/refs" ProjectAccess<Member>,          reads  => key::get_key_referrers;

    // Repositories
    GET      "/api/project/{project_id}/repositories"                          ProjectAccess<Member>,          reads  => repository::get_repositories;
    POST     "/api/project/{project_id}/repositories"                          ProjectAccess<ManageResources>, writes => repository::create_repository;
    GET      "/api/project/{project_id}/repositories/{repository_id}"          ProjectAccess<Member>,          reads  => repository::get_repository;
    PUT      "/api/project/{project_id}/repositories/{repository_id}"          ProjectAccess<ManageResources>, writes => repository::update_repository;
    DELETE   "/api/project/{project_id}/repositories/{repository_id}"          ProjectAccess<ManageResources>, writes => repository::delete_repository;
    GET      "/api/project/{project_id}/repositories/{repository_id}/refs"     ProjectAccess<Member>,          reads  => repository::get_repository_referrers;
    GET      "/api/project/{project_id}/repositories/{repository_id}/branches" ProjectAccess<Member>,          reads  => repository::get_repository_branches;

    // Inventories
    GET      "/api/project/{project_id}/inventory"                     ProjectAccess<Member>,          reads  => inventory::get_inventories;
    POST     "/api/project/{project_id}/inventory"                     ProjectAccess<ManageResources>, writes => inventory::create_inventory;
    GET      "/api/project/{project_id}/inventory/{inventory_id}"      ProjectAccess<Member>,          reads  => inventory::get_inventory;
    PUT      "/api/project/{project_id}/inventory/{inventory_id}"      ProjectAccess<ManageResources>, writes => inventory::update_inventory;
    DELETE   "/api/project/{project_id}/inventory/{inventory_id}"      ProjectAccess<ManageResources>, writes => inventory::delete_inventory;
    GET      "/api/project/{project_id}/inventory/{inventory_id}/refs" ProjectAccess<Member>,          reads  => inventory::get_inventory_referrers;

    // Environments
    GET      "/api/project/{project_id}/environment"                       ProjectAccess<Member>,          reads  => environment::get_environments;
    POST     "/api/project/{project_id}/environment"                       ProjectAccess<ManageResources>, writes => environment::create_environment;
    GET      "/api/project/{project_id}/environment/{environment_id}"      ProjectAccess<Member>,          reads  => environment::get_environment;
    PUT      "/api/project/{project_id}/environment/{environment_id}"      ProjectAccess<ManageResources>, writes => environment::update_environment;
    DELETE   "/api/project/{project_id}/environment/{environment_id}"      ProjectAccess<ManageResources>, writes => environment::delete_environment;
    GET      "/api/project/{project_id}/environment/{environment_id}/refs" ProjectAccess<Member>,          reads  => environment::get_environment_referrers;

    // Views
    GET      "/api/project/{project_id}/views"                     ProjectAccess<Member>,          reads  => view::get_views;
    POST     "/api/project/{project_id}/views"                     ProjectAccess<ManageResources>, writes => view::create_view;
    GET      "/api/project/{project_id}/views/{view_id}"           ProjectAccess<Member>,          reads  => view::get_view;
    PUT      "/api/project/{project_id}/views/{view_id}"           ProjectAccess<ManageResources>, writes => view::update_view;
    DELETE   "/api/project/{project_id}/views/{view_id}"           ProjectAccess<ManageResources>, writes => view::delete_view;
    POST     "/api/project/{project_id}/views/positions"           ProjectAccess<ManageResources>, writes => view::set_view_positions;
    // Reference: for these methods `positions` is taken for the id of a view.
    GET      "/api/project/{project_id}/views/positions"           ProjectAccess<Member>,          reads  => view::get_view;
    PUT      "/api/project/{project_id}/views/positions"           ProjectAccess<ManageResources>, writes => view::update_view;
    DELETE   "/api/project/{project_id}/views/positions"           ProjectAccess<ManageResources>, writes => view::delete_view;
    GET      "/api/project/{project_id}/views/{view_id}/templates" ProjectAccess<Member>,          reads  => view::get_view_templates;

    // Templates
    GET      "/api/project/{project_id}/templates"                                                    ProjectAccess<Member>,          reads  => template::get_templates;
    POST     "/api/project/{project_id}/templates"                                                    ProjectAccess<ManageResources>, writes => template::create_template;
    GET_ONLY "/api/project/{project_id}/templates/{template_id}"                                      ProjectAccess<Member>,          reads  => template::get_template;
    PUT      "/api/project/{project_id}/templates/{template_id}"                                      ProjectAccess<ManageResources>, writes => template::update_template;
    DELETE   "/api/project/{project_id}/templates/{template_id}"                                      ProjectAccess<ManageResources>, writes => template::delete_template;
    GET      "/api/project/{project_id}/templates/{template_id}/refs"                                 ProjectAccess<Member>,          reads  => template::get_template_referrers;
    PUT      "/api/project/{project_id}/templates/{template_id}/description"                          ProjectAccess<ManageResources>, writes => template::update_template_description;
    POST     "/api/project/{project_id}/templates/{template_id}/inventory/{inventory_id}/set_default" ProjectAccess<ManageResources>, writes => template::set_template_inventory;
    POST     "/api/project/{project_id}/templates/{template_id}/inventory/{inventory_id}/attach"      ProjectAccess<ManageResources>, writes => template::attach_inventory;
    POST     "/api/project/{project_id}/templates/{template_id}/inventory/{inventory_id}/detach"      ProjectAccess<ManageResources>, writes => template::detach_inventory;

    // Tasks of a project
    GET      "/api/project/{project_id}/tasks"                      ProjectAccess<Member>,          reads  => task::get_tasks;
    POST     "/api/project/{project_id}/tasks"                      RunAccess,                      writes => task::create_task;
    GET      "/api/project/{project_id}/tasks/last"                 ProjectAccess<Member>,          reads  => task::get_last_tasks;
    GET      "/api/project/{project_id}/tasks/{task_id}"            ProjectAccess<Member>,          reads  => task::get_task;
    DELETE   "/api/project/{project_id}/tasks/{task_id}"            ProjectAccess<ManageResources>, writes => task::delete_task;
    GET      "/api/project/{project_id}/tasks/{task_id}/output"     ProjectAccess<Member>,          reads  => task::get_task_output;
    GET      "/api/project/{project_id}/tasks/{task_id}/output/search" ProjectAccess<Member>,       reads  => output::search_task_output;
    GET      "/api/project/{project_id}/tasks/{task_id}/raw_output" ProjectAccess<Member>,          reads  => task::get_task_raw_output;
    GET      "/api/project/{project_id}/tasks/{task_id}/stages"     ProjectAccess<Member>,          reads  => task::get_task_stages;
    GET      "/api/project/{project_id}/tasks/{task_id}/status"     ProjectAccess<Member>,          reads  => task::get_task_status;
    GET      "/api/project/{project_id}/tasks/{task_id}/events"     ProjectAccess<Member>,          reads  => task_events::get_task_events;
    GET      "/api/project/{project_id}/tasks/{task_id}/ansible/hosts"  ProjectAccess<Member>,      reads  => task::get_ansible_hosts;
    GET      "/api/project/{project_id}/tasks/{task_id}/ansible/errors" ProjectAccess<Member>,      reads  => task::get_ansible_errors;
    POST     "/api/project/{project_id}/tasks/{task_id}/stop"       RunAccess,                      writes => task::stop_task;
    POST     "/api/project/{project_id}/tasks/{task_id}/confirm"    RunAccess,                      writes => task::confirm_task;
    POST     "/api/project/{project_id}/tasks/{task_id}/reject"     RunAccess,                      writes => task::reject_task;
    GET      "/api/project/{project_id}/retention"                  ProjectAccess<Member>,          reads  => retention::get_retention;
    PUT      "/api/project/{project_id}/retention"                  ProjectAccess<UpdateProject>,   writes => retention::set_retention;
    PUT      "/api/project/{project_id}/templates/{template_id}/retention"      ProjectAccess<UpdateProject>,   writes => retention::set_template_retention;
    GET      "/api/project/{project_id}/templates/{template_id}/alerts"         ProjectAccess<Member>,          reads  => alert::get_template_alerts;
    PUT      "/api/project/{project_id}/templates/{template_id}/alerts"         ProjectAccess<ManageResources>, writes => alert::set_template_alerts;
    GET      "/api/project/{project_id}/tasks/{task_id}/alerts"     ProjectAccess<Member>,          reads  => alert::get_task_alerts;
    GET      "/api/project/{project_id}/stats"                      ProjectAccess<Member>,          reads  => task::get_task_stats;
    GET_ONLY "/api/project/{project_id}/templates/{template_id}/tasks"          ProjectAccess<Member>,          reads  => task::get_template_tasks;
    GET_ONLY "/api/project/{project_id}/templates/{template_id}/tasks/last"     ProjectAccess<Member>,          reads  => task::get_last_template_tasks;
    GET_ONLY "/api/project/{project_id}/templates/{template_id}/stats"          ProjectAccess<Member>,          reads  => task::get_template_task_stats;
    POST     "/api/project/{project_id}/templates/{template_id}/stop_all_tasks" ProjectAccess<ManageResources>, writes => task::stop_template_tasks;

    // Automation: schedules
    GET      "/api/project/{project_id}/schedules"                                                        ProjectAccess<Member>,         reads  => schedule::get_schedules;
    POST     "/api/project/{project_id}/schedules"                                                        ProjectAccess<ManageResources>, writes => schedule::create_schedule;
    POST     "/api/project/{project_id}/schedules/validate"                                               ProjectAccess<ManageResources>, reads  => schedule::validate_cron;
    // Reference: for these methods `validate` is taken for the id of a schedule.
    GET      "/api/project/{project_id}/schedules/validate"                                               ProjectAccess<Member>,         reads  => schedule::get_schedule;
    PUT      "/api/project/{project_id}/schedules/validate"                                               ProjectAccess<ManageResources>, writes => schedule::update_schedule;
    DELETE   "/api/project/{project_id}/schedules/validate"                                               ProjectAccess<ManageResources>, writes => schedule::delete_schedule;
    POST     "/api/project/{project_id}/schedules/preview"                                                ProjectAccess<ManageResources>, reads  => schedule::preview_cron;
    GET      "/api/project/{project_id}/schedules/{schedule_id}/policy"                                   ProjectAccess<Member>,         reads  => schedule::get_schedule_policy;
    PUT      "/api/project/{project_id}/schedules/{schedule_id}/policy"                                   ProjectAccess<ManageResources>, writes => schedule::set_schedule_policy;
    GET      "/api/project/{project_id}/schedules/{schedule_id}"                                          ProjectAccess<Member>,         reads  => schedule::get_schedule;
    PUT      "/api/project/{project_id}/schedules/{schedule_id}"                                          ProjectAccess<ManageResources>, writes => schedule::update_schedule;
    DELETE   "/api/project/{project_id}/schedules/{schedule_id}"                                          ProjectAccess<ManageResources>, writes => schedule::delete_schedule;
    PUT      "/api/project/{project_id}/schedules/{schedule_id}/active"                                   ProjectAccess<ManageResources>, writes => schedule::set_schedule_active;
    GET_ONLY "/api/project/{project_id}/templates/{template_id}/schedules"                                ProjectAccess<Member>,         reads  => schedule::get_template_schedules;

    // Automation: integrations
    GET      "/api/project/{project_id}/integrations"                                                     ProjectAccess<Member>,         reads  => integration::get_integrations;
    POST     "/api/project/{project_id}/integrations"                                                     ProjectAccess<ManageResources>, writes => integration::create_integration;
    GET      "/api/project/{project_id}/integrations/aliases"                                             ProjectAccess<Member>,         reads  => integration::get_project_aliases;
    POST     "/api/project/{project_id}/integrations/aliases"                                             ProjectAccess<ManageResources>, writes => integration::create_project_alias;
    // Reference: for these methods `aliases` is taken for the id of an integration.
    PUT      "/api/project/{project_id}/integrations/aliases"                                             ProjectAccess<ManageResources>, writes => integration::update_integration;
    DELETE   "/api/project/{project_id}/integrations/aliases"                                             ProjectAccess<ManageResources>, writes => integration::delete_integration;
    DELETE   "/api/project/{project_id}/integrations/aliases/{alias_id}"                                  ProjectAccess<ManageResources>, writes => integration::delete_project_alias;
    GET_ONLY "/api/project/{project_id}/integrations/{integration_id}"                                    ProjectAccess<Member>,         reads  => integration::get_integration;
    PUT      "/api/project/{project_id}/integrations/{integration_id}"                                    ProjectAccess<ManageResources>, writes => integration::update_integration;
    DELETE   "/api/project/{project_id}/integrations/{integration_id}"                                    ProjectAccess<ManageResources>, writes => integration::delete_integration;
    GET      "/api/project/{project_id}/integrations/{integration_id}/refs"                               ProjectAccess<Member>,         reads  => integration::get_integration_referrers;
    GET      "/api/project/{project_id}/integrations/{integration_id}/aliases"                            ProjectAccess<Member>,         reads  => integration::get_integration_aliases;
    POST     "/api/project/{project_id}/integrations/{integration_id}/aliases"                            ProjectAccess<ManageResources>, writes => integration::create_integration_alias;
    DELETE   "/api/project/{project_id}/integrations/{integration_id}/aliases/{alias_id}"                 ProjectAccess<ManageResources>, writes => integration::delete_integration_alias;
    GET      "/api/project/{project_id}/integrations/{integration_id}/matchers"                           ProjectAccess<Member>,         reads  => integration_rule::get_matchers;
    POST     "/api/project/{project_id}/integrations/{integration_id}/matchers"                           ProjectAccess<ManageResources>, writes => integration_rule::create_matcher;
    GET      "/api/project/{project_id}/integrations/{integration_id}/matchers/{matcher_id}"              ProjectAccess<Member>,         reads  => integration_rule::get_matcher;
    PUT      "/api/project/{project_id}/integrations/{integration_id}/matchers/{matcher_id}"              ProjectAccess<ManageResources>, writes => integration_rule::update_matcher;
    DELETE   "/api/project/{project_id}/integrations/{integration_id}/matchers/{matcher_id}"              ProjectAccess<ManageResources>, writes => integration_rule::delete_matcher;
    GET      "/api/project/{project_id}/integrations/{integration_id}/matchers/{matcher_id}/refs"         ProjectAccess<Member>,         reads  => integration_rule::get_matcher_referrers;
    GET      "/api/project/{project_id}/integrations/{integration_id}/values"                             ProjectAccess<Member>,         reads  => integration_rule::get_values;
    POST     "/api/project/{project_id}/integrations/{integration_id}/values"                             ProjectAccess<ManageResources>, writes => integration_rule::create_value;
    GET      "/api/project/{project_id}/integrations/{integration_id}/values/{value_id}"                  ProjectAccess<Member>,         reads  => integration_rule::get_value;
    PUT      "/api/project/{project_id}/integrations/{integration_id}/values/{value_id}"                  ProjectAccess<ManageResources>, writes => integration_rule::update_value;
    DELETE   "/api/project/{project_id}/integrations/{integration_id}/values/{value_id}"                  ProjectAccess<ManageResources>, writes => integration_rule::delete_value;
    GET_ONLY "/api/project/{project_id}/integrations/{integration_id}/values/{value_id}/refs"             ProjectAccess<Member>,         reads  => integration_rule::get_value_referrers;
    GET      "/api/project/{project_id}/integrations/{integration_id}/deliveries"                         ProjectAccess<ReadDeliveries>, reads  => delivery::get_deliveries;
    GET      "/api/project/{project_id}/integrations/{integration_id}/deliveries/{delivery_id}"           ProjectAccess<ReadDeliveries>, reads  => delivery::get_delivery;
    POST     "/api/project/{project_id}/integrations/{integration_id}/deliveries/{delivery_id}/replay"    ProjectAccess<ManageResources>, writes => delivery::replay_delivery;

    // Automation: requests from outside. Reference: GET and OPTIONS start tasks as well.
    GET_ONLY "/api/integrations/{integration_alias}"                                                      Public,                        writes => webhook::receive_integration;
    POST     "/api/integrations/{integration_alias}"                                                      Public,                        writes => webhook::receive_integration;
    OPTIONS  "/api/integrations/{integration_alias}"                                                      Public,                        writes => webhook::receive_integration;

    // Automation: backups
    GET      "/api/project/{project_id}/backup"                                                           ProjectAccess<Member>,         reads  => backup::get_backup;
    POST     "/api/projects/restore"                                                                      Session,                       writes => backup::restore_backup;

    // The server itself
    GET      "/healthz"                    Public,  reads  => diagnostics::is_alive;
    GET      "/readyz"                     Public,  reads  => diagnostics::is_ready;
    GET      "/api/metrics"                Admin,   reads  => metrics::get_metrics;
    POST     "/api/debug/gc"               Admin,   reads  => diagnostics::give_memory_back;
    POST     "/api/debug/pprof/dump"       Admin,   writes => diagnostics::write_profile;
    GET_ONLY "/api/subscription"           Session, reads  => subscription::no_subscription;
    POST     "/api/subscription"           Session, reads  => subscription::no_subscription;
    DELETE   "/api/subscription"           Session, reads  => subscription::no_subscription;
    POST     "/api/subscription/refresh"   Session, reads  => subscription::no_subscription;

    // Remote runners
    POST     "/api/internal/runners"           Public,       writes => runner_protocol::register_runner;
    GET      "/api/internal/runners"           RunnerAccess, reads  => runner_protocol::poll_runner;
    PUT      "/api/internal/runners"           RunnerAccess, writes => runner_protocol::take_runner_progress;
    DELETE   "/api/internal/runners"           RunnerAccess, writes => runner_protocol::unregister_runner;
    GET      "/api/runners"                    Admin,        reads  => runner::get_runners;
    POST     "/api/runners"                    Admin,        writes => runner::create_runner;
    GET      "/api/runners/{runner_id}"        Admin,        reads  => runner::get_runner;
    PUT      "/api/runners/{runner_id}"        Admin,        writes => runner::update_runner;
    POST     "/api/runners/{runner_id}"        Admin,        writes => runner::update_runner;
    DELETE   "/api/runners/{runner_id}"        Admin,        writes => runner::delete_runner;
    POST     "/api/runners/{runner_id}/active" Admin,        writes => runner::set_runner_active;
    DELETE   "/api/runners/{runner_id}/cache"  Admin,        writes => runner::clear_runner_cache;
    GET      "/api/project/{project_id}/runner_tags"                ProjectAccess<Member>,          reads  => runner::get_runner_tags;
    GET      "/api/project/{project_id}/runners"                    ProjectAccess<Member>,          reads  => runner::get_project_runners;
    POST     "/api/project/{project_id}/runners"                    ProjectAccess<ManageResources>, writes => runner::create_project_runner;
    GET      "/api/project/{project_id}/runners/{runner_id}"        ProjectAccess<Member>,          reads  => runner::get_project_runner;
    PUT      "/api/project/{project_id}/runners/{runner_id}"        ProjectAccess<ManageResources>, writes => runner::update_project_runner;
    POST     "/api/project/{project_id}/runners/{runner_id}"        ProjectAccess<ManageResources>, writes => runner::update_project_runner;
    DELETE   "/api/project/{project_id}/runners/{runner_id}"        ProjectAccess<ManageResources>, writes => runner::delete_project_runner;
    POST     "/api/project/{project_id}/runners/{runner_id}/active" ProjectAccess<ManageResources>, writes => runner::set_project_runner_active;
    DELETE   "/api/project/{project_id}/runners/{runner_id}/cache"  ProjectAccess<ManageResources>, writes => runner::clear_project_runner_cache;

    // Roles
    GET      "/api/roles"                                Admin,                          reads  => role::get_global_roles;
    POST     "/api/roles"                                Admin,                          writes => role::create_global_role;
    GET      "/api/roles/{role_slug}"                    Admin,                          reads  => role::get_global_role;
    PUT      "/api/roles/{role_slug}"                    Admin,                          writes => role::update_global_role;
    POST     "/api/roles/{role_slug}"                    Admin,                          writes => role::update_global_role;
    DELETE   "/api/roles/{role_slug}"                    Admin,                          writes => role::delete_global_role;
    GET      "/api/project/{project_id}/roles"             ProjectAccess<Member>,          reads  => role::get_project_roles;
    POST     "/api/project/{project_id}/roles"             ProjectAccess<ManageResources>, writes => role::create_project_role;
    GET      "/api/project/{project_id}/roles/all"         ProjectAccess<Member>,          reads  => role::get_usable_roles;
    GET      "/api/project/{project_id}/roles/{role_slug}" ProjectAccess<Member>,          reads  => role::get_project_role;
    PUT      "/api/project/{project_id}/roles/{role_slug}" ProjectAccess<ManageResources>, writes => role::update_project_role;
    POST     "/api/project/{project_id}/roles/{role_slug}" ProjectAccess<ManageResources>, writes => role::update_project_role;
    DELETE   "/api/project/{project_id}/roles/{role_slug}" ProjectAccess<ManageResources>, writes => role::delete_project_role;
    GET_ONLY "/api/project/{project_id}/templates/{template_id}/perms"           ProjectAccess<Member>,          reads  => role::get_template_roles;
    POST     "/api/project/{project_id}/templates/{template_id}/perms"           ProjectAccess<ManageResources>, writes => role::create_template_role;
    GET_ONLY "/api/project/{project_id}/templates/{template_id}/perms/{perm_id}" ProjectAccess<Member>,          reads  => role::get_template_role;
    PUT      "/api/project/{project_id}/templates/{template_id}/perms/{perm_id}" ProjectAccess<ManageResources>, writes => role::update_template_role;
    DELETE   "/api/project/{project_id}/templates/{template_id}/perms/{perm_id}" ProjectAccess<ManageResources>, writes => role::delete_template_role;

    // Invitations
    POST     "/api/invites/accept"                              Session,                    writes => invite::accept_invite;
    GET      "/api/project/{project_id}/invites"                ProjectAccess<ReadInvites>, reads  => invite::get_invites;
    POST     "/api/project/{project_id}/invites"                ProjectAccess<ManageUsers>, writes => invite::create_invite;
    GET      "/api/project/{project_id}/invites/{invite_id}"    ProjectAccess<ReadInvites>, reads  => invite::get_invite;
    PUT      "/api/project/{project_id}/invites/{invite_id}"    ProjectAccess<ManageUsers>, writes => invite::update_invite;
    DELETE   "/api/project/{project_id}/invites/{invite_id}"    ProjectAccess<ManageUsers>, writes => invite::delete_invite;

    // Secret storages
    GET      "/api/project/{project_id}/secret_storages"                   ProjectAccess<Member>,          reads  => secret_storage::get_secret_storages;
    POST     "/api/project/{project_id}/secret_storages"                   ProjectAccess<ManageResources>, writes => secret_storage::create_secret_storage;
    GET      "/api/project/{project_id}/secret_storages/{storage_id}"      ProjectAccess<Member>,          reads  => secret_storage::get_secret_storage;
    PUT      "/api/project/{project_id}/secret_storages/{storage_id}"      ProjectAccess<ManageResources>, writes => secret_storage::update_secret_storage;
    DELETE   "/api/project/{project_id}/secret_storages/{storage_id}"      ProjectAccess<ManageResources>, writes => secret_storage::delete_secret_storage;
    GET      "/api/project/{project_id}/secret_storages/{storage_id}/refs" ProjectAccess<Member>,          reads  => secret_storage::get_secret_storage_referrers;

    // State of Terraform
    GET_ONLY "/api/terraform/{alias}" StateAccess, reads  => terraform_backend::read_state;
    POST     "/api/terraform/{alias}" StateAccess, writes => terraform_backend::write_state;
    LOCK     "/api/terraform/{alias}" StateAccess, writes => terraform_backend::lock_state;
    UNLOCK   "/api/terraform/{alias}" StateAccess, writes => terraform_backend::unlock_state;
    GET      "/api/project/{project_id}/inventory/{inventory_id}/terraform/aliases"            ProjectAccess<Member>,          reads  => terraform_state::get_state_addresses;
    POST     "/api/project/{project_id}/inventory/{inventory_id}/terraform/aliases"            ProjectAccess<ManageResources>, writes => terraform_state::create_state_address;
    GET_ONLY "/api/project/{project_id}/inventory/{inventory_id}/terraform/aliases/{alias_id}" ProjectAccess<Member>,          reads  => terraform_state::get_state_address;
    PUT      "/api/project/{project_id}/inventory/{inventory_id}/terraform/aliases/{alias_id}" ProjectAccess<ManageResources>, writes => terraform_state::update_state_address;
    DELETE   "/api/project/{project_id}/inventory/{inventory_id}/terraform/aliases/{alias_id}" ProjectAccess<ManageResources>, writes => terraform_state::delete_state_address;
    GET      "/api/project/{project_id}/inventory/{inventory_id}/terraform/states"             ProjectAccess<Member>,          reads  => terraform_state::get_states;
    GET      "/api/project/{project_id}/inventory/{inventory_id}/terraform/states/latest"      ProjectAccess<Member>,          reads  => terraform_state::get_latest_state;
    GET_ONLY "/api/project/{project_id}/inventory/{inventory_id}/terraform/states/{state_id}"  ProjectAccess<Member>,          reads  => terraform_state::get_state;
    DELETE   "/api/project/{project_id}/inventory/{inventory_id}/terraform/states/{state_id}"  ProjectAccess<ManageResources>, writes => terraform_state::delete_state;
}

/// Reference: the one path where its router answers an unknown method with 405; everywhere else it is 404.
const ANSWERS_405: &str = "/api/project/{project_id}/users/{user_id}";

/// All rows.
pub fn routes() -> &'static [RouteInfo] {
    ROUTES
}

const fn is_method(name: &str, method: &str) -> bool {
    let (name, method) = (name.as_bytes(), method.as_bytes());
    if name.len() != method.len() {
        return false;
    }
    let mut index = 0;
    while index < name.len() {
        if name[index] != method[index] {
            return false;
        }
        index += 1;
    }
    true
}

const fn method_name(name: &'static str) -> &'static str {
    if is_method(name, "GET_ONLY") { "GET" } else { name }
}

const fn is_writing(effect: &str) -> bool {
    is_method(effect, "writes")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_builds_a_router_and_has_no_row_twice() {
        // axum panics on overlapping rows.
        for extension in [None, Some(Extension::Lock), Some(Extension::Unlock)] {
            let _router = router(extension);
        }
        let mut seen = HashSet::new();
        for route in routes() {
            assert!(seen.insert((route.method, route.path)), "{} {} stands twice", route.method, route.path);
            let is_probe = matches!(route.path, "/healthz" | "/readyz");
            let is_known = route.path.starts_with("/.well-known/") || route.path.starts_with("/swagger");
            assert!(is_probe || is_known || route.path.starts_with("/api/"), "{}", route.path);
            // Reference: the senders of some services only know GET.
            let is_webhook = route.path == "/api/integrations/{integration_alias}";
            assert!(!(route.writes && route.method == "GET") || is_webhook, "GET {} must not write", route.path);
        }
    }

    #[test]
    fn project_routes_ask_for_project_access() {
        for route in routes() {
            let is_project = route.path.starts_with("/api/project/{project_id}");
            assert_eq!(is_project, matches!(route.access, Access::Project(_)), "{} {}", route.method, route.path);
        }
    }
}
