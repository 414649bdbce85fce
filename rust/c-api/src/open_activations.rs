//! The runs in a worker's cache, and whether their last activation is completed. Core waits for each
//! completion without a time limit, in a separate thread.

use crate::ffi::lock;
use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
};
use temporalio_common::protos::{
    coresdk::{
        workflow_activation::WorkflowActivation, workflow_completion::WorkflowActivationCompletion,
    },
    temporal::api::failure::v1::Failure,
};
use temporalio_sdk_core::{CompleteWfError, PollError, Worker};

/// The runs that are cached.
#[derive(Default)]
pub(crate) struct OpenActivations(Mutex<HashMap<String, Activation>>);

/// A run's last activation.
#[derive(Clone, Copy, PartialEq)]
enum Activation {
    Open { is_eviction: bool },
    Completed,
}

impl OpenActivations {
    fn runs(&self) -> MutexGuard<'_, HashMap<String, Activation>> {
        lock(&self.0)
    }

    /// How many activations are open; at most one per run.
    pub(crate) fn count(&self) -> usize {
        let runs = self.runs();
        runs.values()
            .filter(|&&it| it != Activation::Completed)
            .count()
    }

    /// How many runs are cached.
    pub(crate) fn cached(&self) -> usize {
        self.runs().len()
    }

    /// Polls for an activation, which is then open.
    pub(crate) async fn poll(&self, worker: &Worker) -> Result<WorkflowActivation, PollError> {
        let activation = worker.poll_workflow_activation().await?;
        let is_eviction = activation.eviction_reason().is_some();
        self.runs()
            .insert(activation.run_id.clone(), Activation::Open { is_eviction });
        Ok(activation)
    }

    /// Completes an activation. It stays open if the completion is refused.
    pub(crate) async fn complete(
        &self,
        worker: &Worker,
        completion: WorkflowActivationCompletion,
    ) -> Result<(), CompleteWfError> {
        let run = completion.run_id.clone();
        // Before the completion: after it, the run's next activation can arrive at any time.
        let before = {
            let mut runs = self.runs();
            match runs.get_mut(&run) {
                Some(Activation::Open { is_eviction: true }) => runs.remove(&run),
                Some(activation) => Some(std::mem::replace(activation, Activation::Completed)),
                None => None,
            }
        };
        let completed = worker.complete_workflow_activation(completion).await;
        if completed.is_err()
            && let Some(open @ Activation::Open { .. }) = before
        {
            self.runs().insert(run, open);
        }
        completed
    }

    /// Completes what nobody else will, for a worker whose shutdown is initiated: open workflow tasks
    /// fail, so that the server gives them to another worker at once.
    ///
    /// Returns a function that makes the future, on the thread that runs it.
    pub(crate) fn give_back(
        &self,
        worker: Arc<Worker>,
    ) -> impl FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + use<> {
        let open: Vec<String> = self
            .runs()
            .drain()
            .filter(|(_, activation)| *activation != Activation::Completed)
            .map(|(run, _)| run)
            .collect();
        move || {
            Box::pin(async move {
                for run in open {
                    fail(&worker, run).await;
                }
                while let Ok(activation) = worker.poll_workflow_activation().await {
                    if activation.is_only_eviction() {
                        let done = WorkflowActivationCompletion::empty(activation.run_id);
                        let _ = worker.complete_workflow_activation(done).await;
                    } else {
                        fail(&worker, activation.run_id).await;
                    }
                }
            })
        }
    }
}

async fn fail(worker: &Worker, run: String) {
    let failure = Failure {
        message: "The worker was freed before the workflow task was completed".to_owned(),
        ..Default::default()
    };
    let failed = WorkflowActivationCompletion::fail(run, failure, None);
    // An error means that core no longer knows the run.
    let _ = worker.complete_workflow_activation(failed).await;
}
