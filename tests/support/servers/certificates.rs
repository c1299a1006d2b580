use std::path::Path;
use std::process::Command;

use super::process::run;

/// Makes a CA (`ca.crt`), and by it a certificate for `localhost` and 127.0.0.1 (`server.crt`,
/// `server.key`), in that folder.
pub fn make_certificates(folder: &Path) {
    let openssl = |args: &str| {
        let mut command = Command::new("openssl");
        run(command.args(args.split(' ')).current_dir(folder));
    };
    let key = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout";
    openssl(&format!(
        "{key} ca.key -x509 -days 2 -subj /CN=test-ca -out ca.crt"
    ));
    openssl(&format!(
        "{key} server.key -subj /CN=localhost -out server.csr"
    ));
    std::fs::write(
        folder.join("names"),
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
    )
    .unwrap();
    openssl(
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out \
         server.crt",
    );
}
