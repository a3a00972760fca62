//! The command line.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::check::args::CheckArgs;
use crate::format::Format;
use crate::grid::args::{CurveArgs, GridArgs, GridOutput};
use crate::html::args::ReportArgs;
use crate::input::Input;
use crate::loss::LossArgs;
use crate::merge::MergeArgs;
use crate::metrics::Empty;
use crate::overlay::args::OverlayArgs;
use crate::pairs::Pairing;
use crate::reading::Axes;
use crate::reading::classes::Region;
use crate::stream::args::Stream;
use crate::summary::{DiffArgs, SummaryArgs};
use crate::team::Team;

/// Score segmentation predictions with the Unified Focal loss family: Dice, Jaccard, Tversky, cross entropy, focal,
/// Combo, and the symmetric and asymmetric Unified Focal losses.
#[derive(Debug, Parser)]
#[command(name = "unifocal", version, about, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EVAL_EXAMPLES: &str = "Examples:
  unifocal eval prediction.npy labels.npy
  unifocal eval prediction.nii.gz labels.nii.gz --loss dice --per-class
  unifocal eval logits.npz:logits labels.npz:y --input softmax --gamma 0.2
  unifocal eval masks/ targets/ --input labels --loss dice --metrics
  unifocal eval predictions/ targets/ --prediction-pattern '{case}_pred.nii.gz' --target-pattern '{case}/{case}-seg.nii.gz'
  unifocal eval --manifest cases.csv --input labels
  unifocal eval predictions/ targets/ --output results.csv --resume
  unifocal eval p.npy y.npy --gradient dloss_dp.npy --format json

Files: .npy, .npz and .safetensors (FILE:KEY), NIfTI (.nii, .nii.gz, .hdr/.img), NRRD, MetaImage, PNG, TIFF, BMP and GIF; or two
folders (FOLDER or FOLDER:KEY), whose files are matched by name.
Exit status: 0 success; 1 a case could not be scored (see stderr) or an option has an invalid value; 2 wrong usage.";

const COMPARE_EXAMPLES: &str = "Examples:
  unifocal compare prediction.npy labels.npy
  unifocal compare predictions/ labels/ --input labels --metrics
  unifocal compare predictions/ labels/ --format csv > losses.csv
  unifocal compare predictions/ labels/ --output 'scores/{loss}.csv' --resume";

const SWEEP_EXAMPLES: &str =
    "Values are numbers and none, separated by commas, and ranges FROM:TO:STEP.

Examples:
  unifocal sweep predictions/ targets/ --loss focal-tversky --gamma 0:2:0.25
  unifocal sweep p.npy y.npy --delta 0.3:0.7:0.1 --gamma 0:1:0.1 --format csv --plot heat.svg";

const CURVE_EXAMPLES: &str =
    "Values are numbers and none, separated by commas, and ranges FROM:TO:STEP.

Examples:
  unifocal curve --loss focal --gamma 0,0.5,1,2,5 --plot focal.svg
  unifocal curve --loss asymmetric-unified-focal --format csv";

const CHECK_EXAMPLES: &str = "Example:
  unifocal check logits.npy labels.npy --input logits --loss asymmetric-unified-focal

Exit status: 0 nothing is wrong; 1 there is a problem, or the files cannot be read or scored; 2 wrong usage.";

const OVERLAY_EXAMPLES: &str = "Colours:
  magenta    false positive
  green      false negative
  orange     another class than TARGET's
  pale blue  right, and not background, which is label 0
  grey       the image; in a map, a voxel that is not scored
A map of the loss runs from black for 0 over red and yellow to white. A map of the gradient runs from blue over white for 0 to red for one channel, and from black to white for the length over several.

A volume has three planes side by side: axial, coronal and sagittal. Pixels are square by the spacing in the file's header. With such a geometry, front and top are at the top, and the right side and the front at the left; else indices grow downwards and to the right.

Examples:
  unifocal overlay prediction.nii.gz labels.nii.gz --input labels --image scan.nii.gz --output errors.png
  unifocal overlay p.npy y.npy --class 2 --map gradient --loss dice --output gradient.png
  unifocal overlay predictions/ targets/ --input labels --output pictures/";

const SUMMARY_EXAMPLES: &str = "Examples:
  unifocal summary results.csv
  unifocal summary results.csv --scores dice,iou,recall --by centre --manifest cases.csv
  unifocal summary shard-*.jsonl --format nnunet > summary.json";

const REPORT_EXAMPLES: &str = "The page is one file. It has no scripts and loads nothing. Its pictures have the colours of `unifocal overlay`.

Examples:
  unifocal report results.csv --output report.html
  unifocal report shard-*.jsonl --scores loss,dice,recall --worst 10 --root /data/run --output report.html";

const DIFF_EXAMPLES: &str = "Example:
  unifocal diff baseline.csv candidate.csv --scores dice";

