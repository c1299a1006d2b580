use std::time::Duration;

use super::mint::ONE;
use super::{IssueError, JwtIssuer, Minted, NewJwt, NewToken, TokenIssuer};
use crate::clock::Timestamp;

/// JWTs that a store knows.
impl TokenIssuer {
    /// Mints the one token of its kind that a subject has, as [`regenerate`](Self::regenerate) does, and makes
    /// it a JWT: it is signed by `jwts`, its `jti` is the record's id, and it is good while its record is, as a
    /// [`Backed`](crate::verifier::Backed) verifier finds it. `shape` adds what else it is to say.
    ///
    /// ```
    /// use tower_bearer::issue::{IssueError, JwtIssuer, NewToken, TokenIssuer};
    ///
    /// async fn new_token(bots: &TokenIssuer, jwts: &JwtIssuer) -> Result<String, IssueError> {
    ///     let new = NewToken::bot_token("render-farm").name("Render farm");
    ///     Ok(bots.regenerate_jwt(new, jwts, |jwt| jwt).await?.token.reveal())
    /// }
    /// ```
    ///
    /// Roles are kept in the record alone, unless `shape` adds them. The token never expires by itself where
    /// the record does not.
    ///
    /// # Errors
    /// As for [`mint`](Self::mint) and for [`JwtIssuer::issue`], whose longest lifetime counts here too.
    pub async fn regenerate_jwt(
        &self,
        new: NewToken,
        jwts: &JwtIssuer,
        shape: impl FnOnce(NewJwt) -> NewJwt + Send,
    ) -> Result<Minted, IssueError> {
        let now = self.clock.now();
        let record = self.check(new, now)?;
        let jwt = NewJwt::of_record(&record);
        let jwt = match record.expires {
            // From the second's beginning, as `iat` says it: the token is to end when its record does.
            Some(end) => {
                let issued = Timestamp::from_unix_secs(now.as_unix_secs());
                jwt.lifetime(Duration::from_secs(end.since(issued).as_secs()))
            }
            None => jwt.never_expiring(),
        };
        let issued = jwts.issue(shape(jwt))?;
        let mut minted = self.dress(record, issued.token.into_text(), now)?;
        minted.record.id = issued.id;
        self.add(minted, Some(ONE)).await
    }
}
