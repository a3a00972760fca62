//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::pairs::Pairing;

/// Scores segmentation predictions with the Unified Focal loss family: Dice, Jaccard, Tversky, cross entropy, focal,
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
  unifocal eval logits.npz:logits labels.npz:y --input logits --activation softmax --gamma 0.2
  unifocal eval masks/ truth/ --input labels --loss dice --format csv
  unifocal eval predictions/ truth/ --prediction-pattern '{case}_pred.nii.gz' --target-pattern '{case}/{case}-seg.nii.gz'
  unifocal eval --manifest cases.csv --input labels
  unifocal eval p.npy y.npy --gradient dloss_dp.npy --format json

Files: .npy, .npz (FILE:KEY), .nii, .nii.gz, .png masks, .safetensors (FILE:KEY); or two folders (FOLDER:KEY), matched by name.
Exit status: 0 done, 1 a case has no score (stderr lists such cases) or a parameter is bad, 2 usage.";

const COMPARE_EXAMPLES: &str = "Examples:
  unifocal compare prediction.npy labels.npy
  unifocal compare predictions/ labels/ --format csv > losses.csv";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// One loss of every prediction, and its gradient if asked for
    #[command(after_help = EVAL_EXAMPLES)]
    Eval {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        loss: LossArgs,
        /// Also show what each class scores
        #[arg(long)]
        per_class: bool,
        /// Write the gradient with respect to PRED as .npy: a file, or a folder for several cases
        #[arg(long, value_name = "OUT")]
        gradient: Option<PathBuf>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Every loss of the family, with its default parameters, one row each
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare {
        #[command(flatten)]
        data: Data,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// The same on an embedded example: no files needed
    Demo {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print a completion script for a shell
    Completions {
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// What is scored, and how it is to be read.
#[derive(Debug, Args)]
pub(crate) struct Data {
    #[command(flatten)]
    pub(crate) pairing: Pairing,
    /// What the numbers of PRED are
    #[arg(long, value_enum, default_value_t)]
    pub(crate) input: Input,
    /// What turns logits into probabilities; softmax if not given
    #[arg(long, value_enum)]
    pub(crate) activation: Option<ActivationArg>,
    /// Where PRED's class axis is; the last for NIfTI and the first otherwise, if not given
    #[arg(long, value_enum)]
    pub(crate) layout: Option<LayoutArg>,
    /// Whether the first axis counts samples; told from the shapes if not given, and `no` for NIfTI and
    /// for labels
    #[arg(long, value_enum, default_value_t)]
    pub(crate) batch: Batch,
    /// PRED is the probability (or logit) of the foreground, without a class axis
    #[arg(long)]
    pub(crate) foreground: bool,
    /// Leave voxels of this label out
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) ignore_label: Option<i64>,
    /// What a class scores that a target does not contain
    #[arg(long, value_enum, default_value_t)]
    pub(crate) absent_class: Absent,
    /// A weight per class; 0 leaves a class out
    #[arg(long, value_name = "X,X…", value_delimiter = ',')]
    pub(crate) class_weights: Option<Vec<f64>>,
    /// The rare classes, which asymmetric losses treat apart; all but class 0 if not given
    #[arg(long, value_name = "C,C…", value_delimiter = ',')]
    pub(crate) rare: Option<Vec<usize>>,
    /// Score files whose NIfTI geometries differ
    #[arg(long)]
    pub(crate) ignore_geometry: bool,
    /// How many threads to use; 0 for as many as the processor has. The result is the same
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
    /// How much memory the files may take that are scored at the same time; one case is scored in any case
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    pub(crate) memory: ByteSize,
}

/// A loss and its parameters.
#[derive(Debug, Args)]
pub(crate) struct LossArgs {
    /// The loss
    #[arg(long, value_name = "NAME", default_value = "asymmetric-unified-focal")]
    pub(crate) loss: String,
    /// λ, the weight of the Tversky side, or none for the plain sum of both sides
    #[arg(long, value_name = "X|none", allow_negative_numbers = true)]
    pub(crate) lambda: Option<OrNone<f64>>,
    /// δ, the weight of false negatives and of rare classes
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) delta: Option<f64>,
    /// γ, the focus
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) gamma: Option<f64>,
    /// Combo's a (or none), or the focal loss's α: one number, or one per class
    #[arg(long, value_name = "X[,X…]|none", allow_negative_numbers = true)]
    pub(crate) alpha: Option<OrNone<List>>,
    /// Combo's b, or none
    #[arg(long, value_name = "X|none", allow_negative_numbers = true)]
    pub(crate) beta: Option<OrNone<f64>>,
    /// s, the smoothing term of the Tversky index
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) smooth: Option<f64>,
    /// ε, which probabilities are clamped to [ε, 1−ε] by, or none
    #[arg(long, value_name = "X|none", allow_negative_numbers = true)]
    pub(crate) clip: Option<OrNone<f64>>,
}

/// A value, or the word `none`.
#[derive(Clone, Debug)]
pub(crate) struct OrNone<T>(pub(crate) Option<T>);

impl<T: FromStr> FromStr for OrNone<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        match text {
            "none" => Ok(Self(None)),
            text => text.parse().map(|value| Self(Some(value))),
        }
    }
}

/// Numbers with commas between them.
#[derive(Clone, Debug)]
pub(crate) struct List(pub(crate) Vec<f64>);

impl FromStr for List {
    type Err = std::num::ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
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
    /// Any finite numbers, turned into probabilities by the activation
    Logits,
    /// An integer label per voxel: a hard segmentation
    Labels,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ActivationArg {
    /// Over the class axis
    Softmax,
    /// Per channel; one channel is the foreground
    Sigmoid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArg {
    /// [N, C, spatial…] or [C, spatial…]
    ChannelsFirst,
    /// [N, spatial…, C] or [spatial…, C]
    ChannelsLast,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Batch {
    /// As the shapes of PRED and TARGET suggest
    #[default]
    Auto,
    /// The first axis counts samples
    Yes,
    /// The whole file is one sample
    No,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Absent {
    /// What the smoothing term makes of it
    #[default]
    Smooth,
    /// Nothing: it is left out of the mean
    Skip,
}
