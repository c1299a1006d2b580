//! Security keys: the ceremonies of WebAuthn, with an authenticator in software.

use crate::support::{ARTIST, Answer, Kitsu, PASSWORD, text};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A security key with one credential, and the browser in front of it.
struct SecurityKey {
    pair: EcdsaKeyPair,
    id: [u8; 16],
    count: u32,
    origin: &'static str,
}

const USER_PRESENT_AND_VERIFIED: u8 = 0x05;
const WITH_CREDENTIAL: u8 = 0x40;

impl SecurityKey {
    fn new(id: u8) -> Self {
        Self {
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            id: [id; 16],
            count: 0,
            origin: "http://localhost:8080",
        }
    }

    /// What `navigator.credentials.create` gives.
    fn create(&mut self, options: &Value) -> Value {
        let client = self.client_data("webauthn.create", options);
        let mut data = self.authenticator_data(&options["rp"]["id"], WITH_CREDENTIAL);
        data.extend([0; 16]);
        data.extend(16_u16.to_be_bytes());
        data.extend(self.id);
        let point = self.pair.public_key().as_ref();
        // COSE: an EC2 key for ES256 on P-256 (RFC 9053 §7.1.1), its coordinates of 32 bytes each.
        data.extend([0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 32]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 32]);
        data.extend(&point[33..]);
        let mut attestation = b"\xA3\x63fmt\x64none\x67attStmt\xA0\x68authData\x58".to_vec();
        attestation.push(u8::try_from(data.len()).unwrap());
        attestation.extend(data);
        self.credential(&json!({
            "clientDataJSON": base64(&client),
            "attestationObject": base64(&attestation),
        }))
    }

    /// What `navigator.credentials.get` gives.
    fn get(&mut self, options: &Value) -> Value {
        let client = self.client_data("webauthn.get", options);
        let data = self.authenticator_data(&options["rpId"], 0);
        let signed = [&*data, digest(&SHA256, &client).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        self.credential(&json!({
            "clientDataJSON": base64(&client),
            "authenticatorData": base64(&data),
            "signature": base64(signature.as_ref()),
            "userHandle": null,
        }))
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let (challenge, origin) = (&options["challenge"], self.origin);
        let data =
            json!({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false});
        data.to_string().into_bytes()
    }

    fn authenticator_data(&mut self, rp: &Value, flags: u8) -> Vec<u8> {
        self.count += 1;
        let mut data = digest(&SHA256, text(rp).as_bytes()).as_ref().to_vec();
        data.push(USER_PRESENT_AND_VERIFIED | flags);
        data.extend(self.count.to_be_bytes());
        data
    }

    fn credential(&self, response: &Value) -> Value {
        let id = base64(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "response": response,
            "clientExtensionResults": {}, "authenticatorAttachment": "cross-platform",
        })
    }
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

async fn enrol(kitsu: &Kitsu, token: &str, key: &mut SecurityKey, name: &str) -> Answer {
    let options = kitsu.put("auth/fido", token, json!({})).await.ok();
    let response = key.create(&options);
    let body = json!({"registration_response": response, "device_name": name});
    kitsu.post("auth/fido", token, body).await
}

async fn challenge(kitsu: &Kitsu) -> Value {
    let path = format!("auth/fido?email={ARTIST}");
    kitsu.get(&path, "").await.ok()
}

async fn log_in(kitsu: &Kitsu, response: &Value) -> Answer {
    let proof = json!({"fido_authentication_response": response});
    kitsu.log_in_with(ARTIST, PASSWORD, proof).await
}

