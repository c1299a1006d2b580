//! Files: listed, made, filled, read, locked and deleted, behind permissions.
#![allow(clippy::unwrap_used)]

mod client;

use std::collections::BTreeSet;

use client::{Api, send, text};
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;

#[tokio::test]
async fn a_file_is_made_filled_shown_read_and_deleted() {
    let api = Api::start(&[]);
    let user = api.user().await;
    let url = api.make_file(&user, "content.bin").await;
    let id = url.strip_prefix("/files/").unwrap();
    let shown = json!({
        "share_id": id, "owner_name": "user", "file_name": "content.bin",
        "initialized": false, "locked": false,
    });
    assert_eq!(api.get(&url, &user).await.body, shown);
    let content_url = format!("{url}/content");
    api.get(&content_url, &user).await.is_refused(404);

    let bytes: Vec<u8> = (0..=255).cycle().take(4000).collect();
    let upload = || api.content(Method::POST, &url, &bytes).bearer_auth(&user);
    assert_eq!(send(upload()).await.status, 201);
    send(upload()).await.is_refused(423);
    assert_eq!(api.get(&url, &user).await.body["initialized"], true);

    let download = api.request(Method::GET, &content_url).bearer_auth(&user);
    let answer = download.send().await.unwrap();
    assert_eq!(
        answer.headers()["content-disposition"],
        "attachment; filename=content.bin"
    );
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert_eq!(answer.bytes().await.unwrap(), bytes);

    let delete = || api.request(Method::DELETE, &url).bearer_auth(&user);
    assert_eq!(send(delete()).await.status, 200);
    send(delete()).await.is_refused(404);
    api.get(&content_url, &user).await.is_refused(404);
}

#[tokio::test]
async fn files_are_changed_by_their_owner_and_by_administrators() {
    let api = Api::start(&[]);
    let admin = api.admin().await;
    for name in ["jeff", "dave"] {
        let new = json!({ "username": name, "password": "x", "permissions": ["CREATE", "MODIFY", "READ"] });
        assert_eq!(api.post("/users", &admin, new).await.status, 201);
    }
    let (jeff, dave) = (api.login("jeff", "x").await, api.login("dave", "x").await);
    let url = api.make_file(&jeff, "a.txt").await;
    let put = |method, token: &str, text: &str| {
        send(
            api.content(method, &url, text.as_bytes())
                .bearer_auth(token),
        )
    };
    put(Method::POST, &dave, "dave's").await.is_refused(403);
    put(Method::PUT, &jeff, "too early").await.is_refused(423);
    assert_eq!(put(Method::POST, &jeff, "first").await.status, 201);
    put(Method::PUT, &dave, "dave's").await.is_refused(403);
    assert_eq!(put(Method::PUT, &jeff, "second").await.status, 200);
    assert_eq!(put(Method::PUT, &admin, "third").await.status, 200);
    let download = api
        .request(Method::GET, &format!("{url}/content"))
        .bearer_auth(&dave);
    assert_eq!(
        download.send().await.unwrap().text().await.unwrap(),
        "third"
    );

    let patch = |token: &str, body| {
        let request = api.request(Method::PATCH, &url).bearer_auth(token);
        send(request.json(&body))
    };
    patch(&dave, json!({ "file_name": "b.txt" }))
        .await
        .is_refused(403);
    patch(&jeff, json!({ "owner_name": "nobody" }))
        .await
        .is_refused(400);
    patch(&jeff, json!({ "file_name": "" }))
        .await
        .is_refused(400);
    patch(&jeff, json!({ "file_name": "a\r\nSet-Cookie: x" }))
        .await
        .is_refused(400);
    assert_eq!(
        patch(&jeff, json!({ "file_name": "ü \"b\".txt" }))
            .await
            .status,
        200
    );
    let download = api
        .request(Method::GET, &format!("{url}/content"))
        .bearer_auth(&dave);
    let answer = download.send().await.unwrap();
    let disposition = &answer.headers()["content-disposition"];
    assert_eq!(
        disposition,
        "attachment; filename*=UTF-8''%C3%BC%20%22b%22.txt"
    );

    let all = |body| {
        send(
            api.request(Method::PUT, &url)
                .bearer_auth(&jeff)
                .json(&body),
        )
    };
    all(json!({ "file_name": "c.txt" })).await.is_refused(400);
    assert_eq!(
        all(json!({ "file_name": "c.txt", "owner_name": "dave" }))
            .await
            .status,
        200
    );
    patch(&jeff, json!({ "file_name": "d.txt" }))
        .await
        .is_refused(403);
    assert_eq!(
        patch(&dave, json!({ "file_name": "d.txt" })).await.status,
        200
    );
}

#[tokio::test]
async fn a_locked_file_stays_as_it_is() {
    let api = Api::start(&[]);
    let (user, admin) = (api.user().await, api.admin().await);
    let url = api.make_file(&admin, "kept.txt").await;
    let upload = api.content(Method::POST, &url, b"kept").bearer_auth(&admin);
    assert_eq!(send(upload).await.status, 201);
    let lock = format!("{url}/lock");
    api.post(&lock, &user, json!({}))
        .await
        .says(403, "Missing permissions to access this page.");
    assert_eq!(api.post(&lock, &admin, json!({})).await.status, 200);
    assert_eq!(api.get(&url, &user).await.body["locked"], true);
    let replace = || {
        api.content(Method::PUT, &url, b"changed")
            .bearer_auth(&admin)
    };
    send(replace()).await.is_refused(423);
    let rename = json!({ "file_name": "other.txt" });
    api.ask(Method::PATCH, &url, &admin, rename)
        .await
        .is_refused(423);
    let delete = api.request(Method::DELETE, &url).bearer_auth(&user);
    send(delete).await.is_refused(423);
    let unlock = format!("{url}/unlock");
    assert_eq!(api.post(&unlock, &admin, json!({})).await.status, 200);
    assert_eq!(send(replace()).await.status, 200);
}

