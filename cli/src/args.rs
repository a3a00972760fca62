//! The command line.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::loss::LossArgs;
use crate::pairs::Pairing;
use crate::reading::Axes;
use crate::reading::classes::Region;

/// Scores segmentation predictions with the Unified Focal loss family: Dice, Jaccard, Tversky, cross entropy, focal,
/// Combo, and the symmetric and asymmetric Unified Focal losses.
#[derive(Debug, Parser)]
#[command(name = "unifocal", version, about, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

pub(crate) const EVAL_EXAMPLES: &str = "Examples:
  unifocal eval prediction.npy labels.npy
  unifocal eval prediction.nii.gz labels.nii.gz --loss dice --per-class
  unifocal eval logits.npz:logits labels.npz:y --input softmax --gamma 0.2
  unifocal eval masks/ truth/ --input labels --loss dice --format csv
  unifocal eval predictions/ truth/ --prediction-pattern '{case}_pred.nii.gz' --target-pattern '{case}/{case}-seg.nii.gz'
  unifocal eval --manifest cases.csv --input labels
  unifocal eval p.npy y.npy --gradient dloss_dp.npy --format json

Files: .npy, .npz and .safetensors (FILE:KEY), NIfTI (.nii, .nii.gz, .hdr/.img), NRRD, MetaImage, PNG, TIFF, BMP, GIF; or two folders
(FOLDER:KEY), matched by name.
Exit status: 0 done, 1 a case has no score (stderr lists such cases) or a parameter is bad, 2 usage.";

