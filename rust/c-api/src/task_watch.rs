//! The polls of a host, and the tasks that it has not completed.

use crate::{
    ffi::lock,
    polls::{ACTIVITIES, NEXUS, TaskKind},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Instant, SystemTime},
};
use temporalio_common::protos::coresdk::{
    activity_task::{ActivityTask, activity_task},
    nexus::{NexusTask, nexus_task},
    workflow_activation::WorkflowActivation,
};

/// Polls and tasks of all kinds, by [`TaskKind::index`].
#[derive(Default)]
pub(crate) struct TaskWatch([Mutex<Kind>; 3]);

#[derive(Default)]
struct Kind {
    polls: Vec<Instant>,
    handed_out: u64,
    last_handed_out: Option<SystemTime>,
    /// Tokens of the tasks that are not completed, with whether each is a local activity.
    open: HashMap<Vec<u8>, bool>,
}

/// The polls and tasks of one kind.
pub(crate) struct Tasks {
    /// Since when each of the host's polls has been waiting.
    pub(crate) polls: Vec<Instant>,
    pub(crate) handed_out: u64,
    pub(crate) last_handed_out: Option<SystemTime>,
    /// Without workflows, which are counted by their runs.
    pub(crate) open: usize,
    /// How many of `open` are local activities.
    pub(crate) open_local: usize,
}

/// A task that the host receives.
pub(crate) trait Handed {
    /// The token for completing it, and whether it is a local activity. None if it is not completed by
    /// a token.
    fn token(&self) -> Option<(&[u8], bool)>;
}

impl Handed for WorkflowActivation {
    fn token(&self) -> Option<(&[u8], bool)> {
        None
    }
}

impl Handed for ActivityTask {
    fn token(&self) -> Option<(&[u8], bool)> {
        match &self.variant {
            Some(activity_task::Variant::Start(start)) => Some((&self.task_token, start.is_local)),
            _ => None,
        }
    }
}

impl Handed for NexusTask {
    fn token(&self) -> Option<(&[u8], bool)> {
        match &self.variant {
            Some(nexus_task::Variant::Task(task)) => Some((&task.task_token, false)),
            _ => None,
        }
    }
}

/// A poll of the host. It ends when this is dropped.
pub(crate) struct WaitingPoll {
    watch: Arc<TaskWatch>,
    kind: TaskKind,
    since: Instant,
}

impl TaskWatch {
    fn kind(&self, kind: TaskKind) -> MutexGuard<'_, Kind> {
        lock(&self.0[kind.index])
    }

    pub(crate) fn poll(self: &Arc<Self>, kind: TaskKind) -> WaitingPoll {
        let since = Instant::now();
        self.kind(kind).polls.push(since);
        WaitingPoll {
            watch: self.clone(),
            kind,
            since,
        }
    }

    pub(crate) fn completed_activity(&self, token: &[u8]) {
        self.kind(ACTIVITIES).open.remove(token);
    }

    pub(crate) fn completed_nexus(&self, token: &[u8]) {
        self.kind(NEXUS).open.remove(token);
    }

    pub(crate) fn tasks(&self, kind: TaskKind) -> Tasks {
        let kind = self.kind(kind);
        Tasks {
            polls: kind.polls.clone(),
            handed_out: kind.handed_out,
            last_handed_out: kind.last_handed_out,
            open: kind.open.len(),
            open_local: kind.open.values().filter(|&&is_local| is_local).count(),
        }
    }
}

impl WaitingPoll {
    /// Records that the poll returns this task.
    pub(crate) fn hand_out(&self, task: &impl Handed) {
        let mut kind = self.watch.kind(self.kind);
        kind.handed_out += 1;
        kind.last_handed_out = Some(SystemTime::now());
        if let Some((token, is_local)) = task.token() {
            kind.open.insert(token.to_vec(), is_local);
        }
    }
}

impl Drop for WaitingPoll {
    fn drop(&mut self) {
        let mut kind = self.watch.kind(self.kind);
        if let Some(index) = kind.polls.iter().position(|&since| since == self.since) {
            kind.polls.swap_remove(index);
        }
    }
}