#[tokio::test]
async fn each_permission_is_asked_for_before_anything_else() {
    let api = Api::start(&[]);
    let admin = api.admin().await;
    let url = api.make_file(&admin, "a.txt").await;
    let new = json!({ "username": "jeff", "password": "x", "permissions": [] });
    assert_eq!(api.post("/users", &admin, new).await.status, 201);
    let jeff = api.login("jeff", "x").await;
    let asks = [
        (Method::GET, "/files".to_owned()),
        (Method::POST, "/files".to_owned()),
        (Method::GET, url.clone()),
        (Method::PATCH, url.clone()),
        (Method::PUT, url.clone()),
        (Method::DELETE, url.clone()),
        (Method::POST, format!("{url}/lock")),
        (Method::POST, format!("{url}/unlock")),
        (Method::GET, format!("{url}/content")),
        (Method::POST, format!("{url}/content")),
        (Method::PUT, format!("{url}/content")),
    ];
    for (method, path) in &asks {
        let ask = || api.request(method.clone(), path);
        send(ask()).await.says(401, "Missing auth token");
        send(ask().bearer_auth(&jeff))
            .await
            .says(403, "Missing permissions to access this page.");
    }
    for (method, path) in &asks[2..] {
        let path = path.replace(&url, "/files/00000000-0000-0000-0000-000000000000");
        let ask = api.request(method.clone(), &path).bearer_auth(&admin);
        send(ask.json(&json!({ "file_name": "x", "owner_name": "user" })))
            .await
            .is_refused(404);
    }
}

#[tokio::test]
async fn the_list_comes_page_by_page() {
    let api = Api::start(&[]);
    let user = api.user().await;
    let answer = api.get("/files", &user).await;
    assert_eq!(
        answer.body,
        json!({ "data": [], "prev": null, "next": null, "pages": 1 })
    );
    let mut made = BTreeSet::new();
    for number in 0..20 {
        made.insert(api.make_file(&user, &format!("{number}.txt")).await);
    }
    let (mut seen, mut page) = (BTreeSet::new(), 1);
    loop {
        let answer = api
            .get(&format!("/files?page={page}&per_page=9"), &user)
            .await;
        assert_eq!(answer.body["pages"], 3);
        let prev = (page > 1).then(|| page - 1);
        assert_eq!(answer.body["prev"], json!(prev));
        let rows = answer.body["data"].as_array().unwrap();
        assert_eq!(rows.len(), if page < 3 { 9 } else { 2 });
        for row in rows {
            assert!(
                seen.insert(format!("/files/{}", text(&row["share_id"]))),
                "once"
            );
        }
        let Some(next) = answer.body["next"].as_u64() else {
            break;
        };
        assert_eq!(next, page + 1);
        page = next;
    }
    assert_eq!(seen, made);

    // As the documentation has it, and its own tests: in the body.
    for body in [
        json!({ "page": "2", "per_page": "3" }),
        json!({ "page": 2, "per_page": 3 }),
    ] {
        let request = api.request(Method::GET, "/files").bearer_auth(&user);
        let answer = send(request.json(&body)).await;
        assert_eq!(answer.body["data"].as_array().unwrap().len(), 3);
        assert_eq!(
            (&answer.body["prev"], &answer.body["next"]),
            (&json!(1), &json!(3))
        );
    }
    let answer = api.get("/files?page=1000000", &user).await;
    assert_eq!(
        (&answer.body["data"], &answer.body["next"]),
        (&json!([]), &json!(null))
    );
    for query in [
        "page=0",
        "page=-1",
        "page=x",
        "per_page=0",
        "page=1.5",
        "page=99999999999999999999",
        "page=%ff",
    ] {
        api.get(&format!("/files?{query}"), &user)
            .await
            .is_refused(400);
    }
}

#[tokio::test]
async fn an_upload_that_is_none_is_refused() {
    let api = Api::start(&[]);
    let user = api.user().await;
    let url = api.make_file(&user, "a.txt").await;
    let content_url = format!("{url}/content");
    let post = || api.request(Method::POST, &content_url).bearer_auth(&user);
    send(post()).await.is_refused(415);
    send(post().json(&json!({ "upload": "x" })))
        .await
        .is_refused(415);
    send(post().multipart(Form::new().text("other", "x")))
        .await
        .is_refused(400);
    let in_pieces = Form::new().text("dztotalchunks", "2").text("upload", "x");
    send(post().multipart(in_pieces)).await.is_refused(400);
    let broken = post().header("content-type", "multipart/form-data; boundary=x");
    send(broken.body("--x\r\nno form")).await.is_refused(400);
    let large = vec![0; 1024 * 1024];
    let large = api.content(Method::POST, &url, &large).bearer_auth(&user);
    send(large).await.is_refused(413);
    assert_eq!(api.get(&url, &user).await.body["initialized"], false);
    let whole = Form::new().text("dztotalchunks", "1").text("upload", "x");
    assert_eq!(send(post().multipart(whole)).await.status, 201);
}
