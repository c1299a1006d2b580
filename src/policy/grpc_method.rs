use crate::error::ConfigError;

/// Whether `path` is written as gRPC writes a method, `/package.Service/Method`, and so that a request's
/// path can be equal to it.
pub(crate) fn is_grpc_method(path: &str) -> bool {
    let mut parts = path.split('/');
    let (root, service, method, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
    let is_name_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let named =
        |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(is_name_byte));
    root == Some("") && named(service) && named(method) && rest.is_none()
}

pub(crate) fn not_a_grpc_method(setting: &'static str, path: &str) -> ConfigError {
    ConfigError::new(
        setting,
        format!("{path:?} is not written /package.Service/Method"),
    )
}
