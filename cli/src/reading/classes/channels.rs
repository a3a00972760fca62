//! The classes of a prediction with channels.

use super::fault::Fault;
use super::options::Options;
use super::table::Classes;
use crate::listed::listed;

impl Classes {
    /// The classes of `channels` channels beside the labels that occur, in ascending order. A single channel is the foreground of
    /// two classes.
    pub(crate) fn for_channels(
        options: &Options,
        occurring: &[i64],
        channels: usize,
    ) -> Result<Self, Fault> {
        if !options.regions.is_empty() {
            let found = options.regions.len();
            if found != channels {
                return Err(Fault::Count {
                    option: "--regions",
                    found,
                    channels,
                });
            }
            return Ok(Self::of_regions(&options.regions));
        }
        let channels = channels.max(2);
        let counted = options.counted(occurring);
        if let Some(labels) = &options.labels {
            if labels.len() != channels {
                return Err(Fault::Count {
                    option: "--labels",
                    found: labels.len(),
                    channels,
                });
            }
            return Self::listed(labels, &counted);
        }
        let classes = 0..channels as i64;
        if let ([0, mask], [0]) = (occurring, counted.as_slice())
            && channels == 2
            && *mask != 1
        {
            return Err(Fault::WholeForeground { ignored: *mask });
        }
        if options.ignored.contains(&0)
            && counted
                .iter()
                .all(|label| (1..=channels as i64).contains(label))
        {
            // Without the last label, channel k can be label k or label k + 1.
            return match counted.last() {
                Some(last) if *last == channels as i64 => {
                    let note = format!(
                        "channel k is label k + 1, because label 0 is ignored and label {last} occurs"
                    );
                    Ok(Self::of_labels((1..=channels as i64).collect(), vec![note]))
                }
                Some(_) => Err(Fault::Shift { channels }),
                None => Ok(Self::of_channels(channels)),
            };
        }
        let Some(label) = counted.iter().find(|label| !classes.contains(label)) else {
            return Ok(Self::of_channels(channels));
        };
        // There is a label for each channel. But 255 and negative labels often mark void voxels.
        let is_void = |label: &i64| *label < 0 || *label == 255 || *label == 65535;
        let is_mask = matches!(counted.as_slice(), [0, 255 | 65535]);
        if counted.len() == channels && (is_mask || !counted.iter().any(is_void)) {
            let note = format!(
                "the channels are the labels {} in order, since as many labels occur as there are channels",
                listed(&counted)
            );
            return Ok(Self::of_labels(counted, vec![note]));
        }
        Err(Fault::NoClass {
            label: *label,
            occurring: counted.clone(),
            channels,
        })
    }
}
