//! Processes that score each case together: each of them holds a slab of the volumes.
//!
//! All take the same steps, and tell each other what a slab alone does not say. A process that fails says so in its next message, so no
//! other one waits for it; they end the step as well, with its failure.

use std::fmt::{self, Debug};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use rayon::ThreadPoolBuilder;
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Done;
use crate::args::Data;
use crate::failure::{Failed, Failure};
use crate::pair::Pair;
use crate::results::Key;

/// The way to the other processes.
pub(crate) trait Exchange: Send + Sync {
    fn count(&self) -> NonZeroUsize;

    /// The number of this process, from 0 on.
    fn index(&self) -> usize;

    /// Gives each process what every one of them says, in order.
    fn gather(&self, own: &[u8]) -> Vec<Vec<u8>>;

    /// Ends all processes.
    fn abort(&self) -> !;
}

/// The processes of a run. The first one has the list of cases and reports.
pub(crate) struct Team {
    others: Box<dyn Exchange>,
    /// The place of each case in the list that all processes have.
    places: FxHashMap<Key, usize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The failure of a process, which ends the step.
    failure: Option<String>,
    /// How the first case was divided.
    note: Option<String>,
    /// Whether the first process has ended the run.
    ended: bool,
}

/// A message to all.
#[derive(Serialize, Deserialize)]
enum Message<T> {
    /// The value of the sender.
    Own(T),
    /// It has failed, at this place of a file if the failure has one.
    Failed {
        at: Option<Vec<usize>>,
        text: String,
    },
    /// It waits for the next case.
    Ready,
    /// The place of the next case, from the first process.
    Case(usize),
    /// No case is left.
    End,
}

impl Team {
    #[cfg_attr(
        not(feature = "mpi"),
        expect(dead_code, reason = "the processes are ranks of MPI")
    )]
    pub(crate) fn new(others: Box<dyn Exchange>, cases: &[Result<Pair, Failed>]) -> Self {
        let pairs = cases.iter().flatten().map(Key::of);
        Self {
            others,
            places: pairs.zip(0..).collect(),
            state: Mutex::default(),
        }
    }

    pub(crate) fn count(&self) -> NonZeroUsize {
        self.others.count()
    }

    pub(crate) fn index(&self) -> usize {
        self.others.index()
    }

    /// Whether this process reports.
    pub(crate) fn is_first(&self) -> bool {
        self.index() == 0
    }

    /// Keeps how a case was divided.
    pub(crate) fn note(&self, divided: impl FnOnce() -> String) {
        self.state().note.get_or_insert_with(divided);
    }

    /// The values of all processes, in order; `None` if one of them has failed.
    pub(crate) fn gather<T: Serialize + DeserializeOwned>(&self, own: T) -> Option<Vec<T>> {
        self.send(&Message::Own(own))
    }

    /// Merges the values of all processes. If one has failed, returns the value of this process.
    pub(crate) fn merge<T: Serialize + DeserializeOwned + Clone>(
        &self,
        own: T,
        merge: impl FnMut(T, T) -> T,
    ) -> T {
        let all = self.gather(own.clone()).unwrap_or_default();
        all.into_iter().reduce(merge).unwrap_or(own)
    }

    /// Takes a step. All processes have the result, or all fail with the same message.
    pub(crate) fn together<R>(
        &self,
        step: impl FnOnce() -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let result = step();
        let message = match &result {
            Ok(_) => Message::Own(()),
            Err(failure) => Message::Failed {
                at: failure.place().map(<[usize]>::to_vec),
                text: failure.to_string(),
            },
        };
        self.send(&message);
        match self.state().failure.take() {
            Some(failure) => Err(Failure::Shared(failure)),
            None => result,
        }
    }

    /// Tells the other processes that this one, the first, begins a case.
    pub(crate) fn begin(&self, pair: &Pair) {
        if self.is_first() {
            self.send::<()>(&Message::Case(self.places[&Key::of(pair)]));
        }
    }

    /// Takes part in each case that the first process begins.
    fn follow(&self, cases: &[Result<Pair, Failed>], run: impl Fn(&Pair)) {
        let pairs: Vec<&Pair> = cases.iter().flatten().collect();
        while let Some(place) = self.next() {
            run(pairs[place]);
        }
    }

    /// The case that the first process begins.
    fn next(&self) -> Option<usize> {
        match self.exchange(&Message::<()>::Ready).into_iter().next() {
            Some(Message::Case(place)) => Some(place),
            _ => {
                self.state().ended = true;
                None
            }
        }
    }

    /// Sends a message. After a failure, none is sent until the step ends.
    fn send<T: Serialize + DeserializeOwned>(&self, message: &Message<T>) -> Option<Vec<T>> {
        if self.state().failure.is_some() {
            return None;
        }
        let all = self.exchange(message);
        if self.state().failure.is_some() {
            return None;
        }
        let own = |message| match message {
            Message::Own(own) => serde_json::from_value(own).ok(),
            _ => None,
        };
        all.into_iter().map(own).collect()
    }

    /// The messages of all processes, in order. Keeps the failure of a process: the first one in the file, or else of the first process.
    fn exchange<T: Serialize>(&self, message: &Message<T>) -> Vec<Message<Value>> {
        let decoded = |message: Vec<u8>| {
            serde_json::from_slice(&message).unwrap_or_else(|error| Message::Failed {
                at: None,
                text: format!("found a damaged message of another rank: {error}"),
            })
        };
        // Vectors, texts and numbers can be encoded.
        let encoded = serde_json::to_vec(message).unwrap_or_default();
        let all = self.others.gather(&encoded);
        let all: Vec<Message<Value>> = all.into_iter().map(decoded).collect();
        let failures = all.iter().filter_map(|message| match message {
            Message::Failed { at, text } => Some((at, text)),
            _ => None,
        });
        // Of equal places, the first counts.
        if let Some((_, text)) = failures.min_by(|(a, _), (b, _)| a.cmp(b)) {
            self.state().failure = Some(text.clone());
        }
        all
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A note on how the cases were divided among processes, if they were.
pub(crate) fn with_note(mut done: Done, data: &Data) -> Done {
    let note = data.team.as_ref().and_then(|team| team.state().note.take());
    done.notes.extend(note);
    done
}

/// Takes part in the cases that the first process begins, and returns whether this is another one.
pub(crate) fn follow(
    data: &Data,
    cases: &[Result<Pair, Failed>],
    run: impl Fn(&Pair) -> Result<(), Failure> + Sync,
) -> Result<bool, Failure> {
    let Some(team) = data.team.as_ref().filter(|team| !team.is_first()) else {
        return Ok(false);
    };
    let pool = ThreadPoolBuilder::new().num_threads(data.threads).build();
    let pool = pool.map_err(|error| Failure::Threads(error.to_string()))?;
    // The first process reports failures.
    pool.install(|| team.follow(cases, |pair| drop(run(pair))));
    Ok(true)
}

impl Drop for Team {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.others.abort();
        }
        if self.is_first() {
            self.send::<()>(&Message::End);
            return;
        }
        // A process that fails outside of a case takes no part in any.
        let ended = self.state().ended;
        let refusal = Message::<()>::Failed {
            at: None,
            text: format!("rank {} has ended: see its message", self.index()),
        };
        while !ended && !matches!(self.exchange(&refusal).first(), Some(Message::End)) {}
    }
}

impl Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, count) = (self.index(), self.count());
        write!(f, "Team({index} of {count})")
    }
}
