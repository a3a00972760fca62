//! The powers of the focal losses, as a type for each exponent that has a shortcut.

use crate::{Exponent, Real};

/// A power with the exponent γ.
pub(crate) trait Power: Copy + Send + Sync {
    /// base^γ.
    fn of<R: Real>(self, base: R) -> R;

    /// base^γ·x.
    #[inline(always)]
    fn times<R: Real>(self, base: R, x: R) -> R {
        self.of(base) * x
    }
}

impl Power for Exponent {
    #[inline(always)]
    fn of<R: Real>(self, base: R) -> R {
        base.powf(self)
    }

    #[inline(always)]
    fn times<R: Real>(self, base: R, x: R) -> R {
        match self {
            Self::Zero => Zero.times(base, x),
            exponent => exponent.of(base) * x,
        }
    }
}

/// γ = 0. Its derivative needs no logarithm.
#[derive(Clone, Copy)]
pub(crate) struct Zero;

impl Power for Zero {
    #[inline(always)]
    fn of<R: Real>(self, base: R) -> R {
        base.powf(Exponent::Zero)
    }

    #[inline(always)]
    fn times<R: Real>(self, _: R, x: R) -> R {
        x
    }
}

/// Types for exponents: each calls [`Real::powf`] with its own variant, so that the compiler drops
/// the others before it inlines them.
macro_rules! powers {
    ($($(#[$doc:meta])* $name:ident$(($e:ident: $type:ty))?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name$((pub(crate) $type))?;

        impl Power for $name {
            #[inline(always)]
            fn of<R: Real>(self, base: R) -> R {
                $(let Self($e) = self;)?
                base.powf(Exponent::$name$(($e))?)
            }
        }
    )*};
}

powers! {
    /// γ = ½.
    Half;
    /// γ = 1.
    One;
    /// γ = 1½.
    ThreeHalves;
    /// γ = 2.
    Two;
    /// Any other γ up to 1.
    Root(e: f64);
    /// Any other γ.
    Other(e: f64);
}
