//! The names of the losses.

use core::fmt;
use core::str::FromStr;

use crate::spelling;

/// The name of a loss.
///
/// Parsing is lenient: it ignores case, reads `_` as `-`, ignores a trailing `-loss`, and accepts
/// [aliases](Name::aliases).
///
/// # Examples
///
/// ```
/// use unifocal_core::catalogue::Name;
///
/// assert_eq!("asym_unified_focal".parse(), Ok(Name::AsymmetricUnifiedFocal));
/// assert_eq!("Dice_Loss".parse(), Ok(Name::Dice));
///
/// let unknown = "unifed".parse::<Name>().unwrap_err();
/// assert_eq!(unknown.nearest, Name::AsymmetricUnifiedFocal);
/// # Ok::<(), unifocal_core::catalogue::UnknownName>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// [`Tversky::dice`](crate::Tversky::dice).
    Dice,
    /// [`Tversky::jaccard`](crate::Tversky::jaccard).
    Jaccard,
    /// [`Tversky::new`](crate::Tversky::new).
    Tversky,
    /// [`Tversky::focal`](crate::Tversky::focal).
    FocalTversky,
    /// [`Tversky::weighted`](crate::Tversky::weighted).
    WeightedTversky,
    /// [`Tversky::log_dice`](crate::Tversky::log_dice).
    LogDice,
    /// [`Tversky::log_cosh_dice`](crate::Tversky::log_cosh_dice).
    LogCoshDice,
    /// [`Tversky::noise_robust_dice`](crate::Tversky::noise_robust_dice).
    NoiseRobustDice,
    /// [`Tversky::generalized_dice`](crate::Tversky::generalized_dice).
    GeneralizedDice,
    /// [`Tversky::symmetric_focal`](crate::Tversky::symmetric_focal).
    SymmetricFocalTversky,
    /// [`Tversky::asymmetric_focal`](crate::Tversky::asymmetric_focal).
    AsymmetricFocalTversky,
    /// [`Matthews::new`](crate::Matthews::new).
    Matthews,
    /// [`Focal::cross_entropy`](crate::Focal::cross_entropy).
    CrossEntropy,
    /// [`HardVoxels::new`](crate::HardVoxels::new).
    HardVoxels,
    /// [`Focal::new`](crate::Focal::new).
    Focal,
    /// [`Focal::poly1`](crate::Focal::poly1).
    Poly1,
    /// [`Focal::symmetric`](crate::Focal::symmetric).
    SymmetricFocal,
    /// [`Focal::asymmetric`](crate::Focal::asymmetric).
    AsymmetricFocal,
    /// [`UnifiedFocal::dice_cross_entropy`](crate::UnifiedFocal::dice_cross_entropy).
    DiceCrossEntropy,
    /// [`UnifiedFocal::dice_focal`](crate::UnifiedFocal::dice_focal).
    DiceFocal,
    /// [`UnifiedFocal::exponential_log`](crate::UnifiedFocal::exponential_log).
    ExponentialLog,
    /// [`UnifiedFocal::combo`](crate::UnifiedFocal::combo) at a = b = ½.
    Combo,
    /// [`UnifiedFocal::tversky_cross_entropy`](crate::UnifiedFocal::tversky_cross_entropy).
    TverskyCrossEntropy,
    /// [`UnifiedFocal::symmetric`](crate::UnifiedFocal::symmetric).
    SymmetricUnifiedFocal,
    /// [`UnifiedFocal::asymmetric`](crate::UnifiedFocal::asymmetric).
    #[default]
    AsymmetricUnifiedFocal,
}

impl Name {
    /// All names: region-based first, compound last.
    pub const ALL: [Self; 25] = [
        Self::Dice,
        Self::Jaccard,
        Self::Tversky,
        Self::FocalTversky,
        Self::WeightedTversky,
        Self::LogDice,
        Self::LogCoshDice,
        Self::NoiseRobustDice,
        Self::GeneralizedDice,
        Self::SymmetricFocalTversky,
        Self::AsymmetricFocalTversky,
        Self::Matthews,
        Self::CrossEntropy,
        Self::HardVoxels,
        Self::Focal,
        Self::Poly1,
        Self::SymmetricFocal,
        Self::AsymmetricFocal,
        Self::DiceCrossEntropy,
        Self::DiceFocal,
        Self::ExponentialLog,
        Self::Combo,
        Self::TverskyCrossEntropy,
        Self::SymmetricUnifiedFocal,
        Self::AsymmetricUnifiedFocal,
    ];

