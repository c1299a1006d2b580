use std::time::Duration;

use super::JwtVerifier;
use super::builder::JwtVerifierBuilder;
use super::header::{TokenType, without_application};
use super::known::Keys;
use super::rules::{Rules, Tenant};
use super::template::IssuerTemplate;
use crate::error::ConfigError;

const MAX_LEEWAY: Duration = Duration::from_secs(300);

impl JwtVerifierBuilder {
    /// Builds the verifier.
    ///
    /// # Errors
    /// If issuer or audience is neither stated nor waived, or both; if an empty text was given; if the
    /// leeway is over 300 seconds; if a claim is to be read or compared that has a setting of its own, or
    /// cannot have that value; or if two settings want different things of one claim.
    pub fn build(self) -> Result<JwtVerifier, ConfigError> {
        let (keys, token_types) = (self.keys.clone(), self.token_types.clone());
        Ok(JwtVerifier {
            rules: self.into_rules()?,
            keys: Keys::new(keys),
            token_type: token_type(&token_types)?,
        })
    }

    /// The rules by which claims are judged, wherever they come from.
    pub(in crate::verifier) fn into_rules(mut self) -> Result<Rules, ConfigError> {
        self.shapes.settle(&mut self.rules)?;
        for template in &self.issuer_templates {
            let template = IssuerTemplate::parse(template)
                .ok_or_else(|| ConfigError::new("issuer_template", "it has not {tenantid} once"))?;
            self.rules.issuer_templates.push(template);
        }
        let rules = &self.rules;
        check_stated(
            "issuer",
            "allow_any_issuer",
            !rules.issuers.is_empty() || !rules.issuer_templates.is_empty(),
            self.any_issuer,
        )?;
        check_stated(
            "audience",
            "allow_any_audience",
            !rules.audiences.is_empty(),
            self.any_audience,
        )?;
        check_texts(rules)?;
        check_times(rules)?;
        Ok(self.rules)
    }
}

fn check_stated(
    setting: &'static str,
    waiver: &str,
    stated: bool,
    waived: bool,
) -> Result<(), ConfigError> {
    let problem = match (stated, waived) {
        (false, false) => format!("state one, or waive it with {waiver}"),
        (true, true) => format!("one is stated, and waived with {waiver}"),
        _ => return Ok(()),
    };
    Err(ConfigError::new(setting, problem))
}

fn check_texts(rules: &Rules) -> Result<(), ConfigError> {
    let fail =
        |setting: &'static str, problem: &'static str| Err(ConfigError::new(setting, problem));
    if rules.issuers.iter().any(|issuer| issuer.is_empty()) {
        return fail("issuer", "it is empty");
    }
    if rules.audiences.iter().any(|audience| audience.is_empty()) {
        return fail("audience", "it is empty");
    }
    if rules.present.iter().any(|name| name.is_empty()) {
        return fail("require_presence", "it names no claim");
    }
    if rules.other_audience.is_some() && rules.audiences.is_empty() {
        return fail("audience_fallback", "any audience is allowed");
    }
    match &rules.tenant {
        Tenant::Fixed(tenant) if tenant.is_empty() => fail("tenant", "it is empty"),
        Tenant::Claimed(_) => Ok(()),
        _ if !rules.issuer_templates.is_empty() => {
            fail("issuer_template", "no claim for the tenant is named")
        }
        _ => Ok(()),
    }
}

fn check_times(rules: &Rules) -> Result<(), ConfigError> {
    if rules.leeway > MAX_LEEWAY {
        return Err(ConfigError::new("leeway", "it is over 300 seconds"));
    }
    if rules.max_lifetime.is_some() && !rules.exp_required {
        return Err(ConfigError::new(
            "max_lifetime",
            "tokens without exp are allowed and have no end",
        ));
    }
    Ok(())
}

fn token_type(types: &[Box<str>]) -> Result<TokenType, ConfigError> {
    if types.is_empty() {
        return Ok(TokenType::Usual);
    }
    let types = types.iter().map(|typ| match without_application(typ) {
        typ if typ.is_empty() || typ.contains('/') => Err(ConfigError::new(
            "token_type",
            "it is no media type below application/",
        )),
        typ => Ok(typ.into()),
    });
    Ok(TokenType::OneOf(types.collect::<Result<_, _>>()?))
}
