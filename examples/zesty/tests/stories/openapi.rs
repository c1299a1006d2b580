use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{GARDEN, OWNER, Zesty, answer};

#[tokio::test]
async fn each_documented_call_answers_what_is_documented_for_it() {
    let zesty = Zesty::start();
    let document = zesty.http.get(zesty.server.url("/openapi.json"));
    let document: Value = document.send().await.unwrap().json().await.unwrap();
    let scheme = &document["components"]["securitySchemes"]["bearer"];
    assert_eq!(
        (&scheme["type"], &scheme["scheme"]),
        (&json!("http"), &json!("bearer"))
    );
    assert_eq!(document["security"], json!([{ "bearer": [] }]));
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 17, "{:?}", paths.keys());

    let mut good = 0;
    for (path, calls) in paths {
        for (method, call) in calls.as_object().unwrap() {
            let is_open = path == "/login";
            assert_eq!(call["security"] == json!([{}]), is_open, "{path}");
            let session = zesty.login(OWNER).await;
            let role = zesty.role(&session, GARDEN, "Reader").await;
            let (token, _) = zesty.issue(&session, &role, "x").await;
            let target = path
                .replace("{instance}", GARDEN)
                .replace("{token}", &token);
            let body = json!({
                "name": "x", "roleZUID": role, "entityZUID": GARDEN, "filename": "x",
                "instanceZUID": GARDEN, "systemRoleZUID": "31-71cfc74-r3ad3r",
            });
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let target = match method {
                Method::PUT => format!("{target}?action=renew"),
                _ => target,
            };
            for bearer in [&*session, "nobody"] {
                let request = zesty.request(method.clone(), &target, bearer);
                let (status, _) = answer(request.json(&body)).await;
                let documented = call["responses"].get(status.to_string());
                assert!(documented.is_some(), "{method} {path}: {status}");
                assert_eq!(
                    status == 401,
                    bearer == "nobody" && !is_open,
                    "{method} {path}"
                );
                good += u32::from(status < 300);
            }
        }
    }
    // All but the login, which takes a form, and what is asked of models and lines that are not there.
    assert_eq!(good, 17);
}
