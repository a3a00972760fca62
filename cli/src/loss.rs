//! A loss by its name and parameters; a parameter that it does not have is an error.

use serde_json::{Map, Value, json};
use unifocal_ndarray::core::{AnyLoss, Focal, Name, ParameterError, Tversky, UnifiedFocal};

use crate::args::{List, LossArgs, OrNone};
use crate::failure::Failure;

/// A loss, its name, and the α of each class if there is one.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) name: Name,
    pub(crate) loss: AnyLoss,
    pub(crate) alpha: Option<Vec<f64>>,
    /// Every parameter in force, by the name of its option.
    pub(crate) parameters: Map<String, Value>,
}

impl Chosen {
    /// The loss of this name as it is by default.
    pub(crate) fn default_of(name: Name) -> Self {
        let loss = name.loss();
        let (a, b) = (Some(0.5), Some(0.5));
        Self {
            name,
            loss,
            alpha: None,
            parameters: in_force(name, &loss, None, (a, b)),
        }
    }

    /// Whether it treats rare classes apart.
    pub(crate) fn is_asymmetric(&self) -> bool {
        matches!(
            self.name,
            Name::AsymmetricFocal | Name::AsymmetricFocalTversky | Name::AsymmetricUnifiedFocal
        )
    }

    /// Whether it has a part that is averaged over the classes, from which an absent one can be left out.
    pub(crate) fn averages_classes(&self) -> bool {
        !matches!(self.loss, AnyLoss::Focal(_))
    }
}

/// All losses, each with its parameters and their defaults.
pub(crate) fn list() -> String {
    let line = |name: Name| {
        let parameters = Chosen::default_of(name).parameters;
        let parameters = parameters.iter().map(|(name, value)| match value {
            Value::Null => format!("--{name} none"),
            value => format!("--{name} {value}"),
        });
        let parameters: Vec<String> = parameters.collect();
        format!("  {:26}{}\n", name.as_str(), parameters.join(" "))
    };
    Name::ALL.into_iter().map(line).collect()
}

/// The parameters that a loss has.
fn parameters(name: Name) -> &'static [&'static str] {
    match name {
        Name::Dice | Name::Tversky => &["delta", "smooth", "clip"],
        Name::Jaccard => &["smooth", "clip"],
        Name::FocalTversky | Name::SymmetricFocalTversky | Name::AsymmetricFocalTversky => {
            &["delta", "gamma", "smooth", "clip"]
        }
        Name::CrossEntropy => &["clip"],
        Name::Focal => &["gamma", "alpha", "clip"],
        Name::SymmetricFocal | Name::AsymmetricFocal => &["delta", "gamma", "clip"],
        Name::Combo => &["alpha", "beta"],
        Name::TverskyCrossEntropy => &["lambda", "delta", "smooth", "clip"],
        Name::SymmetricUnifiedFocal | Name::AsymmetricUnifiedFocal => {
            &["lambda", "delta", "gamma", "smooth", "clip"]
        }
    }
}

impl LossArgs {
    /// The loss that is asked for.
    pub(crate) fn choose(&self) -> Result<Chosen, Failure> {
        let name = self.name()?;
        self.check(name)?;
        let alpha = match &self.alpha {
            Some(OrNone(Some(List(list)))) if list.len() > 1 => Some(list.clone()),
            _ => None,
        };
        if alpha.is_some() && name != Name::Focal {
            return Err(Failure::Option(format!(
                "--alpha is one number for --loss {name}, expected several for --loss focal only"
            )));
        }
        let a = one(self.alpha.as_ref(), "alpha")?;
        let b = self.beta.as_ref().map_or(Some(0.5), |OrNone(b)| *b);
        let loss = self.build(name, alpha.is_some(), (a, b))?;
        let parameters = in_force(name, &loss, alpha.as_deref(), (a, b));
        Ok(Chosen {
            name,
            loss,
            alpha,
            parameters,
        })
    }

    fn name(&self) -> Result<Name, Failure> {
        let distance = |name: &Name| strsim::damerau_levenshtein(name.as_str(), &self.loss);
        self.loss.parse().map_err(|_| Failure::UnknownLoss {
            found: self.loss.clone(),
            nearest: Name::ALL
                .iter()
                .min_by_key(|name| distance(name))
                .map_or("", |name| name.as_str()),
            all: Name::ALL.map(Name::as_str).join(", "),
        })
    }

