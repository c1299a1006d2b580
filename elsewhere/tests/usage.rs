//! What the program says to whom it does not understand.

use std::process::Command;

#[test]
fn wrong_arguments_are_answered_with_the_usage() {
    for arguments in [
        &[][..],
        &["keys"],
        &["flood", "0"],
        &["flood", "ten"],
        &["all", "1", "2", "3"],
        &["outage", "1", "long"],
    ] {
        let program = Command::new(env!("CARGO_BIN_EXE_tower-bearer-elsewhere"))
            .args(arguments)
            .output()
            .expect("the program");
        assert_eq!(program.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8_lossy(&program.stderr);
        assert!(said.starts_with("usage: "), "{said}");
        assert!(program.stdout.is_empty(), "{arguments:?}");
    }
}