    /// The canonical spelling, for example `asymmetric-unified-focal`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dice => "dice",
            Self::Jaccard => "jaccard",
            Self::Tversky => "tversky",
            Self::FocalTversky => "focal-tversky",
            Self::WeightedTversky => "weighted-tversky",
            Self::LogDice => "log-dice",
            Self::LogCoshDice => "log-cosh-dice",
            Self::NoiseRobustDice => "noise-robust-dice",
            Self::GeneralizedDice => "generalized-dice",
            Self::SymmetricFocalTversky => "symmetric-focal-tversky",
            Self::AsymmetricFocalTversky => "asymmetric-focal-tversky",
            Self::Matthews => "mcc",
            Self::CrossEntropy => "cross-entropy",
            Self::HardVoxels => "hard-voxels",
            Self::Focal => "focal",
            Self::Poly1 => "poly-1",
            Self::SymmetricFocal => "symmetric-focal",
            Self::AsymmetricFocal => "asymmetric-focal",
            Self::DiceCrossEntropy => "dice-cross-entropy",
            Self::DiceFocal => "dice-focal",
            Self::ExponentialLog => "exponential-log",
            Self::Combo => "combo",
            Self::TverskyCrossEntropy => "tversky-cross-entropy",
            Self::SymmetricUnifiedFocal => "symmetric-unified-focal",
            Self::AsymmetricUnifiedFocal => "asymmetric-unified-focal",
        }
    }

    /// Other spellings that are accepted when parsing, but never printed.
    ///
    /// `unified-focal` is the asymmetric loss, the main one of the paper.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Dice => &["dsc", "soft-dice"],
            Self::Jaccard => &["iou", "soft-iou"],
            Self::Tversky | Self::WeightedTversky => &[],
            Self::LogDice => &[],
            Self::LogCoshDice => &["logcosh-dice"],
            Self::NoiseRobustDice => &["nr-dice"],
            Self::Focal | Self::DiceFocal | Self::Combo => &[],
            Self::GeneralizedDice => &["gdl", "generalised-dice"],
            Self::FocalTversky => &["ftl"],
            Self::SymmetricFocalTversky => &["sym-focal-tversky"],
            Self::AsymmetricFocalTversky => &["asym-focal-tversky"],
            Self::Matthews => &["matthews"],
            Self::HardVoxels => &["ohem", "top-k"],
            Self::CrossEntropy => &["ce", "crossentropy"],
            Self::DiceCrossEntropy => &["dice-ce"],
            Self::ExponentialLog => &["exp-log", "exponential-logarithmic"],
            Self::Poly1 => &["poly1", "poly"],
            Self::SymmetricFocal => &["sym-focal"],
            Self::AsymmetricFocal => &["asym-focal"],
            Self::TverskyCrossEntropy => &["tversky-ce"],
            Self::SymmetricUnifiedFocal => &["sym-unified-focal"],
            Self::AsymmetricUnifiedFocal => &["unified-focal", "asym-unified-focal"],
        }
    }

    /// Every name and alias, with the loss it stands for.
    fn known() -> impl Iterator<Item = (Self, &'static str)> {
        let all = Self::ALL.into_iter();
        let aliases = |name: Self| name.aliases().iter().map(move |alias| (name, *alias));
        all.clone()
            .map(|name| (name, name.as_str()))
            .chain(all.flat_map(aliases))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Name {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let name = without_loss(name);
        spelling::find(name, Self::known()).ok_or_else(|| UnknownName {
            nearest: spelling::nearest(name, Self::known()).unwrap_or_default(),
        })
    }
}

/// Removes a trailing `-loss` or `_loss`.
fn without_loss(name: &str) -> &str {
    name.rsplit_once(['-', '_'])
        .filter(|(_, end)| end.eq_ignore_ascii_case("loss"))
        .map_or(name, |(start, _)| start)
}

/// No loss has this name; [`Name::ALL`] lists all names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The loss with the most similar name or alias.
    pub nearest: Name,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no loss has this name: did you mean \"{}\"? Expected one of ",
            self.nearest
        )?;
        spelling::list(f, Name::ALL)
    }
}

impl core::error::Error for UnknownName {}

/// The constructor that made a loss, which determines the names of its parameters. It does not
/// affect the formulas, so all origins compare equal and print alike.
#[derive(Clone, Copy)]
pub(crate) struct Origin(pub(crate) Name);

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}