    /// Checks that the loss has every parameter that is given.
    fn check(&self, name: Name) -> Result<(), Failure> {
        let given = [
            ("lambda", self.lambda.is_some()),
            ("delta", self.delta.is_some()),
            ("gamma", self.gamma.is_some()),
            ("alpha", self.alpha.is_some()),
            ("beta", self.beta.is_some()),
            ("smooth", self.smooth.is_some()),
            ("clip", self.clip.is_some()),
        ];
        let has = parameters(name);
        match given
            .into_iter()
            .find(|(parameter, given)| *given && !has.contains(parameter))
        {
            None => Ok(()),
            Some((parameter, _)) => Err(Failure::NoSuchParameter {
                loss: name.as_str(),
                parameter,
                expected: has
                    .iter()
                    .map(|has| format!("--{has}"))
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    fn build(
        &self,
        name: Name,
        per_class: bool,
        (a, b): (Option<f64>, Option<f64>),
    ) -> Result<AnyLoss, ParameterError> {
        let clip = self.clip.as_ref().map(|OrNone(clip)| *clip);
        match name.loss() {
            AnyLoss::Tversky(mut loss) => {
                loss = set(loss, self.delta, Tversky::with_delta)?;
                loss = set(loss, self.gamma, Tversky::with_gamma)?;
                loss = set(loss, self.smooth, Tversky::with_smooth)?;
                set(loss, clip, Tversky::with_clip).map(AnyLoss::from)
            }
            AnyLoss::Focal(mut loss) => {
                let alpha = a.filter(|_| self.alpha.is_some() && !per_class);
                loss = set(loss, self.delta, Focal::with_delta)?;
                loss = set(loss, self.gamma, Focal::with_gamma)?;
                loss = set(loss, alpha, Focal::with_alpha)?;
                set(loss, clip, Focal::with_clip).map(AnyLoss::from)
            }
            AnyLoss::UnifiedFocal(_) if name == Name::Combo => {
                UnifiedFocal::combo(a, b).map(AnyLoss::from)
            }
            AnyLoss::UnifiedFocal(mut loss) => {
                let lambda = self.lambda.as_ref().map(|OrNone(lambda)| *lambda);
                loss = set(loss, lambda, UnifiedFocal::with_lambda)?;
                loss = set(loss, self.delta, UnifiedFocal::with_delta)?;
                loss = set(loss, self.gamma, UnifiedFocal::with_gamma)?;
                loss = set(loss, self.smooth, UnifiedFocal::with_smooth)?;
                set(loss, clip, UnifiedFocal::with_clip).map(AnyLoss::from)
            }
        }
    }
}

/// The loss with a parameter set, if it is given.
fn set<L, P>(
    loss: L,
    parameter: Option<P>,
    with: impl FnOnce(L, P) -> Result<L, ParameterError>,
) -> Result<L, ParameterError> {
    match parameter {
        Some(value) => with(loss, value),
        None => Ok(loss),
    }
}

/// Combo's a, or the focal loss's one α: ½ if it is not given, as nothing else has it by default.
fn one(
    alpha: Option<&OrNone<List>>,
    parameter: &'static str,
) -> Result<Option<f64>, ParameterError> {
    match alpha {
        None => Ok(Some(0.5)),
        Some(OrNone(None)) => Ok(None),
        Some(OrNone(Some(List(list)))) => match list.as_slice() {
            [alpha] => Ok(Some(*alpha)),
            [first, ..] => Ok(Some(*first)),
            [] => Err(ParameterError {
                parameter,
                found: f64::NAN,
                expected: "a number",
            }),
        },
    }
}

/// The value of every parameter that the loss has.
fn in_force(
    name: Name,
    loss: &AnyLoss,
    per_class: Option<&[f64]>,
    (a, b): (Option<f64>, Option<f64>),
) -> Map<String, Value> {
    let value = |parameter: &str| match (parameter, loss) {
        ("alpha", AnyLoss::Focal(_)) if per_class.is_some() => json!(per_class),
        ("alpha", AnyLoss::Focal(loss)) => json!(loss.alpha()),
        ("alpha", _) => json!(a),
        ("beta", _) => json!(b),
        ("lambda", AnyLoss::UnifiedFocal(loss)) => json!(loss.lambda()),
        ("delta", AnyLoss::Tversky(loss)) => json!(loss.fn_weight()),
        ("delta", AnyLoss::Focal(loss)) => json!(loss.delta()),
        ("delta", AnyLoss::UnifiedFocal(loss)) => json!(loss.region().fn_weight()),
        ("gamma", AnyLoss::Tversky(loss)) => json!(loss.gamma()),
        ("gamma", AnyLoss::Focal(loss)) => json!(loss.gamma()),
        ("gamma", AnyLoss::UnifiedFocal(loss)) => json!(loss.distribution().gamma()),
        ("smooth", AnyLoss::Tversky(loss)) => json!(loss.smooth()),
        ("smooth", AnyLoss::UnifiedFocal(loss)) => json!(loss.region().smooth()),
        ("clip", AnyLoss::Tversky(loss)) => json!(loss.clip().map(|clip| clip.epsilon())),
        ("clip", AnyLoss::Focal(loss)) => json!(loss.clip().map(|clip| clip.epsilon())),
        ("clip", AnyLoss::UnifiedFocal(loss)) => {
            json!(loss.distribution().clip().map(|clip| clip.epsilon()))
        }
        _ => Value::Null,
    };
    parameters(name)
        .iter()
        .map(|parameter| ((*parameter).to_owned(), value(parameter)))
        .collect()
}
