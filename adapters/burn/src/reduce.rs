//! Adds up the sums of a batch, or the scores of an epoch, that is spread over several ranks.

use std::sync::{Arc, Barrier, Mutex};

use burn::tensor::distributed::{ReduceOperation, all_reduce};
use burn::tensor::{DType, Device, Tensor, TensorData};
use unifocal_core::{Scores, formula::Loss};

use crate::Error;

/// Adds up a small tensor over all ranks: devices, threads, processes or machines.
///
/// Implement it to train with a batch-wide loss over your own means of communication. No gradient passes through it;
/// [`Sums::all_reduce`](crate::Sums::all_reduce) takes care of gradients.
pub trait AllReduce {
    /// The number of ranks.
    fn ranks(&self) -> usize;

    /// The sum of `own` over all ranks. Every rank must get the same result.
    ///
    /// `own` is [1, C, 6] on the device of the rank's predictions, with an entry more per region of the batch in its first axis, or
    /// [1, 1, totals] for [`scores`](AllReduce::scores).
    fn sum(&self, own: Tensor<3>) -> Tensor<3>;

    /// The scores of all ranks together, each with the batches of all.
    ///
    /// Every rank has the same loss, settings and number of classes, and a device of its own. A few numbers per class pass through the
    /// device: as `f64` if it has them, and otherwise rounded to `f32`, so that counts are exact up to 2²⁴ voxels.
    ///
    /// # Errors
    ///
    /// The device fails; the sum does not have as many numbers as `own`.
    ///
    /// # Examples
    ///
    /// Each of two ranks has its own samples, and both get the Dice score of all of them:
    ///
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use unifocal_burn::core::{Overlap, Scores, Settings};
    /// use unifocal_burn::{AllReduce, DiceLossConfig, Error, Threads};
    ///
    /// let of_rank = |rank: &Threads, probabilities: [[[f32; 2]; 2]; 1]| {
    ///     let device = Device::flex();
    ///     let probabilities = Tensor::<3>::from_data(probabilities, &device);
    ///     let labels = Tensor::<2, Int>::from_data([[0, 1]], &device);
    ///     let mut dice = Scores::new(Overlap::Dice, 2, Settings::default())?;
    ///     dice.add(&DiceLossConfig::new().init().try_hard_sums(probabilities, labels)?.to_vec())?;
    ///     Ok::<_, Error>(rank.scores(&dice, &device)?.value())
    /// };
    /// let ranks = Threads::new(2).into_iter().zip([[[[0.9, 0.2], [0.1, 0.8]]], [[[0.4, 0.2], [0.6, 0.8]]]]);
    /// let ranks: Vec<_> = ranks
    ///     .map(|(rank, probabilities)| std::thread::spawn(move || of_rank(&rank, probabilities)))
    ///     .collect();
    /// let mean = (1.0 + (0.0 + 2.0 / 3.0) / 2.0) / 2.0;
    /// for rank in ranks {
    ///     assert_eq!(rank.join().unwrap()?, Some(mean));
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    fn scores<L: Loss<K>, const K: usize>(
        &self,
        own: &Scores<L, K>,
        device: &Device,
    ) -> Result<Scores<L, K>, Error>
    where
        Self: Sized,
    {
        let totals = own.totals();
        let count = totals.len();
        let dtype = match device.supports_dtype(DType::F64) {
            true => DType::F64,
            false => DType::F32,
        };
        let totals = Tensor::from_data(TensorData::new(totals, [1, 1, count]), (device, dtype));
        let read = self.sum(totals).try_into_vec_as::<f64>();
        let totals = read.map_err(|error| Error::Read(error.to_string()))?;
        let mut all = own.clone();
        all.clear();
        all.add_totals(&totals)?;
        Ok(all)
    }
}

/// Devices of one or several processes, connected by Burn's own collective operations.
///
/// Start Burn's communication with `burn::tensor::distributed::DistributedContext`. Within one machine, Burn 0.22 supports it on CUDA
/// only.
#[derive(Clone, Debug)]
pub struct Devices(pub Vec<Device>);

impl AllReduce for Devices {
    fn ranks(&self) -> usize {
        self.0.len()
    }

    fn sum(&self, own: Tensor<3>) -> Tensor<3> {
        all_reduce(own, ReduceOperation::Sum, self.0.clone()).resolve()
    }
}

/// A rank that is a thread of this process.
///
/// Sums are added in the order of the ranks, so every rank gets the same bits.
///
/// # Examples
///
/// Two halves of a batch give the loss of the whole batch:
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use unifocal_burn::{DiceLossConfig, Pooling, Threads};
///
/// let device = Device::flex();
/// let predictions = Tensor::<3>::from_data([[[0.9, 0.2], [0.1, 0.8]], [[0.6, 0.3], [0.4, 0.7]]], &device);
/// let labels = Tensor::<2, Int>::from_data([[0, 1], [0, 0]], &device);
/// let loss = DiceLossConfig::new().with_pooling(Pooling::Batch).init();
/// let whole: f32 = loss.forward(predictions.clone(), labels.clone()).into_scalar();
///
/// let halves = predictions.chunk(2, 0).into_iter().zip(labels.chunk(2, 0));
/// let ranks: Vec<_> = Threads::new(2).into_iter().zip(halves).map(|(rank, (predictions, labels))| {
///     let loss = loss.clone();
///     std::thread::spawn(move || {
///         let sums = loss.try_sums(predictions, labels)?.all_reduce(&rank)?;
///         Ok::<f32, unifocal_burn::Error>(sums.values().into_scalar())
///     })
/// }).collect();
/// for rank in ranks {
///     assert!((rank.join().unwrap()? - whole).abs() < 1e-6);
/// }
/// # Ok::<(), unifocal_burn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Threads {
    rank: usize,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sums: Mutex<Vec<Option<TensorData>>>,
    barrier: Barrier,
}

impl Threads {
    /// One rank for each of `ranks` threads. All of them must take part in every sum.
    pub fn new(ranks: usize) -> Vec<Self> {
        let shared = Arc::new(Shared {
            sums: Mutex::new(vec![None; ranks]),
            barrier: Barrier::new(ranks),
        });
        let of_rank = |rank| Self {
            rank,
            shared: Arc::clone(&shared),
        };
        (0..ranks).map(of_rank).collect()
    }
}

impl AllReduce for Threads {
    fn ranks(&self) -> usize {
        self.shared.sums.lock().map_or(1, |sums| sums.len())
    }

    fn sum(&self, own: Tensor<3>) -> Tensor<3> {
        let Shared { sums, barrier } = &*self.shared;
        let device = own.device();
        let lock = || {
            sums.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        let dtype = own.dtype();
        lock()[self.rank] = Some(own.into_data());
        barrier.wait();
        let all: Vec<TensorData> = lock().iter().flatten().cloned().collect();
        // No rank may store its next sums before all have read these.
        barrier.wait();
        all.into_iter()
            .map(|data| Tensor::from_data(data, (&device, dtype)))
            .reduce(|total: Tensor<3>, other| total + other)
            .expect("there is at least this rank")
    }
}
