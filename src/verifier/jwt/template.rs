const TENANT: &str = "{tenantid}";

/// A template of issuers, each of one tenant: `https://login.example.com/{tenantid}/v2.0`.
#[derive(Debug, Clone)]
pub(super) struct IssuerTemplate {
    before: Box<str>,
    after: Box<str>,
}

impl IssuerTemplate {
    /// Reads a template, which has `{tenantid}` in it once.
    pub(super) fn parse(template: &str) -> Option<Self> {
        let (before, after) = template.split_once(TENANT)?;
        let is_plain = |text: &str| !text.contains(['{', '}']);
        (is_plain(before) && is_plain(after) && !before.is_empty()).then(|| Self {
            before: before.into(),
            after: after.into(),
        })
    }

    /// Whether it makes `issuer` of `tenant`.
    pub(super) fn makes(&self, issuer: &str, tenant: &str) -> bool {
        is_made_of(&self.before, &self.after, issuer, tenant)
    }
}

/// Whether a key that is for `meant`, an issuer or a template of issuers, signs for this one.
pub(super) fn is_meant(meant: &str, issuer: &str, tenant: &str) -> bool {
    match meant.split_once(TENANT) {
        Some((before, after)) => is_made_of(before, after, issuer, tenant),
        None => meant == issuer,
    }
}

fn is_made_of(before: &str, after: &str, issuer: &str, tenant: &str) -> bool {
    let rest = issuer.strip_prefix(before);
    let named = rest.and_then(|rest| rest.strip_suffix(after));
    !tenant.is_empty() && named == Some(tenant)
}
