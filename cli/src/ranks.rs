//! Several processes under `mpirun`: rank 0 hands out the cases and writes the results, and the others run cases for it.
//!
//! A helper asks for as many cases as it has threads; rank 0 gives it the next one of the list that they both have. Each process calls MPI
//! from one thread at a time, and never waits long in it, so that its threads keep the processor.
//!
//! With `--slabs`, all processes share each case, as a [team](crate::team) whose messages go through here.

use std::env;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

use mpi::collective::CommunicatorCollectives;
use mpi::datatype::PartitionMut;
use mpi::environment::Universe;
use mpi::point_to_point::{Destination, MatchedReceiveVec, Source};
use mpi::topology::{Communicator, Rank, SimpleCommunicator};
use mpi::{Count, Threading};
use rayon::ThreadPoolBuilder;
use rustc_hash::{FxHashMap, FxHasher};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Failed, Failure};
use crate::pair::Pair;
use crate::parallel::{Helper, Helpers, Limits, PAUSE, Report, need};
use crate::results::Key;
use crate::team::Exchange;

/// The variables by which Open MPI, PMIx and PMI (MPICH, Intel MPI, SLURM) tell a process that it is one of several. MPI is not started
/// without them, since that takes long.
const LAUNCHERS: [&str; 4] = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"];

/// From a helper: it has room for a case.
const ASK: i32 = 1;
/// From a helper: the index of a case, and its result.
const DONE: i32 = 2;
/// From a helper: its last message.
const BYE: i32 = 3;
/// From rank 0: the place of a case in the list, and its index among the cases that are run.
const CASE: i32 = 4;
/// From rank 0: no case is left.
const STOP: i32 = 5;

/// The content of a message that is known by its kind.
const NOTHING: [u8; 0] = [];

/// The processes of a run.
pub(crate) struct Ranks {
    /// Ends MPI at last.
    universe: Universe,
}

impl Ranks {
    /// Joins the processes that a launcher started; `None` if there is no other.
    pub(crate) fn join() -> Result<Option<Self>, Failure> {
        Ok(Self::start()?.filter(|ranks| ranks.count() > 1))
    }

    /// Joins the processes that a launcher started, which may be one; `None` without a launcher.
    pub(crate) fn start() -> Result<Option<Self>, Failure> {
        if !LAUNCHERS.iter().any(|name| env::var_os(name).is_some()) {
            return Ok(None);
        }
        let started = mpi::initialize_with_threading(Threading::Serialized);
        let (universe, threading) =
            started.ok_or_else(|| Failure::Threads("MPI was started twice".to_owned()))?;
        if threading < Threading::Serialized {
            return Err(Failure::Threads(format!(
                "this MPI takes calls from {threading:?} processes, expected one that takes them from any thread, one at a time"
            )));
        }
        Ok(Some(Self { universe }))
    }

    fn world(&self) -> SimpleCommunicator {
        self.universe.world()
    }

    pub(crate) fn count(&self) -> Rank {
        self.world().size()
    }

    /// Whether this is rank 0, which writes the results.
    pub(crate) fn is_first(&self) -> bool {
        self.world().rank() == 0
    }

    /// Checks that all ranks found the same cases.
    pub(crate) fn agree(&self, cases: &[Result<Pair, Failed>]) -> Result<(), Failure> {
        let mut digests = vec![0_u64; self.count() as usize];
        self.world()
            .all_gather_into(&digest(cases), &mut digests[..]);
        match digests.iter().position(|digest| *digest != digests[0]) {
            Some(rank) => Err(Failure::Option(format!(
                "rank {rank} found other cases than rank 0: all ranks need the same files, by the same paths"
            ))),
            None => Ok(()),
        }
    }

    /// Makes this process the one that hands out the cases.
    pub(crate) fn lead(&self, cases: &[Result<Pair, Failed>]) -> Leader<'_> {
        let pairs = cases.iter().flatten().map(Key::of);
        Leader {
            world: self.world(),
            ranks: PhantomData,
            places: pairs.zip(0..).collect(),
        }
    }

    /// Runs cases for rank 0 until none is left.
    pub(crate) fn help<R: Serialize + Send>(
        &self,
        cases: &[Result<Pair, Failed>],
        limits: Limits,
        run: impl Fn(&Pair) -> Result<R, Failure> + Sync,
    ) -> Result<(), Failure> {
        let pairs: Vec<&Pair> = cases.iter().flatten().collect();
        let world = self.world();
        let first = world.process_at_rank(0);
        let pool = ThreadPoolBuilder::new().num_threads(limits.threads).build();
        let pool =
            pool.unwrap_or_else(|error| self.abort(&format!("cannot start the threads: {error}")));
        let (sender, receiver) = mpsc::channel();
        let run = &run;
        pool.in_place_scope(|scope| {
            let (mut running, mut used, mut largest) = (0, 0_u64, 0_u64);
            let (mut asked, mut stopped) = (false, false);
            loop {
                let fits = running == 0 || used.saturating_add(largest) <= limits.memory;
                if !stopped && !asked && fits && running < pool.current_num_threads() {
                    first.send_with_tag(&NOTHING[..], ASK);
                    asked = true;
                }
                if let Some(message) = first.immediate_matched_probe() {
                    let (content, status) = message.matched_receive_vec::<u8>();
                    match (status.tag(), numbers(&content)) {
                        (CASE, [place, index]) => {
                            asked = false;
                            let pair = pairs[place as usize];
                            let need = need(pair);
                            (running, used, largest) =
                                (running + 1, used + need, largest.max(need));
                            let sender = sender.clone();
                            scope.spawn(move |_| {
                                let result = catch_unwind(AssertUnwindSafe(|| run(pair)));
                                // The receiver lives until the scope ends.
                                let _ = sender.send((index, need, result));
                            });
                        }
                        _ => stopped = true,
                    }
                }
                if let Ok((index, need, result)) = receiver.recv_timeout(PAUSE) {
                    (running, used) = (running - 1, used - need);
                    let Ok(result) = result else {
                        self.abort("a case ended in a panic");
                    };
                    let result = result.map_err(|failure| failure.to_string());
                    match encoded(index, &result) {
                        Ok(content) => first.send_with_tag(&content[..], DONE),
                        Err(error) => self.abort(&error.to_string()),
                    }
                }
                if stopped && running == 0 {
                    first.send_with_tag(&NOTHING[..], BYE);
                    return;
                }
            }
        });
        Ok(())
    }

    /// Ends all processes, which wait for this one otherwise.
    fn abort(&self, message: &str) -> ! {
        anstream::eprintln!("error: rank {}: {message}", self.world().rank());
        self.world().abort(1)
    }
}