#[tokio::test]
async fn a_security_key_is_enrolled_used_and_removed() {
    let kitsu = Kitsu::start();
    let (token, _) = kitsu.log_in(ARTIST).await;
    let mut key = SecurityKey::new(1);
    let enabled = enrol(&kitsu, &token, &mut key, "blue").await.is(200);
    assert_eq!(enabled["otp_recovery_codes"].as_array().unwrap().len(), 16);
    let me = kitsu.get("auth/authenticated", &token).await.ok();
    assert_eq!(me["user"]["fido_devices"], json!(["blue"]));

    let due = kitsu.log_in_with(ARTIST, PASSWORD, json!({})).await.is(400);
    assert_eq!(due["preferred_two_factor_authentication"], "fido");
    let response = key.get(&challenge(&kitsu).await);
    log_in(&kitsu, &response).await.is(200);
    let replayed = log_in(&kitsu, &response).await.is(400);
    assert_eq!(replayed["wrong_OTP"], true);

    let remove =
        |proof: &Value| json!({"device_name": "blue", "fido_authentication_response": proof});
    let unproved = Some(json!({"device_name": "blue"}));
    kitsu.delete("auth/fido", &token, unproved).await.is(400);
    let proof = key.get(&challenge(&kitsu).await);
    kitsu
        .delete("auth/fido", &token, Some(remove(&proof)))
        .await
        .is(200);
    kitsu.log_in(ARTIST).await;
    kitsu
        .get(&format!("auth/fido?email={ARTIST}"), "")
        .await
        .is(400);
}

#[tokio::test]
async fn what_no_enrolled_key_signed_for_this_page_is_refused() {
    let kitsu = Kitsu::start();
    let (token, _) = kitsu.log_in(ARTIST).await;
    let mut key = SecurityKey::new(1);
    enrol(&kitsu, &token, &mut key, "blue").await.is(200);
    log_in(&kitsu, &json!({})).await.is(400);
    log_in(&kitsu, &json!("yes")).await.is(400);
    // Of another key, under the same id.
    let forged = SecurityKey::new(1).get(&challenge(&kitsu).await);
    log_in(&kitsu, &forged).await.is(400);
    // Made for the page of somebody else.
    key.origin = "http://localhost.example.com";
    let phished = key.get(&challenge(&kitsu).await);
    log_in(&kitsu, &phished).await.is(400);
    // A copy of the key, which has not counted along.
    key.origin = "http://localhost:8080";
    key.count = 0;
    let cloned = key.get(&challenge(&kitsu).await);
    log_in(&kitsu, &cloned).await.is(400);
}

#[tokio::test]
async fn a_challenge_lasts_five_minutes_and_asking_for_another_does_not_end_it() {
    let kitsu = Kitsu::start();
    let (token, _) = kitsu.log_in(ARTIST).await;
    let mut key = SecurityKey::new(1);
    enrol(&kitsu, &token, &mut key, "blue").await.is(200);
    let begun = challenge(&kitsu).await;
    for _ in 0..3 {
        challenge(&kitsu).await;
    }
    log_in(&kitsu, &key.get(&begun)).await.is(200);
    let begun = challenge(&kitsu).await;
    kitsu.advance(300).await;
    log_in(&kitsu, &key.get(&begun)).await.is(400);
    log_in(&kitsu, &key.get(&challenge(&kitsu).await))
        .await
        .is(200);
}

#[tokio::test]
async fn a_second_key_needs_another_name_and_another_ceremony() {
    let kitsu = Kitsu::start();
    let (token, _) = kitsu.log_in(ARTIST).await;
    let (mut blue, mut red) = (SecurityKey::new(1), SecurityKey::new(2));
    enrol(&kitsu, &token, &mut blue, "blue").await.is(200);
    enrol(&kitsu, &token, &mut red, "blue").await.is(400);
    let second = enrol(&kitsu, &token, &mut red, "red").await.is(200);
    assert_eq!(second["otp_recovery_codes"], Value::Null);
    let late = json!({"registration_response": red.create(&json!({"rp": {"id": "localhost"}})), "device_name": "x"});
    let late = kitsu.post("auth/fido", &token, late).await.is(400);
    assert_eq!(late["message"], "No preregistration before.");
    for key in [&mut blue, &mut red] {
        let response = key.get(&challenge(&kitsu).await);
        log_in(&kitsu, &response).await.is(200);
    }
}
