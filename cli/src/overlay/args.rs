//! The options of `overlay`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

#[derive(Debug, Args)]
pub(crate) struct OverlayArgs {
    #[command(flatten)]
    pub(crate) view: View,
    /// Draw on this image, in grey from its 1st to its 99th percentile. FILE can be a folder of images, matched by name
    #[arg(long, value_name = "FILE", help_heading = "Picture")]
    pub(crate) image: Option<PathBuf>,
    /// Write the picture as PNG. OUT is a file, or a folder for several cases
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub(crate) output: PathBuf,
    /// Report format
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: OverlayFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OverlayFormat {
    /// Lines for reading
    #[default]
    Text,
    /// One object that lists the pictures
    Json,
}

/// The content of a picture.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Picture")]
pub(crate) struct View {
    /// Draw a number of each voxel instead of the errors
    #[arg(long, value_enum)]
    pub(crate) map: Option<Map>,
    /// Draw the errors of this class alone, by label or region name, or the gradient by its channel [default: all classes; an error is
    /// a voxel whose predicted class is not that of TARGET]
    #[arg(long, value_name = "CLASS", allow_hyphen_values = true)]
    pub(crate) class: Option<String>,
    /// Draw the planes through this voxel: its index from 0 along each axis of space, in PRED's order [default: along each axis the
    /// index with the most errors; without an error the centre of what TARGET has, else of the volume]
    #[arg(long, value_name = "I,I…", value_delimiter = ',')]
    pub(crate) at: Option<Vec<usize>>,
    /// Draw this sample, from 0 [default: the one with the most errors]
    #[arg(long, value_name = "N")]
    pub(crate) sample: Option<usize>,
    /// Draw the smallest step between voxels as N pixels [default: as many as give the longest side 256 pixels]
    #[arg(long, value_name = "N")]
    pub(crate) zoom: Option<u32>,
}

/// A number of each voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Map {
    /// The loss, by its distribution-based side
    Loss,
    /// The gradient of the loss with respect to PRED
    Gradient,
}
