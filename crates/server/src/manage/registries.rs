//! `/api/v1/registries`: adding, listing, trying, syncing, removing, tenants, tokens, webhooks; and the kinds that there are.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use plimsoll_registry::kind::Field;
use serde::Serialize;

use super::answer::{Answer, Body, NoParameters, Parameters, Problem};
use crate::{
    context::Context,
    operation::{
        check::{CheckedRegistry, check_registry},
        registries::{
            AddRegistry, OfTenant, RegistryList, RegistryView, RemovedRegistry, add_registry,
            list_registries, remove_registry, set_tenant,
        },
        registry_tokens::{
            CreatedRegistryToken, RegistryTokenList, RemovedRegistryToken, create_registry_token,
            list_registry_tokens, remove_registry_token,
        },
        sync::{SyncReport, sync_registry},
        webhooks::{
            InstallWebhook, InstalledWebhook, RemovedWebhook, WebhookList, install_webhook,
            list_webhooks, remove_webhook,
        },
    },
};

/// One kind of registry.
#[derive(Serialize)]
pub(super) struct KindView {
    id: &'static str,
    title: &'static str,
    summary: &'static str,
    fields: Vec<FieldView>,
}

/// What an operator fills in.
#[derive(Serialize)]
struct FieldView {
    id: &'static str,
    title: &'static str,
    help: &'static str,
    required: bool,
}

/// All kinds.
#[derive(Serialize)]
pub(super) struct KindList {
    registry_kinds: Vec<KindView>,
}

pub(super) async fn list(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
) -> Answer<RegistryList> {
    Ok(Json(list_registries(&context.store).await?))
}

pub(super) async fn add(
    State(context): State<Context>,
    _: Parameters<NoParameters>,
    Body(request): Body<AddRegistry>,
) -> Result<(StatusCode, Json<RegistryView>), Problem> {
    let registry = add_registry(&context.store, &request, context.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(registry)))
}

pub(super) async fn remove(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<RemovedRegistry> {
    Ok(Json(remove_registry(&context.store, &name, context.clock.now()).await?))
}

pub(super) async fn tenant(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
    Body(of): Body<OfTenant>,
) -> Answer<RegistryView> {
    Ok(Json(set_tenant(&context.store, &name, &of, context.clock.now()).await?))
}

pub(super) async fn sync(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<SyncReport> {
    Ok(Json(sync_registry(&context.store, &name, &context.clock).await?))
}

pub(super) async fn check(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<CheckedRegistry> {
    Ok(Json(check_registry(&context.store, &name, &context.clock).await?))
}

pub(super) async fn tokens(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<RegistryTokenList> {
    Ok(Json(list_registry_tokens(&context.store, &name).await?))
}

pub(super) async fn create_token(
    State(context): State<Context>,
    Path((name, purpose)): Path<(String, String)>,
    _: Parameters<NoParameters>,
) -> Result<(StatusCode, Json<CreatedRegistryToken>), Problem> {
    let now = context.clock.now();
    let created = create_registry_token(&context.store, &name, &purpose, now).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

pub(super) async fn remove_token(
    State(context): State<Context>,
    Path((name, purpose)): Path<(String, String)>,
    _: Parameters<NoParameters>,
) -> Answer<RemovedRegistryToken> {
    Ok(Json(remove_registry_token(&context.store, &name, &purpose).await?))
}

pub(super) async fn webhooks(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<WebhookList> {
    Ok(Json(list_webhooks(&context.store, &name, &context.clock).await?))
}

pub(super) async fn install(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
    Body(request): Body<InstallWebhook>,
) -> Answer<InstalledWebhook> {
    Ok(Json(install_webhook(&context.store, &name, &request, &context.clock).await?))
}

pub(super) async fn uninstall(
    State(context): State<Context>,
    Path(name): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<RemovedWebhook> {
    Ok(Json(remove_webhook(&context.store, &name, &context.clock).await?))
}

pub(super) async fn kinds(_: Parameters<NoParameters>) -> Json<KindList> {
    let kinds = plimsoll_registry::kind::kinds().iter();
    let registry_kinds = kinds.map(|kind| KindView {
        id: kind.id(),
        title: kind.title(),
        summary: kind.summary(),
        fields: kind.fields().iter().map(FieldView::of).collect(),
    });
    let registry_kinds = registry_kinds.collect();
    Json(KindList { registry_kinds })
}

impl FieldView {
    const fn of(field: &Field) -> Self {
        Self { id: field.id, title: field.title, help: field.help, required: field.is_required }
    }
}