impl Exchange for Ranks {
    fn count(&self) -> NonZeroUsize {
        let count = usize::try_from(Self::count(self)).ok();
        count
            .and_then(NonZeroUsize::new)
            .unwrap_or(NonZeroUsize::MIN)
    }

    fn index(&self) -> usize {
        self.world().rank() as usize
    }

    fn gather(&self, own: &[u8]) -> Vec<Vec<u8>> {
        let world = self.world();
        let Ok(length) = Count::try_from(own.len()) else {
            Ranks::abort(self, "a message is too long for MPI");
        };
        let mut lengths = vec![0; Self::count(self) as usize];
        mpi::request::scope(|scope| {
            let mut request = world.immediate_all_gather_into(scope, &length, &mut lengths[..]);
            // The slowest process takes long; MPI itself would keep a core busy meanwhile.
            while let Err(pending) = request.test() {
                request = pending;
                thread::sleep(PAUSE);
            }
        });
        let mut end: Count = 0;
        let starts = lengths.iter().map(|length| {
            let start = end;
            end = end.saturating_add(*length);
            start
        });
        let starts: Vec<Count> = starts.collect();
        let mut all = vec![0; end as usize];
        let mut parts = PartitionMut::new(&mut all[..], &lengths[..], &starts[..]);
        world.all_gather_varcount_into(own, &mut parts);
        let part =
            |(start, length): (&Count, &Count)| all[*start as usize..][..*length as usize].to_vec();
        starts.iter().zip(&lengths).map(part).collect()
    }

    fn abort(&self) -> ! {
        Ranks::abort(self, "a case ended in a panic")
    }
}

/// The process that hands out the cases. When it goes, the others end as well.
pub(crate) struct Leader<'a> {
    world: SimpleCommunicator,
    ranks: PhantomData<&'a Ranks>,
    /// The place of each case in the list that all ranks have.
    places: FxHashMap<Key, u64>,
}

impl<R: DeserializeOwned> Helpers<Result<R, Failure>> for Leader<'_> {
    fn poll(&mut self) -> Result<Option<Report<Result<R, Failure>>>, Failure> {
        let Some(message) = self.world.any_process().immediate_matched_probe() else {
            return Ok(None);
        };
        let (content, status) = message.matched_receive_vec::<u8>();
        if status.tag() == ASK {
            return Ok(Some(Report::Idle(status.source_rank())));
        }
        let (index, result) = content.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let result: Result<R, String> =
            serde_json::from_slice(result).map_err(|error| Failure::Report(error.to_string()))?;
        let result = result.map_err(Failure::Option);
        Ok(Some(Report::Done(
            u64::from_le_bytes(*index) as usize,
            result,
        )))
    }

    fn give(&mut self, helper: Helper, index: usize, pair: &Pair) {
        let place = self.places[&Key::of(pair)];
        let content = [place.to_le_bytes(), (index as u64).to_le_bytes()].concat();
        let helper = self.world.process_at_rank(helper);
        helper.send_with_tag(&content[..], CASE);
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let helpers: Rank = self.world.size() - 1;
        for rank in 1..=helpers {
            let helper = self.world.process_at_rank(rank);
            helper.send_with_tag(&NOTHING[..], STOP);
        }
        let mut left = helpers;
        while left > 0 {
            match self.world.any_process().immediate_matched_probe() {
                Some(message) => {
                    let (_, status) = message.matched_receive_vec::<u8>();
                    left -= Rank::from(status.tag() == BYE);
                }
                None => std::thread::sleep(PAUSE),
            }
        }
    }
}

/// A digest of the cases, for comparison.
fn digest(cases: &[Result<Pair, Failed>]) -> u64 {
    let mut hasher = FxHasher::default();
    for pair in cases.iter().flatten() {
        Key::of(pair).hash(&mut hasher);
    }
    hasher.finish()
}

/// The two numbers of a message; zeros for none.
fn numbers(content: &[u8]) -> [u64; 2] {
    let (words, _) = content.as_chunks::<8>();
    let word = |place: usize| words.get(place).map_or(0, |word| u64::from_le_bytes(*word));
    [word(0), word(1)]
}

/// The message of a result.
fn encoded(index: u64, result: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut content = index.to_le_bytes().to_vec();
    serde_json::to_writer(&mut content, result)?;
    Ok(content)
}
