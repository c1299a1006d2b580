//! TOTP, codes by e-mail and recovery codes: enrolled, used, and removed.

use std::fs;

use crate::support::{ADMIN, ARTIST, Kitsu, PASSWORD, now, text, totp};
use serde_json::{Value, json};

/// A server that writes mail to a file, which is gone with this.
struct Studio {
    kitsu: Kitsu,
    mailbox: String,
    /// By how much the server's clock is ahead.
    ahead: u64,
}

impl Studio {
    fn open() -> Self {
        let name = format!(
            "kitsu-test-{}-{}.txt",
            std::process::id(),
            uuid::Uuid::new_v4()
        );
        let mailbox = std::env::temp_dir().join(name).to_str().unwrap().to_owned();
        // The clock is put to the beginning of a time step, which then does not end during a story.
        let kitsu = Kitsu::start_with(&[("MAILBOX", &mailbox)]);
        Self {
            kitsu,
            mailbox,
            ahead: 0,
        }
    }

    async fn advance(&mut self, secs: u64) {
        self.kitsu.advance(secs).await;
        self.ahead += secs;
    }

    async fn begin_a_time_step(&mut self) {
        let into = (now() + self.ahead) % 30;
        self.advance(30 - into).await;
    }

    fn totp(&self, secret: &str) -> String {
        totp(secret, self.ahead)
    }

    fn mailed_code(&self) -> String {
        let mail = fs::read_to_string(&self.mailbox).unwrap();
        let (_, last) = mail.rsplit_once("code is ").unwrap();
        last[..6].to_owned()
    }

    async fn log_in(&self, proof: Value) -> crate::support::Answer {
        self.kitsu.log_in_with(ARTIST, PASSWORD, proof).await
    }

    /// The token, the secret and the recovery codes of an artist with TOTP.
    async fn with_totp(&mut self) -> (String, String, Vec<String>) {
        let (token, _) = self.kitsu.log_in(ARTIST).await;
        let begun = self.kitsu.put("auth/totp", &token, json!({})).await.ok();
        let secret = text(&begun["otp_secret"]);
        self.begin_a_time_step().await;
        let code = json!({"totp": self.totp(&secret)});
        let enabled = self.kitsu.post("auth/totp", &token, code).await.ok();
        let codes = enabled["otp_recovery_codes"].as_array().unwrap();
        let codes = codes.iter().map(text).collect();
        self.begin_a_time_step().await;
        (token, secret, codes)
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.mailbox);
    }
}

#[tokio::test]
async fn totp_is_enabled_by_a_code_and_then_asked_for() {
    let mut studio = Studio::open();
    let (token, _) = studio.kitsu.log_in(ARTIST).await;
    let begun = studio.kitsu.put("auth/totp", &token, json!({})).await.ok();
    let uri = text(&begun["totp_provisionning_uri"]);
    assert!(
        uri.starts_with("otpauth://totp/Kitsu:artist%40example.com?secret="),
        "{uri}"
    );
    let wrong = studio
        .kitsu
        .post("auth/totp", &token, json!({"totp": "abcdef"}))
        .await
        .is(400);
    assert_eq!(wrong["wrong_OTP"], true);
    studio.log_in(json!({})).await.is(200);

    let (token, secret, codes) = studio.with_totp().await;
    assert_eq!(codes.len(), 16);
    studio
        .kitsu
        .put("auth/totp", &token, json!({}))
        .await
        .is(400);
    let me = studio.kitsu.get("auth/authenticated", &token).await.ok();
    assert_eq!(me["user"]["totp_enabled"], true);
    assert!(!me.to_string().contains(&secret));

    let due = studio.log_in(json!({})).await.is(400);
    assert_eq!(due["missing_OTP"], true);
    assert_eq!(due["preferred_two_factor_authentication"], "totp");
    assert_eq!(
        due["two_factor_authentication_enabled"],
        json!(["totp", "recovery_code"])
    );
    let wrong = studio.log_in(json!({"totp": "abcdef"})).await.is(400);
    assert_eq!(wrong["wrong_OTP"], true);
    // Neither is told before the password was right.
    let proof = json!({"totp": studio.totp(&secret)});
    let wrong = studio
        .kitsu
        .log_in_with(ARTIST, "wrong", proof.clone())
        .await
        .is(400);
    assert_eq!(
        wrong,
        json!({"login": false, "message": "Wrong email or password."})
    );
    let user = &studio.log_in(proof).await.is(200)["user"];
    assert_eq!(user["preferred_two_factor_authentication"], "totp");
}

