//! Why labels do not match the classes.

use std::fmt;

use crate::listed::listed;

/// Why labels do not match the classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A label that is not in `--labels`.
    Unlisted { label: i64, listed: Vec<i64> },
    /// The number of listed classes differs from the number of channels.
    Count {
        option: &'static str,
        found: usize,
        channels: usize,
    },
    /// A label that no channel stands for.
    NoClass {
        label: i64,
        occurring: Vec<i64>,
        channels: usize,
    },
    /// The ignored label is the whole foreground.
    WholeForeground { ignored: i64 },
    /// Ignoring label 0 may or may not shift the other labels.
    Shift { channels: usize },
    /// A label that is listed twice.
    Twice { label: i64 },
}

fn joined(labels: impl IntoIterator<Item = i64>) -> String {
    let labels: Vec<String> = labels.into_iter().map(|label| label.to_string()).collect();
    labels.join(",")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlisted {
                label,
                listed: labels,
            } => write!(
                f,
                "found the label {label}, expected a label in --labels ({}): add it there, or use --ignore-label {label}",
                listed(labels)
            ),
            Self::Count {
                option,
                found,
                channels,
            } => write!(
                f,
                "{option} lists {found}, expected {channels}, one for each of PRED's {channels} channels"
            ),
            Self::NoClass {
                label,
                occurring,
                channels,
            } => {
                write!(
                    f,
                    "found the labels {}, expected 0 to {} for {channels} classes: label {label} has no channel \
                     (--labels sets the label of each channel, in order",
                    listed(occurring),
                    channels - 1
                )?;
                if occurring.len() == *channels {
                    write!(
                        f,
                        ", such as --labels {}",
                        joined(occurring.iter().copied())
                    )?;
                }
                if occurring.len() > *channels {
                    f.write_str(
                        "; --regions sets the labels of each channel if channels are regions, such as --regions whole=1,2 core=1",
                    )?;
                }
                write!(
                    f,
                    "; --ignore-label {label} ignores its voxels; --input labels reads PRED as a label map)"
                )
            }
            Self::WholeForeground { ignored } => write!(
                f,
                "--ignore-label {ignored} ignores the whole foreground of a mask of 0 and {ignored}: leave the option out, \
                 or add --labels 0,1 if {ignored} marks void voxels"
            ),
            Self::Shift { channels } => {
                let count = *channels as i64;
                write!(
                    f,
                    "--ignore-label 0 is ambiguous: channel k can be label k or label k + 1, expected --labels {} or --labels {}",
                    joined(0..count),
                    joined(1..=count)
                )
            }
            Self::Twice { label } => {
                write!(f, "--labels lists {label} twice, expected each label once")
            }
        }
    }
}
