/// A template of issuers, each of one tenant: `https://login.example.com/{tenantid}/v2.0`.
#[derive(Debug, Clone)]
pub(super) struct IssuerTemplate {
    before: Box<str>,
    after: Box<str>,
}

impl IssuerTemplate {
    /// Reads a template, which has `{tenantid}` in it once.
    pub(super) fn parse(template: &str) -> Option<Self> {
        let (before, after) = template.split_once("{tenantid}")?;
        let is_plain = |text: &str| !text.contains(['{', '}']);
        (is_plain(before) && is_plain(after) && !before.is_empty()).then(|| Self {
            before: before.into(),
            after: after.into(),
        })
    }

    /// Whether it makes `issuer` of `tenant`.
    pub(super) fn makes(&self, issuer: &str, tenant: &str) -> bool {
        let rest = issuer.strip_prefix(&*self.before);
        let named = rest.and_then(|rest| rest.strip_suffix(&*self.after));
        !tenant.is_empty() && named == Some(tenant)
    }
}