#[tokio::test]
async fn a_code_is_good_once_and_in_its_own_time_step_and_those_beside_it() {
    let mut studio = Studio::open();
    let (token, secret, _) = studio.with_totp().await;
    let now = studio.totp(&secret);
    studio.log_in(json!({"totp": now})).await.is(200);
    let replayed = studio.log_in(json!({"totp": now})).await.is(400);
    assert_eq!(replayed["wrong_OTP"], true);
    // The step to come; and then none before it, though it is only now its time.
    let next = totp(&secret, studio.ahead + 30);
    studio.log_in(json!({"totp": next})).await.is(200);
    studio.advance(30).await;
    studio.log_in(json!({"totp": next})).await.is(400);
    studio.advance(60).await;
    let code = studio.totp(&secret);
    studio.advance(30).await;
    studio.log_in(json!({"totp": code})).await.is(200);
    let code = studio.totp(&secret);
    studio.advance(60).await;
    studio.log_in(json!({"totp": code})).await.is(400);
    studio
        .log_in(json!({"totp": totp(&secret, studio.ahead + 60)}))
        .await
        .is(400);

    // As a number, which has no noughts in front. One is waited for that begins with such.
    let code = loop {
        studio.advance(30).await;
        let code = studio.totp(&secret);
        if code.starts_with('0') {
            break code;
        }
    };
    let number: u32 = code.parse().unwrap();
    studio.log_in(json!({"totp": number})).await.is(200);

    studio.begin_a_time_step().await;
    let proof = || json!({"totp": studio.totp(&secret)});
    studio
        .kitsu
        .delete("auth/totp", &token, Some(json!({})))
        .await
        .is(400);
    studio
        .kitsu
        .delete("auth/totp", &token, Some(proof()))
        .await
        .is(200);
    studio.log_in(json!({})).await.is(200);
    studio
        .kitsu
        .delete("auth/totp", &token, Some(proof()))
        .await
        .is(400);
}

#[tokio::test]
async fn recovery_codes_are_good_once_each_and_go_with_the_last_factor() {
    let mut studio = Studio::open();
    let (token, secret, codes) = studio.with_totp().await;
    studio
        .log_in(json!({"recovery_code": codes[0]}))
        .await
        .is(200);
    let again = studio
        .log_in(json!({"recovery_code": codes[0]}))
        .await
        .is(400);
    assert_eq!(again["wrong_OTP"], true);
    let written = codes[1].replace('-', " ").to_lowercase();
    studio
        .log_in(json!({"recovery_code": written}))
        .await
        .is(200);

    let proof = json!({"recovery_code": codes[2]});
    let renewed = studio
        .kitsu
        .put("auth/recovery-codes", &token, proof.clone())
        .await
        .ok();
    let fresh = text(&renewed["otp_recovery_codes"][0]);
    assert!(!codes.contains(&fresh));
    studio
        .log_in(json!({"recovery_code": codes[3]}))
        .await
        .is(400);
    studio
        .kitsu
        .put("auth/recovery-codes", &token, proof)
        .await
        .is(400);
    studio.log_in(json!({"recovery_code": fresh})).await.is(200);

    let left = text(&renewed["otp_recovery_codes"][1]);
    let proof = json!({"totp": studio.totp(&secret)});
    studio
        .kitsu
        .delete("auth/recovery-codes", &token, Some(proof))
        .await
        .is(200);
    studio.log_in(json!({"recovery_code": left})).await.is(400);
}

