use std::fmt;

use super::algorithm::Algorithm;
use crate::error::ConfigError;

/// Which library does the arithmetic.
///
/// Both accept exactly the same tokens. Each is compiled in by the cargo feature of its name; with both
/// on they work side by side, and no default of the process is read or set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CryptoBackend {
    /// AWS-LC, by the feature `aws-lc-rs`. Every [`Algorithm`].
    AwsLcRs,
    /// The pure-Rust crates of RustCrypto, by the feature `rust-crypto`. Every [`Algorithm`] but
    /// [`ES512`](Algorithm::ES512), and RSA moduli of at most 4096 bits.
    RustCrypto,
}

impl CryptoBackend {
    /// The back end that is used where none was chosen: AWS-LC where it is compiled in, and otherwise
    /// RustCrypto.
    ///
    /// # Errors
    /// If neither is compiled in.
    pub fn compiled() -> Result<Self, ConfigError> {
        if Self::AwsLcRs.is_compiled() {
            Ok(Self::AwsLcRs)
        } else if Self::RustCrypto.is_compiled() {
            Ok(Self::RustCrypto)
        } else {
            Err(ConfigError::new(
                "crypto backend",
                "none is compiled in: turn on the feature aws-lc-rs or rust-crypto of tower-bearer",
            ))
        }
    }

    /// The name of the cargo feature that compiles it in.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwsLcRs => "aws-lc-rs",
            Self::RustCrypto => "rust-crypto",
        }
    }

    /// Whether it is compiled in.
    #[must_use]
    pub const fn is_compiled(self) -> bool {
        match self {
            Self::AwsLcRs => cfg!(feature = "aws-lc-rs"),
            Self::RustCrypto => cfg!(feature = "rust-crypto"),
        }
    }

    pub(crate) fn lacks(self, algorithm: Algorithm) -> ConfigError {
        ConfigError::new(
            "crypto backend",
            format!("{self} has no {algorithm}: choose aws-lc-rs"),
        )
    }

    #[cfg(not(all(feature = "aws-lc-rs", feature = "rust-crypto")))]
    pub(crate) fn not_compiled(self) -> ConfigError {
        ConfigError::new(
            "crypto backend",
            format!("{self} is not compiled in: turn on the feature {self} of tower-bearer"),
        )
    }
}

impl fmt::Display for CryptoBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key that the back end would not take.
pub(crate) fn rejected(algorithm: Algorithm) -> ConfigError {
    ConfigError::new(
        "key",
        format!("it is no usable key for {algorithm}: a part of it is out of range"),
    )
}