const MERGE_EXAMPLES: &str = "Example, after jobs with --shard 1/3, 2/3 and 3/3:
  unifocal merge shard-1.csv shard-2.csv shard-3.csv --output results.csv";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Score each prediction with one loss; optionally write its gradient
    #[command(after_help = EVAL_EXAMPLES)]
    Eval {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        loss: LossArgs,
        #[command(flatten)]
        shown: Shown,
        #[command(flatten)]
        stream: Stream,
        /// Write the gradient with respect to PRED as .npy. OUT is a file, or a folder for several cases
        #[arg(long, value_name = "OUT", help_heading = "Output")]
        gradient: Option<PathBuf>,
        /// Report format
        #[arg(long, value_enum, default_value_t, help_heading = "Output")]
        format: Format,
    },
    /// Score with every loss at its defaults, one row per loss
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        shown: ShownMetrics,
        #[command(flatten)]
        stream: Stream,
        /// Report format
        #[arg(long, value_enum, default_value_t, help_heading = "Output")]
        format: Format,
    },
    /// Score with a loss for many values of its parameters
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        grid: GridArgs,
        #[command(flatten)]
        output: GridOutput,
    },
    /// Tabulate or draw a loss and its gradient against the probability of the true class, or against overlap
    #[command(after_help = CURVE_EXAMPLES)]
    Curve(CurveArgs),
    /// Check one case and a loss: absent classes, saturation, the gradient, f32 against f64
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        loss: LossArgs,
        #[command(flatten)]
        check: CheckArgs,
    },
    /// Draw a case as PNG: where prediction and target differ, the loss of each voxel, or the gradient
    #[command(after_help = OVERLAY_EXAMPLES)]
    Overlay {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        loss: LossArgs,
        #[command(flatten)]
        overlay: OverlayArgs,
    },
    /// Describe the scores that `eval --output` wrote: means, intervals, worst cases, subgroups
    #[command(after_help = SUMMARY_EXAMPLES)]
    Summary(SummaryArgs),
    /// Write a run as one page of HTML: how inputs were read, statistics, distributions, the worst cases and their pictures
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Compare two runs of the same cases pair by pair
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(DiffArgs),
    /// Join the results of the shards of a run
    #[command(after_help = MERGE_EXAMPLES)]
    Merge(MergeArgs),
    /// Run `compare` on a built-in example
    Demo {
        /// Report format
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Also write the example to a new folder: its files, its results, a picture of its errors and a report
        #[arg(long, value_name = "FOLDER")]
        output: Option<PathBuf>,
    },
    /// Print a shell completion script
    Completions {
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the man page of the program or of a command
    Man {
        /// Print the page of this command [default: the page of the program]
        #[arg(value_parser = ["eval", "compare", "sweep", "curve", "check", "overlay", "summary", "report", "diff", "merge", "demo", "completions", "man"])]
        command: Option<String>,
    },
}

/// The parts of a report besides the loss.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Shown {
    /// Also report the loss of each class
    #[arg(long)]
    pub(crate) per_class: bool,
    #[command(flatten)]
    pub(crate) metrics: ShownMetrics,
}

/// The metrics in a report.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ShownMetrics {
    /// Also report Dice, IoU, precision, recall, specificity and volumes of each class
    #[arg(long)]
    #[arg(id = "metrics", long = "metrics")]
    pub(crate) shown: bool,
    /// Set the value of a metric that is 0/0, such as the Dice score of a class that is in neither file [default: skip]
    #[arg(long, value_enum, hide_default_value = true)]
    pub(crate) empty: Option<Empty>,
}

impl ShownMetrics {
    pub(crate) fn empty(&self) -> Empty {
        self.empty.unwrap_or_default()
    }
}