#[tokio::test]
async fn a_code_by_email_is_good_for_five_minutes_and_once() {
    let mut studio = Studio::open();
    let (token, _) = studio.kitsu.log_in(ARTIST).await;
    studio
        .kitsu
        .put("auth/email-otp", &token, json!({}))
        .await
        .is(200);
    let first = json!({"email_otp": studio.mailed_code()});
    studio
        .kitsu
        .post("auth/email-otp", &token, json!({"email_otp": "abcdef"}))
        .await
        .is(400);
    studio
        .kitsu
        .post("auth/email-otp", &token, first.clone())
        .await
        .is(200);
    let due = studio.log_in(json!({})).await.is(400);
    assert_eq!(due["preferred_two_factor_authentication"], "email_otp");
    studio.log_in(first).await.is(400);

    let ask = async |email: &str| {
        let path = format!("auth/email-otp?email={email}");
        studio.kitsu.get(&path, "").await.is(200)
    };
    let sent = ask(ARTIST).await;
    // To whom there is nothing to be sent, nobody is told.
    let before = fs::metadata(&studio.mailbox).unwrap().len();
    assert_eq!(ask(ADMIN).await, sent);
    assert_eq!(ask("nobody@example.com").await, sent);
    assert_eq!(fs::metadata(&studio.mailbox).unwrap().len(), before);

    let number: u32 = studio.mailed_code().parse().unwrap();
    studio.log_in(json!({"email_otp": number})).await.is(200);
    studio.log_in(json!({"email_otp": number})).await.is(400);
    ask(ARTIST).await;
    let older = studio.mailed_code();
    ask(ARTIST).await;
    if older != studio.mailed_code() {
        studio.log_in(json!({"email_otp": older})).await.is(400);
    }
    let code = studio.mailed_code();
    studio.kitsu.advance(5 * 60).await;
    studio.log_in(json!({"email_otp": code})).await.is(400);

    ask(ARTIST).await;
    let proof = json!({"email_otp": studio.mailed_code()});
    studio
        .kitsu
        .delete("auth/email-otp", &token, Some(proof))
        .await
        .is(200);
    studio.log_in(json!({})).await.is(200);
    studio.ahead += 5 * 60;
}

#[tokio::test]
async fn of_several_proofs_the_first_that_is_enabled_decides_alone() {
    let mut studio = Studio::open();
    let (token, secret, codes) = studio.with_totp().await;
    // TOTP before a recovery code: a wrong one is not made good, and the code not used up.
    let both = json!({"totp": "abcdef", "recovery_code": codes[0]});
    studio.log_in(both).await.is(400);
    studio
        .log_in(json!({"recovery_code": codes[0]}))
        .await
        .is(200);
    // What is not enabled is not looked at.
    let both = json!({"email_otp": "123456", "recovery_code": codes[1]});
    studio.log_in(both).await.is(200);
    // TOTP before a code by e-mail, which comes before a recovery code.
    studio
        .kitsu
        .put("auth/email-otp", &token, json!({}))
        .await
        .is(200);
    let code = json!({"email_otp": studio.mailed_code()});
    let enabled = studio
        .kitsu
        .post("auth/email-otp", &token, code)
        .await
        .is(200);
    assert_eq!(enabled["otp_recovery_codes"], Value::Null, "there are some");
    let wrong_mail = json!({"totp": studio.totp(&secret), "email_otp": "abcdef"});
    studio.log_in(wrong_mail).await.is(200);
    let wrong_mail = json!({"email_otp": "abcdef", "recovery_code": codes[2]});
    studio.log_in(wrong_mail).await.is(400);
    let due = studio
        .log_in(json!({"totp": "", "email_otp": null}))
        .await
        .is(400);
    let enabled = json!(["totp", "email_otp", "recovery_code"]);
    assert_eq!(due["two_factor_authentication_enabled"], enabled);
    // With one of two removed, the other is asked for.
    let proof = json!({"recovery_code": codes[2]});
    studio
        .kitsu
        .delete("auth/totp", &token, Some(proof))
        .await
        .is(200);
    let due = studio.log_in(json!({})).await.is(400);
    assert_eq!(due["preferred_two_factor_authentication"], "email_otp");
}

#[tokio::test]
async fn codes_cannot_be_guessed_by_who_has_the_password() {
    let mut studio = Studio::open();
    let (_, secret, codes) = studio.with_totp().await;
    for _ in 0..4 {
        studio.log_in(json!({"totp": "abcdef"})).await.is(400);
        // A login without a code neither counts nor forgives.
        assert_eq!(studio.log_in(json!({})).await.is(400)["missing_OTP"], true);
    }
    studio.log_in(json!({"totp": "abcdef"})).await.is(400);
    let locked = studio
        .log_in(json!({"recovery_code": codes[0]}))
        .await
        .is(400);
    assert_eq!(locked["too_many_failed_login_attemps"], true);
    studio.advance(60).await;
    studio
        .log_in(json!({"totp": studio.totp(&secret)}))
        .await
        .is(200);
}

#[tokio::test]
async fn bots_have_no_second_factor() {
    let studio = Studio::open();
    let (admin, _) = studio.kitsu.log_in(ADMIN).await;
    let bot = json!({"first_name": "Farm", "email": "farm@example.com", "is_bot": true});
    let bot = text(&studio.kitsu.post("data/persons", &admin, bot).await.ok()["access_token"]);
    for path in [
        "auth/totp",
        "auth/email-otp",
        "auth/fido",
        "auth/recovery-codes",
    ] {
        studio.kitsu.put(path, &bot, json!({})).await.is(403);
    }
}
