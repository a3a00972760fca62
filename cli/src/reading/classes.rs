//! The classes and their labels.

use std::fmt;
use std::str::FromStr;

use rustc_hash::FxHashMap;
use serde::Serialize;

/// A class, as reports name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub(crate) enum Name {
    /// The label of the class.
    Label(i64),
    /// The name of the region.
    Region(String),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => label.fmt(f),
            Self::Region(name) => f.write_str(name),
        }
    }
}

/// A union of labels that forms a class: `core=1,4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) labels: Vec<i64>,
}

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("found {text:?}, expected a name and its labels, such as core=1,4");
        let (name, labels) = text.split_once('=').ok_or_else(expected)?;
        let labels = labels
            .split(',')
            .map(|label| label.trim().parse().map_err(|_| expected()));
        let labels: Vec<i64> = labels.collect::<Result<_, _>>()?;
        if name.is_empty() {
            return Err(expected());
        }
        Ok(Self {
            name: name.to_owned(),
            labels,
        })
    }
}

/// The options about labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) labels: Option<Vec<i64>>,
    pub(crate) regions: Vec<Region>,
    pub(crate) ignored: Vec<i64>,
}

/// The classes, in order, and their labels.
#[derive(Clone, Debug)]
pub(crate) struct Classes {
    pub(crate) names: Vec<Name>,
    /// The classes of each label: one class, several regions, or none.
    of_label: FxHashMap<i64, Vec<usize>>,
    /// Whether the classes are regions, which may overlap.
    pub(crate) regions: bool,
    /// The classes of all other labels.
    rest: Vec<usize>,
    /// Whether label k is class k.
    pub(crate) plain: bool,
    pub(crate) notes: Vec<String>,
    pub(crate) warning: Option<String>,
}

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

/// A message lists at most this many labels.
const SHOWN: usize = 12;

fn list(labels: &[i64]) -> String {
    let mut text: Vec<String> = labels.iter().take(SHOWN).map(i64::to_string).collect();
    if labels.len() > SHOWN {
        text.push(format!("… ({} in all)", labels.len()));
    }
    text.join(", ")
}

