use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use super::place::{Place, Server, restart, start};
use super::process::{is_missing, program};

/// `oidc-provider` of npm, with the clients of `tests/oidc/provider.mjs`. It keeps its keys when it is killed,
/// and not its tokens.
pub struct OidcProvider {
    place: Place,
    node: PathBuf,
    program: PathBuf,
}

impl OidcProvider {
    pub async fn start() -> Option<Self> {
        let node = program("node", &[])?;
        let folder = folder();
        if !folder.join("node_modules/oidc-provider").is_dir() {
            is_missing("oidc-provider is not installed (run tests/oidc/install)");
            return None;
        }
        let provider = Self {
            place: Place::new("oidc"),
            node,
            program: folder.join("provider.mjs"),
        };
        Some(start(provider).await)
    }

    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    pub fn port(&self) -> u16 {
        self.place.port()
    }

    pub fn jwks_uri(&self) -> String {
        format!("{}/jwks", self.issuer())
    }

    /// An access token of `shop` for that resource, with the scope `orders:read`. For a resource with
    /// `opaque` in its name it is no JWT.
    pub fn token(&self, resource: &str) -> String {
        self.token_of("shop", resource, "")
    }

    /// An access token of that client, asked for with these lines in the head.
    pub fn token_of(&self, client: &str, resource: &str, head: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&scope=orders:read&resource={resource}&client_id={client}&\
             client_secret=secret-of-the-{client}"
        );
        let answer = self.ask("POST", "/token", head, &form);
        let answer = answer.expect("an answer of the token endpoint");
        let token = answer.split(r#""access_token":""#).nth(1);
        let token = token.and_then(|rest| rest.split('"').next());
        token.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Ends a token of `shop` before its time. It goes on to take a JWT for good.
    pub fn revoke(&self, token: &str) {
        let form = format!("token={token}&client_id=shop&client_secret=secret-of-the-shop");
        let answer = self.ask("POST", "/token/revocation", "", &form);
        answer.expect("an answer of the revocation endpoint");
    }

    /// Where it says what a token is good for. It tells `resource-server`, by its secret, and
    /// `resource-server-with-a-key`, by the key of `fixtures/p256.pk8.pem`.
    pub fn introspection_endpoint(&self) -> String {
        format!("{}/token/introspection", self.issuer())
    }

    /// Signs by a new key from now on, beside the old ones in the set. Returns its `kid`.
    pub fn rotate(&self) -> String {
        let kid = self.ask("POST", "/admin/rotate", "", "");
        kid.expect("the kid of the new key")
    }

    /// Takes every key but the newest out of the set.
    pub fn withdraw(&self) {
        let kid = self.ask("POST", "/admin/withdraw", "", "");
        kid.expect("the kid of the key that is left");
    }

    /// Kills it at once.
    pub async fn kill(&mut self) {
        self.place.kill();
    }

    /// Starts it again, with the keys that it had; it answers when this returns.
    pub async fn restart(&mut self) {
        restart(self).await;
    }

    /// Holds it, with its connections open.
    pub fn freeze(&self) {
        self.place.freeze();
    }

    pub fn thaw(&self) {
        self.place.thaw();
    }

    pub fn id(&self) -> Option<u32> {
        self.place.id()
    }

    /// The body of what it answers with status 200.
    fn ask(&self, method: &str, path: &str, head: &str, form: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).ok()?;
        let length = form.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n{head}\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}",
            self.port()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        Some(body.to_owned())
    }
}

impl Server for OidcProvider {
    fn place(&mut self) -> &mut Place {
        &mut self.place
    }

    fn command(&self) -> (Vec<String>, Option<&'static str>) {
        let port = self.port().to_string();
        let words = [
            self.node.as_path(),
            &self.program,
            Path::new(&port),
            self.place.folder(),
        ];
        let words = words.map(|word| word.to_str().unwrap().to_owned());
        (words.into(), None)
    }

    fn says_ready(&self, id: u32) -> bool {
        let told = self.ask("GET", "/admin/process", "", "");
        told.is_some_and(|told| told == id.to_string())
    }
}

/// Where the provider is, from whichever package of the repository this is compiled.
fn folder() -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = folders.find_map(|folder| {
        let folder = folder.join("tests/oidc");
        folder.is_dir().then_some(folder)
    });
    found.expect("tests/oidc")
}
