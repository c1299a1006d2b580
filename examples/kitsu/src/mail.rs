use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use common::StartError;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;
use uuid::Uuid;

/// Where a real server would hand its mail to another: here it is written into a file.
///
/// `MAILBOX` names it; otherwise it is a new one in the directory for temporary files. Only its owner may read
/// it.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Where it is.
    pub path: Arc<PathBuf>,
    file: Arc<Mutex<File>>,
}

impl Mailbox {
    /// # Errors
    /// If the file cannot be written to.
    pub async fn open() -> Result<Self, StartError> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        options.mode(0o600);
        let path = match env::var_os("MAILBOX").filter(|path| !path.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => {
                options.create_new(true);
                env::temp_dir().join(format!("kitsu-mail-{}.txt", Uuid::new_v4()))
            }
        };
        let opened = options.open(&path).await;
        let file = opened.map_err(|error| format!("MAILBOX {}: {error}", path.display()))?;
        Ok(Self {
            path: Arc::new(path),
            file: Arc::new(Mutex::new(file)),
        })
    }

    pub async fn send(&self, to: &str, subject: &str, text: &str) -> Result<(), std::io::Error> {
        let mail = format!("To: {to}\nSubject: {subject}\n\n{text}\n\n");
        let mut file = self.file.lock().await;
        file.write_all(mail.as_bytes()).await?;
        file.flush().await
    }
}
