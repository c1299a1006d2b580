//! What the program says to whom it does not understand.

use std::process::Command;

#[test]
fn wrong_arguments_are_answered_with_the_usage_and_nothing_is_killed() {
    for arguments in [
        &[][..],
        &["mysql"],
        &["redis", "0"],
        &["redis", "ten"],
        &["all", "1", "2", "3"],
        &["all", "1", "many"],
    ] {
        let program = Command::new(env!("CARGO_BIN_EXE_tower-bearer-faults"))
            .args(arguments)
            .output()
            .expect("the program");
        assert_eq!(program.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8_lossy(&program.stderr);
        assert!(said.starts_with("usage: "), "{said}");
        assert!(program.stdout.is_empty(), "{arguments:?}");
    }
}
