//! Adds up the sums of a batch that is spread over several ranks.

use std::sync::mpsc::{Receiver, Sender, channel};

use tch::{Device, Tensor};
use unifocal_core::{Scores, formula::Loss};

use crate::Error;

/// Adds up a small tensor over all ranks: devices, threads, processes or machines.
///
/// tch has no collective operations, so implement it over your own means of communication; [`Threads`] does it for the threads of a
/// process. No gradient passes through it; [`Sums::all_reduce`](crate::Sums::all_reduce) takes care of gradients.
///
/// # Examples
///
/// Two ranks at the ends of a TCP connection, here in one process:
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{TcpListener, TcpStream};
///
/// use tch::Tensor;
/// use unifocal_tch::{AllReduce, Error, SegmentationLoss, core::{Pooling, Tversky}};
///
/// struct Connection(TcpStream);
///
/// impl AllReduce for Connection {
///     fn ranks(&self) -> usize {
///         2
///     }
///
///     fn sum(&self, own: Tensor) -> Result<Tensor, Error> {
///         let sums = Vec::<f64>::try_from(own.f_reshape([-1])?)?;
///         let mut bytes: Vec<u8> = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
///         let mut stream = &self.0;
///         let exchanged = stream.write_all(&bytes).and_then(|()| stream.read_exact(&mut bytes));
///         exchanged.map_err(|error| Error::AllReduce(error.into()))?;
///         let (others, _) = bytes.as_chunks();
///         let others: Vec<f64> = others.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
///         Ok(own.f_add(&Tensor::from_slice(&others).f_view_as(&own)?.f_to_device(own.device())?)?)
///     }
/// }
///
/// let half = |ranks: &Connection, probabilities: [f32; 4], labels: [u8; 2]| {
///     let probabilities = Tensor::from_slice(&probabilities).view([1, 2, 2]);
///     let dice = SegmentationLoss::new(Tversky::dice()).with_pooling(Pooling::Batch);
///     let sums = dice.sums(&probabilities, &Tensor::from_slice(&labels).view([1, 2]))?;
///     Ok::<f64, Error>(sums.all_reduce(ranks)?.mean()?.double_value(&[]))
/// };
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let client = Connection(TcpStream::connect(listener.local_addr()?)?);
/// let server = Connection(listener.accept()?.0);
/// let other = std::thread::spawn(move || half(&client, [0.9, 0.2, 0.1, 0.8], [0, 1]));
/// let dice = half(&server, [0.6, 0.3, 0.4, 0.7], [0, 0])?;
/// assert_eq!(other.join().unwrap()?, dice);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait AllReduce {
    /// The number of ranks.
    fn ranks(&self) -> usize;

    /// The sum of `own` over all ranks. Every rank must get the same result.
    ///
    /// `own` is a contiguous tensor in Double, [1, C, 6] on the device of the rank's predictions, or [1, 1, totals] on the CPU for
    /// [`scores`](AllReduce::scores). Nothing else uses its memory.
    ///
    /// # Errors
    ///
    /// [`Error::AllReduce`] if the ranks cannot communicate.
    fn sum(&self, own: Tensor) -> Result<Tensor, Error>;

    /// The scores of all ranks together, each with the batches of all.
    ///
    /// # Errors
    ///
    /// Another number of classes on another rank; the ranks cannot communicate.
    ///
    /// # Examples
    ///
    /// Each of two ranks has its own samples, and both get the Dice score of all of them:
    ///
    /// ```
    /// use tch::Tensor;
    /// use unifocal_tch::{AllReduce, Error, SegmentationLoss, Threads, core::{Overlap, Scores, Settings, Tversky}};
    ///
    /// let of_rank = |rank: &Threads, probabilities: [f32; 4]| {
    ///     let probabilities = Tensor::from_slice(&probabilities).view([1, 2, 2]);
    ///     let labels = Tensor::from_slice(&[0_u8, 1]).view([1, 2]);
    ///     let mut dice = Scores::new(Overlap::Dice, 2, Settings::default())?;
    ///     dice.add(&SegmentationLoss::new(Tversky::dice()).hard_sums(&probabilities, &labels)?.to_vec()?)?;
    ///     Ok::<_, Error>(rank.scores(&dice)?.value())
    /// };
    /// let ranks = Threads::new(2).into_iter().zip([[0.9, 0.2, 0.1, 0.8], [0.4, 0.2, 0.6, 0.8]]);
    /// let ranks: Vec<_> = ranks
    ///     .map(|(rank, probabilities)| std::thread::spawn(move || of_rank(&rank, probabilities)))
    ///     .collect();
    /// let mean = (1.0 + (0.0 + 2.0 / 3.0) / 2.0) / 2.0;
    /// for rank in ranks {
    ///     assert_eq!(rank.join().unwrap()?, Some(mean));
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    fn scores<L: Loss<K>, const K: usize>(&self, own: &Scores<L, K>) -> Result<Scores<L, K>, Error>
    where
        Self: Sized,
    {
        let totals = Tensor::f_from_slice(&own.totals())?;
        let all = self.sum(totals.f_view([1, 1, -1])?)?;
        let totals = Vec::<f64>::try_from(all.f_to(Device::Cpu)?.f_reshape([-1])?)?;
        let mut all = own.clone();
        all.clear();
        all.add_totals(&totals)?;
        Ok(all)
    }
}