fn joined(labels: impl IntoIterator<Item = i64>) -> String {
    let labels: Vec<String> = labels.into_iter().map(|label| label.to_string()).collect();
    labels.join(",")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlisted { label, listed } => write!(
                f,
                "found the label {label}, expected a label in --labels ({}): add it there, or use --ignore-label {label}",
                list(listed)
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
                    list(occurring),
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

impl Classes {
    /// The classes 0 to `count` − 1 of a target without labels.
    pub(crate) fn of_channels(count: usize) -> Self {
        Self::of_labels((0..count as i64).collect(), Vec::new())
    }

    fn of_labels(labels: Vec<i64>, notes: Vec<String>) -> Self {
        let plain = labels.iter().zip(0..).all(|(label, class)| *label == class);
        Self {
            of_label: labels
                .iter()
                .enumerate()
                .map(|(class, label)| (*label, vec![class]))
                .collect(),
            names: labels.into_iter().map(Name::Label).collect(),
            regions: false,
            rest: Vec::new(),
            plain,
            notes,
            warning: None,
        }
    }

    /// Regions as classes.
    fn of_regions(regions: &[Region]) -> Self {
        let mut of_label: FxHashMap<i64, Vec<usize>> = FxHashMap::default();
        for (class, region) in regions.iter().enumerate() {
            for label in &region.labels {
                let classes = of_label.entry(*label).or_default();
                if !classes.contains(&class) {
                    classes.push(class);
                }
            }
        }
        Self {
            names: regions
                .iter()
                .map(|region| Name::Region(region.name.clone()))
                .collect(),
            of_label,
            regions: true,
            rest: Vec::new(),
            plain: false,
            notes: Vec::new(),
            warning: None,
        }
    }

    /// The classes of `channels` channels, given the labels that occur, in ascending order. A single channel is the foreground of
    /// two classes.
    pub(crate) fn for_channels(
        asked: &Asked,
        occurring: &[i64],
        channels: usize,
    ) -> Result<Self, Fault> {
        if let ([region], 1) = (asked.regions.as_slice(), channels) {
            let foreground = region.labels.iter().map(|label| (*label, vec![1]));
            return Ok(Self {
                names: vec![
                    Name::Region("background".to_owned()),
                    Name::Region(region.name.clone()),
                ],
                of_label: foreground.collect(),
                regions: false,
                rest: vec![0],
                plain: false,
                notes: Vec::new(),
                warning: None,
            });
        }
        if !asked.regions.is_empty() {
            let found = asked.regions.len();
            if found != channels {
                return Err(Fault::Count {
                    option: "--regions",
                    found,
                    channels,
                });
            }
            return Ok(Self::of_regions(&asked.regions));
        }
        let channels = channels.max(2);
        let counted = counted(asked, occurring);
        if let Some(labels) = &asked.labels {
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
        if asked.ignored.contains(&0)
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
                list(&counted)
            );
            return Ok(Self::of_labels(counted, vec![note]));
        }
        Err(Fault::NoClass {
            label: *label,
            occurring: counted.clone(),
            channels,
        })
    }

    /// The classes of two label maps: all labels that occur.
    pub(crate) fn for_labels(
        asked: &Asked,
        in_prediction: &[i64],
        in_target: &[i64],
    ) -> Result<Self, Fault> {
        let mut occurring = [in_prediction, in_target].concat();
        occurring.sort_unstable();
        occurring.dedup();
        if !asked.regions.is_empty() {
            return Ok(Self::of_regions(&asked.regions));
        }
        let counted = counted(asked, &occurring);
        if let Some(labels) = &asked.labels {
            return Self::listed(labels, &counted);
        }
        if let ([0, mask], [0]) = (in_target, counted.as_slice())
            && *mask != 1
            && occurring == in_target
        {
            return Err(Fault::WholeForeground { ignored: *mask });
        }
        // In a mask of 0 and 1 and one of 0 and 255, the foreground is the same class.
        let is_mask =
            |labels: &[i64], foreground| labels.iter().all(|label| [0, foreground].contains(label));
        let masks = [(1, 255), (255, 1)];
        if counted == [0, 1, 255]
            && let Some((ours, theirs)) = masks
                .into_iter()
                .find(|(ours, theirs)| is_mask(in_prediction, *ours) && is_mask(in_target, *theirs))
        {
            let note = format!(
                "label {ours} of PRED and label {theirs} of TARGET are both the foreground"
            );
            let mut classes = Self::of_labels(vec![0, theirs], vec![note]);
            classes.of_label.insert(ours, vec![1]);
            return Ok(classes);
        }
        let mut classes = Self::of_labels(counted, Vec::new());
        let foreground = |labels: &[i64]| -> Vec<i64> {
            let labels = labels
                .iter()
                .copied()
                .filter(|label| *label != 0 && !asked.ignored.contains(label));
            labels.collect()
        };
        let [ours, theirs] = [in_prediction, in_target].map(foreground);
        if !ours.is_empty()
            && !theirs.is_empty()
            && !ours.iter().any(|label| theirs.contains(label))
        {
            classes.warning = Some(format!(
                "PRED has the labels {} and TARGET {}: no label except 0 can match",
                list(&ours),
                list(&theirs)
            ));
        }
        Ok(classes)
    }

    fn listed(labels: &[i64], counted: &[i64]) -> Result<Self, Fault> {
        for (index, label) in labels.iter().enumerate() {
            if labels[..index].contains(label) {
                return Err(Fault::Twice { label: *label });
            }
        }
        match counted.iter().find(|label| !labels.contains(label)) {
            Some(label) => Err(Fault::Unlisted {
                label: *label,
                listed: labels.to_vec(),
            }),
            None => Ok(Self::of_labels(labels.to_vec(), Vec::new())),
        }
    }

    /// The classes that a label belongs to.
    pub(crate) fn of(&self, label: i64) -> &[usize] {
        self.of_label.get(&label).unwrap_or(&self.rest)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

/// The labels that are not ignored.
fn counted(asked: &Asked, occurring: &[i64]) -> Vec<i64> {
    let counted = occurring
        .iter()
        .filter(|label| !asked.ignored.contains(label));
    counted.copied().collect()
}