const COMPARE_EXAMPLES: &str = "Examples:
  unifocal compare prediction.npy labels.npy
  unifocal compare predictions/ labels/ --format csv > losses.csv";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Score each prediction with one loss; optionally write its gradient
    Eval {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        loss: LossArgs,
        /// Also report the score of each class
        #[arg(long, help_heading = "Output")]
        per_class: bool,
        /// Write the gradient with respect to PRED as .npy: to a file, or to a folder for several cases
        #[arg(long, value_name = "OUT", help_heading = "Output")]
        gradient: Option<PathBuf>,
        /// Form of the report
        #[arg(long, value_enum, default_value_t, help_heading = "Output")]
        format: Format,
    },
    /// Score with every loss at its defaults, one row per loss
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare {
        #[command(flatten)]
        data: Data,
        /// Form of the report
        #[arg(long, value_enum, default_value_t, help_heading = "Output")]
        format: Format,
    },
    /// Run `compare` on a built-in example
    Demo {
        /// Form of the report
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print a completion script for a shell
    Completions {
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print a man page, of the program or of a command
    Man {
        /// Command whose page is printed [default: the program]
        #[arg(value_parser = ["eval", "compare", "demo", "completions", "man"])]
        command: Option<String>,
    },
}

/// The inputs, and how to read them.
#[derive(Debug, Args)]
pub(crate) struct Data {
    #[command(flatten)]
    pub(crate) pairing: Pairing,
    /// Kind of numbers in PRED
    #[arg(long, value_enum, default_value_t, help_heading = "Numbers")]
    pub(crate) input: Input,
    /// Name the axes of PRED, a letter each: n (samples), c (classes), z, y, x (or d, h, w), t (time), 1 (an axis of
    /// length 1), such as nczyx or xyzc
    #[arg(
        long,
        value_name = "LETTERS",
        conflicts_with = "layout",
        help_heading = "Axes"
    )]
    pub(crate) axes: Option<Axes>,
    /// Name the axes of TARGET [default: as PRED's where TARGET is such an array]
    #[arg(long, value_name = "LETTERS", help_heading = "Axes")]
    pub(crate) target_axes: Option<Axes>,
    /// Place of the class axis, a short form of --axes [default: from the format or both shapes]
    #[arg(long, value_enum, help_heading = "Axes")]
    pub(crate) layout: Option<LayoutArg>,
    /// Whether the first axis is the batch [default: from the shapes]
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_default_value = true,
        help_heading = "Axes"
    )]
    pub(crate) batch: Batch,
    /// Read PRED as the probability (or logit) of the foreground, without a class axis
    #[arg(long, help_heading = "Axes")]
    pub(crate) foreground: bool,
    /// Score the voxels of two volumes as they lie, whatever their headers say
    #[arg(long, help_heading = "Axes")]
    pub(crate) ignore_geometry: bool,
    /// List the labels that are classes, in order: channel k of PRED is the k-th [default: those that occur]
    #[arg(
        long,
        value_name = "L,L…",
        value_delimiter = ',',
        allow_negative_numbers = true,
        conflicts_with = "regions",
        help_heading = "Classes"
    )]
    pub(crate) labels: Option<Vec<i64>>,
    /// Score regions, unions of labels, in place of labels: whole=1,2,4 core=1,4
    #[arg(long, value_name = "NAME=L,L…", num_args = 1.., help_heading = "Classes")]
    pub(crate) regions: Vec<Region>,
    /// Leave out the voxels that have one of these labels in TARGET
    #[arg(
        long,
        value_name = "L,L…",
        value_delimiter = ',',
        allow_negative_numbers = true,
        help_heading = "Classes"
    )]
    pub(crate) ignore_label: Vec<i64>,
    /// Score only where this file, a mask of TARGET's voxels, is not 0; or a folder of such files, matched by name
    #[arg(long, value_name = "FILE", help_heading = "Classes")]
    pub(crate) mask: Option<PathBuf>,
    /// Divide the numbers of PRED by this, such as 255 for probabilities stored as bytes
    #[arg(long, value_name = "X", help_heading = "Numbers")]
    pub(crate) scale: Option<f64>,
    /// Divide the numbers of TARGET by this, which makes it a soft target
    #[arg(long, value_name = "X", help_heading = "Numbers")]
    pub(crate) target_scale: Option<f64>,
    /// Take probabilities below 0 as 0, and those above 1 as 1, in PRED and in a soft TARGET
    #[arg(long, help_heading = "Numbers")]
    pub(crate) clamp: bool,
    /// How to score a class that is absent from the target
    #[arg(long, value_enum, default_value_t, help_heading = "Classes")]
    pub(crate) absent_class: Absent,
    /// Weigh the classes, in their order; 0 leaves a class out
    #[arg(
        long,
        value_name = "X,X…",
        value_delimiter = ',',
        help_heading = "Classes"
    )]
    pub(crate) class_weights: Option<Vec<f64>>,
    /// Classes treated as rare by asymmetric losses, by their labels or regions [default: all but the first]
    #[arg(
        long,
        value_name = "C,C…",
        value_delimiter = ',',
        allow_negative_numbers = true,
        help_heading = "Classes"
    )]
    pub(crate) rare: Option<Vec<String>>,
    /// Threads; 0 = all cores. Does not affect results
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Run")]
    pub(crate) threads: usize,
    /// Memory limit for cases scored in parallel; at least one always runs
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "4GiB",
        help_heading = "Run"
    )]
    pub(crate) memory: ByteSize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people
    #[default]
    Table,
    /// One object; numbers round-trip
    Json,
    /// One row per case and loss (and class)
    Csv,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Input {
    /// Numbers in [0, 1]
    #[default]
    Probabilities,
    /// Logits of a softmax over the class axis
    Softmax,
    /// Logits of a sigmoid per channel; one channel is the foreground
    Sigmoid,
    /// Logits: of a softmax for several channels, of a sigmoid for one channel and for regions
    Logits,
    /// An integer label per voxel: a hard segmentation
    Labels,
}

impl Input {
    /// Whether the numbers are logits of either kind.
    pub(crate) fn is_logits(self) -> bool {
        matches!(self, Self::Softmax | Self::Sigmoid | Self::Logits)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArg {
    /// Classes before the voxels: n c y x, c y x, and so on; c x y z for NIfTI
    ChannelsFirst,
    /// Classes last: y x c; n y x c from four axes on, unless --batch no
    ChannelsLast,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Batch {
    /// If the shapes of PRED and TARGET show it; a file without a class axis is one sample
    #[default]
    Auto,
    /// The first axis counts samples
    Yes,
    /// The whole file is one sample
    No,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Absent {
    /// By the smoothing term
    #[default]
    Smooth,
    /// Not at all: it is left out of the mean
    Skip,
}
