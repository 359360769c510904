//! Tasks, rates and schedules, in the data directory or by a running server.

use plimsoll_server::operation::{
    schedules::{self, AddSchedule, RemovedSchedule, ScheduleList, ScheduleView},
    tasks::{self, ChangedTasks, ListTasks, OfRegistry, RateList, RateView, TaskList, TaskView},
};

use super::{Backend, NOTHING, done, pairs, send};

impl Backend {
    pub(crate) async fn list_tasks(&self, request: &ListTasks) -> anyhow::Result<TaskList> {
        match self {
            Self::Data(context) => done(tasks::list_tasks(&context.store, request).await),
            Self::Server(client) => {
                let mut query = Vec::new();
                query.extend(request.state.clone().map(|state| ("state", state)));
                query.extend(request.registry.clone().map(|registry| ("registry", registry)));
                query.extend(request.page.map(|page| ("page", page.to_string())));
                query.extend(request.page_size.map(|size| ("page_size", size.to_string())));
                send(client, "GET", &["tasks"], &pairs(&query), NOTHING).await
            }
        }
    }

    pub(crate) async fn find_task(&self, id: i64) -> anyhow::Result<TaskView> {
        let id = id.to_string();
        match self {
            Self::Data(context) => done(tasks::find_task(&context.store, &id).await),
            Self::Server(client) => send(client, "GET", &["tasks", &id], &[], NOTHING).await,
        }
    }

    pub(crate) async fn cancel_task(&self, id: i64) -> anyhow::Result<TaskView> {
        let id = id.to_string();
        match self {
            Self::Data(context) => {
                done(tasks::cancel_task(&context.store, &id, context.clock.now()).await)
            }
            Self::Server(client) => {
                send(client, "POST", &["tasks", &id, "cancel"], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn retry_task(&self, id: i64) -> anyhow::Result<TaskView> {
        let id = id.to_string();
        match self {
            Self::Data(context) => {
                done(tasks::retry_task(&context.store, &id, context.clock.now()).await)
            }
            Self::Server(client) => {
                send(client, "POST", &["tasks", &id, "retry"], &[], NOTHING).await
            }
        }
    }

    pub(crate) async fn cancel_tasks(&self, of: &OfRegistry) -> anyhow::Result<ChangedTasks> {
        match self {
            Self::Data(context) => {
                done(tasks::cancel_tasks(&context.store, of, context.clock.now()).await)
            }
            Self::Server(client) => send(client, "POST", &["tasks", "cancel"], &[], Some(of)).await,
        }
    }

    pub(crate) async fn retry_failed(&self, of: &OfRegistry) -> anyhow::Result<ChangedTasks> {
        match self {
            Self::Data(context) => {
                done(tasks::retry_failed(&context.store, of, context.clock.now()).await)
            }
            Self::Server(client) => send(client, "POST", &["tasks", "retry"], &[], Some(of)).await,
        }
    }

    pub(crate) async fn list_scan_rates(&self) -> anyhow::Result<RateList> {
        match self {
            Self::Data(context) => done(tasks::list_rates(&context.store).await),
            Self::Server(client) => send(client, "GET", &["scan-rates"], &[], NOTHING).await,
        }
    }

    pub(crate) async fn set_scan_rate(&self, rate: &RateView) -> anyhow::Result<RateView> {
        match self {
            Self::Data(context) => {
                done(tasks::set_rate(&context.store, rate, context.clock.now()).await)
            }
            Self::Server(client) => send(client, "PUT", &["scan-rates"], &[], Some(rate)).await,
        }
    }

    pub(crate) async fn add_schedule(&self, request: &AddSchedule) -> anyhow::Result<ScheduleView> {
        match self {
            Self::Data(context) => {
                done(schedules::add_schedule(&context.store, request, context.clock.now()).await)
            }
            Self::Server(client) => send(client, "POST", &["schedules"], &[], Some(request)).await,
        }
    }

    pub(crate) async fn list_schedules(&self) -> anyhow::Result<ScheduleList> {
        match self {
            Self::Data(context) => {
                done(schedules::list_schedules(&context.store, context.clock.now()).await)
            }
            Self::Server(client) => send(client, "GET", &["schedules"], &[], NOTHING).await,
        }
    }

    pub(crate) async fn remove_schedule(&self, name: &str) -> anyhow::Result<RemovedSchedule> {
        match self {
            Self::Data(context) => done(schedules::remove_schedule(&context.store, name).await),
            Self::Server(client) => {
                send(client, "DELETE", &["schedules", name], &[], NOTHING).await
            }
        }
    }
}