/// A rank that is a thread of this process, with a device of its own or not.
///
/// Sums are added in the order of the ranks, so every rank gets the same bits.
///
/// # Examples
///
/// Two halves of a batch give the loss of the whole batch:
///
/// ```
/// use tch::{Device, Kind, Tensor};
/// use unifocal_tch::{Error, SegmentationLoss, Threads, core::{Input, Pooling, UnifiedFocal}};
///
/// let logits = Tensor::randn([4, 2, 8, 8], (Kind::Float, Device::Cpu));
/// let labels = Tensor::randint(2, [4, 8, 8], (Kind::Int64, Device::Cpu));
/// let loss = SegmentationLoss::new(UnifiedFocal::asymmetric())
///     .with_input(Input::Softmax)
///     .with_pooling(Pooling::Batch);
/// let whole = loss.forward(&logits, &labels)?.double_value(&[]);
///
/// let halves = logits.chunk(2, 0).into_iter().zip(labels.chunk(2, 0));
/// let ranks: Vec<_> = Threads::new(2).into_iter().zip(halves).map(|(rank, (logits, labels))| {
///     let loss = loss.clone();
///     std::thread::spawn(move || {
///         let sums = loss.sums(&logits, &labels)?.all_reduce(&rank)?;
///         Ok::<f64, Error>(sums.mean()?.double_value(&[]))
///     })
/// }).collect();
/// for rank in ranks {
///     assert!((rank.join().unwrap()? - whole).abs() < 1e-6);
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Threads {
    /// To every rank, and from every rank, this one included.
    to: Vec<Sender<Tensor>>,
    from: Vec<Receiver<Tensor>>,
}

impl Threads {
    /// One rank for each of `ranks` threads. All of them must take part in every sum; if one is dropped, the others get an error.
    pub fn new(ranks: usize) -> Vec<Self> {
        let rank = || Self {
            to: Vec::new(),
            from: Vec::new(),
        };
        let mut all: Vec<Self> = std::iter::repeat_with(rank).take(ranks).collect();
        for sender in 0..ranks {
            for receiver in 0..ranks {
                let (to, from) = channel();
                all[sender].to.push(to);
                all[receiver].from.push(from);
            }
        }
        all
    }
}

impl AllReduce for Threads {
    fn ranks(&self) -> usize {
        self.to.len()
    }

    fn sum(&self, own: Tensor) -> Result<Tensor, Error> {
        for to in &self.to {
            // A rank that has stopped is an error below, unless its own sums have arrived.
            let _ = to.send(own.shallow_clone());
        }
        // Receive the sums of all ranks before any can be refused: the next sums must not be mixed with these.
        let receive = |(rank, from): (usize, &Receiver<Tensor>)| {
            let stopped = |_| Error::AllReduce(format!("rank {rank} has stopped").into());
            from.recv().map_err(stopped)
        };
        let all = self.from.iter().enumerate().map(receive);
        let all: Vec<Tensor> = all.collect::<Result<_, _>>()?;
        let mut total = own.f_zeros_like()?;
        for others in all {
            if others.size() != own.size() {
                return Err(Error::Shape {
                    what: "sums of another rank",
                    found: others.size(),
                    expected: own.size(),
                });
            }
            total = total.f_add(&others.f_to_device(own.device())?)?;
        }
        Ok(total)
    }
}
