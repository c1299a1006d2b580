use serde_json::json;

use super::error::IssueError;
use super::jwt::{Header, JwtIssuer};
use crate::error::ConfigError;
use crate::metadata::ResourceMetadata;

impl JwtIssuer {
    /// Vouches for the metadata of a resource: adds `signed_metadata` (RFC 9728 §2.2), a JWT of what the
    /// metadata says and of this issuer's `iss`.
    ///
    /// It is signed once, by the key that signs now. Sign anew, and serve that, before the key is
    /// [retired](super::SigningKeys::retire). Its `typ` is none that verifiers of access tokens take.
    ///
    /// # Errors
    /// If the keys are secrets, the metadata is signed already, or signing failed.
    pub fn sign_metadata(
        &self,
        mut metadata: ResourceMetadata,
    ) -> Result<ResourceMetadata, IssueError> {
        self.keys.require_public()?;
        if metadata.is_signed() {
            return Err(ConfigError::new("metadata", "it is signed already").into());
        }
        let issuer = json!(self.issuer_name());
        let now = self.clock().now().as_unix_secs();
        let payload = format!(r#"{{"iss":{issuer},"iat":{now},{}}}"#, metadata.members());
        let header = Header::new(self.keys.signer(), "oauth-protected-resource+jwt");
        let signed = header.sign(&payload)?;
        metadata.add_signed(&signed);
        Ok(metadata)
    }
}