/// The inputs and how to read them.
#[derive(Debug, Args)]
pub(crate) struct Data {
    #[command(flatten)]
    pub(crate) pairing: Pairing,
    /// Kind of numbers in PRED
    #[arg(long, value_enum, default_value_t, help_heading = "Numbers")]
    pub(crate) input: Input,
    /// Name the axes of PRED in the order of its shape, one letter each, such as nczyx or xyzc: n (samples), c (classes),
    /// z, y, x (or d, h, w), t (time), 1 (an axis of length 1 to drop) [default: inferred]
    #[arg(
        long,
        value_name = "LETTERS",
        conflicts_with = "layout",
        help_heading = "Axes"
    )]
    pub(crate) axes: Option<Axes>,
    /// Name the axes of TARGET [default: those of PRED if TARGET has the same format and shape, else inferred]
    #[arg(long, value_name = "LETTERS", help_heading = "Axes")]
    pub(crate) target_axes: Option<Axes>,
    /// Set where the class axis of PRED is; a short form of --axes [default: inferred]
    #[arg(long, value_enum, help_heading = "Axes")]
    pub(crate) layout: Option<LayoutArg>,
    /// Set whether the first axis is the batch [default: inferred]
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_default_value = true,
        help_heading = "Axes"
    )]
    pub(crate) batch: Batch,
    /// Read PRED, which has no class axis, as the probability (or logit) of the foreground
    #[arg(long, help_heading = "Axes")]
    pub(crate) foreground: bool,
    /// Compare the voxels of two volumes by index and ignore the geometry in their headers
    #[arg(long, help_heading = "Axes")]
    pub(crate) ignore_geometry: bool,
    /// Set the labels of the classes, in order; channel k of PRED is the k-th label [default: the labels that occur]
    #[arg(
        long,
        value_name = "L,L…",
        value_delimiter = ',',
        allow_negative_numbers = true,
        conflicts_with = "regions",
        help_heading = "Classes"
    )]
    pub(crate) labels: Option<Vec<i64>>,
    /// Score regions (unions of labels, which may overlap) instead of labels, such as whole=1,2,4 core=1,4. Each is a prediction of its
    /// own: losses are averaged over the regions, and cross entropies are binary
    #[arg(long, value_name = "NAME=L,L…", num_args = 1.., help_heading = "Classes")]
    pub(crate) regions: Vec<Region>,
    /// Ignore the voxels that have one of these labels in TARGET
    #[arg(
        long,
        value_name = "L,L…",
        value_delimiter = ',',
        allow_negative_numbers = true,
        help_heading = "Classes"
    )]
    pub(crate) ignore_label: Vec<i64>,
    /// Set the classes that TARGET annotates, by label or region name, if it lacks some. Voxels of the others count as the first class,
    /// and regions without annotations are not scored. The column annotated of a manifest sets them for each case [default: all]
    #[arg(
        long,
        value_name = "C,C…",
        value_delimiter = ',',
        allow_negative_numbers = true,
        help_heading = "Classes"
    )]
    pub(crate) annotated: Option<Vec<String>>,
    /// Score only the voxels at which this mask, of the size of TARGET, is not 0. FILE can be a folder of masks, matched by name
    #[arg(long, value_name = "FILE", help_heading = "Classes")]
    pub(crate) mask: Option<PathBuf>,
    /// Divide the numbers in PRED by X, such as 255 for probabilities stored as bytes
    #[arg(long, value_name = "X", help_heading = "Numbers")]
    pub(crate) scale: Option<f64>,
    /// Divide the numbers in TARGET by X and read it as a soft target
    #[arg(long, value_name = "X", help_heading = "Numbers")]
    pub(crate) target_scale: Option<f64>,
    /// Clamp the probabilities in PRED and in a soft TARGET to [0, 1]
    #[arg(long, help_heading = "Numbers")]
    pub(crate) clamp: bool,
    /// Set how to score a class that is absent from TARGET
    #[arg(long, value_enum, default_value_t, help_heading = "Classes")]
    pub(crate) absent_class: Absent,
    /// Weight the classes or regions, in order; 0 leaves a class out [default: equal weights]
    #[arg(
        long,
        value_name = "X,X…",
        value_delimiter = ',',
        help_heading = "Classes"
    )]
    pub(crate) class_weights: Option<Vec<f64>>,
    /// Weight the classes, in order, on the region-based side of a loss alone, such as 0,1 for the Dice loss of the foreground beside the
    /// full cross entropy [default: the class weights]
    #[arg(
        long,
        value_name = "X,X…",
        value_delimiter = ',',
        help_heading = "Classes"
    )]
    pub(crate) region_weights: Option<Vec<f64>>,
    /// Set the classes that asymmetric losses treat as rare, by label or region name [default: all but the first]
    #[arg(
        long,
        value_name = "C,C…",
        value_delimiter = ',',
        allow_negative_numbers = true,
        help_heading = "Classes"
    )]
    pub(crate) rare: Option<Vec<String>>,
    /// Set the number of threads; 0 uses all cores. Results do not depend on it
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Run")]
    pub(crate) threads: usize,
    /// Limit the memory for cases scored in parallel; at least one case always runs
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "4GiB",
        help_heading = "Run"
    )]
    pub(crate) memory: ByteSize,
    /// The processes that hold a slab of each volume; `None` if this one holds all of it.
    #[arg(skip)]
    pub(crate) team: Option<Team>,
}

impl Data {
    /// Merges what each process finds in its slab.
    pub(crate) fn merged<T: Serialize + DeserializeOwned + Clone>(
        &self,
        own: T,
        merge: impl FnMut(T, T) -> T,
    ) -> T {
        match &self.team {
            Some(team) => team.merge(own, merge),
            None => own,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArg {
    /// Class axis before the spatial axes: ncyx, cyx and so on; cxyz for NIfTI
    ChannelsFirst,
    /// Class axis last: yxc; nyxc for four or more axes, unless --batch no
    ChannelsLast,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Batch {
    /// Infer it from the shapes of PRED and TARGET; a file without a class axis is one sample
    #[default]
    Auto,
    /// The first axis is the batch
    Yes,
    /// The whole file is one sample
    No,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Absent {
    /// Let the smoothing term decide
    #[default]
    Smooth,
    /// Leave it out of the mean
    Skip,
}
